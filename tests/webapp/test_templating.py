"""What is compiled into templates, and what is not."""

import pytest
from flask import Flask, render_template_string
from flask_babel import force_locale
from jinja2 import DictLoader

from complaints.settings import Settings
from webapp import create_app


@pytest.fixture
def written(settings: Settings) -> Flask:
    app = create_app(settings)
    page = (
        '{{ _("Reply") }} {{ i("reply") }} {{ _("to %(recipient)s", recipient=who) }}'
        '{{ url_for("board.board", q=who) }}'
    )
    app.jinja_env.loader = DictLoader({"page": page, "outer": '{% include "page" %}'})
    return app


@pytest.mark.parametrize("name", ["page", "outer"])
def test_one_template_speaks_the_language_of_each_reader(written: Flask, name: str) -> None:
    page = written.jinja_env.get_or_select_template
    said = {}
    with written.test_request_context("/"):
        for language in ("en", "zh_CN", "en"):
            with force_locale(language):
                said[language] = page(name).render(who="Ines")
    assert said["en"].startswith("Reply <svg ")
    assert said["zh_CN"].startswith("答复 <svg ")
    assert all("Ines" in each for each in said.values())


def test_what_a_message_is_told_is_escaped_and_a_percent_sign_stays_one(written: Flask) -> None:
    with written.test_request_context("/"), force_locale("en"):
        said = written.jinja_env.get_or_select_template("page").render(who="<b>&5%")
    assert "to &lt;b&gt;&amp;5%" in said
    assert "q=%3Cb%3E%265%25" in said or "q=<b>" not in said


def test_addresses_of_different_values_are_different(written: Flask) -> None:
    with written.test_request_context("/"):
        one, true, text = (
            render_template_string('{{ url_for("board.board", q=value) }}', value=value) for value in (1, True, "1")
        )
    assert (one, true, text) == ("/board?q=1", "/board?q=True", "/board?q=1")


def test_below_a_path_addresses_begin_with_it(written: Flask) -> None:
    said = []
    for root in ("", "/redress", ""):
        with written.test_request_context("/", environ_overrides={"SCRIPT_NAME": root}):
            said.append(render_template_string('{{ url_for("board.board") }}'))
    assert said == ["/board", "/redress/board", "/board"]
