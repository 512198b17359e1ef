"""Record why a version of a procedure was put in force."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("procedure_version", sa.Column("reason", sa.Text))


def downgrade() -> None:
    op.drop_column("procedure_version", "reason")
