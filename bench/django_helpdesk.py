"""The ticket page of django-helpdesk, to measure ours against: run by `python -m bench.pages --helpdesk PYTHON`.

Needs nothing of ours: an interpreter with django-helpdesk, django-bootstrap4-form, packaging and setuptools. Tickets
with so many comments are asked for through Django's test client; prints a line of JSON, milliseconds by entries.
"""

import json
import statistics
import sys
import tempfile
import time
import types

WORDS = (
    "Dear all,\n\n14 of 200 joints from lot L2608-114 failed the pressure test at 40 bar.\n\n"
    "请在二十四小时内回复临时措施。\n\nInes Carrow\nQuellstrom Mobility\n\n> We received your message.\n> Redress"
)
CONTRIB = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles", "sites", "humanize")
APPS = ("bootstrap4form", "rest_framework", "helpdesk")
MIDDLEWARE = (
    "middleware.security.SecurityMiddleware", "contrib.sessions.middleware.SessionMiddleware",
    "middleware.common.CommonMiddleware", "middleware.csrf.CsrfViewMiddleware",
    "contrib.auth.middleware.AuthenticationMiddleware",
    "contrib.messages.middleware.MessageMiddleware",
)  # fmt: skip
PROCESSORS = (
    "template.context_processors.debug", "template.context_processors.request",
    "contrib.auth.context_processors.auth", "contrib.messages.context_processors.messages",
)  # fmt: skip


def main(folder: str, entries: list[int], rounds: int) -> None:
    import django
    from django.conf import settings

    urls = types.ModuleType("helpdesk_urls")
    sys.modules["helpdesk_urls"] = urls
    settings.configure(
        SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], USE_TZ=True, ROOT_URLCONF="helpdesk_urls", SITE_ID=1,
        STATIC_URL="/static/", MEDIA_ROOT=folder, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/helpdesk.db"}},
        INSTALLED_APPS=[*(f"django.contrib.{each}" for each in CONTRIB), *APPS],
        MIDDLEWARE=[f"django.{each}" for each in MIDDLEWARE],
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": [f"django.{each}" for each in PROCESSORS]},
        }],
        HELPDESK_TEAMS_MODE_ENABLED=False,
    )  # fmt: skip
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from django.urls import include, path
    from helpdesk.models import FollowUp, Queue, Ticket

    urls.urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]  # type: ignore[attr-defined]
    call_command("migrate", verbosity=0)
    user = User.objects.create_superuser("clerk", "clerk@bench.example", "eight or more")
    queue, client = Queue.objects.create(title="Complaints", slug="complaints"), Client()
    client.force_login(user)
    taken: dict[int, float] = {}
    for count in entries:
        ticket = Ticket.objects.create(title="Leak", queue=queue, description=WORDS, submitter_email="i@bench.example")
        for _ in range(count):
            FollowUp.objects.create(ticket=ticket, title="Comment", comment=WORDS, public=True, user=user)
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            assert client.get(f"/tickets/{ticket.id}/").status_code == 200
            times.append(time.perf_counter() - begun)
        taken[count] = statistics.median(times) * 1000
    print(json.dumps(taken))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(folder, [int(each) for each in sys.argv[2:]], int(sys.argv[1]))
