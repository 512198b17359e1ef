"""A conversation is read from its end and names every mail of its complaint, and a note's correction is found."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_entry_complaint_id_at", "entry", ["complaint_id", "at", "id"])
    op.create_index("ix_note_corrects_id", "note", ["corrects_id"])
    op.execute(
        "INSERT INTO entry (complaint_id, kind, at, outgoing_id) "
        "SELECT complaint_id, 'mail', created_at, id FROM outgoing WHERE complaint_id IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.outgoing_id = outgoing.id) "
        "AND NOT (kind = 'reply' AND state = 'cancelled') ORDER BY id"
    )


def downgrade() -> None:
    op.execute("DELETE FROM entry WHERE outgoing_id IN (SELECT id FROM outgoing WHERE kind <> 'reply')")
    op.drop_index("ix_note_corrects_id", "note")
    op.drop_index("ix_entry_complaint_id_at", "entry")
