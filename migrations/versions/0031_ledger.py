"""The ledger: indexes for its orders; views of it, which may be shared."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
ORDERS = ("received_at", "sort_due_at", "closed_at", "product")


def upgrade() -> None:
    for column in ORDERS:
        op.create_index(f"ix_complaint_{column}", "complaint", [column, "id"])
    with op.batch_alter_table("saved_view") as batch_op:
        batch_op.add_column(sa.Column("page", sa.String(10), nullable=False, server_default="board"))
        batch_op.add_column(sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.alter_column("query", existing_type=sa.String(500), type_=sa.String(1500))
        batch_op.drop_constraint(op.f("uq_saved_view_user_id_name"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_saved_view_user_id_page_name"), ["user_id", "page", "name"])
    with op.batch_alter_table("saved_view") as batch_op:
        batch_op.alter_column("page", existing_type=sa.String(10), server_default=None)
        batch_op.alter_column("shared", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM saved_view WHERE page <> 'board'")
    with op.batch_alter_table("saved_view") as batch_op:
        batch_op.drop_constraint(op.f("uq_saved_view_user_id_page_name"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_saved_view_user_id_name"), ["user_id", "name"])
        batch_op.alter_column("query", existing_type=sa.String(1500), type_=sa.String(500))
        batch_op.drop_column("shared")
        batch_op.drop_column("page")
    for column in ORDERS:
        op.drop_index(f"ix_complaint_{column}", "complaint")
