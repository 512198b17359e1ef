"""Why a message became what it became: the codes that sightings carry, each with its sentence for a clerk."""

from collections.abc import Mapping

from complaints.errors import N_

REASONS: Mapping[str, str] = {
    "new_complaint": N_("A person wrote; a draft was made."),
    "acknowledged": N_("A person wrote; a draft was made and the customer gets an acknowledgement."),
    "reply": N_("An answer to one of our mails, from somebody on the complaint."),
    "same_letter": N_("The same letter was taken before."),
    "automatic": N_("An automatic mail, not from a person."),
    "bulk": N_("A bulk mailing."),
    "own": N_("One of our own mails came back."),
    "bounce": N_("A mail server reports that a mail could not be delivered."),
    "receipt": N_("A receipt: somebody's program says that a mail was shown."),
    "too_large": N_(
        "The message has %(size)s octets; the limit is %(limit)s. Its header is kept; the message stays in the mailbox."
    ),
    "unreadable": N_("The message could not be read (%(what)s). Its raw form is kept."),
    "failed": N_("Taking it in failed: %(what)s. Its raw form is kept; try again."),
}
