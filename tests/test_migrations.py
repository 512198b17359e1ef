"""The migrations walk up, down and up again on both databases, and end where the models are."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, update
from sqlalchemy.orm import Session

from complaints.complaint import Complaint
from complaints.customers import Contact, Customer, met
from complaints.database import open_database
from complaints.finding import SearchWord
from complaints.models import Base
from complaints.procedure_store import Version
from tests.builders import MONDAY, a_complaint, a_customer
from webapp.prepare import current, downgrade, head, upgrade


def test_they_walk_up_down_and_up_and_equal_the_models(database_url: str) -> None:
    downgrade(database_url)
    engine = open_database(database_url)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    upgrade(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _of_a_model})
        assert compare_metadata(context, Base.metadata) == []
        assert current(connection) == head()
    engine.dispose()


def _of_a_model(name: str | None, kind: str, _parents: object) -> bool:
    """The index of search is no table of a model: each database keeps it in its own manner."""
    return not (kind == "table" and (name or "").startswith("search_entry"))


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    upgrade(database_url)
    upgrade(database_url)


def test_customers_of_confidential_complaints_alone_are_sealed(database_url: str) -> None:
    engine = open_database(database_url)
    with Session(engine) as session, session.begin():
        version = {
            "key": "sealed",
            "version": 1,
            "text": "[privacy]\nconfidential = true",
            "sha256": "",
            "added_at": MONDAY,
        }
        session.add(Version(**version))
        hidden, shared = a_customer(session, "Hidden Reporter"), a_customer(session, "Both Ltd")
        session.flush()
        ids = hidden.id, shared.id
        for customer in (hidden, hidden, shared, shared):
            a_complaint(session, customer_id=customer.id)
        secret = update(Complaint).where(Complaint.id < 4)
        session.execute(secret.values(procedure="sealed", procedure_version=1))
        contact_id, _ = met(session, address="h@r.example", name="H", locale="en", at=MONDAY)
        session.get_one(Contact, contact_id).customer_id = hidden.id
    downgrade(database_url, "0018")
    upgrade(database_url)
    with Session(engine) as session:
        query = select(Complaint.customer_id, Customer.name, Customer.sealed).join(Customer).order_by(Complaint.id)
        first, second, *others = map(tuple, session.execute(query))
        assert first == (ids[0], "Hidden Reporter", "C-2026-0001")
        assert second[0] not in ids
        assert second[1:] == ("Hidden Reporter", "C-2026-0002")
        assert others == [(ids[1], "Both Ltd", "")] * 2
        assert session.scalars(select(Contact.customer_id)).all() == [None]
        assert session.scalars(select(SearchWord.subject_id).distinct()).all() == [ids[1]]
    engine.dispose()
