"""A switch for each procedure: the name of a part may be longer."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("switched_off") as batch_op:
        batch_op.alter_column("part", existing_type=sa.String(40), type_=sa.String(60))


def downgrade() -> None:
    with op.batch_alter_table("switched_off") as batch_op:
        batch_op.alter_column("part", existing_type=sa.String(60), type_=sa.String(40))
