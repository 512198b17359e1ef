"""The weekly letters, the remarks in them, who has read them and who gets them; whose daily letter was thought of."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digest",
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("compiled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("week", name="pk_digest"),
    )
    op.create_table(
        "digest_remark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("side", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name="fk_digest_remark_by_id_user"),
        sa.PrimaryKeyConstraint("id", name="pk_digest_remark"),
        sa.UniqueConstraint("week", "side", "version", name=op.f("uq_digest_remark_week_side_version")),
    )
    op.create_table(
        "digest_read",
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_digest_read_user_id_user"),
        sa.ForeignKeyConstraint(["week"], ["digest.week"], name="fk_digest_read_week_digest"),
        sa.PrimaryKeyConstraint("week", "user_id", name="pk_digest_read"),
    )
    op.create_table(
        "digest_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("quiet_days", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["user.id"], name="fk_digest_rule_changed_by_id_user"),
        sa.PrimaryKeyConstraint("id", name="pk_digest_rule"),
    )
    op.create_table(
        "daily_digest",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_daily_digest_user_id_user"),
        sa.PrimaryKeyConstraint("user_id", name="pk_daily_digest"),
    )


def downgrade() -> None:
    for table in ("daily_digest", "digest_rule", "digest_read", "digest_remark", "digest"):
        op.drop_table(table)
