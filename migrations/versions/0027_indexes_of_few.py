"""Indexes of the few that are asked for: the clocks that run, the complaints that were merged.

Over all rows they held mostly one value, and SQLite, once it had counted, read the whole table instead.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None
RUNS, MERGED = sa.text("stopped_at IS NULL"), sa.text("merged_into_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_clock_due_at", "clock")
    op.create_index("ix_clock_due_at", "clock", ["due_at"], sqlite_where=RUNS, postgresql_where=RUNS)
    op.drop_index("ix_complaint_merged_into_id", "complaint")
    op.create_index(
        "ix_complaint_merged_into_id", "complaint", ["merged_into_id"], sqlite_where=MERGED, postgresql_where=MERGED
    )


def downgrade() -> None:
    op.drop_index("ix_complaint_merged_into_id", "complaint")
    op.create_index("ix_complaint_merged_into_id", "complaint", ["merged_into_id"])
    op.drop_index("ix_clock_due_at", "clock")
    op.create_index("ix_clock_due_at", "clock", ["stopped_at", "due_at"])
