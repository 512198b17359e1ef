"""Clocks remember when they stood still, what a customer alone was promised and which end was entered later; customers
their limits."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

CLOCK = ("pauses", "promised", "backdated")


def upgrade() -> None:
    with op.batch_alter_table("clock") as batch_op:
        for name in CLOCK:
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=True))
    with op.batch_alter_table("customer") as batch_op:
        batch_op.add_column(sa.Column("limits", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("customer") as batch_op:
        batch_op.drop_column("limits")
    with op.batch_alter_table("clock") as batch_op:
        for name in CLOCK:
            batch_op.drop_column(name)
