"""Why a message became what it became: the codes that sightings carry, each with its sentence for a clerk."""

from collections.abc import Mapping

from complaints.errors import N_

REASONS: Mapping[str, str] = {
    # drafted
    "new_complaint": N_("A person wrote; a draft was made."),
    "acknowledged": N_("A person wrote; a draft was made and the customer gets an acknowledgement."),
    "imported": N_("A mail from the backlog; a draft was made, nobody was written to."),
    "may_belong": N_("A draft was made; it may belong to another complaint."),
    "by_hand": N_("A person decided it."),
    # joined
    "reply": N_("An answer to one of our mails, from somebody on the complaint."),
    "reply_to_closed": N_("The customer wrote again after the complaint was closed."),
    # duplicate
    "same_letter": N_("The same letter was taken before."),
    "fetched_again": N_("It was too large at first and is fetched again."),
    # set aside
    "automatic": N_("An automatic mail, not from a person."),
    "bulk": N_("A bulk mailing."),
    "own": N_("One of our own mails came back."),
    "set_aside_by_hand": N_("A person set it aside: %(why)s"),
    "too_early": N_("Older than what this mailbox is to take in."),
    # events
    "bounce": N_("A mail server reports that a mail could not be delivered."),
    "delay": N_("A mail server reports that a mail is late; it still tries."),
    "receipt": N_("A receipt: somebody's program says that a mail was shown."),
    "feedback": N_("A provider reports that somebody marked a mail of ours as unwanted."),
    "loop": N_("Two programs answer each other; the loop was cut here."),
    # quarantined
    "too_large": N_(
        "The message has %(size)s octets; the limit is %(limit)s. Its header is kept; the message stays in the mailbox."
    ),
    "too_large_kept": N_(
        "The message has %(size)s octets; the limit is %(limit)s. It is kept whole: download it, or try again."
    ),
    "unreadable": N_("The message could not be read (%(what)s). Its raw form is kept."),
    "reader_died": N_("Reading it used up time or memory (%(what)s). Its raw form is kept."),
    "raw_missing": N_("The bytes that we kept of it are gone. Restore the blob store from a backup, then try again."),
    "raw_altered": N_(
        "The bytes that we kept of it were altered. Restore the blob store from a backup, then try again."
    ),
    "failed": N_("Taking it in failed: %(what)s. Its raw form is kept; try again."),
}
