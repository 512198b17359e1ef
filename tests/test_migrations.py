"""The migrations walk up, down and up again on both databases, and end where the models are."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from complaints.database import open_database
from complaints.models import Base
from webapp.prepare import current, downgrade, head, upgrade


def test_they_walk_up_down_and_up_and_equal_the_models(database_url: str) -> None:
    downgrade(database_url)
    engine = open_database(database_url)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    upgrade(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert current(connection) == head()
    engine.dispose()


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    upgrade(database_url)
    upgrade(database_url)
