"""Replies to the customer; a mail may have several recipients, of whom the server may refuse some."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outgoing") as batch_op:
        batch_op.add_column(sa.Column("also", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("refused", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "reply",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contact", sa.String(length=40), nullable=False),
        sa.Column("contact_place", sa.Integer(), nullable=True),
        sa.Column("to", sa.JSON(), nullable=False),
        sa.Column("cc", sa.JSON(), nullable=False),
        sa.Column("new", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(length=250), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answers_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("quoted", sa.Boolean(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("outgoing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["answers_id"], ["letter.id"], name=op.f("fk_reply_answers_id_letter")),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name=op.f("fk_reply_author_id_user")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_reply_complaint_id_complaint")),
        sa.ForeignKeyConstraint(["outgoing_id"], ["outgoing.id"], name=op.f("fk_reply_outgoing_id_outgoing")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply")),
        sa.UniqueConstraint("complaint_id", "author_id", "key", name=op.f("uq_reply_complaint_id_author_id_key")),
    )
    op.create_index("ix_reply_outgoing_id", "reply", ["outgoing_id"])


def downgrade() -> None:
    op.drop_index("ix_reply_outgoing_id", "reply")
    op.drop_table("reply")
    with op.batch_alter_table("outgoing") as batch_op:
        batch_op.drop_column("refused")
        batch_op.drop_column("also")
