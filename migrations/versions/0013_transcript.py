"""A conversation is read from its end, and a note's correction is found."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_entry_complaint_id_at", "entry", ["complaint_id", "at", "id"])
    op.create_index("ix_note_corrects_id", "note", ["corrects_id"])


def downgrade() -> None:
    op.drop_index("ix_note_corrects_id", "note")
    op.drop_index("ix_entry_complaint_id_at", "entry")
