"""What a procedure keeps of a complaint: records, signatures, investigations, and what waits for whom."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SIGNED = "subject, subject_id, complaint_id, key, round, user_id, role, at, decision, remark, digest"
REFUSED = "a signature is never changed"
UNREAD = "unread_count > 0"


def upgrade() -> None:
    op.create_table(
        "investigation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_investigation")),
    )
    op.create_table(
        "record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=30), nullable=True),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["begun_by_id"], ["user.id"], name=op.f("fk_record_begun_by_id_user")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_record_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint(
            "subject",
            "subject_id",
            "sheet",
            "round",
            "place",
            name=op.f("uq_record_subject_subject_id_sheet_round_place"),
        ),
    )
    with op.batch_alter_table("record") as batch_op:
        batch_op.create_index("ix_record_owner_id", ["owner_id", "done_on"], unique=False)

    op.create_table(
        "signature",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_because", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_signature_complaint_id_complaint")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_signature_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
    )
    with op.batch_alter_table("signature") as batch_op:
        batch_op.create_index(batch_op.f("ix_signature_complaint_id"), ["complaint_id"], unique=False)
        batch_op.create_index("ix_signature_subject", ["subject", "subject_id", "round"], unique=False)

    op.create_table(
        "waiting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_waiting_complaint_id_complaint")),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"], name=op.f("fk_waiting_department_id_department")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_waiting_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting")),
    )
    with op.batch_alter_table("waiting") as batch_op:
        batch_op.create_index("ix_waiting_complaint_id", ["complaint_id"], unique=False)
        batch_op.create_index("ix_waiting_role", ["role", "kind", "complaint_id"], unique=False)
        batch_op.create_index("ix_waiting_user_id", ["user_id", "kind", "complaint_id"], unique=False)

    with op.batch_alter_table("clock") as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_clock_subject_kind_subject_id_key_round"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_clock_subject_kind_subject_id_key_round_started_at"),
            ["subject_kind", "subject_id", "key", "round", "started_at"],
        )

    with op.batch_alter_table("complaint") as batch_op:
        batch_op.add_column(sa.Column("investigation_id", sa.Integer(), nullable=True))
        batch_op.create_index("ix_complaint_investigation_id", ["investigation_id"], unique=False)
        batch_op.create_index("ix_complaint_owner_id", ["owner_id", "procedure", "stage"], unique=False)
        batch_op.create_index(
            "ix_complaint_unread", ["owner_id", "procedure", "stage"], unique=False,
            sqlite_where=sa.text(UNREAD), postgresql_where=sa.text(UNREAD),
        )  # fmt: skip
        batch_op.create_foreign_key(
            batch_op.f("fk_complaint_investigation_id_investigation"), "investigation", ["investigation_id"], ["id"]
        )

    with op.batch_alter_table("off_board") as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=20), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("owner_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("answer", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("answered_by_id", sa.Integer(), nullable=True))
        batch_op.create_index("ix_off_board_owner_id", ["owner_id", "answered_at"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_off_board_answered_by_id_user"), "user", ["answered_by_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_off_board_owner_id_user"), "user", ["owner_id"], ["id"])

    with op.batch_alter_table("stage_visit") as batch_op:
        batch_op.add_column(sa.Column("undone", sa.Boolean(), nullable=False, server_default=sa.false()))

    _begin_work()
    for statement in _guards():
        op.execute(statement)


def _begin_work() -> None:
    """Drafts wait for registration; what else is open finds its way with the next act."""
    op.execute(
        "INSERT INTO waiting (complaint_id, kind, key, role, since) "
        "SELECT id, 'register', 'registered', 'clerk', received_at FROM complaint WHERE stage = 'draft'"
    )


def _guards() -> list[str]:
    """A signature may be voided, and that is all."""
    if op.get_bind().dialect.name == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        return [
            f"CREATE TRIGGER signature_stays BEFORE UPDATE OF {SIGNED} ON signature {refuse}",
            f"CREATE TRIGGER signature_is_kept BEFORE DELETE ON signature {refuse}",
        ]
    return [
        "CREATE FUNCTION signature_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
        f"CREATE TRIGGER signature_stays BEFORE UPDATE OF {SIGNED} ON signature "
        "FOR EACH ROW EXECUTE FUNCTION signature_stays()",
        "CREATE TRIGGER signature_is_kept BEFORE DELETE OR TRUNCATE ON signature "
        "FOR EACH STATEMENT EXECUTE FUNCTION signature_stays()",
    ]


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER signature_stays")
        op.execute("DROP TRIGGER signature_is_kept")
    else:
        op.execute("DROP TRIGGER signature_stays ON signature")
        op.execute("DROP TRIGGER signature_is_kept ON signature")
        op.execute("DROP FUNCTION signature_stays()")
    with op.batch_alter_table("stage_visit") as batch_op:
        batch_op.drop_column("undone")

    with op.batch_alter_table("off_board") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_off_board_owner_id_user"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_off_board_answered_by_id_user"), type_="foreignkey")
        batch_op.drop_index("ix_off_board_owner_id")
        batch_op.drop_column("answered_by_id")
        batch_op.drop_column("answered_at")
        batch_op.drop_column("answer")
        batch_op.drop_column("owner_id")
        batch_op.drop_column("kind")

    with op.batch_alter_table("complaint") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_complaint_investigation_id_investigation"), type_="foreignkey")
        batch_op.drop_index("ix_complaint_unread")
        batch_op.drop_index("ix_complaint_owner_id")
        batch_op.drop_index("ix_complaint_investigation_id")
        batch_op.drop_column("investigation_id")

    with op.batch_alter_table("clock") as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_clock_subject_kind_subject_id_key_round_started_at"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_clock_subject_kind_subject_id_key_round"), ["subject_kind", "subject_id", "key", "round"]
        )

    with op.batch_alter_table("waiting") as batch_op:
        batch_op.drop_index("ix_waiting_user_id")
        batch_op.drop_index("ix_waiting_role")
        batch_op.drop_index("ix_waiting_complaint_id")

    op.drop_table("waiting")
    with op.batch_alter_table("signature") as batch_op:
        batch_op.drop_index("ix_signature_subject")
        batch_op.drop_index(batch_op.f("ix_signature_complaint_id"))

    op.drop_table("signature")
    with op.batch_alter_table("record") as batch_op:
        batch_op.drop_index("ix_record_owner_id")

    op.drop_table("record")
    op.drop_table("investigation")
