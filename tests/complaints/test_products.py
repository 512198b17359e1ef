"""The products that complaints name."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure, products
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.procedure import use
from complaints.procedure_file import read
from complaints.products import Product
from tests.builders import MONDAY
from tests.desk import Desk
from tests.procedures import SMALL


def known(make: sessionmaker[Session]) -> list[tuple[str, str]]:
    with make() as session:
        return [
            (each.name, each.model) for each in session.scalars(select(Product).order_by(Product.name, Product.model))
        ]


def test_every_registered_product_of_a_ledger_is_learned_once_and_nothing_confidential(
    make: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "_known", {**procedure._known})
    use([read(SMALL, "small.toml")])  # which is confidential
    desk = Desk(make)
    with transaction(make) as session:
        told = {"product": "HX-210", "registered_at": MONDAY}
        for number, values in {
            desk.draft(): told, desk.draft(): told, desk.draft(): told | {"model": "B"},
            desk.draft(): {"product": "HX-300"}, desk.draft(): told | {"product": ""},
            desk.draft(): {"product": "secret", "registered_at": MONDAY, "procedure": "small"},
        }.items():  # fmt: skip
            session.execute(update(Complaint).where(Complaint.number == number).values(**values))
    for _ in range(2):
        with transaction(make) as session:
            products.learn_all(session)
        assert known(make) == [("HX-210", ""), ("HX-210", "B")]
    with make() as session:
        assert [each.model for each in session.scalars(products.found("hx-2"))] == ["", "B"]
