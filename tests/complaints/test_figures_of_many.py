"""The figures of a believable ledger, month by month, against the same counts in plain SQL."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, TextClause, bindparam, text
from sqlalchemy.orm import Session, sessionmaker

from complaints import figures
from complaints.blobs import Blobs
from complaints.calendar import mainland_china
from complaints.database import Moment, transaction
from complaints.demo.company import company
from complaints.demo.fill import fill
from complaints.measures import TIMELY, counted_by, month_before, month_of, period_of
from tests.builders import MONDAY

ZONE = mainland_china().tz
LATER = MONDAY + timedelta(days=1)


def sql(query: str) -> TextClause:
    moments = [bindparam(name, type_=Moment()) for name in ("begins", "ends", "now") if f":{name}" in query]
    return text(query).bindparams(*moments)


DUE = sql("""
    SELECT count(*), count(CASE WHEN stopped_at <= due_at THEN 1 END) FROM clock
    WHERE key IN ('qa_reply', 'permanent') AND coalesce(outcome, 'runs') IN ('met', 'late', 'runs')
      AND due_at >= :begins AND due_at < :ends AND (stopped_at IS NOT NULL OR due_at < :now)
""")
REGISTERED = (
    "registered_at >= :begins AND registered_at < :ends AND stage NOT IN ('merged', 'not_complaint', 'withdrawn')"
)
CLASSES = sql(f"SELECT complaint_class, count(*) FROM complaint WHERE {REGISTERED} GROUP BY complaint_class")
EFFECTIVE = sql(f"""
    SELECT count(DISTINCT complaint.id) FROM complaint
    JOIN signature s ON s.subject = 'investigation' AND s.subject_id = investigation_id AND s.key = 'verified'
      AND s.round = complaint.round AND s.decision = 'approved' AND s.voided_at IS NULL
    JOIN record v ON v.subject = 'investigation' AND v.subject_id = investigation_id AND v.sheet = 'verification'
      AND v.round = complaint.round AND v."values" ->> 'effective' = 'yes'
    JOIN record a ON a.subject = 'complaint' AND a.subject_id = complaint.id AND a.sheet = 'answer'
      AND a.round = complaint.round AND a."values" ->> 'decision' = 'accepted'
    WHERE {REGISTERED}
""")
WRITTEN = sql(f"""
    SELECT count(DISTINCT complaint.id) FROM complaint
    JOIN record r ON r.subject = 'complaint' AND r.subject_id = complaint.id AND r.sheet = 'contacts'
      AND r.removed_at IS NULL AND r."values" ->> 'kind' = 'result_told'
    WHERE {REGISTERED}
""")


@pytest.mark.requirement("S112", "S114")
def test_every_month_says_what_plain_sql_counts(make: sessionmaker[Session], tmp_path: Path) -> None:
    with transaction(make) as session:
        company(session, at=MONDAY, password="a long password")
    engine: Engine = make.kw["bind"]
    fill(engine, complaints=400, seed=5, at=MONDAY, blobs=Blobs(tmp_path))
    month, told = month_of(MONDAY.date()), 0
    with make() as session:
        for _ in range(14):
            period = period_of(month, ZONE)
            where = {"begins": period.begins, "ends": period.ends, "now": LATER}
            found = figures.of_month(session, month, LATER, ZONE)
            shown = {key: (each.today.above, each.today.below) for key, each in found.figures.items()}
            due, in_time = session.execute(DUE, where).one()
            assert shown[TIMELY] == (in_time, due)
            classes = {key: len(ids) for key, ids in counted_by(found.complaints, "complaint_class").items()}
            assert classes == dict(map(tuple, session.execute(CLASSES, where)))
            effective = session.scalar(EFFECTIVE, where)
            assert shown["effective_reply"] == (effective, sum(classes.values()))
            assert shown["written_answers"][1] == session.scalar(WRITTEN, where)
            told += due + (effective or 0)
            month = month_before(month)
    assert told > 100
