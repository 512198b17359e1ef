"""A chain of hashes over each complaint's history, what it says in a sibling row, and a daily anchor over all."""

import hashlib
import json
import secrets
from datetime import UTC

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

AT_ONCE = 1000
CHANGE = sa.table(
    "change", sa.column("id", sa.BigInteger), sa.column("complaint_id", sa.Integer), sa.column("position", sa.Integer),
    sa.column("at", sa.DateTime(timezone=True)), sa.column("by_id", sa.Integer), sa.column("act", sa.String),
    sa.column("values", sa.JSON), sa.column("digest", sa.String), sa.column("link", sa.String),
)  # fmt: skip
VALUES = sa.table(
    "change_values", sa.column("complaint_id", sa.Integer), sa.column("position", sa.Integer),
    sa.column("salt", sa.String), sa.column("values", sa.JSON),
)  # fmt: skip
REFUSED = "the history is append-only"


def upgrade() -> None:
    op.create_table(
        "anchor",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last_change_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_anchor")),
    )
    with op.batch_alter_table("change") as batch_op:
        batch_op.add_column(sa.Column("position", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("digest", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("link", sa.String(length=64), nullable=True))
        batch_op.create_unique_constraint(op.f("uq_change_complaint_id_position"), ["complaint_id", "position"])
        batch_op.drop_index("ix_change_complaint_id_id")
    op.create_table(
        "change_values",
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("values", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id", "position"],
            ["change.complaint_id", "change.position"],
            name=op.f("fk_change_values_complaint_id_change"),
        ),
        sa.PrimaryKeyConstraint("complaint_id", "position", name=op.f("pk_change_values")),
        sqlite_with_rowid=False,
    )
    _chain()
    with op.batch_alter_table("change") as batch_op:
        batch_op.alter_column("position", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("digest", existing_type=sa.String(64), nullable=False)
        batch_op.alter_column("link", existing_type=sa.String(64), nullable=False)
        batch_op.drop_column("values")
    for statement in _guards():
        op.execute(statement)


def _chain() -> None:
    """Give the rows that are there their places and hashes, as complaints/history.py does for new ones."""
    connection = op.get_bind()
    complaint, position, link, last = None, 0, "", 0
    while True:
        page = connection.execute(
            sa.select(CHANGE)
            .where(sa.tuple_(CHANGE.c.complaint_id, CHANGE.c.id) > sa.tuple_(complaint or 0, last))
            .order_by(CHANGE.c.complaint_id, CHANGE.c.id)
            .limit(AT_ONCE)
        ).all()
        if not page:
            return
        changes, values = [], []
        for row in page:
            if row.complaint_id != complaint:
                complaint, position, link = row.complaint_id, 0, "0" * 64
            position, last, salt = position + 1, row.id, secrets.token_hex(16)
            said = json.dumps(row.values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            digest = hashlib.sha256(f"{salt}\n{said}".encode()).hexdigest()
            at = row.at.replace(tzinfo=row.at.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            by = "" if row.by_id is None else row.by_id
            text = f"{link}\n{complaint}\n{position}\n{at}\n{by}\n{row.act}\n{digest}"
            link = hashlib.sha256(text.encode()).hexdigest()
            changes.append({"row": row.id, "place": position, "said": digest, "hash": link})
            values.append({"complaint_id": complaint, "position": position, "salt": salt, "values": row.values})
        place = {
            name: sa.bindparam(value) for name, value in (("position", "place"), ("digest", "said"), ("link", "hash"))
        }
        connection.execute(sa.update(CHANGE).where(CHANGE.c.id == sa.bindparam("row")).values(place), changes)
        connection.execute(sa.insert(VALUES), values)


def _guards() -> list[str]:
    """No row is ever changed or deleted; what one says may be blanked, and that is all."""
    if op.get_bind().dialect.name == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        blanks = 'WHEN NEW.salt IS NOT NULL OR NEW."values" IS NOT NULL'
        return [
            f"CREATE TRIGGER change_stays BEFORE UPDATE ON change {refuse}",
            f"CREATE TRIGGER change_is_kept BEFORE DELETE ON change {refuse}",
            f"CREATE TRIGGER change_values_stay BEFORE UPDATE ON change_values {blanks} {refuse}",
            f"CREATE TRIGGER change_values_are_kept BEFORE DELETE ON change_values {refuse}",
        ]
    blanks = 'WHEN (NEW.salt IS NOT NULL OR NEW."values" IS NOT NULL)'
    return [
        "CREATE FUNCTION history_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
        "CREATE TRIGGER change_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON change "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_stays()",
        f"CREATE TRIGGER change_values_stay BEFORE UPDATE ON change_values FOR EACH ROW {blanks} "
        "EXECUTE FUNCTION history_stays()",
        "CREATE TRIGGER change_values_are_kept BEFORE DELETE OR TRUNCATE ON change_values "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_stays()",
    ]


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for name in ("change_stays", "change_is_kept", "change_values_stay", "change_values_are_kept"):
            op.execute(f"DROP TRIGGER {name}")
    else:
        op.execute("DROP TRIGGER change_stays ON change")
        op.execute("DROP TRIGGER change_values_stay ON change_values")
        op.execute("DROP TRIGGER change_values_are_kept ON change_values")
        op.execute("DROP FUNCTION history_stays()")
    with op.batch_alter_table("change") as batch_op:
        batch_op.add_column(sa.Column("values", sa.JSON(), nullable=True))
    said = sa.select(VALUES.c["values"]).where(
        VALUES.c.complaint_id == CHANGE.c.complaint_id, VALUES.c.position == CHANGE.c.position
    )
    connection.execute(sa.update(CHANGE).values({"values": sa.func.coalesce(said.scalar_subquery(), sa.text("'{}'"))}))
    op.drop_table("change_values")
    with op.batch_alter_table("change") as batch_op:
        batch_op.alter_column("values", existing_type=sa.JSON(), nullable=False)
        batch_op.drop_constraint(op.f("uq_change_complaint_id_position"), type_="unique")
        batch_op.drop_column("link")
        batch_op.drop_column("digest")
        batch_op.drop_column("position")
        batch_op.create_index("ix_change_complaint_id_id", ["complaint_id", "id"], unique=False)
    op.drop_table("anchor")
