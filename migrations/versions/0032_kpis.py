"""Record why a figure was corrected that somebody had typed in."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("kpi_entry", sa.Column("reason", sa.String(500), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("kpi_entry", "reason")
