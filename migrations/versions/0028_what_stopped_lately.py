"""Index the clocks that have stopped by when they did: what ran at some instant has not stopped, or stopped since."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None
STOPPED = sa.text("stopped_at IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_clock_stopped_at", "clock", ["stopped_at"], sqlite_where=STOPPED, postgresql_where=STOPPED)


def downgrade() -> None:
    op.drop_index("ix_clock_stopped_at", "clock")
