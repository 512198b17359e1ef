"""Classify: who or what wrote this mail, a person or a machine, and which machine.

The rules are asked in order and the first that knows the mail names its kind; a mail nobody knows is from a person.
Each rule is a function of the mail alone and gives the code of its reason, so a new one is a new entry in the list.
A complaint taken for a machine's mail is lost to its reader, a machine's mail taken for a complaint is only in the way:
where a mark may be either's, the mail is a person's.

A kind is a description, never a permission: a bounce counts only where it cites a mail we sent, and who may speak for
whom is decided in `route`. What bounces say in prose is read in `bounces`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from intake import bounces, headers
from intake.bounces import bare
from intake.mail import RESPONDER_HEADERS, Mail, Recipient, Report

Sort = Literal["person", "automatic", "bounce", "delay", "receipt", "feedback", "loop", "bulk", "own"]

MOST_HOPS: Final = 100
"""Received fields from which on a mail goes in circles: RFC 5321, section 6.3."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of mail this is, and by which rule. `is_list` only withholds the acknowledgement.

    A bounce is final, or does not say; a delay is still being tried and leaves nobody unreached. Both may name the
    address, its RFC 3463 status (or SMTP reply code) and a reason: one line of at most 300 characters in the server's
    own words. `cited_message_ids` are of the mails this one speaks about, without brackets, the most telling first.
    """

    kind: Sort
    reason: str
    is_list: bool
    bounce_recipient: str = ""
    bounce_status: str = ""
    bounce_reason: str = ""
    cited_message_ids: tuple[str, ...] = ()
    bounce_original: str = ""  # the address that was written to, where an alias led on from it


class Found(NamedTuple):
    kind: Sort
    reason: str
    recipient: str = ""
    status: str = ""
    words: str = ""
    original: str = ""


class Ours(NamedTuple):
    """What we know of ourselves, in lower case."""

    addresses: frozenset[str]
    message_domain: str


Rule = Callable[[Mail, Ours], Found | None]


def classify(mail: Mail, *, own_addresses: Collection[str], own_message_domain: str | None) -> Kind:
    """The kind of any mail whatsoever; never raises. Wants the attachments with their content."""
    ours = Ours(frozenset(_folded(address) for address in own_addresses), (own_message_domain or "").lower())
    found = next((found for rule in RULES if (found := rule(mail, ours))), Found("person", "person"))
    return Kind(
        kind=found.kind,
        reason=found.reason,
        is_list=mail.is_list or mail.precedence == "list",
        bounce_recipient=found.recipient,
        bounce_status=found.status,
        bounce_reason=found.words,
        cited_message_ids=_cited(mail, found.kind),
        bounce_original=found.original,
    )


def _folded(address: str) -> str:
    """ASCII letters in lower case, all others as they are: no language's rules make two addresses one."""
    return "".join([c.lower() if c.isascii() else c for c in address])


_OUR_LOCAL_PART = re.compile(r"redress\.[0-9a-f]{40}")
"""As complaints.outbox.message_id writes it."""


# The rules


def too_many_hops(mail: Mail, ours: Ours) -> Found | None:
    """RFC 5321, section 6.3."""
    return Found("loop", "too_many_hops") if mail.received_count >= MOST_HOPS else None


def own_message_id(mail: Mail, ours: Ours) -> Found | None:
    """A mail of ours that came back."""
    return Found("own", "own_message_id") if _is_our_message_id(mail.message_id, ours) else None


def web_form(mail: Mail, ours: Ours) -> Found | None:
    """A website's form sends in our name and has its reader's address in Reply-To; a loop of ours has not."""
    if not _is_own(mail.from_address, ours) or not mail.reply_to or _is_own(mail.reply_to, ours):
        return None
    return None if mail.is_list or _has_machine_headers(mail) else Found("person", "web_form")


def own_address(mail: Mail, ours: Ours) -> Found | None:
    """A mail of ours that came back, or of somebody who writes in our name."""
    return Found("own", "own_address") if _is_own(mail.from_address, ours) else None


def delivery_report(mail: Mail, ours: Ours) -> Found | None:
    """RFC 3464. Of several addresses the worst counts. What the fields do not say is looked for in the prose."""
    report = _report(mail)
    if report is None or report.kind != "delivery-status":
        return None
    worst = min(report.recipients, key=_gravity, default=Recipient("", "", "", ""))
    action = _action(worst)
    told = bounces.told(mail, not_these=ours.addresses)
    status = worst.status or bounces.status_in(worst.diagnostic) or told.status
    if action in ("delivered", "relayed", "expanded"):
        return Found("receipt", f"dsn_{action}", worst.address, status)
    words = bounces.diagnostic(worst.diagnostic) or told.reason
    recipient = worst.address or told.recipient
    if action == "delayed" or (not action and bounces.by_subject(mail.subject) == "delay"):
        return Found("delay", "dsn_delayed", recipient, status, words, worst.original)
    return Found("bounce", "dsn_failed", recipient, status, words, worst.original)


def disposition_notification(mail: Mail, ours: Ours) -> Found | None:
    """RFC 8098: somebody's mail reader says what it did with a mail."""
    report = _report(mail)
    if report is None or report.kind != "disposition-notification":
        return None
    return Found("receipt", "mdn", next((r.address for r in report.recipients if r.address), ""))


def plain_receipt(mail: Mail, ours: Ours) -> Found | None:
    """The same without RFC 8098, as some mail programs and servers send it."""
    if mail.signal("content-class").strip().lower() == "urn:content-classes:mdn":
        return Found("receipt", "receipt_in_prose")
    marked = mail.content_type == "multipart/report" or _has_machine_headers(mail)
    return Found("receipt", "receipt_in_prose") if marked and _begins(mail.subject, _RECEIPT_SUBJECT) else None


def feedback(mail: Mail, ours: Ours) -> Found | None:
    """RFC 5965, and a provider's form from before it: somebody called a mail of ours spam."""
    report = _report(mail)
    if report and report.kind == "feedback-report":
        return Found("feedback", "feedback_report")
    return Found("feedback", "feedback_in_prose") if _begins(mail.subject, _FEEDBACK_SUBJECT) else None


def responder_subject(mail: Mail, ours: Ours) -> Found | None:
    known = _begins(mail.subject, _RESPONDER_SUBJECT) or _begins(mail.subject, _IS_OUT)
    return Found("automatic", "responder_subject") if known else None


def plain_bounce(mail: Mail, ours: Ours) -> Found | None:
    """A bounce in prose, as older and some Chinese servers write them. From a server its subject or its text is enough;
    from anybody else both must say so, and something that a person who passes a bounce on cannot have."""
    by_subject = bounces.by_subject(mail.subject)
    verdict: bounces.Verdict
    if _says_it_bounces(mail):
        verdict = bounces.either(by_subject, bounces.by_text(mail.text)) or "bounce"
    elif _is_from_server(mail):
        verdict = bounces.either(by_subject, bounces.by_text(mail.text))
    elif by_subject and _may_be_from_server(mail, ours):
        by_text = bounces.by_text(mail.text)
        verdict = by_text and bounces.either(by_subject, by_text)
    else:
        return None
    if not verdict:
        return None
    return Found(verdict, f"{verdict}_in_prose", *bounces.told(mail, not_these=ours.addresses))


def other_report(mail: Mail, ours: Ours) -> Found | None:
    """Reports between machines: TLS (RFC 8460), DMARC (RFC 7489) and what is to come."""
    return Found("automatic", "report") if _report(mail) or _begins(mail.subject, _REPORT_SUBJECT) else None


def forwarded_by_rule(mail: Mail, ours: Ours) -> Found | None:
    """A rule of somebody's mailbox sent this on and marked it as its own; a person wrote it all the same. A rule that
    redirects leaves the subject as it was, and what a responder said of the mail before."""
    if not mail.signal("x-ms-exchange-inbox-rules-loop"):
        return None
    redirected = mail.signal("resent-from") and mail.auto_submitted in ("", "no", "auto-generated")
    forwarded = redirected or _begins(mail.subject, _FORWARD_SUBJECT)
    return Found("person", "forwarded_by_rule") if forwarded else None


def auto_submitted(mail: Mail, ours: Ours) -> Found | None:
    """RFC 3834: everything but "no" says that nobody wrote this by hand."""
    return Found("automatic", "auto_submitted") if mail.auto_submitted not in ("", "no") else None


def responder_header(mail: Mail, ours: Ours) -> Found | None:
    """What responders said before there was a standard, and go on saying. X-Auto-Response-Suppress is not among them:
    it asks us not to answer by machine, and people's mail has it too."""
    return Found("automatic", "responder_header") if _has_responder_header(mail) else None


def precedence_auto_reply(mail: Mail, ours: Ours) -> Found | None:
    found = _precedences(mail) & {"auto_reply", "auto-reply", "autoreply"}
    return Found("automatic", "precedence_auto_reply") if found else None


def responder_text(mail: Mail, ours: Ours) -> Found | None:
    """Its first line says what it is."""
    first = next((line for line in mail.text[:1000].split("\n") if line.strip()), "")
    return Found("automatic", "responder_text") if _begins(first, _RESPONDER_TEXT) else None


def null_reverse_path(mail: Mail, ours: Ours) -> Found | None:
    """RFC 5321: who sends with an empty reverse path must not be answered."""
    return Found("automatic", "null_return_path") if mail.return_path == "" else None


def daemon_sender(mail: Mail, ours: Ours) -> Found | None:
    return Found("automatic", "daemon_sender") if _DAEMON.fullmatch(_sender(mail)) else None


def bulk(mail: Mail, ours: Ours) -> Found | None:
    found = sorted(_precedences(mail) & {"bulk", "junk"})
    return Found("bulk", f"precedence_{found[0]}") if found else None


def confirmation(mail: Mail, ours: Ours) -> Found | None:
    """Some service asks to confirm an account in our name: whoever reads our mail could sign up as one of us. It is
    still a draft, but it says what it looks like, and nobody is answered."""
    if not _CONFIRMATION.search(mail.subject[:300]) or not _LINK_OR_CODE.search(mail.text, 0, bounces.LOOK_AT):
        return None
    return Found("person", "confirmation")


# What ends a loop before all: it must end here whatever else the mail looks like. Bounces before the general marks of
# machines: a bounce has those marks too, but says more.
RULES: tuple[Rule, ...] = (
    too_many_hops,
    own_message_id,
    web_form,
    own_address,
    delivery_report,
    disposition_notification,
    plain_receipt,
    feedback,
    responder_subject,
    plain_bounce,
    other_report,
    forwarded_by_rule,
    auto_submitted,
    responder_header,
    precedence_auto_reply,
    responder_text,
    null_reverse_path,
    daemon_sender,
    bulk,
    confirmation,
)


_CONFIRMATION = re.compile(
    r"\b(?:confirm|verify|activate|validate)\b.{0,30}\b(?:e-?mail|account|address|registration|sign[- ]?up|identity)\b"
    r"|\b(?:verification|security|one[- ]time|log-?in|sign[- ]in|access) (?:code|password|link)\b"
    r"|\breset (?:your )?password\b|\bpassword reset\b|\b(?:has|have|been) invited (?:you )?to join\b"
    r"|验证码|校验码|激活.{0,6}(?:账号|帐号|邮箱|账户)|验证.{0,6}(?:邮箱|邮件地址|账号|帐号)|重置.{0,4}密码|邀请[您你]加入"
    r"|bestätigen sie ihre|confirmez votre (?:adresse|compte)|confirme (?:su|tu) (?:correo|cuenta)",
    re.IGNORECASE,
)
_LINK_OR_CODE = re.compile(r"https?://[!-~]{8}|(?<!\d)\d{4,8}(?!\d)")

# What the rules look for, in lower case and without accents: see `bounces.bare`

# fmt: off
RESPONDER_SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "automatic reply", "auto reply", "auto-reply", "autoreply", "automated reply", "automatic response",
        "auto response", "auto-response", "autoresponse", "automated response", "auto answer", "auto-answer",
        "autoresponder", "auto-responder", "out of office", "out of the office", "out-of-office",
        "out of office autoreply", "out of office auto-reply", "out of office reply", "out of office response",
        "out of office message", "out of office notification", "automatic out of office reply", "ooo", "oof",
        "vacation reply", "vacation response", "vacation message", "away from my mail", "away from office",
        "away from the office", "away notice", "i am out of office", "i am out of the office",
    ),
    "zh_CN": ("自动回复", "自动答复", "自动应答", "自动回覆", "假期自动回复", "邮件自动回复", "外出自动回复",
              "外出时的自动答复", "休假自动回复", "出差自动回复", "节假日自动回复", "系统自动回复",
              "休假通知", "不在办公室"),
    "zh_TW": ("自動回覆", "自動回復", "自動答覆", "自動回應", "不在辦公室", "外出自動回覆"),
    "ja": ("自動応答", "自動返信", "自動返信メール", "不在", "不在通知", "不在のお知らせ", "不在連絡",
           "自動応答メール"),
    "ko": ("자동 회신", "자동회신", "자동 응답", "자동응답", "부재중", "부재 중", "부재중 자동 회신", "부재 알림"),
    "de": (
        "automatische antwort", "automatische ruckantwort", "automatische ruckmeldung", "autoantwort", "auto-antwort",
        "abwesenheitsassistent", "abwesenheit",
        "abwesenheitsnotiz", "abwesenheitsmeldung", "abwesenheitsbenachrichtigung", "abwesend",
        "nicht im buro", "ausser haus", "automatische abwesenheitsnotiz",
    ),
    "fr": (
        "reponse automatique", "reponse auto", "message automatique d'absence", "absence du bureau",
        "absent du bureau", "absente du bureau", "message d'absence", "avis d'absence", "notification d'absence",
        "en dehors du bureau", "hors du bureau",
    ),
    "es": (
        "respuesta automatica", "contestacion automatica", "autorespuesta", "fuera de la oficina", "fuera de oficina",
        "ausente de la oficina", "ausencia de la oficina", "mensaje de ausencia", "ausente",
    ),
    "ca": ("resposta automatica", "fora de l'oficina"),
    "pt": ("resposta automatica", "fora do escritorio", "ausente do escritorio", "ausencia do escritorio",
           "ausencia temporaria", "mensagem de ausencia", "auto-resposta"),
    "it": ("risposta automatica", "risponditore automatico", "fuori sede", "fuori ufficio", "assenza dall'ufficio",
           "messaggio di assenza", "avviso di assenza"),
    "ro": ("raspuns automat", "in afara biroului"),
    "nl": ("automatisch antwoord", "automatische beantwoording", "automatische reactie", "afwezig", "afwezigheid",
           "afwezigheidsbericht", "afwezigheidsmelding", "niet aanwezig", "niet op kantoor"),
    "pl": ("automatyczna odpowiedz", "odpowiedz automatyczna", "autoodpowiedz", "poza biurem", "nieobecnosc",
           "nieobecny", "nieobecna"),
    "cs": ("automaticka odpoved", "automaticke odpoved", "mimo kancelar", "nepritomnost", "jsem mimo kancelar"),
    "sk": ("automaticka odpoved", "mimo kancelarie", "nepritomnost"),
    "hu": ("automatikus valasz", "hazon kivul", "irodan kivul"),
    "ru": ("автоответ", "автоматический ответ", "автоматическое уведомление об отсутствии", "автоответчик",
           "вне офиса", "нет на месте", "отсутствую на рабочем месте"),
    "uk": ("автовідповідь", "автоматична відповідь", "поза офісом"),
    "bg": ("автоматичен отговор", "извън офиса"),
    "sr, hr, sl": ("automatski odgovor", "automatsko odgovaranje", "samodejni odgovor", "аутоматски одговор",
                   "izvan ureda", "van kancelarije"),
    "tr": ("otomatik yanıt", "otomatik cevap", "ofis dışında", "ofis dışı", "işyeri dışında", "büro dışında"),
    "sv": ("autosvar", "automatiskt svar", "franvaromeddelande", "franvaro", "franvarande", "inte pa kontoret",
           "ej pa kontoret"),
    "da": ("autosvar", "automatisk svar", "fraværsbesked", "fraværsmeddelelse", "ikke til stede", "ikke på kontoret"),
    "nb": ("autosvar", "automatisk svar", "fraværsmelding", "fravær", "fraværsassistent", "ikke på kontoret"),
    "fi": ("automaattinen vastaus", "automaattivastaus", "poissaoloilmoitus", "poissa toimistosta"),
    "et, lv, lt": ("automaatvastus", "automātiskā atbilde", "automatiska atbilde", "automatinis atsakymas"),
    "el": ("αυτοματη απαντηση", "εκτος γραφειου"),
    "he": ("מענה אוטומטי", "תשובה אוטומטית", "מחוץ למשרד"),
    "ar": ("رد تلقائي", "الرد التلقائي", "خارج المكتب"),
    "fa": ("پاسخ خودکار",),
    "hi": ("स्वचालित उत्तर",),
    "th": ("การตอบกลับอัตโนมัติ", "ตอบกลับอัตโนมัติ", "ไม่อยู่ที่สำนักงาน"),
    "vi": ("trả lời tự động", "tự động trả lời", "thư trả lời tự động"),
    "id, ms": ("balasan otomatis", "jawaban otomatis", "balasan automatik", "di luar kantor"),
}
"""How a responder's subject begins; a colon, a bracket, "Re:" or nothing must follow. So a person's answer, which
begins with "Re:", is not one, and neither are "Out of office chairs" and "Automatic door"."""

RESPONDER_TEXTS: Mapping[str, tuple[str, ...]] = {
    "en": ("this is an automatic reply", "this is an automated reply", "this is an auto-reply", "this is an autoreply",
           "this is an automatic response", "this is an automated response", "this is an auto-response",
           "this is an automatically generated reply", "this is an automatically generated response"),
    "zh_CN": ("这是一封自动回复邮件", "这是一封自动回复的邮件", "这是自动回复", "这是一封自动回复",
              "此邮件为自动回复", "本邮件为自动回复", "此为自动回复", "这是来自qq邮箱的假期自动回复邮件",
              "系统自动回复", "自动回复"),
    "zh_TW": ("這是一封自動回覆郵件", "這是自動回覆", "此郵件為自動回覆", "本郵件為自動回覆", "系統自動回覆",
              "自動回覆"),
    "ja": ("これは自動返信です", "これは自動返信メールです", "このメールは自動返信です", "本メールは自動返信です",
           "自動返信メールです"),
    "ko": ("이 메일은 자동 회신입니다", "자동 회신 메일입니다"),
    "de": ("dies ist eine automatische antwort", "dies ist eine automatisch generierte antwort",
           "das ist eine automatische antwort"),
    "fr": ("ceci est une reponse automatique",),
    "es": ("esta es una respuesta automatica", "este es un mensaje automatico de respuesta"),
    "pt": ("esta e uma resposta automatica",),
    "it": ("questa e una risposta automatica",),
    "nl": ("dit is een automatisch antwoord", "dit is een automatische reactie"),
    "pl": ("to jest automatyczna odpowiedz",),
    "ru": ("это автоматический ответ", "данное письмо является автоматическим ответом"),
    "tr": ("bu otomatik bir yanıttır", "bu bir otomatik yanıttır"),
}
"""How a reply begins whose writer left its subject as it was; the sentence must end there, or say from whom."""

RECEIPT_SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "en": ("read", "not read", "read receipt", "return receipt", "delivered", "relayed", "expanded", "confirmation of"
           " reading", "return receipt (displayed)", "message read", "delivery confirmation"),
    "zh_CN": ("已读", "未读", "已读回执", "阅读回执", "回执", "已送达", "送达", "已中继"),
    "zh_TW": ("已讀", "未讀", "讀取回條", "讀信回條", "已送達"),
    "ja": ("開封済み", "開封", "未開封", "開封確認", "配信済み"),
    "ko": ("읽음", "읽지 않음", "수신 확인", "배달됨"),
    "de": ("gelesen", "ungelesen", "nicht gelesen", "lesebestatigung", "zugestellt", "empfangsbestatigung"),
    "fr": ("lu", "non lu", "accuse de lecture", "confirmation de lecture", "remis"),
    "es": ("leido", "no leido", "confirmacion de lectura", "entregado"),
    "pt": ("lida", "lido", "nao lida", "confirmacao de leitura", "entregue"),
    "it": ("letto", "non letto", "ricevuta di lettura", "conferma di lettura", "recapitato"),
    "nl": ("gelezen", "niet gelezen", "leesbevestiging", "bezorgd"),
    "pl": ("przeczytano", "przeczytane", "nie przeczytano", "potwierdzenie odczytania", "dostarczono"),
    "cs": ("precteno", "neprecteno", "doruceno"),
    "ru": ("прочитано", "прочтено", "не прочитано", "уведомление о прочтении", "доставлено"),
    "tr": ("okundu", "okunmadi", "teslim edildi"),
    "sv": ("last", "olast", "levererat"),
    "da, nb": ("læst", "lest", "ulæst", "ulest", "leveret", "levert"),
    "fi": ("luettu", "lukematta", "toimitettu"),
    "hu": ("elolvasva", "kezbesitve"),
    "vi": ("đã đọc",),
}
"""How a receipt's subject begins, before a colon. A person may write so, too: only a machine's headers make it one."""

FORWARD_SUBJECTS = ("fw", "fwd", "wg", "tr", "rv", "enc", "i", "vs", "vb", "vl", "pd", "doorst", "转发", "转寄",
                    "轉寄", "轉發", "전달", "転送", "iletilmis", "fs")

_VALUED_HEADERS: Mapping[str, str] = {
    "delivered-to": "autoresponder",
    "x-post-messageclass": "autoresponder",
    "x-freescout-mail-type": "auto.reply",
}
"""Headers that are a responder's where their value holds this."""

_SERVER_NAMES = frozenset((
    "mail delivery system", "mail delivery subsystem", "mail delivery service", "mail delivery", "delivery subsystem",
    "internet mail delivery", "system administrator", "mail administrator", "email administrator", "mail system",
    "mailer-daemon", "mailer daemon", "mail router", "postmaster", "microsoft outlook", "microsoft exchange",
    "邮件系统", "邮箱系统", "系统管理员", "邮件管理员", "邮箱管理员", "系统退信", "系統管理員", "郵件系統",
))
# fmt: on

_DAEMON = re.compile(
    r"(?:mailer|mail)[-_.]?daemon|mdaemon|post[-_.]?master|microsoftexchange[0-9a-f]{32}|mail[-_.]?delivery[-_.]?"
    r"(?:system|subsystem)"
)


def _opening(table: Mapping[str, tuple[str, ...]], end: str, *, tagged: bool = True) -> re.Pattern[str]:
    """One of a table's phrases at the beginning, perhaps in a bracket, and then `end`. All in bare letters."""
    phrases = sorted({bare(phrase) for phrases in table.values() for phrase in phrases}, key=len, reverse=True)
    tags = f"(?:{bounces.TAG}){{0,3}}?" if tagged else ""
    return re.compile(rf"\s*+{tags}[\[(【<*]{{0,3}}\s?(?:{'|'.join(map(re.escape, phrases))})(?:{end})")


_IS_OUT = re.compile(r"auto: .{1,100} is out of the office")
"""Domino puts the name first."""
# A phrase may be glossed: "Out of office (back on Monday): …".
_RESPONDER_SUBJECT = _opening(RESPONDER_SUBJECTS, r"\s*(?:\([^()]{1,60}\)\s*)?(?:$|[:\])】>*]|(?:[-–—]\s*)?re\s*:)")
_RESPONDER_TEXT = _opening(
    RESPONDER_TEXTS, r"\s*(?:$|[.!:。\])】>*]|, ?(?:please|do not|请|請)| from\b| to\b|- )", tagged=False
)
_RECEIPT_SUBJECT = _opening(RECEIPT_SUBJECTS, r"\s*(?:$|[:-])")
_FORWARD_SUBJECT = re.compile(rf"\s*+(?:{'|'.join(map(re.escape, map(bare, FORWARD_SUBJECTS)))})\s?:")
_FEEDBACK_SUBJECT = re.compile(r"\s*+complaint about message from \d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\s*$")
_REPORT_SUBJECT = re.compile(r"\s*+(?:\[[^\[\]]{1,40}\] )?report domain:\s{0,3}\S{1,255} .{0,40}submitter:")


def _begins(text: str, opening: re.Pattern[str]) -> bool:
    return opening.match(bare(text[:300])) is not None


def _is_own(address: str, ours: Ours) -> bool:
    return bool(address) and _folded(address) in ours.addresses


def _sender(mail: Mail) -> str:
    """The local part; or the name, where a server writes only that."""
    return (mail.from_address.rpartition("@")[0] or mail.from_name.partition("@")[0]).lower()


def _precedences(mail: Mail) -> set[str]:
    others = (headers.token(mail.signal(name)).value for name in ("x-precedence", "preference"))
    return {mail.precedence, *others}


def _has_responder_header(mail: Mail) -> bool:
    for name, value in mail.signals:
        value = value.strip().lower()
        if name in RESPONDER_HEADERS and value not in ("", "no", "false", "0"):
            return True
        if name in _VALUED_HEADERS and _VALUED_HEADERS[name] in value:
            return True
    return False


def _has_machine_headers(mail: Mail) -> bool:
    return (
        mail.report is not None
        or mail.return_path == ""
        or mail.auto_submitted not in ("", "no")
        or bool(_precedences(mail) - {"", "list", "first-class", "special-delivery", "normal"})
        or _has_responder_header(mail)
        or _says_it_bounces(mail)
    )


def _says_it_bounces(mail: Mail) -> bool:
    return any(
        name == "x-ms-exchange-message-is-ndr"  # which has no value
        or (name == "x-failed-recipients" and value)
        or (name == "content-class" and value.strip().lower() == "urn:content-classes:dsn")
        for name, value in mail.signals
    )


def _is_from_server(mail: Mail) -> bool:
    if mail.content_type == "multipart/report" or mail.return_path == "":
        return True
    senders = _sender(mail), (mail.return_path or "").partition("@")[0].lower()
    return any(_DAEMON.fullmatch(sender) for sender in senders)


def _may_be_from_server(mail: Mail, ours: Ours) -> bool:
    """By its sender's name, by a field that responders write, too, or because it returns a mail of ours."""
    if bare(mail.from_name) in _SERVER_NAMES or mail.auto_submitted not in ("", "no"):
        return True
    return any(_is_our_message_id(id_, ours) for id_ in bounces.returned_ids(mail))


def _is_our_message_id(message_id: str, ours: Ours) -> bool:
    """Colleagues' mail programs make Message-IDs on the company's domain too; ours have a form of their own."""
    local, _, domain = message_id.rpartition("@")
    return domain.lower() == ours.message_domain and _OUR_LOCAL_PART.fullmatch(local) is not None


def _report(mail: Mail) -> Report | None:
    """The report that this mail is. A person's mail that has one among its files only passes it on."""
    return mail.report if _is_from_server(mail) else None


def _action(recipient: Recipient) -> str:
    """RFC 3464, section 2.3.3; what a careless server left out is told by the class of its status."""
    action = (recipient.action.replace(";", " ").replace("(", " ").split() or [""])[0]
    by_status = {"2": "delivered", "4": "delayed"}.get(recipient.status[:1], "")
    return action if action and action in _ACTIONS else by_status


_ACTIONS = ("failed", "", "delayed", "relayed", "expanded", "delivered")
"""From the gravest on; who says nothing may mean a failure."""


def _gravity(recipient: Recipient) -> int:
    return _ACTIONS.index(_action(recipient))


def _cited(mail: Mail, kind: Sort) -> tuple[str, ...]:
    """The mails this one speaks about, most telling first."""
    ids = list(mail.report.message_ids) if mail.report else []
    if kind in ("bounce", "delay", "receipt", "feedback"):
        ids += bounces.returned_ids(mail)
    ids += mail.in_reply_to
    ids += headers.message_ids(mail.signal("x-ms-exchange-parent-message-id"))
    return tuple(dict.fromkeys((*ids, *reversed(mail.references))))
