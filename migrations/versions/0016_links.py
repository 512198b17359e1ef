"""Links between complaints, and the index of their terms."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STANDS = sa.text("ended_at IS NULL")
CUSTOMER = "ix_complaint_customer_id"


def upgrade() -> None:
    op.create_table(
        "link",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_link_by_id_user")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_link_complaint_id_complaint")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["user.id"], name=op.f("fk_link_ended_by_id_user")),
        sa.ForeignKeyConstraint(["other_id"], ["complaint.id"], name=op.f("fk_link_other_id_complaint")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
    )
    stands = {"sqlite_where": STANDS, "postgresql_where": STANDS}
    op.create_index("uq_link_stands", "link", ["complaint_id", "other_id", "kind"], unique=True, **stands)
    op.create_index("ix_link_other_id", "link", ["other_id"])
    op.create_table(
        "complaint_term",
        sa.Column("term", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name=op.f("fk_complaint_term_complaint_id_complaint")
        ),
        sa.PrimaryKeyConstraint("term", "complaint_id", name=op.f("pk_complaint_term")),
        sqlite_with_rowid=False,
    )
    op.drop_index(CUSTOMER, "complaint")
    op.create_index(CUSTOMER, "complaint", ["customer_id", "product", "received_at"])


def downgrade() -> None:
    op.drop_index(CUSTOMER, "complaint")
    op.create_index(CUSTOMER, "complaint", ["customer_id"])
    op.drop_table("complaint_term")
    op.drop_table("link")
