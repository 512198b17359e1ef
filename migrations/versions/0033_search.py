"""Search: an index of words, and what waits to be taken into it, written by triggers with each text."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SAID = (
    "number, register_serial, subject, content, demand, contact_id, contact_person, contact_email, customer_id, "
    "product, model, batch, order_no, material_no, product_code, investigation_id"
)
OWN = "SELECT NEW.complaint_id WHERE NEW.complaint_id IS NOT NULL"
OF_CUSTOMER = "SELECT id FROM complaint WHERE customer_id = NEW.id"
OF_CONTACT = "SELECT id FROM complaint WHERE contact_id = NEW.id"
OF_LETTER = f"{OWN} UNION SELECT OLD.complaint_id WHERE OLD.complaint_id IS NOT NULL"
OF_FILE = (
    "SELECT c FROM (SELECT COALESCE(NEW.complaint_id, (SELECT complaint_id FROM letter WHERE id = NEW.letter_id)) "
    "AS c) AS file WHERE c IS NOT NULL"
)
OF_RECORD = (
    "SELECT NEW.subject_id WHERE NEW.subject = 'complaint' UNION "
    "SELECT id FROM complaint WHERE NEW.subject = 'investigation' AND investigation_id = NEW.subject_id"
)
TRIGGERS = {
    "complaint_new": ("INSERT", "complaint", "SELECT NEW.id"),
    "complaint_said": (f"UPDATE OF {SAID}", "complaint", "SELECT NEW.id"),
    "customer_named": ("UPDATE OF name", "customer", OF_CUSTOMER),
    "contact_named": ("UPDATE OF name, address", "contact", OF_CONTACT),
    "letter_new": ("INSERT", "letter", OWN),
    "letter_moved": ("UPDATE OF complaint_id, subject, text, from_name", "letter", OF_LETTER),
    "reply_new": ("INSERT", "reply", OWN),
    "reply_said": ("UPDATE OF text, subject, taken_back_at", "reply", OWN),
    "note_new": ("INSERT", "note", OWN),
    "note_said": ("UPDATE OF text", "note", OWN),
    "record_new": ("INSERT", "record", OF_RECORD),
    "record_said": ('UPDATE OF "values", number, removed_at', "record", OF_RECORD),
    "file_new": ("INSERT", "attachment", OF_FILE),
    "file_moved": ("UPDATE OF complaint_id, letter_id, filename", "attachment", OF_FILE),
    "off_board_new": ("INSERT", "off_board", OWN),
    "off_board_said": ("UPDATE OF reason, answer", "off_board", OWN),
}


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "search_todo",
        sa.Column("id", BIG, nullable=False),
        sa.Column("complaint_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_todo")),
    )
    if sqlite:
        op.execute(
            "CREATE VIRTUAL TABLE search_entry USING fts5"
            "(words, tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\", prefix='1 2 3')"
        )
    else:
        op.execute("CREATE TABLE search_entry (complaint_id integer PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_search_entry_words ON search_entry USING gin (words)")
    for name, (when, table, of) in TRIGGERS.items():
        fill = f"INSERT INTO search_todo (complaint_id) {of};"
        if sqlite:
            op.execute(f"CREATE TRIGGER search_{name} AFTER {when} ON {table} BEGIN {fill} END")
        else:
            op.execute(
                f"CREATE FUNCTION search_{name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {fill} RETURN NULL; END $$"
            )
            op.execute(
                f"CREATE TRIGGER search_{name} AFTER {when} ON {table} FOR EACH ROW EXECUTE FUNCTION search_{name}()"
            )
    op.execute("INSERT INTO search_todo (complaint_id) SELECT id FROM complaint")


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, (_, table, _) in TRIGGERS.items():
        op.execute(f"DROP TRIGGER search_{name}" + ("" if sqlite else f" ON {table}"))
        if not sqlite:
            op.execute(f"DROP FUNCTION search_{name}()")
    op.execute("DROP TABLE search_entry")
    op.drop_table("search_todo")
