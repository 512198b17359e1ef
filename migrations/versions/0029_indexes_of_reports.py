"""Indexes of what reports ask for: clocks by when they stopped, records that have a number by when they began."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
STOPPED, NUMBERED = sa.text("stopped_at IS NOT NULL"), sa.text("number IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_clock_stopped_at", "clock", ["stopped_at"], sqlite_where=STOPPED, postgresql_where=STOPPED)
    op.create_index(
        "ix_record_number", "record", ["sheet", "begun_at"], sqlite_where=NUMBERED, postgresql_where=NUMBERED
    )


def downgrade() -> None:
    op.drop_index("ix_record_number", "record")
    op.drop_index("ix_clock_stopped_at", "clock")
