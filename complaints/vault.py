"""The vault: secrets of mailboxes, sealed before they reach the database.

`CREDENTIALS_KEY` holds one Fernet key, or several with commas: the first seals, all open. So a key is changed by
putting the new one in front; what is saved from then on needs the old one no more. The database without the key gives
no secret away.
"""

import re
from functools import cached_property
from typing import TYPE_CHECKING

from complaints.errors import N_, ComplaintError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

MAKE_A_KEY = "openssl rand -base64 32 | tr '+/' '-_'"
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")  # 32 octets in URL-safe base64


class WrongKey(ComplaintError):
    """Something was sealed with a key that is not among ours."""

    message = N_(
        "A secret cannot be opened: CREDENTIALS_KEY is not the key it was sealed with. Enter the secret again."
    )


class BadKey(ValueError):
    """This is no key; the text says how to make one, and shows nothing of what was given."""


class Vault:
    """Seals and opens short texts. Raises `BadKey` for a key that is none."""

    def __init__(self, key: str) -> None:
        self._keys = [part.strip() for part in key.split(",") if part.strip()]
        if not self._keys or not all(_KEY.fullmatch(part) for part in self._keys):
            raise BadKey(f"no key of 32 octets in URL-safe base64. Make one with: {MAKE_A_KEY}")

    @cached_property
    def _fernet(self) -> "MultiFernet":
        from cryptography.fernet import Fernet, MultiFernet  # every process checks its key, few ever use it

        return MultiFernet([Fernet(key) for key in self._keys])

    def seal(self, text: str) -> str:
        """The text, encrypted and signed. An empty one stays empty: there is no secret."""
        return self._fernet.encrypt(text.encode()).decode() if text else ""

    def open(self, sealed: str) -> str:
        """What was sealed; raises `WrongKey`, also for what was tampered with."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed.encode()).decode() if sealed else ""
        except InvalidToken:
            raise WrongKey from None
