"""The door for web servers and the `flask` command: `wsgi:app`."""

import sys

from complaints import settings
from complaints.logs import configure
from webapp import create_app

try:
    _settings = settings.load()
except settings.BadSetting as error:
    sys.exit(f"Redress cannot start: {error}")
configure(_settings.log_format)
app = create_app(_settings)
