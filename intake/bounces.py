"""Bounces in prose: who was not reached, and why, as mail servers tell it that do not write RFC 3464 reports.

What a server says stands above the copy of the mail it returns, within a few lines of the address that failed. So no
reader for each server is needed: an address failed that begins a line, or that follows a word for "recipient" or "to";
what stands beside or below it, or after a word for "reason", is why. The tables hold the servers' own sentences; a new
server or language is a new line in one of them.

Whether a mail is a bounce at all is decided in `classify`: a person who quotes one writes the same sentences.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Final, Literal, NamedTuple

from intake import headers
from intake.mail import Mail

LOOK_AT: Final = 20_000  # characters of a text, octets of a returned mail
LONGEST_REASON: Final = 300

Verdict = Literal["bounce", "delay", ""]
Table = Mapping[str, tuple[str, ...]]


class Told(NamedTuple):
    """What a server told about one address: its RFC 3463 status, or its SMTP reply code where it gave no status."""

    recipient: str
    status: str
    reason: str


# The tables, in lower case and without accents: see `bare`

# fmt: off
FAILED_SUBJECTS: Table = {
    "en": (
        "undeliver", "returned mail", "returned e-mail", "returned email", "return mail", "returned to sender",
        "failure notice", "failure delivery", "delivery status notification", "delivery notification",
        "delivery fail", "delivery has failed", "delivery report", "delivery error", "delivery problem",
        "mail delivery fail", "mail delivery error", "mail delivery problem", "mail delivery status",
        "mail delivery system", "mail could not be", "mail failed", "mail failure", "mail error", "mail system error",
        "mail not delivered", "mail rejected", "mail undeliver", "message delivery", "message could not be",
        "message undeliver", "message not delivered", "message rejected", "message status - undeliver",
        "message you sent blocked", "e-mail delivery", "email delivery fail", "email could not be", "nondeliver",
        "non-deliver", "non deliver", "could not deliver", "unable to deliver", "unable to be delivered",
        "failed mail", "failed delivery", "failed to deliver", "rejected mail", "rejected:", "permanent delivery",
        "permanent failure", "problem delivering", "your message could not be", "your message couldn't be",
        "user unknown", "unknown user", "postmaster notify", "error sending", "error delivering", "not delivered:",
        "address not found", "bounced mail",
    ),
    "zh": (
        "系统退信", "退信", "邮件被退回", "您的邮件被退回", "无法投递", "投递失败", "邮件投递失败", "发送失败",
        "邮件发送失败", "未送达", "未能送达", "无法送达", "邮件无法送达", "未传递", "无法传递", "邮件传递失败",
        "拒收", "系統退信", "無法投遞", "無法傳遞", "未傳遞", "無法遞送", "退件", "郵件無法送達", "傳送失敗",
        "郵件傳遞失敗", "傳遞狀態通知", "传递状态通知", "送达状态通知", "投递状态通知",
    ),
    "ja": ("配信不能", "配信できません", "配信エラー", "送信エラー", "メール配信エラー", "未達", "不達"),
    "ko": ("배달되지 않음", "배달 실패", "전송 실패", "메일 전송 실패", "발송실패", "반송", "전달되지 않음"),
    "de": (
        "unzustellbar", "nicht zustellbar", "nicht zugestellt", "zustellung fehlgeschlagen", "zustellfehler",
        "fehlgeschlagene zustellung", "mail nicht zustellbar", "e-mail konnte nicht zugestellt",
    ),
    "fr": ("non remis", "non distribuable", "echec de la remise", "echec de remise", "message non remis",
           "notification d'etat de remise"),
    "es": ("no se puede entregar", "no entregado", "no se pudo entregar", "error en la entrega", "error de entrega"),
    "pt": ("nao e possivel entregar", "nao entregue", "nao foi possivel entregar", "falha na entrega"),
    "it": ("non recapitabile", "mancato recapito", "non recapitato", "impossibile recapitare",
           "recapito non riuscito"),
    "nl": ("onbestelbaar", "niet bezorgd", "bezorging mislukt", "niet te bezorgen"),
    "pl": ("niedostarcz", "nie mozna dostarczyc", "nie dostarczono", "niepowodzenie dostarcz"),
    "ru": ("недоставленное", "не доставлено", "не удается доставить", "не удалось доставить", "недоставляемое"),
    "uk": ("не вдалося доставити", "недоставлено"),
    "cs": ("nedorucitelne", "nedoruceno", "nelze dorucit"),
    "tr": ("teslim edilemedi", "teslim edilemeyen", "iletilemedi", "ulastirilamadi"),
    "sv": ("olevererbart", "gar inte att leverera", "kunde inte levereras"),
    "da": ("kan ikke leveres", "ikke leveret", "kunne ikke leveres"),
    "fi": ("ei voi toimittaa", "toimitus epaonnistui", "ei toimitettu"),
    "hu": ("kezbesithetetlen", "sikertelen kezbesites"),
    "vi": ("khong the gui", "khong gui duoc"),
}
"""How the subject of a bounce begins."""

DELAYED_SUBJECTS: Table = {
    "en": (
        "delayed", "delivery delay", "delivery status notification (delay", "delivery notification: delay",
        "mail delay", "mail delivery delay", "e-mail delay", "message delay", "message delivery delay",
        "warning: message", "warning: could not send", "warning: cannot send", "warning: no delivery",
        "returned mail: warning", "undeliverable mail: delayed", "delivery warning", "mail delivery warning",
    ),
    "zh": ("邮件延迟", "延迟投递", "投递延迟", "延迟送达", "邮件投递延迟", "已延迟", "延迟:", "延遲", "郵件延遲",
           "传递状态通知 (延迟", "送达状态通知 (延迟", "传递状态通知(延迟", "送达状态通知(延迟"),
    "ja": ("配信遅延", "配信の遅延", "遅延"),
    "de": ("verzogert", "zustellung verzogert", "zustellungsverzogerung"),
    "fr": ("retarde", "remise retardee", "remise differee"),
    "es": ("retrasado", "entrega retrasada"),
    "pt": ("atrasado", "atraso na entrega", "entrega atrasada"),
    "it": ("ritardato", "recapito ritardato"),
    "nl": ("vertraagd", "vertraging"),
    "pl": ("opoznion",),
    "ru": ("отложено", "доставка отложена", "задержка доставки"),
}
"""How the subject of a mail begins that says: not yet, still trying."""

FAILED_SENTENCES: Table = {
    "Postfix": ("this is the mail system at host", "this is the postfix program at host",
                "your message could not be delivered to one or more recipients"),
    "Exim": ("this message was created automatically by mail delivery software",
             "could not be delivered to one or more of its recipients", "could not be delivered to all of its"),
    "qmail": ("this is the qmail-send program", "wasn't able to deliver your message",
              "i couldn't deliver your message", "this is a permanent error; i've given up",
              "sorry, i couldn't find any"),
    "Sendmail": ("addresses had permanent fatal errors", "addresses had fatal errors", "addresses had delivery"),
    "Exchange": (
        "did not reach the following recipient", "did not reach some or all of the intended recipients",
        "the following recipient(s) cannot be reached", "the following recipient(s) could not be reached",
        "delivery has failed to these recipients", "delivery to the following recipient",
        "couldn't be delivered", "wasn't found at", "无法将邮件传递给", "传递邮件失败", "您的邮件无法传递",
        "傳遞至這些收件者",
    ),
    "Gmail": ("your message wasn't delivered to", "there was a problem delivering your message", "未能将邮件发送至",
              "您的邮件未送达", "您的邮件未能送达"),
    "Yahoo, AOL": ("unable to deliver your message to the following address",
                   "your mail to the following recipients could not be delivered"),
    "Domino": ("was not delivered to:", "not listed in domino directory"),
    "Courier": ("the original message was received on", "unable to deliver your mail"),
    "MDaemon, IMail, GroupWise": (
        "the attached message had permanent fatal", "the attached message has failed delivery", "unknown user:",
        "undeliverable to", "the message that you sent was undeliverable to the following",
    ),
    "others": (
        "blocked by our", "could not be delivered to the following", "was not delivered to the following",
        "has not been delivered", "delivery failed for the following", "the following message could not be delivered",
        "your message was rejected", "your email has been rejected", "unable to deliver message to",
        "your message could not be delivered", "the mail you sent could not be delivered", "failed to deliver to",
        "your message has been returned", "this is a permanent error", "recipient address rejected", "user unknown",
        "mailbox unavailable", "no such user", "had fatal errors",
    ),
    "Coremail, NetEase, QQ, Sina, Sohu, Aliyun": (
        "邮件被退回", "邮件被系统退回", "退信原因", "无法投递", "无法送达", "投递失败", "邮件无法发送到",
        "邮件地址不存在", "收件人不存在", "被收件方拒收", "被对方拒收", "未能成功投递", "未能投递",
        "以下收件人未收到", "該郵件無法", "無法投遞", "無法遞送", "發送失敗", "邮件发送失败",
    ),
    "de": ("konnte nicht zugestellt werden", "nicht zustellbar", "zustellung an folgende"),
    "fr": ("n'a pas pu etre remis", "n'a pas pu etre distribue", "impossible de remettre", "echec de la remise"),
    "es": ("no se pudo entregar", "no ha podido ser entregado", "no se ha podido entregar"),
    "pt": ("nao pode ser entregue", "nao foi possivel entregar"),
    "it": ("non e stato possibile recapitare", "non ha raggiunto", "non e stato recapitato"),
    "ru": ("не может быть доставлено", "не удалось доставить", "не было доставлено", "недоставленное сообщение"),
    "ja": ("配信できませんでした", "送信できませんでした", "配信に失敗", "配達できませんでした"),
    "ko": ("배달하지 못했습니다", "전송하지 못했습니다", "배달되지 않았습니다"),
}
"""What a server says of a mail that did not arrive."""

DELAYED_SENTENCES: Table = {
    "en": (
        "this is a warning message only", "you do not need to resend", "no action is required on your part",
        "delivery attempts will continue", "will be retried", "still being retried", "will keep trying",
        "will continue to try", "will continue trying", "still trying to deliver", "delivery has been delayed",
        "has not yet been delivered", "have not yet been delivered", "delivery is delayed", "is being delayed",
        "message has been delayed", "recipient has been delayed", "recipients has been delayed",
        "temporary problem delivering", "will try again", "has been postponed",
    ),
    "zh": ("将继续尝试", "继续尝试投递", "稍后重试", "会继续重试", "将会重试", "尚未送达", "將繼續嘗試", "将继续重试"),
    "de": ("wird weiter versucht", "zustellung verzogert", "weitere zustellversuche"),
    "fr": ("nouvelles tentatives", "a ete retarde", "n'a pas encore ete remis"),
    "es": ("se seguira intentando", "ha sido retrasad"),
    "ru": ("попытки доставки будут продолжены", "доставка отложена"),
}
"""What a server says of a mail that it has not given up."""

RECIPIENT_WORDS = (
    r"to", r"final[- ]recipient", r"original[- ]recipient", r"failed recipient", r"recipients?(?: address)?",
    r"unknown user", r"user unknown", r"收件人(?:邮件|邮箱|电子邮件)?(?:地址)?", r"收信人(?:地址)?", r"收件地址",
    r"收件者", r"收件人地址", r"退信地址", r"失败地址", r"目标地址", r"发送[至到给]", r"发[给往]", r"empf[aä]nger",
    r"destinataires?", r"destinatari[oi]s?", r"destinat[aá]rio", r"получатель", r"宛先", r"받는 사람", r"an", r"à",
)
"""What stands before an address that failed; what matters is the word right before it."""

REASON_WORDS = (
    r"退信原因", r"失败原因", r"错误原因", r"失敗原因", r"错误信息", r"错误提示", r"退信提示", r"原因", r"英文说明",
    r"for the following reasons?", r"reasons?", r"diagnostic[- ]code", r"error message(?: below)?", r"because",
    r"(?:response|error|answer)[^:\n]{0,60} was", r"said", r"grund", r"fehlermeldung", r"motif", r"motivo", r"raison",
    r"причина", r"理由", r"사유",
)
"""What stands before a reason, and then a colon or the end of the line."""

OTHERS_ADDRESSES = (
    "message-id", "in-reply-to", "references", "from", "sender", "reply-to", "return-path", "mail from", "发件人",
    "寄件者", "reporting-mta", "x-", "arrival-date", "von:", "received",
)
"""How a line begins that names other addresses than the one that failed."""
# fmt: on


def bare(text: str) -> str:
    """Letters without case, accents, width and Turkish dots, and straight apostrophes: a table needs one spelling."""
    if text.isascii():
        return text.lower()
    kept = [c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)]
    return "".join(kept).translate(_STRAIGHT).casefold()


_STRAIGHT = str.maketrans("’‘ı", "''i")


def _all(table: Table) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bare(words) for group in table.values() for words in group))


_FAILED_SUBJECTS = _all(FAILED_SUBJECTS)
_DELAYED_SUBJECTS = _all(DELAYED_SUBJECTS)
_FAILED_SENTENCES = _all(FAILED_SENTENCES)
_DELAYED_SENTENCES = _all(DELAYED_SENTENCES)

TAG = r"(?:\[[^\[\]]{1,40}+\]|【[^【】]{1,40}+】|\*{1,5}+[^*]{1,30}+\*{1,5}+|(?:external|ext|caution|spam)\s?+:)\s*+"
"""What gateways set before a subject, bare: "[EXTERNAL]", "***SPAM***"."""

_TAGS = re.compile(rf"\s*+(?:{TAG})*+")
_COPY = re.compile(
    r"""^[ \t>]*+(?:
          -{2,}+[ \t]*+(?:below[ ]this[ ]line|this[ ]is[ ]a[ ]copy|the[ ]body[ ]of|the[ ]header|original[ ]message
            |message[ ](?:header|text)|unsent[ ]message|returned[ ]m|copy[ ]of|undelivered[ ]message|enclosed|原始邮件
            |原邮件)
        | original[ ]message[ ](?:headers?|follows|details)[ .:]*$ | included[ ]is[ ]a[ ]copy | 原邮件(?:头|内容|正文)
        | received:[ ](?:from|by|\() | return-path:
        )""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_LOCAL = r"[\w!#$%&'*+/=?^`{|}~.-]"
_ADDRESS = re.compile(rf"(?<!{_LOCAL}){_LOCAL}{{1,64}}+@[\w.-]{{1,255}}+", re.ASCII)
_BEGINS = re.compile(r"[\s<>\"'“|*•·-]*+$")
_NAMED = re.compile(
    rf"(?<![a-z])(?:{'|'.join(RECIPIENT_WORDS)})\W{{0,20}}(?:rfc822;\s{{0,4}}|mailto:)?$", re.IGNORECASE
)
_WHY = re.compile(rf"(?<![a-z])(?:{'|'.join(REASON_WORDS)})\s{{0,3}}(?:[:：]|$)[\s|]{{0,6}}", re.IGNORECASE)
_FIELD = re.compile(
    r"[\s>|*]{0,10}(?:to|cc|subject|sent|date|from|action|status|reporting-mta|arrival-date|received|主\s?题|时\s?间|"
    r"发送时间|收件人|抄\s?送|密\s?送|发件人)\s{0,3}[:：]",
    re.IGNORECASE,
)
_NEXT_ADDRESS = re.compile(rf"[\s<\"']{{0,10}}{_LOCAL}{{1,64}}+@[\w.-]{{1,255}}+[>\"']?\s{{0,4}}(?::|$)", re.ASCII)
_EXPANDED = re.compile(rf"\((?:expanded|generated) from:? {{1,4}}<?({_LOCAL}{{1,64}}+@[\w.-]{{1,255}}+)>?\)", re.ASCII)
_ON_A_DATE = re.compile(r"\A['\s]{0,3}on [\w/,:.+ -]{6,50}$")
_HEADING = re.compile(r"[-=*]{3}|\S[^\n]{0,200}[:：]\s{0,4}$|建议|解决")
_TRANSCRIPT = re.compile(r"^(?:<{2,}|\.{3}) ")
_SAYS = re.compile(r"[^\W\d_]{2}|\d{3}")
_STATUS = re.compile(r"(?<![\d.])([245]\.[0-7]\.\d{1,3})(?!\.?\d)")
_REPLY_CODE = re.compile(r"(?<![\d.])([45][0-5]\d)(?=[ \t-]|: )")
_CODE_TYPE = re.compile(r"\s*+[\w.-]{1,40}+\s*+;\s*+")
_TO_IN_COPY = re.compile(r"^[> \t]{0,8}To:[ \t]{0,4}([^\n]{3,300})", re.IGNORECASE | re.MULTILINE)
_CITED_ID = re.compile(r"^[> \t]{0,8}Message[- ]ID ?:\s{0,4}(<[^<>\s]{3,996}>)", re.IGNORECASE | re.MULTILINE)
_RETURNED_TO = re.compile(rb"^To[ \t]{0,4}:[ \t]{0,4}([^\r\n]{3,300})", re.IGNORECASE | re.MULTILINE)
_RETURNED_ID = re.compile(rb"^Message-ID[ \t]{0,4}:\s{0,4}(<[^<>\s]{3,996}>)", re.IGNORECASE | re.MULTILINE)
_POSTMASTERS = ("postmaster@", "mailer-daemon@", "abuse@")
_MOST_FILES = 5
_MOST_IDS = 3  # in one file or text


def by_subject(subject: str) -> Verdict:
    """What the first words of a subject say, after the tags of gateways."""
    words = bare(subject[:300])
    tags = _TAGS.match(words)
    firsts = words[tags.end() :] if tags else words, words.lstrip(" [【*")  # what it is may stand in a tag
    if any(first.startswith(_DELAYED_SUBJECTS) for first in firsts):
        return "delay"
    return "bounce" if any(first.startswith(_FAILED_SUBJECTS) for first in firsts) else ""


def by_text(text: str) -> Verdict:
    """What the words above the returned copy say."""
    words = bare(" ".join(_above_copy(text).split()))[:LOOK_AT]
    if any(sentence in words for sentence in _DELAYED_SENTENCES):
        return "delay"
    return "bounce" if any(sentence in words for sentence in _FAILED_SENTENCES) else ""


def either(by_subject: Verdict, by_text: Verdict) -> Verdict:
    """A delay where either says so: a subject often promises less than the text beneath it."""
    return "delay" if "delay" in (by_subject, by_text) else by_subject or by_text


def told(mail: Mail, *, not_these: Collection[str]) -> Told:
    """What a bounce says, as far as it can be read; what cannot is "". `not_these`: addresses that cannot have failed,
    because they are ours or the sender's. The reason is one line of at most 300 characters."""
    prose = _above_copy(mail.text)
    lines = [line[:2000] for line in _EXPANDED.sub("", prose).split("\n")]
    others = {address.lower() for address in (*not_these, mail.from_address, *mail.to)}
    named = [a for a in headers.addresses([mail.signal("x-failed-recipients")]) if a.lower() not in others]
    failed = _failed(lines, others, named[0] if named else "")
    coded = _with_a_code(lines)
    reason = _after_a_word(lines) or _beside(lines, failed, 1) or coded
    reason = reason or _beside(lines, failed, 11) or _sentence(lines)
    status = status_in(reason) or next((s for s in map(status_in, lines) if s.startswith(("4", "5"))), "")
    if not status and (code := _REPLY_CODE.search(reason) or _REPLY_CODE.search(coded)):
        status = code[1]
    # An alias of its own is no address that we wrote to.
    written_to = expanded[1] if (expanded := _EXPANDED.search(prose)) else failed.address
    return Told(headers.addr_spec(written_to) or _recipient_of_copy(mail, others), status, reason)


def diagnostic(text: str) -> str:
    """A Diagnostic-Code without its type, as one line."""
    kind = _CODE_TYPE.match(text)
    return _line(text[kind.end() :] if kind else text)


def status_in(text: str) -> str:
    """The first enhanced status code (RFC 3463) in a text, "" when there is none. Fields of the returned mail have
    numbers of other kinds."""
    found = None if _FIELD.match(text) else _STATUS.search(text, 0, LOOK_AT)
    return found[1] if found else ""


def returned_ids(mail: Mail) -> Iterator[str]:
    """The Message-IDs of the mails that a machine's mail returns: in files, or as text beneath its words."""
    found = [
        id_[1].decode("ascii", "replace")
        for part in mail.attachments[:_MOST_FILES]
        for id_ in islice(_RETURNED_ID.finditer(part.content, 0, LOOK_AT), _MOST_IDS)
    ]
    found += [id_[1] for id_ in islice(_CITED_ID.finditer(mail.text, 0, LOOK_AT), _MOST_IDS)]
    return (id_ for written in found for id_ in headers.message_ids(written) if id_ != mail.message_id)


def _above_copy(text: str) -> str:
    text = text[:LOOK_AT]
    copy = _COPY.search(text)
    return text[: copy.start()] if copy else text


class _Failed(NamedTuple):
    """An address that failed, the line it stands in (-1: in none), how surely (0 is surely) and what stands behind."""

    address: str
    line: int = -1
    doubt: int = 9
    behind: str = ""


def _failed(lines: list[str], others: set[str], known: str) -> _Failed:
    best = _Failed(known)
    for number, line in enumerate(lines):
        if "@" not in line or bare(line[:40]).lstrip(" >|*").startswith(OTHERS_ADDRESSES):
            continue
        for found in _ADDRESS.finditer(line):
            address = headers.addr_spec(found[0].strip("'.`"))
            folded = address.lower()
            if not address or folded in others or folded.startswith(_POSTMASTERS):
                continue
            if known and folded != known.lower():
                continue
            doubt = _doubt(line, found.start())
            if doubt < best.doubt:
                best = _Failed(address, number, doubt, line[found.end() :])
        if best.doubt == 0:
            break
    return best


def _doubt(line: str, at: int) -> int:
    """0: it begins its line. 1: after a word for a recipient. 2: in a field of the returned mail. 3: anywhere."""
    if _BEGINS.fullmatch(line, 0, at):
        return 0
    if _FIELD.match(line):
        return 2
    return 1 if _NAMED.search(line[max(0, at - 60) : at]) else 3


def _after_a_word(lines: list[str]) -> str:
    for number, line in enumerate(lines):
        if (why := _WHY.search(line)) and (said := _paragraph(lines, number, line[why.end() :], 11)):
            return said
    return ""


def _beside(lines: list[str], failed: _Failed, within: int) -> str:
    """What stands behind the address and below it; or the sentence that it is part of."""
    if failed.line < 0 or failed.doubt == 2:
        return ""
    if failed.doubt and _SAYS.search(failed.behind):
        return _line(lines[failed.line])
    return _paragraph(lines, failed.line, _ON_A_DATE.sub("", failed.behind), within)


def _with_a_code(lines: list[str]) -> str:
    return _line(next((line for line in lines if status_in(line) or _REPLY_CODE.search(line)), ""))


def _sentence(lines: list[str]) -> str:
    """The first line that says that a mail failed; else the first that says anything."""
    worded = [line for line in lines if _SAYS.search(line)]
    saying = (line for line in worded if by_text(line) == "bounce")
    return _line(next((line for line in saying if "this is the" not in line.lower()), "") or next(iter(worded), ""))


def _paragraph(lines: list[str], number: int, rest: str, within: int) -> str:
    """The rest of a line and those below it, to an empty one or a heading. It begins `within` so many lines."""
    taken = [rest] if _SAYS.search(rest) else []
    for distance, line in enumerate(lines[number + 1 : number + 16], 1):
        heading = _HEADING.match(line) or _FIELD.match(line) or _NEXT_ADDRESS.match(line)
        opens = not taken and line.rstrip().endswith((":", "："))
        if heading or opens or not _SAYS.search(line) or len(taken) == 5:
            if taken or distance >= within:
                break
        else:
            taken.append(line)
    return _line(" ".join(taken))


def _line(text: str) -> str:
    """One line of at most 300 characters, without what held it in its place."""
    line = " ".join(headers.one_line(text[:2000]).split()).strip(" |>:：,;*=-")
    line = _TRANSCRIPT.sub("", line)
    if line.startswith("(") and ")" not in line[:-1]:
        line = line.strip("()").strip()
    elif line.endswith(")") and "(" not in line:
        line = line[:-1]
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1].rstrip() + "…"


def _recipient_of_copy(mail: Mail, others: set[str]) -> str:
    """To whom the returned mail had been sent."""
    found = [
        to[1].decode("ascii", "replace")
        for part in mail.attachments[:_MOST_FILES]
        if (to := _RETURNED_TO.search(part.content, 0, LOOK_AT))
    ]
    found += [to[1] for to in islice(_TO_IN_COPY.finditer(mail.text, 0, LOOK_AT), _MOST_IDS)]
    return next((address for address in headers.addresses(found) if address.lower() not in others), "")
