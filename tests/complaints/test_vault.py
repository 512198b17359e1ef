"""The vault: what is sealed says nothing, and opens with the right key only."""

import pytest
from cryptography.fernet import Fernet

from complaints.vault import BadKey, Vault, WrongKey

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.mark.parametrize("secret", ["p@ss/word%1", "授权码", "x" * 5000])
def test_a_sealed_secret_is_unreadable_and_opens_again(secret: str) -> None:
    sealed = Vault(OLD).seal(secret)
    assert secret not in sealed
    assert Vault(OLD).open(sealed) == secret


def test_the_same_secret_never_looks_the_same() -> None:
    assert Vault(OLD).seal("secret") != Vault(OLD).seal("secret")


def test_no_secret_stays_no_secret() -> None:
    assert (Vault(OLD).seal(""), Vault(OLD).open("")) == ("", "")


def test_another_key_does_not_open_it_and_says_what_to_do() -> None:
    with pytest.raises(WrongKey, match="CREDENTIALS_KEY"):
        Vault(NEW).open(Vault(OLD).seal("secret"))


@pytest.mark.parametrize("sealed", ["secret", "密封", "gAAAAA==", "\0"])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(WrongKey):
        Vault(OLD).open(sealed)


def test_a_tampered_secret_does_not_open() -> None:
    sealed = Vault(OLD).seal("secret")
    with pytest.raises(WrongKey):
        Vault(OLD).open(sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:])


def test_while_the_key_is_changed_old_secrets_open_and_new_ones_need_the_new_key_alone() -> None:
    both = Vault(f"{NEW}, {OLD}")
    assert both.open(Vault(OLD).seal("before")) == "before"
    assert Vault(NEW).open(both.seal("after")) == "after"


@pytest.mark.parametrize(
    "key", ["", ",", "short", f"{OLD},hunter2", OLD[:-1], "密" * 44], ids=["none", "comma", "short", "two", "cut", "zh"]
)
def test_a_key_that_is_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(BadKey, match="openssl rand") as refusal:
        Vault(key)
    assert not key or key not in str(refusal.value)
    assert "hunter2" not in str(refusal.value)
