"""Who was told of a promise before it was broken, when its time was up and after that; who is away, and who stands in.

A clock keeps when somebody is told next. Those that run now are looked at by the first run.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0020"
branch_labels = None
depends_on = None

RUNS = sa.text("stopped_at IS NULL")
NOT_RECKONED = sa.text("stopped_at IS NULL AND (noticed_due_at IS NULL OR noticed_due_at <> due_at)")
NOT_BUNDLED = sa.text("bundled_at IS NULL")


def upgrade() -> None:
    op.add_column("clock", sa.Column("next_notice_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clock", sa.Column("noticed_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_clock_next_notice_at", "clock", ["stopped_at", "next_notice_at"], sqlite_where=RUNS, postgresql_where=RUNS
    )
    op.create_index(
        "ix_clock_not_reckoned", "clock", ["stopped_at", "id"],
        sqlite_where=NOT_RECKONED, postgresql_where=NOT_RECKONED,
    )  # fmt: skip
    op.create_table(
        "reminder",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("clock_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("bundled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_reminder_clock_id_clock")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_reminder_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint(
            "clock_id", "level", "due_at", "user_id", name=op.f("uq_reminder_clock_id_level_due_at_user_id")
        ),
    )
    op.create_index(
        "ix_reminder_not_bundled", "reminder", ["user_id"], sqlite_where=NOT_BUNDLED, postgresql_where=NOT_BUNDLED
    )
    op.create_table(
        "unclaimed",
        sa.Column("clock_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_unclaimed_clock_id_clock")),
        sa.PrimaryKeyConstraint("clock_id", name=op.f("pk_unclaimed")),
    )
    op.create_table(
        "absence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("deputy_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        *(
            sa.ForeignKeyConstraint([column], ["user.id"], name=op.f(f"fk_absence_{column}_user"))
            for column in ("user_id", "deputy_id", "by_id", "ended_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index("ix_absence_user_id", "absence", ["user_id", "to_on"])
    op.create_index("ix_absence_to_on", "absence", ["to_on"])


def downgrade() -> None:
    op.drop_table("absence")
    op.drop_table("unclaimed")
    op.drop_table("reminder")
    op.drop_index("ix_clock_not_reckoned", "clock")
    op.drop_index("ix_clock_next_notice_at", "clock")
    op.drop_column("clock", "noticed_due_at")
    op.drop_column("clock", "next_notice_at")
