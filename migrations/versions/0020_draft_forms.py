"""Room for the names of forms of the report: a record, a row of it, and the part that it stands in."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("draft") as batch_op:
        batch_op.alter_column("form", existing_type=sa.String(80), type_=sa.String(200), existing_nullable=False)


def downgrade() -> None:
    op.execute("DELETE FROM draft WHERE length(form) > 80")
    with op.batch_alter_table("draft") as batch_op:
        batch_op.alter_column("form", existing_type=sa.String(200), type_=sa.String(80), existing_nullable=False)
