"""django-helpdesk's `get_email` on a mailbox, for comparison: run by `bench.intake --helpdesk PYTHON`, in the Python of
an environment that has the package:

    python3 -m venv /tmp/helpdesk && /tmp/helpdesk/bin/pip install django-helpdesk==2.6.1

Uses SQLite as it comes, in a folder that is thrown away; Dovecot takes the place of the mail provider. Prints one line
of JSON: the seconds of `get_email` alone, and every ticket with its title, its text and its number of files.
"""

import json
import os
import sys
import time
from pathlib import Path


def main(host: str, port: str, user: str, password: str, folder: str) -> int:
    import django
    from django.conf import settings

    data = Path(folder)
    (data / "urls.py").write_text(
        "from django.urls import include, path\n"
        "urlpatterns = [path('', include('helpdesk.urls', namespace='helpdesk'))]\n"
    )
    sys.path.insert(0, str(data))
    settings.configure(
        SECRET_KEY="bench", USE_TZ=True, TIME_ZONE="UTC", ROOT_URLCONF="urls", SITE_ID=1,
        MEDIA_ROOT=str(data / "media"),
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(data / "helpdesk.sqlite3")}},
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites",
            "django.contrib.messages", "django.contrib.humanize", "django.contrib.admin",
            "rest_framework", "helpdesk",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        LOGGING_CONFIG=None, HELPDESK_KANBAN_ENABLED=False, HELPDESK_TEAMS_MODE_ENABLED=False,
    )  # fmt: skip
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from helpdesk.models import FollowUpAttachment, Queue, Ticket

    Queue.objects.create(
        title="Bench", slug="bench", email_address="complaints@mill.example", allow_email_submission=True,
        email_box_type="imap", email_box_host=host, email_box_port=int(port), email_box_ssl=False, email_box_user=user,
        email_box_pass=password, email_box_imap_folder="INBOX", email_box_interval=0,
    )  # fmt: skip
    out, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115
    started = time.perf_counter()
    call_command("get_email", quiet=True)
    seconds = time.perf_counter() - started
    sys.stdout = out
    tickets = []
    for ticket in Ticket.objects.all().iterator():
        files = FollowUpAttachment.objects.filter(followup__ticket=ticket).values_list("filename", flat=True)
        tickets.append([ticket.title, ticket.description or "", sum("email_html_body" not in name for name in files)])
    print(json.dumps({"seconds": seconds, "tickets": tickets}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:6]))
