"""Mailboxes with settings of their own, what a person decides about mail, and what came back to us."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index(
            "uq_incident_open",
            ["kind", "subject"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "off_board",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("left_stage", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("into_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("back_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["back_by_id"], ["user.id"], name=op.f("fk_off_board_back_by_id_user")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_off_board_by_id_user")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_off_board_complaint_id_complaint")),
        sa.ForeignKeyConstraint(["into_id"], ["complaint.id"], name=op.f("fk_off_board_into_id_complaint")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_off_board")),
    )
    with op.batch_alter_table("off_board", schema=None) as batch_op:
        batch_op.create_index("ix_off_board_complaint_id", ["complaint_id", "id"], unique=False)

    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("within", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("enclosed", sa.JSON(), nullable=True))

    with op.batch_alter_table("complaint", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merged_into_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("unreached_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reopening_proposed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_complaint_merged_into_id", ["merged_into_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_complaint_merged_into_id_complaint"), "complaint", ["merged_into_id"], ["id"]
        )

    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.add_column(sa.Column("to", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("cc", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("reply_to", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("kind", sa.String(length=12), nullable=False, server_default="person"))
        batch_op.add_column(sa.Column("kind_reason", sa.String(length=40), nullable=False, server_default="person"))
        batch_op.add_column(sa.Column("folds", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("forwarded", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("charset", sa.String(length=40), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("defects", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("may_belong_to_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("may_belong_reason", sa.String(length=40), nullable=False, server_default=""))
        batch_op.create_index("ix_letter_from_address", ["from_address", "received_at"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_letter_may_belong_to_id_complaint"), "complaint", ["may_belong_to_id"], ["id"]
        )

    with op.batch_alter_table("mailbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source", sa.String(length=12), nullable=False, server_default="environment"))
        batch_op.add_column(sa.Column("label", sa.String(length=120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("address", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("host", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("port", sa.Integer(), nullable=False, server_default="993"))
        batch_op.add_column(sa.Column("tls", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("user", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("folder", sa.String(length=200), nullable=False, server_default="INBOX"))
        batch_op.add_column(
            sa.Column("processed_folder", sa.String(length=200), nullable=False, server_default="Processed")
        )
        batch_op.add_column(sa.Column("auth", sa.String(length=12), nullable=False, server_default="password"))
        batch_op.add_column(sa.Column("secret", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("oauth", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("oauth_secret", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("token_renewed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("token_expires_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("procedure", sa.String(length=40), nullable=False, server_default="manufacturing")
        )
        batch_op.add_column(sa.Column("locale", sa.String(length=10), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("plus_addresses", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("take_from", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("paused_by_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("leased_by", sa.String(length=80), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("waiting", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("renumbered_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        batch_op.create_foreign_key(batch_op.f("fk_mailbox_paused_by_id_user"), "user", ["paused_by_id"], ["id"])

    with op.batch_alter_table("outgoing", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reply_to", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("bounce_status", sa.String(length=20), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("bounce_reason", sa.Text(), nullable=False, server_default=""))

    with op.batch_alter_table("sighting", schema=None) as batch_op:
        batch_op.add_column(sa.Column("door", sa.String(length=12), nullable=False, server_default="imap"))
        batch_op.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index("ix_sighting_raw", ["raw"], unique=False)
        batch_op.create_index("ix_sighting_seen_at", ["seen_at", "outcome"], unique=False)
        batch_op.create_index("ix_sighting_received_at", ["received_at", "outcome"], unique=False)
        unmatched = sa.text("outcome = 'event' AND reason = 'bounce' AND complaint_id IS NULL")
        batch_op.create_index(
            "ix_sighting_unmatched", ["outcome", "id"], unique=False, sqlite_where=unmatched, postgresql_where=unmatched
        )


def downgrade() -> None:
    with op.batch_alter_table("sighting", schema=None) as batch_op:
        batch_op.drop_index("ix_sighting_unmatched")
        batch_op.drop_index("ix_sighting_received_at")
        batch_op.drop_index("ix_sighting_seen_at")
        batch_op.drop_index("ix_sighting_raw")
        batch_op.drop_column("attempts")
        batch_op.drop_column("door")

    with op.batch_alter_table("outgoing", schema=None) as batch_op:
        batch_op.drop_column("bounce_reason")
        batch_op.drop_column("bounce_status")
        batch_op.drop_column("bounced_at")
        batch_op.drop_column("reply_to")

    with op.batch_alter_table("mailbox", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_mailbox_paused_by_id_user"), type_="foreignkey")
        batch_op.drop_column("version")
        batch_op.drop_column("renumbered_at")
        batch_op.drop_column("waiting")
        batch_op.drop_column("leased_by")
        batch_op.drop_column("lease_until")
        batch_op.drop_column("asked_at")
        batch_op.drop_column("paused_by_id")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("take_from")
        batch_op.drop_column("plus_addresses")
        batch_op.drop_column("locale")
        batch_op.drop_column("procedure")
        batch_op.drop_column("token_expires_at")
        batch_op.drop_column("token_renewed_at")
        batch_op.drop_column("oauth_secret")
        batch_op.drop_column("oauth")
        batch_op.drop_column("secret")
        batch_op.drop_column("auth")
        batch_op.drop_column("processed_folder")
        batch_op.drop_column("folder")
        batch_op.drop_column("user")
        batch_op.drop_column("tls")
        batch_op.drop_column("port")
        batch_op.drop_column("host")
        batch_op.drop_column("address")
        batch_op.drop_column("label")
        batch_op.drop_column("source")

    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_letter_may_belong_to_id_complaint"), type_="foreignkey")
        batch_op.drop_index("ix_letter_from_address")
        batch_op.drop_column("may_belong_reason")
        batch_op.drop_column("may_belong_to_id")
        batch_op.drop_column("defects")
        batch_op.drop_column("charset")
        batch_op.drop_column("forwarded")
        batch_op.drop_column("folds")
        batch_op.drop_column("kind_reason")
        batch_op.drop_column("kind")
        batch_op.drop_column("reply_to")
        batch_op.drop_column("cc")
        batch_op.drop_column("to")

    with op.batch_alter_table("complaint", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_complaint_merged_into_id_complaint"), type_="foreignkey")
        batch_op.drop_index("ix_complaint_merged_into_id")
        batch_op.drop_column("reopening_proposed_at")
        batch_op.drop_column("unreached_at")
        batch_op.drop_column("merged_into_id")

    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_column("enclosed")
        batch_op.drop_column("within")

    with op.batch_alter_table("off_board", schema=None) as batch_op:
        batch_op.drop_index("ix_off_board_complaint_id")

    op.drop_table("off_board")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_incident_open", sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL")
        )

    op.drop_table("incident")
