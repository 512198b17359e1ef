"""Every version of a procedure that was ever in use, and signatures that each department gives for itself."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

SIGNED = "subject, subject_id, complaint_id, key, round, user_id, role, at, decision, remark, digest"
REFUSED = "a signature is never changed"


def upgrade() -> None:
    op.create_table(
        "procedure_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["added_by_id"], ["user.id"], name=op.f("fk_procedure_version_added_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procedure_version")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_procedure_version_key_version")),
    )
    _unguard()
    with op.batch_alter_table("signature") as batch_op:
        batch_op.add_column(sa.Column("department_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_signature_department_id_department"), "department", ["department_id"], ["id"]
        )
    _guard(f"{SIGNED}, department_id")


def downgrade() -> None:
    _unguard()
    with op.batch_alter_table("signature") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_signature_department_id_department"), type_="foreignkey")
        batch_op.drop_column("department_id")
    _guard(SIGNED)
    op.drop_table("procedure_version")


def _unguard() -> None:
    """A table that is made anew loses its triggers; the one that names columns is made anew in any case."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER signature_stays")
        op.execute("DROP TRIGGER signature_is_kept")
    else:
        op.execute("DROP TRIGGER signature_stays ON signature")


def _guard(columns: str) -> None:
    """A signature may be voided, and that is all."""
    if op.get_bind().dialect.name == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        op.execute(f"CREATE TRIGGER signature_stays BEFORE UPDATE OF {columns} ON signature {refuse}")
        op.execute(f"CREATE TRIGGER signature_is_kept BEFORE DELETE ON signature {refuse}")
    else:
        op.execute(
            f"CREATE TRIGGER signature_stays BEFORE UPDATE OF {columns} ON signature "
            "FOR EACH ROW EXECUTE FUNCTION signature_stays()"
        )
