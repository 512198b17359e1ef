"""Saved views: a person's own names for filters of a page, the board or the ledger.

A view is an address to go to, so its query is kept as the page writes it, never as somebody sent it. Only its owner
sees it, unless it is shared: then everybody does, each with what they may see.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base
from complaints.errors import N_, BadInput, ComplaintError, NotFound, Sentence
from complaints.people import Actor
from complaints.texts import clean

BOARD, LEDGER = "board", "ledger"
LONGEST_NAME = 60
LONGEST_QUERY = {BOARD: 500, LEDGER: 1_500}
MOST = 30


class SavedView(Base):
    """Filters of a page that a person gave a name."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("user_id", "page", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    query: Mapped[str] = mapped_column(String(LONGEST_QUERY[LEDGER]))
    position: Mapped[int]
    created_at: Mapped[datetime]
    page: Mapped[str] = mapped_column(String(10), default=BOARD)
    shared: Mapped[bool] = mapped_column(default=False)


class TooManyViews(ComplaintError):
    message = N_("You have %(most)s views already. Delete one first.")


def of(session: Session, by: Actor, page: str = BOARD) -> list[SavedView]:
    """A person's views of a page in their order."""
    mine = select(SavedView).where(SavedView.user_id == by.id, SavedView.page == page)
    return list(session.scalars(mine.order_by(SavedView.position, SavedView.id)))


def shared(session: Session, by: Actor, page: str) -> list[SavedView]:
    """The views of a page that colleagues share."""
    theirs = select(SavedView).where(SavedView.shared, SavedView.page == page, SavedView.user_id != by.id)
    return list(session.scalars(theirs.order_by(SavedView.name, SavedView.id).limit(MOST)))


def save(
    session: Session, name: str, query: str, *, by: Actor, at: datetime, page: str = BOARD, shared: bool = False
) -> SavedView:
    """Keep a query under a name; a view of the same name is replaced. Raises `BadInput` and `TooManyViews`."""
    assert by.id is not None
    name = clean(name, lines=False)
    if not name:
        raise BadInput(field="name", problem=Sentence(N_("it is empty")))
    if len(name) > LONGEST_NAME:
        raise BadInput(field="name", problem=Sentence(N_("at most %(most)s characters"), {"most": LONGEST_NAME}))
    if len(query) > LONGEST_QUERY[page]:
        raise BadInput(field="query", problem=Sentence(N_("these filters are too long to keep")))
    mine = of(session, by, page)
    for view in mine:
        if view.name == name:
            view.query, view.shared = query, shared
            return view
    if len(mine) >= MOST:
        raise TooManyViews(most=MOST)
    position = 1 + max((view.position for view in mine), default=0)
    new = rows.upsert(SavedView, rows.dialect(session)).values(
        user_id=by.id, name=name, query=query, position=position, created_at=at, page=page, shared=shared
    )
    kept = new.on_conflict_do_update(
        index_elements=["user_id", "page", "name"], set_={"query": query, "shared": shared}
    ).returning(SavedView)
    return session.scalars(kept, execution_options={"populate_existing": True}).one()


def delete(session: Session, view_id: int, *, by: Actor) -> None:
    """Forget a view. Raises `NotFound` for one that is not this person's."""
    view = session.scalar(select(SavedView).where(SavedView.id == view_id, SavedView.user_id == by.id))
    if view is None:
        raise NotFound
    session.delete(view)
