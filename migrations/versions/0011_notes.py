"""Notes among colleagues, which are never changed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FIXED = "complaint_id, author_id, at, mentioned, corrects_id"
REFUSED = "a note is never changed"


def upgrade() -> None:
    op.create_table(
        "note",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("mentioned", sa.JSON(), nullable=False),
        sa.Column("corrects_id", BIG_ID, nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name=op.f("fk_note_author_id_user")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_note_complaint_id_complaint")),
        sa.ForeignKeyConstraint(["corrects_id"], ["note.id"], name=op.f("fk_note_corrects_id_note")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index("ix_note_complaint_id", "note", ["complaint_id", "id"])
    with op.batch_alter_table("entry") as batch_op:
        batch_op.add_column(sa.Column("note_id", BIG_ID, nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_entry_note_id_note"), "note", ["note_id"], ["id"])
    for statement in _guards():
        op.execute(statement)


def _guards() -> list[str]:
    """What a note says may be blanked, and that is all."""
    if op.get_bind().dialect.name == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        return [
            f"CREATE TRIGGER note_stays BEFORE UPDATE OF {FIXED} ON note {refuse}",
            f"CREATE TRIGGER note_text_stays BEFORE UPDATE OF text ON note WHEN NEW.text <> '' {refuse}",
            f"CREATE TRIGGER note_is_kept BEFORE DELETE ON note {refuse}",
        ]
    refuse = "EXECUTE FUNCTION note_stays()"
    return [
        "CREATE FUNCTION note_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
        f"CREATE TRIGGER note_stays BEFORE UPDATE OF {FIXED} ON note FOR EACH ROW {refuse}",
        f"CREATE TRIGGER note_text_stays BEFORE UPDATE OF text ON note FOR EACH ROW WHEN (NEW.text <> '') {refuse}",
        f"CREATE TRIGGER note_is_kept BEFORE DELETE OR TRUNCATE ON note FOR EACH STATEMENT {refuse}",
    ]


def downgrade() -> None:
    with op.batch_alter_table("entry") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_entry_note_id_note"), type_="foreignkey")
        batch_op.drop_column("note_id")
    op.drop_table("note")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION note_stays()")
