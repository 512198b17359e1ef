"""Alembic's door: runs the steps of versions/ on the connection that webapp/prepare.py hands in."""

from alembic import context

from complaints.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True,
    transaction_per_migration=True,
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()
