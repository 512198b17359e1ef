"""Accounts: what a mailbox's row needs to be entered.

The row says where the mailbox is and what becomes of its mail. Its secret is in the environment (`IMAP_URL`) or sealed
in the row, and leaves the vault only here, for as long as the poller holds the account.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import case, or_, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure_store, rows
from complaints.errors import N_, ComplaintError
from complaints.mailboxes import ENVIRONMENT, STARTTLS_PORT, XOAUTH2, Mailbox
from complaints.procedure import usual
from complaints.settings import LOOPBACK, ImapAccount, Settings
from complaints.vault import Vault
from intake import oauth
from intake.pipeline import utc_now


class NotConfigured(ComplaintError):
    """A mailbox of the environment that the environment names no more."""

    message = N_("%(name)s is not in IMAP_URL any more.")


def ensure_environment_rows(session: Session, settings: Settings) -> None:
    """The mailboxes of the environment as rows: new ones are added, known ones get today's connection, and those named
    no more rest. A new one leads to the procedure that is usual here. What people set in Settings stays; so does a
    mailbox that is entered there under the same name."""
    names = [account.name for account in settings.imap]
    if names:
        procedure_store.refresh(session)
        new = {"source": ENVIRONMENT, "procedure": usual().key}
        rows.add_unless_there(session, Mailbox, [new | {"name": name} for name in names])
    for account in settings.imap:
        session.execute(
            update(Mailbox)
            .where(Mailbox.name == account.name, or_(Mailbox.source == ENVIRONMENT, ~Mailbox.active))
            .values(
                source=ENVIRONMENT, active=True, host=account.host, port=account.port, tls=account.tls,
                user=account.user, folder=account.folder, auth="password",
                address=case((Mailbox.address == "", address_of(account, settings)), else_=Mailbox.address),
            )
            .execution_options(synchronize_session=False)
        )  # fmt: skip
    session.execute(
        update(Mailbox)
        .where(Mailbox.source == ENVIRONMENT, Mailbox.active, Mailbox.name.not_in(names))
        .values(active=False)
        .execution_options(synchronize_session=False)
    )


def address_of(account: ImapAccount, settings: Settings) -> str:
    """Where customers write to, as far as the account tells; on this very machine the address we write from."""
    if "@" in account.user:
        return account.user
    return settings.mail_from if account.host in LOOPBACK else f"{account.user}@{account.host}"


def account(
    row: Mailbox, settings: Settings, make: sessionmaker[Session], *, clock: Callable[[], datetime] = utc_now
) -> ImapAccount:
    """The account to enter a mailbox with. Its tokens are kept and renewed in transactions of `make`. Raises
    `NotConfigured`, and `WrongKey` where the vault does not open the secret."""
    if row.source == ENVIRONMENT:
        for configured in settings.imap:
            if configured.name == row.name:
                return replace(configured, processed=row.processed_folder, contact=settings.mail_from)
        raise NotConfigured(name=row.name)
    vault = Vault(settings.credentials_key)
    by_token = row.auth == XOAUTH2
    return ImapAccount(
        host=row.host, port=row.port, tls=row.tls, starttls=row.tls and row.port == STARTTLS_PORT, user=row.user,
        password="" if by_token else vault.open(row.secret), folder=row.folder,
        token=oauth.Tokens(row.id, vault, make, clock=clock) if by_token else None,
        processed=row.processed_folder, contact=settings.mail_from,
    )  # fmt: skip
