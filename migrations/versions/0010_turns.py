"""Work waits for people in turn, and not for those who may not do it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("waiting") as batch_op:
        batch_op.add_column(sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("barred", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("grant") as batch_op:
        batch_op.create_index("ix_grant_role", ["role", "user_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("grant") as batch_op:
        batch_op.drop_index("ix_grant_role")
    with op.batch_alter_table("waiting") as batch_op:
        batch_op.drop_column("barred")
        batch_op.drop_column("turn")
