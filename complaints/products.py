"""Products as complaints name them: kept when a complaint is registered, offered when the next one is written down."""

from sqlalchemy import ColumnElement, Select, String, UniqueConstraint, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import finding, rows
from complaints.complaint import Complaint, ordinary
from complaints.database import Base
from complaints.procedure import of

KIND = "product"


class Product(Base):
    """A product as it was named: one row for each name with its model and material number."""

    __tablename__ = "product"
    __table_args__ = (UniqueConstraint("name", "model", "material_no"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    model: Mapped[str] = mapped_column(String(80), default="")
    material_no: Mapped[str] = mapped_column(String(80), default="")


def learn(session: Session, complaint: Complaint) -> None:
    """Remember the product of a complaint, in the caller's transaction; of a confidential one nothing is told on."""
    if not complaint.product.strip() or of(complaint).confidential:
        return
    _keep(session, complaint.product, complaint.model, complaint.material_no)


def learn_all(session: Session) -> None:
    """Remember every product that is not known yet, of a ledger that was filled without registering or is older than
    this list, in the caller's transaction."""
    known = exists().where(
        Product.name == Complaint.product, Product.model == Complaint.model,
        Product.material_no == Complaint.material_no,
    )  # fmt: skip
    named = select(Complaint.product, Complaint.model, Complaint.material_no).distinct()
    news = named.where(Complaint.registered_at.is_not(None), Complaint.product != "", ordinary(), ~known)
    for name, model, material_no in session.execute(news).all():
        _keep(session, name, model, material_no)


def _keep(session: Session, name: str, model: str, material_no: str) -> None:
    values = {"name": name, "model": model, "material_no": material_no}
    known = select(Product.id).where(*(_column(key) == value for key, value in values.items()))
    if session.scalar(known) is None:
        rows.add_unless_there(session, Product, [values])
        finding.keep(session, KIND, session.scalars(known).one(), names=[name], more=[model, material_no])


def _column(key: str) -> ColumnElement[str]:
    return rows.table(Product).c[key]


def found(typed: str) -> Select[Product]:
    """The products that somebody may mean, by name."""
    query = select(Product).where(*finding.matching(KIND, Product.id, typed))
    return query.order_by(Product.name, Product.model, Product.id).limit(finding.SHOWN)
