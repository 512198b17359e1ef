"""Who else has a complaint's page open, and whether it changed since.

Redis holds who was there in the last seconds, and forgets it: nothing depends on it. Where Redis is away or slow nobody
is shown, and the page does not wait. What changed comes from the ledger itself.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from flask import Blueprint, Flask, render_template, request
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints.complaint import Complaint, find
from complaints.history import Change
from complaints.people import User
from webapp.context import actor, now, settings
from webapp.database import db

bp = Blueprint("presence", __name__)
KEY = "redress:here:{}"
STAYS = 40
"""Seconds after which somebody who was not heard of has left."""
PATIENCE = 0.1
"""Seconds to wait for Redis; a page is not worth more."""


@dataclass(frozen=True)
class Changed:
    """The last change of a complaint, made since the page was loaded. `who` is empty if nobody else made it."""

    who: str
    at: datetime


@dataclass(frozen=True)
class Presence:
    """What a page says: who else is here, and what changed since `version`. `mark` stands for all of that."""

    others: Sequence[str]
    version: int
    changed: Changed | None = None

    @property
    def mark(self) -> str:
        return hashlib.sha256(repr((self.others, self.changed)).encode()).hexdigest()[:16]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(presence_on=presence_on)


@bp.get("/complaints/<number>/presence")
def presence(number: str) -> str | tuple[str, int] | Response:
    """The person is still on the page: who else is, and what changed since `?version=`. Nothing to swap (204) while all
    is as the page `?shown=` it, so that nobody hears the same again."""
    complaint = find(db.session(), number, actor())
    found = presence_on(complaint, request.args.get("version", type=int))
    if request.args.get("shown") == found.mark:
        return "", 204
    return render_template("complaint/_presence.html", complaint=complaint, presence=found)


def presence_on(complaint: Complaint, seen_version: int | None = None) -> Presence:
    """The person is on the page of a complaint, which shows it as of this version."""
    version = complaint.version if seen_version is None else seen_version
    return Presence(_others(complaint), version, _last_change(complaint) if complaint.version != version else None)


def _others(complaint: Complaint) -> list[str]:
    """Who else is on the page, by name; notes that this person is."""
    me, at, key = actor(), now().timestamp(), KEY.format(complaint.id)
    pipe = _redis(settings().redis_url).pipeline(transaction=False)
    pipe.zadd(key, {f"{me.id} {me.name}": at})
    pipe.zremrangebyscore(key, "-inf", at - STAYS)
    pipe.expire(key, STAYS)
    pipe.zrange(key, 0, -1)
    try:
        here = [member.decode().split(" ", 1) for member in pipe.execute()[-1]]
    except RedisError:
        return []
    return sorted(name for id_, name in here if id_ != str(me.id))


@cache
def _redis(url: str) -> Redis:
    patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    return Redis.from_url(url, **patience, retry=Retry(NoBackoff(), 0))


def _last_change(complaint: Complaint) -> Changed:
    last = db.session.execute(
        select(Change.by_id, Change.at, User.name)
        .outerjoin(User, User.id == Change.by_id)
        .where(Change.complaint_id == complaint.id)
        .order_by(Change.id.desc())
        .limit(1)
    ).first()
    if last is None:
        return Changed("", complaint.changed_at)
    return Changed(last.name if last.name and last.by_id != actor().id else "", last.at)
