"""Customers and products are found by what people type of their names, on both databases alike."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, text
from sqlalchemy.orm import Session

from complaints import customer_file, products
from complaints.complaint import Complaint
from complaints.customers import Contact, Customer, customer_named, findable
from complaints.database import open_database, sessions, transaction
from complaints.people import SYSTEM
from complaints.settings import Settings
from tests.builders import MONDAY, a_customer
from tests.desk import Desk
from webapp import prepare

PUMPS, STEEL, MUELLER = "上海重工泵业有限公司", "重庆钢铁集团", "Müller Hydraulik GmbH"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with sessions(engine)() as session:
        for name in (PUMPS, STEEL, MUELLER):
            a_customer(session, name)
        session.commit()
        yield session


def named(session: Session, typed: str) -> list[str]:
    query = customer_file.found(SYSTEM, typed)
    return [each.name for each in session.scalars(query)]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("泵业", PUMPS), ("重工 上海", PUMPS), ("上海泵", ""), ("shzg", PUMPS), ("shanghai", PUMPS), ("beng", PUMPS),
        ("by", PUMPS), ("chongqing", STEEL), ("cq gt", STEEL), ("chong qing", STEEL), ("muller", MUELLER),
        ("MÜLLER hyd", MUELLER), ("hydraulik mül", MUELLER), ("gmbh steel", ""), ("???", ""), ("ｇｍｂｈ", MUELLER),
    ],
)  # fmt: skip
def test_the_words_stand_in_any_order_and_chinese_is_found_by_any_part_and_by_pinyin(
    session: Session, typed: str, found: str
) -> None:
    assert named(session, typed) == ([found] if found else [])


def test_a_customer_is_found_by_its_telephone_its_address_and_its_people(session: Session) -> None:
    customer = customer_named(session, "Nordhavn A/S")
    customer.contact_method, customer.address = "+45 7020 1234", "Sundkaj 9, Malmö"
    session.add(
        Contact(address="k.lund@nordhavn.example", name="Karen Lund", phone="7020-9876", customer_id=customer.id,
                last_wrote_at=MONDAY)
    )  # fmt: skip
    findable(session, customer)
    for typed in ("20 1234", "70201234", "malmo sundkaj", "lund", "9876", "k.lund@nordhavn", "karen nord"):
        assert named(session, typed) == ["Nordhavn A/S"], typed
    assert named(session, "nordhavn 5555") == []


def test_a_name_that_changed_is_found_by_its_new_words_alone(session: Session) -> None:
    customer = session.query(Customer).filter_by(name=STEEL).one()
    customer.name = "武汉钢铁"
    findable(session, customer)
    assert (named(session, "chongqing"), named(session, "wuhan")) == ([], ["武汉钢铁"])


def test_nothing_typed_finds_everybody(session: Session) -> None:
    assert len(named(session, "  ")) == 3


def test_the_search_goes_by_an_index(session: Session) -> None:
    query = customer_file.found(SYSTEM, "shzg")
    statement = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    if session.get_bind().dialect.name == "sqlite":
        plan = "\n".join(row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"))
        assert "SEARCH search_word USING PRIMARY KEY (kind=? AND word>? AND word<?)" in plan
        return
    session.execute(
        text("INSERT INTO search_word SELECT 'customer', md5(n::text), n FROM generate_series(1, 20000) AS n")
    )
    session.execute(text("ANALYZE search_word"))
    plan = "\n".join(row[0] for row in session.connection().exec_driver_sql(f"EXPLAIN {statement}"))
    assert re.search(r"pk_search_word.*\n\s+Index Cond: .*word\)?(::text)? >= 'shzg'", plan), plan


def test_a_registered_complaint_teaches_its_product_once(database_url: str) -> None:
    desk = Desk(sessions(open_database(database_url)))
    for _ in range(2):
        desk.registered(product="HX-210 液压接头", model="M12", material_no="4500-77")
    number = desk.registered(product="", model="")
    desk.correct(number, "clerk", product="Valve block")
    with desk.make() as session:
        found = {typed: [each.name for each in session.scalars(products.found(typed))]
                 for typed in ("hx210", "yyjt", "4500", "m12 液压", "valve", "nothing")}  # fmt: skip
    one = ["HX-210 液压接头"]
    assert found == {
        "hx210": one, "yyjt": one, "4500": one, "m12 液压": one, "valve": ["Valve block"], "nothing": []
    }  # fmt: skip


def test_a_ledger_from_before_there_was_a_list_learns_its_products_once(database_url: str, tmp_path: Path) -> None:
    desk = Desk(sessions(open_database(database_url)))
    for product in ("Valve block", "Valve block", "Face seal"):
        desk.registered(product=product)
    desk.draft(product="Not registered")
    with transaction(desk.make) as session:
        session.execute(delete(products.Product))
        products.learn(session, session.get_one(Complaint, 3))
    chosen = Settings(
        data=tmp_path,
        database_url=database_url,
        redis_url="redis://x:1/0",
        secret_key="s" * 40,
        mail_from="a@b.example",
    )
    for _ in range(2):
        prepare.learn_products(chosen)
    with desk.make() as session:
        assert sorted(session.scalars(select(products.Product.name))) == ["Face seal", "Valve block"]
        assert [each.name for each in session.scalars(products.found("valve"))] == ["Valve block"]
