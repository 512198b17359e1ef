"""The customer's file, the communication record, products, and what of the register entry had no column yet.

Customers that are there are found by their words from now on. Those are derived, and only as old as the newest way of
taking a name apart: so this step asks that for them.
"""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

from complaints.finding import beginnings

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOST = 400
OPEN = sa.text("answered_at IS NULL")


def text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False, server_default="")


def of_complaint() -> list[sa.Column[object]]:
    return [
        text("product_code", 80),
        text("defective_quantity", 40),
        sa.Column("production_date", sa.Date(), nullable=True),
        text("production_unit", 80),
        text("production_staff", 160),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("vp_informed_on", sa.Date(), nullable=True),
    ]


def of_customer() -> list[sa.Column[object]]:
    return [
        text("contact_method", 160),
        text("business", 160),
        text("region", 80),
        text("profile"),
        sa.Column("key_customer", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("care_months", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    ]


def upgrade() -> None:
    for column in of_complaint():
        op.add_column("complaint", column)
    for column in of_customer():
        op.add_column("customer", column)
    op.add_column("contact", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("material_no", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("name", "model", "material_no", name=op.f("uq_product_name_model_material_no")),
    )
    by_code_point = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")
    words = op.create_table(
        "search_word",
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("word", by_code_point, nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "word", "subject_id", name=op.f("pk_search_word")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_word_subject", "search_word", ["kind", "subject_id"])
    op.create_table(
        "file_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("of", sa.String(254), nullable=False),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_file_change_by_id_user")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_file_change_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_change")),
        sa.UniqueConstraint("customer_id", "version", name=op.f("uq_file_change_customer_id_version")),
    )
    op.create_table(
        "customer_merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("into_id", sa.Integer(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_back_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_customer_merge_customer_id_customer")),
        sa.ForeignKeyConstraint(["into_id"], ["customer.id"], name=op.f("fk_customer_merge_into_id_customer")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_customer_merge_by_id_user")),
        sa.ForeignKeyConstraint(
            ["taken_back_by_id"], ["user.id"], name=op.f("fk_customer_merge_taken_back_by_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merge")),
    )
    op.create_index("ix_customer_merge_customer_id", "customer_merge", ["customer_id"])
    op.create_table(
        "communication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(250), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("person", sa.String(160), nullable=False),
        sa.Column("follow_up", sa.Text(), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_communication_by_id_user")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_communication_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_communication")),
        sa.UniqueConstraint("key", name=op.f("uq_communication_key")),
    )
    op.create_index("ix_communication_customer_id", "communication", ["customer_id", "on", "id"])
    op.create_table(
        "question",
        sa.Column("communication_id", sa.Integer(), nullable=False),
        sa.Column("departments", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["communication_id"], ["communication.id"], name=op.f("fk_question_communication_id_communication")
        ),
        sa.ForeignKeyConstraint(["answered_by_id"], ["user.id"], name=op.f("fk_question_answered_by_id_user")),
        sa.PrimaryKeyConstraint("communication_id", name=op.f("pk_question")),
    )
    op.create_index("ix_question_open", "question", ["communication_id"], sqlite_where=OPEN, postgresql_where=OPEN)
    _find_customers(words)


def _find_customers(words: sa.Table) -> None:
    connection = op.get_bind()
    known = connection.execute(
        sa.text(
            "SELECT c.id, c.name, c.address, p.name, p.address, p.phone FROM customer c "
            "LEFT JOIN contact p ON p.customer_id = c.id ORDER BY c.id, p.id"
        )
    )
    for id_, group in groupby(known.all(), key=lambda row: row[0]):
        rows = list(group)
        names = [rows[0][1], *(row[3] for row in rows if row[3])]
        more = [*(each for row in rows for each in row[4:] if each), rows[0][2]]
        found = sorted({*beginnings(names, more)})[:MOST]
        new = [{"kind": "customer", "word": word, "subject_id": id_} for word in found]
        if new:
            op.bulk_insert(words, new)


def downgrade() -> None:
    for table in ("question", "communication", "customer_merge", "file_change", "search_word", "product"):
        op.drop_table(table)
    op.drop_column("contact", "left_at")
    for column in reversed(of_customer()):
        op.drop_column("customer", column.name)
    for column in reversed(of_complaint()):
        op.drop_column("complaint", column.name)
