"""The web: people act here. Views find, call one verb of `complaints`, and answer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from complaints.settings import Settings

if TYPE_CHECKING:
    from flask import Flask


def create_app(settings: Settings, overrides: Mapping[str, Any] | None = None) -> "Flask":
    """The whole web application for these settings. `overrides` are Flask configuration values of a test."""
    from flask import Flask

    from webapp import (
        absences,
        actions,
        alarms,
        answers,
        assets,
        assigning,
        attachments,
        board,
        changes,
        channels,
        cli,
        communications,
        complaint_page,
        conversation,
        customers,
        database,
        demo,
        digest_settings,
        digests,
        drafting,
        drafts,
        eight_d,
        errors,
        expected,
        facts,
        health,
        htmx,
        identity,
        inbox,
        invitations,
        language,
        leaving,
        letters,
        links,
        mailboxes,
        moves,
        notes,
        notices,
        noting,
        offered_templates,
        parts,
        passing,
        penalties,
        pickers,
        preferences,
        presence,
        previews,
        prints,
        procedures,
        reading,
        record_facts,
        records,
        records_page,
        registering,
        replies,
        reply_templates,
        reports,
        security,
        similar,
        template_settings,
        templating,
        triage,
        upward,
        watching,
        work,
        writing,
    )

    app = Flask(__name__, template_folder="../templates", static_folder="static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=32 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        SESSION_COOKIE_NAME="__Host-redress" if settings.https else "redress",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
        TEMPLATES_AUTO_RELOAD=False,
        **(overrides or {}),
    )
    app.jinja_environment = templating.Bilingual  # type: ignore[assignment]
    app.extensions["settings"] = settings
    said = (conversation, letters, replies, reply_templates, offered_templates, notes, noting, reading)
    written = (drafts, drafting, records, invitations, records_page, writing, eight_d, registering, prints)
    people = (watching, upward, presence, passing, assigning, expected, leaving)
    known = (reports, facts, record_facts, changes, pickers, customers, communications, links, similar)
    cases = (work, actions, answers, board, moves, complaint_page, *said, *written, *people, *known)
    settled = (preferences, channels, absences, mailboxes, procedures, template_settings, digest_settings, parts)
    web = (*cases, penalties, notices, digests, inbox, triage, *settled, attachments, previews, health, demo)
    for part in (database, language, templating, assets, alarms, security, identity, errors, htmx, *web, cli):
        part.init_app(app)
    return app
