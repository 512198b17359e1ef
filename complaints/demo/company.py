"""The demo company: Tarrowmill Components, its departments, its staff over all roles, and its customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from complaints.customers import Contact, Customer
from complaints.database import Base
from complaints.demo.founding import Colleague, Company, Login
from complaints.demo.words import BUYERS, CASES
from complaints.errors import Name
from complaints.people import Department, User

COMPANY = Name("Tarrowmill Components", "塔罗密尔零部件")
DOMAIN = "tarrowmill.example"
PASSWORD = "tarrowmill"
"""Everybody's, in a demo that nobody else can reach."""

DEPARTMENTS: Mapping[str, tuple[Name, str]] = {  # the head is the part before the @ of an address
    "marketing": (Name("Marketing", "营销部"), "weishan.gu"),
    "qa": (Name("Quality assurance", "品管部"), "lan.shen"),
    "machining": (Name("Machining", "机加工"), "guoqiang.ma"),
    "assembly": (Name("Assembly", "装配"), "piotr.lang"),
    "surface_treatment": (Name("Surface treatment", "表面处理"), "guoqiang.ma"),
    "logistics": (Name("Logistics", "物流"), "piotr.lang"),
}


STAFF = (
    Colleague("jianming.ye", "叶建明", "zh_CN", None, (("gm", None),)),
    Colleague("weishan.gu", "顾维山", "zh_CN", "jianming.ye", (("mkt_vp", "marketing"), ("dept_head", "marketing"))),
    Colleague("helen.marsh", "Helen Marsh", "en", "jianming.ye", (("mr", None), ("admin", None))),
    Colleague("lan.shen", "沈岚", "zh_CN", "helen.marsh", (("qa_head", "qa"), ("qa_mgr", "qa"))),
    Colleague("ingrid.hale", "Ingrid Hale", "en", "weishan.gu", (("mkt_sup", "marketing"), ("sales", "marketing"))),
    Colleague("wanqing.su", "苏婉清", "zh_CN", "ingrid.hale", (("clerk", "marketing"),)),
    Colleague("daniel.orme", "Daniel Orme", "en", "ingrid.hale", (("sales", "marketing"),)),
    Colleague("tomas.reiner", "Tomas Reiner", "en", "lan.shen", (("qe", "qa"),)),
    Colleague("ziheng.lu", "陆子衡", "zh_CN", "lan.shen", (("qe", "qa"), ("inspector", "qa"))),
    Colleague(
        "guoqiang.ma", "马国强", "zh_CN", "jianming.ye",
        (("dept_head", "machining"), ("dept_head", "surface_treatment")),
    ),
    Colleague(
        "piotr.lang", "Piotr Lang", "en", "jianming.ye",
        (("dept_head", "assembly"), ("dept_head", "logistics"), ("warehouse", "logistics")),
    ),
    Colleague(
        "xiaolin.fang", "方晓琳", "zh_CN", "guoqiang.ma", (("staff", None), ("dept", "surface_treatment"))
    ),
)  # fmt: skip


TARROWMILL = Company(COMPANY, DOMAIN, DEPARTMENTS, STAFF, BUYERS)
address = TARROWMILL.address
founded = TARROWMILL.is_founded
logins = TARROWMILL.logins
sign_ins = TARROWMILL.sign_ins


def company(session: Session, *, at: datetime, password: str) -> list[Login]:
    """Found the demo company in the caller's transaction, everybody with this password; returns who can sign in.
    Changes nothing when it is there already."""
    TARROWMILL.found(session, at=at, password=password)
    return logins()


class NoCompany(LookupError):
    """The staff and customers are not there yet; `company` founds them."""


@dataclass(frozen=True)
class Person:
    """A member of staff as an id with what counts for the procedure."""

    id: int
    name: str
    roles: frozenset[str]
    departments: frozenset[int]
    superior: int | None


@dataclass(frozen=True)
class Players:
    """Who takes part, as ids of the database at hand."""

    users: dict[str, int]
    departments: dict[str, int]
    customers: dict[str, int]
    contacts: dict[str, int]

    @classmethod
    def of(cls, connection: Connection) -> "Players":
        def ids(model: type[Base], key: str) -> dict[str, int]:
            columns = model.__table__.c
            return dict(connection.execute(select(columns[key], columns.id)).all())

        found = cls(ids(User, "email"), ids(Department, "key"), ids(Customer, "name"), ids(Contact, "address"))
        wanted = [
            ({address(one.user) for one in STAFF}, found.users),
            ({case.department for case in CASES}, found.departments),
            ({buyer.name for buyer in BUYERS}, found.customers),
            ({writer.address for buyer in BUYERS for writer in buyer.writers}, found.contacts),
        ]
        if not all(names <= known.keys() for names, known in wanted):
            raise NoCompany("The demo company is not there yet. Found it first: flask demo company")
        return found

    def user(self, name: str) -> int:
        return self.users[address(name)]

    @cached_property
    def staff(self) -> Mapping[int, Person]:
        """Everybody who works there, by id."""
        return {
            self.user(one.user): Person(
                self.user(one.user),
                one.name,
                frozenset(role for role, _ in one.roles),
                frozenset(self.departments[place] for _, place in one.roles if place),
                self.user(one.superior) if one.superior else None,
            )
            for one in STAFF
        }

    def head(self, department: str) -> int:
        """Who answers for a department when it is responsible."""
        return next(self.user(one.user) for one in STAFF if ("dept_head", department) in one.roles)
