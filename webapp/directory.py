"""The directory of the house, asked for once in a request."""

from typing import cast

from flask import g

from complaints import directory as directories
from complaints.directory import Directory
from webapp.database import db


def directory() -> Directory:
    """Who works here, the departments and our addresses."""
    if "directory" not in g:
        g.directory = directories.of(db.session())
    return cast(Directory, g.directory)
