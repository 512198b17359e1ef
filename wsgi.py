"""The door for web servers and the `flask` command: `wsgi:app`."""

from complaints import settings
from complaints.logs import configure
from webapp import create_app

_settings = settings.load()
configure(_settings.log_format)
app = create_app(_settings)
