"""`flask procedure …`: the procedures that are known, whether a file is one, and the picture of one."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from flask.cli import AppGroup
from flask_babel import force_locale

from complaints import procedure, procedure_store
from complaints.errors import ComplaintError
from complaints.procedure import Procedure
from complaints.procedure_file import BadProcedure, load
from webapp import pictures
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


@command.command("picture")
@click.argument("which", metavar="KEY|FILE")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Its language.")
def picture(which: str, lang: str) -> None:
    """Draw a procedure as SVG on standard output: the newest version of KEY, or a procedure FILE.

    Exits 1 when a file is wrong, 2 when there is none.
    """
    rules = _drawn(which)
    with force_locale("zh_CN" if lang == "zh" else lang):
        click.echo(pictures.as_file(rules), nl=False)


def _drawn(which: str) -> Procedure:
    try:
        if which.endswith(".toml"):
            return load(Path(which))
        procedure_store.load_known(db.session())
        return procedure.procedure(which)
    except BadProcedure as bad:
        click.echo(str(bad), err=True)
        sys.exit(1)
    except ComplaintError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
