"""`flask procedure …`: the procedures that are known, and whether a file is one."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from flask.cli import AppGroup

from complaints import procedure, procedure_store
from complaints.procedure_file import BadProcedure, load
from webapp.database import db

command = AppGroup("procedure", help="Procedures: docs/procedures.md explains their files.")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")
def list_(as_json: bool) -> None:
    """List every version of every procedure; new complaints follow the newest."""
    session = db.session()
    procedure_store.load_known(session)
    newest = {(rules.key, rules.version) for rules in procedure.newest()}
    following = procedure_store.open_complaints(session)
    for rules in procedure.versions():
        this = rules.key, rules.version
        row = {
            "key": rules.key, "version": rules.version, "newest": this in newest, "open": following.get(this, 0),
            "name": {"en": rules.name.en, "zh": rules.name.zh}, "stages": [stage.key for stage in rules.stages],
            "classes": list(rules.classes), "clocks": [clock.key for clock in rules.clocks],
        }  # fmt: skip
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            mark = "newest" if row["newest"] else ""
            click.echo(f"{rules.key:<24} {rules.version:>4}  {mark:<6}  {row['open']:>6} open  {rules.name.en}")


@command.command("check")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: Sequence[Path]) -> None:
    """Check procedure files. Everything that is wrong is told at once: file, table, key, and what was probably meant.

    Exits 1 when a file is wrong, 2 when one cannot be read.
    """
    code = 0
    for file in files:
        if not file.is_file():
            click.echo(f"{file}: there is no such file", err=True)
            code = 2
            continue
        try:
            rules = load(file)
        except BadProcedure as bad:
            click.echo(str(bad), err=True)
            code = max(code, 1)
        else:
            parts = f"{len(rules.stages)} stages, {len(rules.sheets)} records, {len(rules.signatures)} signatures"
            click.echo(f"{file.name}: {rules.key} version {rules.version} is fine: {parts}.")
    sys.exit(code)
