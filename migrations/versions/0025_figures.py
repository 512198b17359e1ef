"""Figures of a month: what people type in, and all of them as they were frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kpi_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("numerator", sa.String(24), nullable=True),
        sa.Column("denominator", sa.String(24), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_kpi_entry_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kpi_entry")),
        sa.UniqueConstraint("month", "key", "version", name=op.f("uq_kpi_entry_month_key_version")),
    )
    op.create_table(
        "figure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("method", sa.Integer(), nullable=False),
        sa.Column("numerator", sa.String(24), nullable=True),
        sa.Column("denominator", sa.String(24), nullable=True),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure")),
        sa.UniqueConstraint("month", "key", name=op.f("uq_figure_month_key")),
    )
    op.create_index("ix_complaint_registered_at", "complaint", ["registered_at"])
    op.create_index("ix_clock_key", "clock", ["key", "due_at"])


def downgrade() -> None:
    op.drop_index("ix_clock_key", "clock")
    op.drop_index("ix_complaint_registered_at", "complaint")
    op.drop_table("figure")
    op.drop_table("kpi_entry")
