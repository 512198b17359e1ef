"""Penalties that are proposed and decided on, what happened to them, and the parts that are switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNDECIDED = sa.text("decision IS NULL")
NOBODY = sa.text("user_id IS NULL AND department_id IS NULL")
NO_HEAD = sa.text("user_id IS NULL AND department_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "penalty",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("breach", sa.String(length=60), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=True),
        sa.Column("clock_id", BIG_ID, nullable=True),
        sa.Column("week", sa.String(length=8), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("yuan", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_penalty_clock_id_clock")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_penalty_complaint_id_complaint")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["user.id"], name=op.f("fk_penalty_decided_by_id_user")),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"], name=op.f("fk_penalty_department_id_department")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["user.id"], name=op.f("fk_penalty_proposed_by_id_user")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_penalty_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_penalty")),
        sa.UniqueConstraint("breach", "round", "user_id", name=op.f("uq_penalty_breach_round_user_id")),
    )
    op.create_index(
        "uq_penalty_nobody", "penalty", ["breach", "round", "role"], unique=True,
        sqlite_where=NOBODY, postgresql_where=NOBODY,
    )  # fmt: skip
    op.create_index(
        "uq_penalty_no_head", "penalty", ["breach", "round", "department_id"], unique=True,
        sqlite_where=NO_HEAD, postgresql_where=NO_HEAD,
    )  # fmt: skip
    op.create_index("ix_penalty_undecided", "penalty", ["id"], sqlite_where=UNDECIDED, postgresql_where=UNDECIDED)
    op.create_index("ix_penalty_month", "penalty", ["month", "id"])
    op.create_index("ix_penalty_user_id", "penalty", ["user_id", "month"])
    op.create_index("ix_penalty_complaint_id", "penalty", ["complaint_id"])
    op.create_index("ix_penalty_clock_id", "penalty", ["clock_id"])
    op.create_table(
        "penalty_act",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("penalty_id", BIG_ID, nullable=False),
        sa.Column("act", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_penalty_act_by_id_user")),
        sa.ForeignKeyConstraint(["penalty_id"], ["penalty.id"], name=op.f("fk_penalty_act_penalty_id_penalty")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_penalty_act_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_penalty_act")),
    )
    op.create_index("ix_penalty_act_penalty_id", "penalty_act", ["penalty_id", "id"])
    op.create_table(
        "switched_off",
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("back_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["back_by_id"], ["user.id"], name=op.f("fk_switched_off_back_by_id_user")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_switched_off_by_id_user")),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_switched_off")),
    )


def downgrade() -> None:
    op.drop_table("switched_off")
    op.drop_table("penalty_act")
    op.drop_table("penalty")
