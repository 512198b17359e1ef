"""`/healthz` (the process answers), `/readyz` (every part is well, with reasons), `/metrics` (Prometheus)."""

import math
from collections import Counter
from datetime import datetime

from flask import Blueprint, Flask, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import Redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from complaints import health, incidents
from complaints.complaint import Complaint
from complaints.health import Finding
from complaints.letters import Sighting
from complaints.mailboxes import polled
from complaints.outbox import Outgoing
from webapp.context import blobs, now, settings, zone
from webapp.database import db
from webapp.prepare import head

bp = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/healthz")
def healthz() -> str:
    return "ok\n"


def findings() -> list[Finding]:
    """Every part that the running product needs."""
    session = db.session()
    chosen = settings()
    found = [
        health.check("database", lambda: health.database(session, head())),
        health.check(
            "redis", lambda: f"{'PONG' if Redis.from_url(chosen.redis_url, socket_timeout=2).ping() else '?'}"
        ),
        health.check("blob store", lambda: health.blobs(blobs())),
    ]
    if not found[0].well:
        return found
    found += health.mailboxes(session, [account.name for account in chosen.imap], now())
    found += health.open_incidents(session)
    found += [
        health.check("scheduler", lambda: health.scheduler(session, now())),
        health.check("outbox", lambda: health.outbox(session, now())),
        health.check("intake", lambda: health.waiting(session, now())),
    ]
    return found


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    found = findings()
    well = all(f.well for f in found)
    parts = [{"part": f.part, "well": f.well, "text": f.text} for f in found]
    return jsonify(ready=well, parts=parts), 200 if well else 503


class _Ledger:
    """Counts read from the database when somebody asks, so that they hold for every process together."""

    def collect(self) -> list[Metric]:
        session = db.session()
        by_stage = GaugeMetricFamily("redress_complaints", "Complaints by stage", labels=["stage"])
        for stage, count in session.execute(select(Complaint.stage, func.count()).group_by(Complaint.stage)):
            by_stage.add_metric([stage], count)
        by_outcome = GaugeMetricFamily("redress_messages", "Messages seen, by what became of them", labels=["outcome"])
        for outcome, count in session.execute(select(Sighting.outcome, func.count()).group_by(Sighting.outcome)):
            by_outcome.add_metric([outcome], count)
        by_state = GaugeMetricFamily("redress_outgoing", "Mails owed, by state", labels=["state"])
        for state, count in session.execute(select(Outgoing.state, func.count()).group_by(Outgoing.state)):
            by_state.add_metric([state], count)
        return [by_stage, by_outcome, by_state, *self._watch(session)]

    def _watch(self, session: Session) -> list[Metric]:
        """What an alarm outside would look at."""
        midnight = now().astimezone(zone()).replace(hour=0, minute=0, second=0, microsecond=0)
        by_kind = GaugeMetricFamily("redress_incidents_open", "Incidents that are open, by kind", labels=["kind"])
        open_ones = Counter(incident.kind for incident in incidents.open_now(session))
        for kind in incidents.KINDS:
            by_kind.add_metric([kind], open_ones[kind])
        today = GaugeMetricFamily("redress_messages_today", "Messages seen since midnight", labels=["outcome"])
        seen = select(Sighting.outcome, func.count()).where(Sighting.seen_at >= midnight).group_by(Sighting.outcome)
        for outcome, count in session.execute(seen):
            today.add_metric([outcome], count)
        undecided = select(func.count()).where(Sighting.outcome == "quarantined")
        quarantined = GaugeMetricFamily(
            "redress_quarantined_open", "Messages in quarantine", value=session.scalar(undecided) or 0
        )
        silence = GaugeMetricFamily(
            "redress_mailbox_silence_seconds", "Since the last good look; infinite before the first", labels=["mailbox"]
        )
        for mailbox in polled(session):
            silence.add_metric([mailbox.name], _seconds_since(mailbox.looked_at))
        return [by_kind, today, quarantined, silence]


def _seconds_since(at: datetime | None) -> float:
    return max((now() - at).total_seconds(), 0.0) if at else math.inf


@bp.get("/metrics")
def metrics() -> Response:
    registry = CollectorRegistry()
    registry.register(_Ledger())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
