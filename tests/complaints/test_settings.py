"""Settings: read once, and a wrong one says its name and an example."""

from pathlib import Path

import pytest

from complaints.settings import BadSetting, Settings, load

GOOD = {"REDIS_URL": "redis://127.0.0.1/0", "SECRET_KEY": "x" * 32, "CREDENTIALS_KEY": "k" * 43 + "="}


def settings(tmp_path: Path, **changes: str) -> Settings:
    return Settings.from_env({"REDRESS_DATA": str(tmp_path), **GOOD, **changes})


def test_the_file_of_bin_run_answers_where_the_environment_is_silent(tmp_path: Path) -> None:
    (tmp_path / "redress.env").write_text("ORGANISATION=Mill 磨坊\nTIMEZONE=Europe/Berlin\n# a remark\n", "utf-8")
    chosen = settings(tmp_path, TIMEZONE="Asia/Shanghai")
    assert (chosen.organisation, chosen.timezone) == ("Mill 磨坊", "Asia/Shanghai")


def test_several_mailboxes_with_odd_passwords(tmp_path: Path) -> None:
    urls = (
        "imaps://a%40b.example:p%40ss%2Fw@mail.example/Complaints, imap://c:d@127.0.0.1:1143/INBOX, "
        "imap+starttls://e:f@mail.example"
    )
    first, second, third = settings(tmp_path, IMAP_URL=urls).imap
    assert (first.user, first.password, first.port, first.folder, first.tls) == (
        "a@b.example", "p@ss/w", 993, "Complaints", True,
    )  # fmt: skip
    assert (second.port, second.tls) == (1143, False)
    assert (third.port, third.tls, third.starttls, first.starttls) == (143, True, True, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMAP_URL", "pop3://mail.example"),
        ("IMAP_URL", "imap://a:b@mail.example/INBOX"),
        ("SMTP_URL", "smtp//mail"),
        ("SMTP_URL", "smtp://mail.example:99999"),
        ("TIMEZONE", "Mars/Olympus"),
        ("LOCALE", "de"),
        ("LOG_FORMAT", "xml"),
        ("PUBLIC_URL", "complaints.example.com"),
        ("MAIL_FROM", "nobody"),
        ("DATABASE_URL", "mysql://x"),
        ("SECRET_KEY", "short"),
        ("CREDENTIALS_KEY", "short"),
        ("CREDENTIALS_KEY", "k" * 43 + "=,short"),
        ("MAIL_LIMIT_MB", "many"),
        ("BOARD_SECONDS", "0"),
        ("BLOB_URL", "blobs"),
    ],
)
def test_a_malformed_setting_names_itself(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=name):
        settings(tmp_path, **{name: value})


def test_a_malformed_address_does_not_show_its_secret(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as refusal:
        settings(tmp_path, IMAP_URL="imapx://a:hunter2@mail.example")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", ["REDIS_URL", "SECRET_KEY", "CREDENTIALS_KEY"])
def test_a_missing_setting_names_itself(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=f"{name} is not set"):
        settings(tmp_path, **{name: ""})


def test_a_start_ends_with_what_is_wrong_with_the_company_s_key_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kpis.toml").write_text('[own]\nmade = "guess"', "utf-8")
    for name, value in {**GOOD, "REDRESS_DATA": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load()
    assert "[own]: made should be one of" in capsys.readouterr().err
