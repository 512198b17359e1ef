"""`flask user …`: members of staff."""

import json
import sys
from datetime import UTC, datetime

import click
from flask.cli import AppGroup
from sqlalchemy import select

from complaints import procedure_store
from complaints.errors import ComplaintError
from complaints.people import HOUSE, Department, Grant, User, add_user
from webapp.context import zone
from webapp.database import db

command = AppGroup("user", help="Members of staff.")


@command.command("add")
@click.argument("email")
@click.option("--name", required=True, help="The name that colleagues and customers see.")
@click.option(
    "--role",
    "roles",
    required=True,
    multiple=True,
    help=f"May be given several times: {', '.join(HOUSE)}, or one that a procedure brings.",
)
@click.option("--department", help="The department's key, such as qa.")
@click.option("--locale", type=click.Choice(["en", "zh_CN"]), default="en", show_default=True)
@click.option("--superior", help="The superior's e-mail address.")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
def add(
    email: str, name: str, roles: tuple[str, ...], department: str | None, locale: str, superior: str | None,
    password_stdin: bool,
) -> None:  # fmt: skip
    """Add EMAIL as a member of staff."""
    session = db.session()
    procedure_store.load_known(session)  # procedures bring roles of their own
    place = None
    if department:
        place = session.scalar(select(Department).where(Department.key == department))
        if place is None:
            known = ", ".join(session.scalars(select(Department.key)))
            _fail(f"There is no department {department!r}. Known are: {known or 'none yet'}.")
    boss = None
    if superior:
        boss = session.scalar(select(User.id).where(User.email == superior.lower()))
        if boss is None:
            _fail(f"There is no member of staff {superior!r} to be the superior.")
    try:
        add_user(
            session, email=email, name=name, roles=roles, password=sys.stdin.readline().rstrip("\n"),
            since=datetime.now(UTC).astimezone(zone()).date(), department=place, locale=locale, superior_id=boss,
        )  # fmt: skip
    except ComplaintError as error:
        _fail(str(error))
    session.commit()
    click.echo(f"Added {name} <{email}> as {', '.join(roles)}.")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")
def list_(as_json: bool) -> None:
    """List the members of staff with the roles they hold."""
    session = db.session()
    roles: dict[int, list[str]] = {}
    for user_id, role in session.execute(select(Grant.user_id, Grant.role).order_by(Grant.id)):
        roles.setdefault(user_id, []).append(role)
    for user in session.scalars(select(User).order_by(User.id)):
        held = roles.get(user.id, [])
        if as_json:
            row = {
                "email": user.email,
                "name": user.name,
                "roles": held,
                "locale": user.locale,
                "left": bool(user.left_at),
            }
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(f"{user.email:<40} {user.name:<24} {', '.join(held)}")


def _fail(text: str) -> None:
    click.echo(text, err=True)
    sys.exit(2)
