"""What a person types: `flask …`. One file for each group, loaded when it is asked for: the web server needs none."""

from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

COMMANDS = (
    "audit", "clocks", "complaint", "demo", "digest", "doctor", "intake", "ledger", "procedure", "search", "user",
)  # fmt: skip
"""Each is a module here, with the command or group of commands in `command`."""


class Commands(AppGroup):
    """The commands above, beside those of Flask."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"webapp.cli.{cmd_name}").command
        return command


def init_app(app: Flask) -> None:
    app.cli = Commands(app.name)
