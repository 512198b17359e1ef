"""A confidential complaint knows its customer for itself alone; reply templates keep what they were.

Customers whom confidential complaints alone know today are sealed: the first of those complaints keeps the row, each
other one gets its own, and their contacts belong to nobody.
"""

import tomllib

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("customer") as batch_op:
        batch_op.add_column(sa.Column("sealed", sa.String(20), nullable=False, server_default=""))
        batch_op.drop_constraint("uq_customer_name", type_="unique")
        batch_op.create_unique_constraint(op.f("uq_customer_name_sealed"), ["name", "sealed"])
    op.add_column("reply_template", sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "template_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("changed", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_template_change_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_change")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_template_change_key_version")),
    )
    _seal()


def _seal() -> None:
    database = op.get_bind()
    versions = database.execute(sa.text("SELECT key, version, text FROM procedure_version")).all()
    hidden = {
        (key, version) for key, version, text in versions if tomllib.loads(text).get("privacy", {}).get("confidential")
    }
    if not hidden:
        return
    named = database.execute(
        sa.text(
            "SELECT c.id, c.number, c.procedure, c.procedure_version, c.customer_id, customer.name FROM complaint c "
            "JOIN customer ON customer.id = c.customer_id ORDER BY c.id"
        )
    ).all()
    open_ = {each.customer_id for each in named if (each.procedure, each.procedure_version) not in hidden}
    sealed: set[int] = set()
    for each in named:
        if each.customer_id in open_:
            continue
        values = {"id": each.id, "number": each.number, "customer": each.customer_id, "name": each.name}
        if each.customer_id in sealed:
            database.execute(
                sa.text(
                    "INSERT INTO customer (name, sealed, address, contact_method, business, region, profile,"
                    " key_customer, version) VALUES (:name, :number, '', '', '', '', '', :no, 1)"
                ).bindparams(no=False), values,
            )  # fmt: skip
            mine = "(SELECT id FROM customer WHERE name = :name AND sealed = :number)"
            database.execute(sa.text(f"UPDATE complaint SET customer_id = {mine} WHERE id = :id"), values)
            continue
        sealed.add(each.customer_id)
        for change in (
            "UPDATE customer SET sealed = :number WHERE id = :customer",
            "UPDATE contact SET customer_id = NULL WHERE customer_id = :customer",
            "DELETE FROM search_word WHERE kind = 'customer' AND subject_id = :customer",
        ):
            database.execute(sa.text(change), values)


def downgrade() -> None:
    op.drop_table("template_change")
    with op.batch_alter_table("reply_template") as batch_op:
        batch_op.drop_column("withdrawn")
    op.execute("UPDATE customer SET name = substr(name, 1, 137) || ' (' || sealed || ')' WHERE sealed <> ''")
    with op.batch_alter_table("customer") as batch_op:
        batch_op.drop_constraint("uq_customer_name_sealed", type_="unique")
        batch_op.drop_column("sealed")
        batch_op.create_unique_constraint(op.f("uq_customer_name"), ["name"])
