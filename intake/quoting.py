"""Quoting: which lines of a mail its sender wrote, and who wrote the mail that he forwards.

Mail programs put old mail below new in few ways: lines marked with ">", a line such as "On … wrote:", a block of header
fields, a divider. Each way is one table with a row for every language, so a further language is a further row. A mark
counts with evidence only (a date, an address, more fields), because folding what a customer wrote is worse than showing
what he quoted. Nothing is ever taken away, and never everything folded: answers written between quoted lines, and
forwards, are left whole.

All of it works line by line on a bounded number of short lines with a bounded look around, so any text is read in time
proportional to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import cached_property
from typing import Final, Literal, NamedTuple

from intake.headers import addr_spec, one_line
from intake.mail import Fold, Original

_MOST_LINES: Final = 3_000  # the rest of a longer text is what its first line is
_LONGEST: Final = 400  # characters of a line that are looked at
_HIGHEST_HEAD: Final = 4  # lines over which "On … wrote:" is wrapped
_HIGHEST_BLOCK: Final = 14  # lines, with those that wrapped and the empty ones
_MOST_STRAYS: Final = 4
_LONGEST_SIGNATURE: Final = 20  # lines
_LARGEST_SIGNATURE: Final = 1_500  # characters
_LONGEST_DEVICE: Final = 100  # characters
_SHORT_NOTE: Final = 300  # characters


# What the programs write. In a pattern, * stands for anything.

_LABELS: Final = (  # from, date, to, copy, subject
    ("From", "Sent|Date|Sent on", "To", "Cc|Bcc", "Subject"),
    ("发件人|寄件人|发信人", "发送时间|发送日期|发件时间|日期|时间", "收件人|收信人", "抄送|抄送人|密送", "主题|标题"),
    ("寄件者|寄件人|寄信人", "寄件日期|傳送時間|傳送日期|日期|時間", "收件者|收件人", "副本|抄送", "主旨|標題|主題"),
    ("差出人|送信者|送信元", "送信日時|送信日|日付|日時", "宛先|受信者|送信先", "CC|写し", "件名|題名"),
    ("보낸 사람|보낸사람|발신", "보낸 날짜|보낸날짜|날짜|발송일", "받는 사람|받는사람|수신", "참조|숨은 참조", "제목"),
    ("Von|Absender", "Gesendet|Datum|Gesendet am", "An|Empfänger", "Kopie", "Betreff"),
    ("De|Expéditeur", "Envoyé|Date|Envoyé le|Date d’envoi|Date d'envoi", "À|A|Pour", "Copie", "Objet|Sujet"),
    ("De|Remitente", "Enviado|Fecha|Enviado el|Enviado a las|Fecha de envío", "Para", "Copia", "Asunto"),
    ("Da|Mittente", "Inviato|Data|Data invio|Inviato il", "A|Destinatario", "Ccn|Copia", "Oggetto"),
    ("De|Remetente", "Enviado|Enviada|Data|Enviada em|Enviado em|Data de envio", "Para", "Cópia|Com cópia", "Assunto"),
    ("Van|Afzender", "Verzonden|Datum|Verzonden op|Verstuurd", "Aan|Ontvanger", "Kopie", "Onderwerp"),
    ("Od|Nadawca", "Wysłano|Wysłane|Data|Data wysłania", "Do|Adresat", "DW|UDW|Kopia", "Temat"),
    ("От|От кого|Отправитель", "Отправлено|Дата|Отправлено в|Дата отправки", "Кому|Получатель", "Копия", "Тема"),
    ("Від|Від кого|Відправник", "Надіслано|Дата|Відправлено", "Кому|Одержувач", "Копія", "Тема"),
    ("Kimden|Gönderen", "Gönderildi|Tarih|Gönderme Tarihi|Gönderilme Tarihi", "Kime|Alıcı", "Bilgi", "Konu"),
    ("Od|Odesílatel", "Odesláno|Datum|Posláno", "Komu|Adresát", "Kopie", "Předmět"),
    ("Od|Odosielateľ", "Odoslané|Dátum|Poslané", "Komu|Pre", "Kópia", "Predmet"),
    ("Från|Avsändare", "Skickat|Datum|Skickades", "Till|Mottagare", "Kopia", "Ämne"),
    ("Fra|Afsender|Avsender", "Sendt|Dato", "Til|Modtager|Mottaker", "Kopi", "Emne"),
    ("Lähettäjä", "Lähetetty|Päivämäärä|Päiväys|Pvm", "Vastaanottaja|Saaja", "Kopio", "Aihe"),
    ("Từ|Người gửi", "Đã gửi|Ngày|Ngày gửi|Gửi|Date", "Đến|Tới|Người nhận", "Đồng gửi", "Chủ đề|Tiêu đề"),
    ("จาก|ผู้ส่ง", "ส่ง|วันที่|ส่งเมื่อ|ส่งแล้ว", "ถึง|ผู้รับ", "สำเนา|สำเนาถึง", "เรื่อง|หัวเรื่อง|หัวข้อ|ชื่อเรื่อง"),
    ("Feladó", "Elküldve|Küldve|Dátum", "Címzett", "Másolat|Másolatot kap", "Tárgy"),
    ("De la|Expeditor|Expeditorul", "Trimis|Data|Dată", "Către|Destinatar|Destinatarul", "Copie", "Subiect|Subiectul"),
    ("Από", "Στάλθηκε|Ημερομηνία|Απεστάλη", "Προς", "Κοιν.|Κοινοποίηση", "Θέμα"),
    ("Dari", "Dikirim|Tanggal|Terkirim", "Kepada|Ke", "Tembusan", "Perihal|Subjek|Judul"),
    ("من", "تاريخ الإرسال|التاريخ|تم الإرسال", "إلى", "نسخة", "الموضوع"),
    ("מאת", "נשלח|תאריך", "אל", "עותק", "נושא"),
)  # fmt: skip

_HEADS: Final = (
    "On * wrote", "At * wrote", "* wrote on *", "On * writes",
    "*写道", "*寫道",
    "*のメール", "*のメッセージ", "*書きました", "*wrote",
    "*작성", "*쓴 글", "*썼습니다",
    "Am * schrieb *", "* schrieb am *", "* schrieb", "* hat am * geschrieben",
    "Le * a écrit", "* a écrit le *",
    "El * escribió", "* escribió el *",
    "Il * ha scritto", "In data * ha scritto", "* ha scritto il *",
    "Em * escreveu", "No dia * escreveu", "A * escreveu", "* escreveu no dia *", "* escreveu (*",
    "Op * schreef *", "* schreef op *", "Op * heeft * geschreven", "Op * heeft * het volgende geschreven",
    "* napisał", "* napisała", "* napisał(a)", "* pisze", "Wiadomość napisana przez * w dniu *",
    "* написал", "* написала", "* написал(а)", "* пишет", "* написав", "* написала(в)", "* пише",
    "* yazdı", "* tarihinde *",
    "* napsal", "* napsala", "* napsal(a)", "* napísal", "* napísala", "* napísal(a)",
    "Den * skrev *", "* skrev *", "* skrev",
    "* kirjoitti", "* kirjoitti *",
    "* viết", "* đã viết",
    "* เขียนว่า", "* เขียน",
    "* ezt írta *", "* ezt írta", "* a scris", "* έγραψε", "* menulis", "*כתב", "*כתבה", "*كتب",
)  # fmt: skip

_DIVIDERS: Final = """
    Original Message|Original|Original Mail|Original Email|Original E-mail|Original Appointment|Replied Message
    原始邮件|原邮件|回复的原邮件|回复的原始邮件|回复的邮件|邮件原件|原始消息|回复邮件|历史邮件
    原始郵件|原郵件|原始訊息|回覆的原郵件|回覆郵件
    元のメッセージ|オリジナルメッセージ|原文|원본 메시지|원본 메일|원래 메시지
    Ursprüngliche Nachricht|Original-Nachricht|Originalnachricht|Original Nachricht|Ursprüngliche E-Mail
    Message d'origine|Message d’origine|Message original|Message initial|E-mail d'origine|Mail original
    Mensaje original|Mensaje de origen|Messaggio originale|Messaggio di origine
    Mensagem original|Mensagem de origem|E-mail original
    Oorspronkelijk bericht|Origineel bericht|Oorspronkelijke bericht
    Oryginalna wiadomość|Wiadomość oryginalna|Wiadomość pierwotna|Pierwotna wiadomość
    Исходное сообщение|Оригинальное сообщение|Исходное письмо|Первоначальное сообщение|Вихідне повідомлення
    Orijinal Mesaj|Özgün İleti|Orijinal İleti|Původní zpráva|Původní e-mail|Pôvodná správa
    Ursprungligt meddelande|Originalmeddelande|Ursprungligt mail
    Oprindelig meddelelse|Original meddelelse|Oprindelig besked|Opprinnelig melding|Original melding
    Alkuperäinen viesti|Thư gốc|Tin nhắn gốc|Tin nhắn ban đầu|ข้อความต้นฉบับ|ข้อความดั้งเดิม
    Eredeti üzenet|Mesaj original|Mesajul original|Αρχικό μήνυμα|Pesan Asli|Pesan asal|הודעה מקורית|الرسالة الأصلية
"""

_FORWARDS: Final = """
    Forwarded message|Forwarding messages|Forwarded mail|Forwarded email|Begin forwarded message|Forwarded by *
    转发邮件信息|转发的邮件|转发邮件|转发的原邮件|转发信息|转发的消息|转发消息|已转发邮件|被转发邮件|被转发的邮件|「转发的邮件」
    下面是被转发的邮件|以下是被转发的邮件|以下是转发的邮件|以下为转发邮件|开始转发邮件|开始转发的邮件
    轉寄郵件|轉寄的郵件|轉寄訊息|轉寄的訊息|轉寄信件|已轉寄的郵件|被轉寄的郵件|轉發郵件|以下是轉寄的郵件|開始轉寄信件|下面是被轉寄的郵件
    転送メッセージ|転送されたメッセージ|転送されたメール|転送メール|転送|以下は転送されたメッセージです
    전달된 메시지|전달된 메일|전달한 메시지|다음은 전달된 메시지입니다|전달된 메시지 시작
    Weitergeleitete Nachricht|Anfang der weitergeleiteten Nachricht|Weitergeleitete E-Mail
    Message transféré|Message transmis|Message réexpédié|Début du message transféré|Début du message réexpédié
    Mensaje reenviado|Inicio del mensaje reenviado|Messaggio inoltrato|Inizio messaggio inoltrato
    Mensagem encaminhada|Mensagem reencaminhada|Início da mensagem encaminhada|Início da mensagem reencaminhada
    Doorgestuurd bericht|Begin doorgestuurd bericht|Doorgestuurde e-mail
    Przekazana wiadomość|Treść przekazanej wiadomości|Początek przekazywanej wiadomości|Wiadomość przekazana
    Пересылаемое сообщение|Перенаправленное сообщение|Пересланное сообщение|Начало переадресованного сообщения
    Переслане повідомлення|Перенаправлене повідомлення|Початок листа, що пересилається
    İletilmiş Mesaj|İletilen İleti|İletilen Mesaj|İleti başlangıcı|İletilmiş ileti
    Přeposlaná zpráva|Začátek přeposílané zprávy|Preposlaná správa|Začiatok preposlanej správy
    Vidarebefordrat meddelande|Vidarebefordrat mejl|Videresendt meddelelse|Videresendt besked
    Start på videresendt besked|Videresendt melding|Välitetty viesti|Välitetty viesti alkaa|Edelleenlähetetty viesti
    Thư đã chuyển tiếp|Tin nhắn được chuyển tiếp|Bắt đầu thư được chuyển tiếp|ข้อความที่ส่งต่อ|ข้อความส่งต่อ
    เริ่มต้นข้อความที่ส่งต่อ|Továbbított üzenet|Továbbított levél kezdete|Mesaj redirecționat|Προωθημένο μήνυμα
    Pesan terusan|Pesan yang diteruskan|הודעה שהועברה|رسالة معاد توجيهها
"""

_FORWARD_PREFIXES: Final = """
    Fwd|Fw|转发|轉寄|轉發|転送|전달|WG|TR|RV|I|Enc|Doorst|PD|Пересл|Перенапр|İlt|Ilt|Přep|VB|VL|Vs|Videresend|Továbbítás
    Redir.|ΠΡΘ|Chuyển tiếp|ส่งต่อ|Trs|הועבר|إعادة توجيه
"""

_DEVICES: Final = (
    "Sent from my *", "Sent from Outlook*", "Sent from Mail for *", "Sent from Mail on *", "Sent from Yahoo*",
    "Sent from Samsung *", "Sent from Gmail*", "Sent from AOL*", "Sent from Foxmail*", "Sent from QQ*",
    "Sent from NetEase*", "Sent from * Mail Master*", "Sent from Proton*", "Sent with Proton*", "Sent from Nine*",
    "Sent from BlueMail*", "Sent from Spark*", "Get Outlook for *", "Get BlueMail for *", "Sent via *iPhone*",
    "发自我的*", "发自*邮箱*", "发自*Outlook*", "发自*客户端", "发自*手机", "发自 Windows*", "发自钉钉*", "发送自*",
    "从我的*发送", "从我的*发出", "从*版邮件发送", "来自我的*", "来自网易*", "来自QQ*", "来自 QQ*", "来自*邮箱大师",
    "来自*Outlook*", "来自*邮箱手机*", "来自钉钉*", "获取*Outlook*", "下载*Outlook*", "签名由*定制",
    "從我的*傳送", "從我的*寄出", "自我的*傳送", "傳送自*", "寄自我的*", "傳自我的*", "從*版郵件傳送", "取得*Outlook*",
    "下載*Outlook*",
    "*から送信", "*から送信されました", "*Outlook*を入手*", "*Outlook*を取得*", "*Outlook*をダウンロード*",
    "*에서 보냄", "*에서 전송함", "*Outlook*다운로드*", "*Outlook*받기*", "*용 Outlook*",
    "Von meinem * gesendet", "Gesendet von meinem *", "Gesendet von Mail *", "Gesendet von Outlook*",
    "Gesendet mit der * App", "Von * gesendet mit *", "Diese Nachricht wurde von * gesendet.",
    "Outlook für * beziehen*",
    "Holen Sie sich Outlook für *", "Laden Sie Outlook für *", "Outlook für * herunterladen*", "Gesendet von iPhone*",
    "Gesendet vom *iPhone*", "Gesendet von Yahoo*", "Gesendet über *Mail*",
    "Envoyé de mon *", "Envoyé depuis mon *", "Envoyé à partir de *", "Envoyé depuis l*application *",
    "Envoyé depuis Outlook*", "Envoyé depuis Yahoo*", "Télécharger Outlook pour *", "Obtenir Outlook pour *",
    "Obtenez Outlook pour *", "Provenance : Courrier *",
    "Enviado desde mi *", "Enviado desde Outlook*", "Enviado desde Correo*", "Enviado desde Yahoo*",
    "Obtener Outlook para *", "Descargar Outlook para *", "Obtén Outlook para *",
    "Inviato da iPhone*", "Inviato da iPad*", "Inviato dal mio *", "Inviato da Outlook*", "Inviato da Posta *",
    "Inviato da Yahoo*", "Inviato da smartphone*", "Scarica Outlook per *", "Ottieni Outlook per *",
    "Enviado do meu *", "Enviado de meu *", "Enviado a partir do meu *", "Enviado do Outlook*", "Enviado do Email *",
    "Enviado do Yahoo*", "Enviado do Correio*", "Obter o Outlook para *", "Obter Outlook para *",
    "Baixar o Outlook para *", "Baixe o Outlook para *",
    "Verstuurd vanaf mijn *", "Verzonden vanaf mijn *", "Verzonden vanuit Outlook*", "Verzonden vanuit Mail *",
    "Verzonden met *Mail*", "Outlook voor * downloaden*", "Outlook voor * ophalen*", "Download Outlook voor *",
    "Wysłane z mojego *", "Wysłane z iPhone*", "Wysłane z iPad*", "Wysłane z aplikacji *", "Wysłano z iPhone*",
    "Wysłano z mojego *", "Pobierz * Outlook*", "Pobierz Outlook*",
    "Отправлено с моего *", "Отправлено с iPhone*", "Отправлено с iPad*", "Отправлено с мобильного *",
    "Отправлено из Почты *", "Отправлено из мобильн*", "Отправлено из приложения *", "Отправлено из Outlook*",
    "Скачать Outlook *", "Загрузить Outlook *", "Получить Outlook *", "Надіслано з *iPhone*", "Надіслано з мого *",
    "iPhone* gönderildi", "iPad* gönderildi", "Android* gönderildi", "*cihazımdan gönderildi",
    "*telefonumdan gönderildi", "Outlook * edinin*", "* için Outlook*",
    "Odesláno z mého *", "Odesláno z iPhonu*", "Odesláno z iPadu*", "Odesláno z Outlooku*", "Odesláno z Pošty *",
    "Odesláno z aplikace *", "Získat Outlook *", "Získejte Outlook *", "Odoslané z môjho *", "Odoslané z iPhonu*",
    "Skickat från min *", "Skickat från mitt *", "Skickat från Outlook*", "Skickat från E-post *", "Skaffa Outlook *",
    "Hämta Outlook *", "Skickat från iPhone*",
    "Sendt fra min *", "Sendt fra mit *", "Sendt fra Outlook*", "Sendt fra Mail *", "Sendt fra E-post *",
    "Sendt fra iPhone*", "Hent Outlook *", "Skaff deg Outlook *", "Få Outlook *", "Last ned Outlook *",
    "Lähetetty iPhone*", "Lähetetty iPad*", "Lähetetty *laitteesta*", "Lähetetty Outlookista*", "Hanki Outlook *",
    "Hae Outlook *",
    "Đã gửi từ * của tôi", "Được gửi từ * của tôi", "Gửi từ * của tôi", "Đã gửi từ iPhone*", "Tải Outlook *",
    "Nhận Outlook *",
    "ส่งจาก*ของฉัน", "ส่งจาก iPhone*", "ส่งจาก Outlook*", "รับ Outlook *", "ดาวน์โหลด Outlook *",
    "* iPhone-omról küldve", "Trimis de pe *", "Στάλθηκε από το * μου", "Dikirim dari * saya", "Dapatkan Outlook *",
    "נשלח מה-*", "תم الإرسال من *", "أُرسلت من *", "أرسلت من *",
)  # fmt: skip

_ANSWERS_BELOW: Final = re.compile(
    r"\b(?:in-?line|interleaved|(?:answers?|repl(?:y|ies)|comments?|remarks?|responses?)\b.{0,30}\bbelow"
    r"|in (?:red|blue|green)\b)|红字|红色|标红|蓝字|蓝色|紅字|藍字|逐[条條一]"
    r"|[见見在于](?:下文|下面|下方|原文|原邮件|原郵件)"
    r"|\b(?:antworten?|kommentare?|anmerkungen)\b.{0,30}\b(?:unten|im text|in (?:rot|blau|grün))\b"
    r"|\b(?:réponses?|commentaires?)\b.{0,30}\b(?:ci-dessous|en (?:rouge|bleu))\b"
    r"|\b(?:respuestas?|comentarios?)\b.{0,30}\b(?:abajo|en (?:rojo|azul))\b"
    r"|インライン|(?:以下|下記)の?(?:本文|メール|文中)|文中に|赤字|青字|인라인|빨간|아래 본문",
    re.IGNORECASE,
)
_BELOW_AT_LAST: Final = re.compile(r"(?:如下|下記の?通り|以下の?通り|\bas follows|\bwie folgt)\W{0,3}$", re.IGNORECASE)
"""What a note ends with whose answers follow, and nothing follows but history."""


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for them all. It takes linear time: what an inner * stood for is not reconsidered."""
    return re.compile("|".join([translate(pattern) for pattern in patterns]), re.IGNORECASE)


def _rows(table: str) -> list[str]:
    return [phrase for row in table.strip().splitlines() for phrase in row.strip().split("|")]


def _squeezed(label: str) -> str:
    """A label without the blanks and spaces that align or decorate it: DingTalk writes "日　期", French "De :"."""
    return "".join(label.split()).casefold()


Role = Literal["from", "date", "to", "copy", "subject"]
_ORDER: Final[tuple[Role, ...]] = ("from", "date", "to", "copy", "subject")
_ROLES: Final[dict[str, Role]] = {
    _squeezed(label): role
    for row in _LABELS
    for role, labels in zip(_ORDER, row, strict=True)
    for label in labels.split("|")
}
# Each with its longest word, for a quick look first: most lines have none of them.
_HEAD: Final = [(max(head.split("*"), key=len).casefold(), _any_of([head])) for head in _HEADS]
_DIVIDER: Final = frozenset(phrase.casefold() for phrase in _rows(_DIVIDERS))
_FORWARD: Final = _any_of(_rows(_FORWARDS))
_DEVICE: Final = _any_of(_DEVICES)
_PREFIX: Final = re.compile(
    r"\s*+(?:[\[【(（][^\]】)）]{0,40}[\]】)）]\s{0,4})?[\[(]?"
    rf"({'|'.join(map(re.escape, _rows(_FORWARD_PREFIXES)))})\s?(?:\[\d{{1,3}}\])?\s?[:：]",
    re.IGNORECASE,
)
_ANSWER_PREFIX: Final = re.compile(
    r"\s*+(?:[\[【(（][^\]】)）]{0,40}[\]】)）]\s{0,4}){0,3}[^\W\d_]{1,5}\.?\s?(?:[\[(]\d{1,3}[\])]|\^\d{1,3})?\s?[:：]"
)
_DANISH: Final = re.compile(r"^\W{0,4}Fra\W{0,4}:", re.MULTILINE)

_LABEL: Final = re.compile(r"[|*\s]{0,6}([^:：|*]{1,30}?)[\s*]{0,6}[:：|][\s*|:：]{0,6}")
_MEASURE: Final = re.compile(r">[=>]?\s?\d")
_RULE_MARKS: Final = "-_=~*—–─━﹣－"
_RULE: Final = _RULE_MARKS + " \t\xa0"
_WORDED_RULE: Final = re.compile(r"[-=_]{3,}[^-=_]{1,80}(?:-[^-=_]{1,40}){0,3}[-=_]{3,}")
_WORDLESS: Final = _RULE + "|>.·\u3000"
_YEAR: Final = re.compile(r"(?<!\d)(?:19|2[05])\d\d(?!\d)")  # 25xx in Thailand
_TIME: Final = re.compile(r"(?<![\d.])\d{1,2}(?:\s?[:：h时時点點시]\s?\d{2}|\.\d{2}(?!\.?\d))")
_ADDRESS: Final = re.compile(
    r"[<(\[（＜]\s?(?:mailto:)?[^\s<>()\[\]（）＜＞]{1,100}@[^\s<>()\[\]（）＜＞]{1,200}(?:<mailto:[^\s<>]{1,200}>)?\s?[>)\]）＞]",
    re.IGNORECASE,
)
_LONGEST_VERB: Final = 30  # what stands between an address and the colon of a head in a language we have no row for


# The two questions


def may_answer(subject: str) -> bool:
    """Whether a mail with this subject may be an answer: with a word such as "Re:" before it, or without any."""
    return not subject.strip() or _ANSWER_PREFIX.match(subject) is not None


def folds(text: str, *, subject: str = "", answers: bool = True) -> tuple[Fold, ...]:
    """The stretches of a mail's plain text that are quoted history or a signature.

    What `answers` nothing has no history of its own: without a divider or marks, what looks like it is what a web form
    or a log says.

    `text` has "\\n" between its lines. The spans are in characters of it, ordered, apart from each other, and never
    hold all of its words: where nothing of the sender's own would be left, nothing is folded.
    """
    if _is_forward(subject, text):
        return ()
    raw = text.split("\n", _MOST_LINES)
    lines = _short(raw)
    blocks = _blocks(lines, answers=answers)
    if blocks is None:
        return ()
    found: list[_Block] = []
    _take_signature(lines, blocks, found)
    if blocks and blocks[-1].kind == "quoted":
        found.append(blocks.pop())
        _take_signature(lines, blocks, found)
    if [block.kind for block in blocks] == ["quoted", "own"]:
        found.append(blocks[0])
    if not found or not any(block.kind == "own" and _says_something(lines, block) for block in blocks):
        return ()
    starts = [0]
    for line in raw:
        starts.append(starts[-1] + len(line) + 1)
    return tuple(
        Fold(starts[block.first], min(starts[block.end] - 1, len(text)), block.kind)
        for block in sorted(found, key=lambda block: block.first)
    )


def forwarded(text: str, *, subject: str = "") -> Original | None:
    """Who wrote the mail that is forwarded in this text, as the forwarding program names him; None for any other mail.

    What was forwarded several times has the sender of the outermost mail. The address is "" unless there is exactly
    one in the line that names the sender.
    """
    prefixed = _is_forward(subject, text)
    lines = _short(text.split("\n", _MOST_LINES))
    for at, line in enumerate(lines):
        if not line:
            continue
        mark = _marked_forward(lines, at) if _is_marked(line) else _mark(lines, at)
        if mark is None:
            continue
        if mark.kind == "forward":
            if original := _original(lines, mark.end):
                return original
            prefixed = True  # Yandex puts a head below its divider
            continue
        if not prefixed:
            return None
        if mark.kind == "head":
            return None if _is_marked_below(lines, mark.end) else _named(" ".join(lines[mark.first : mark.end]))
        return _original(lines, mark.first if mark.kind == "block" else mark.end)
    return None


def _short(raw: list[str]) -> list[str]:
    return [line[: _LARGEST_SIGNATURE + 1].strip() for line in raw]


def _is_forward(subject: str, text: str) -> bool:
    prefix = _PREFIX.match(subject)
    if prefix is None:
        return False
    # "VS" forwards in Danish and Norwegian, and answers in Finnish.
    return prefix[1].casefold() != "vs" or bool(_DANISH.search(text))


# Blocks: what is quoted, and what is the sender's own


class _Block(NamedTuple):
    kind: str  # "own", "quoted", "signature"
    first: int
    end: int  # the line after


def _blocks(lines: list[str], *, answers: bool) -> list[_Block] | None:
    """A mail as its own and its quoted lines by turns, without the empty ones around them. None when it is to be left
    whole: a forward, history with answers in it, or what looks like history in a mail that `answers` nothing."""
    blocks: list[_Block] = []

    def add(kind: str, first: int, end: int) -> None:
        if blocks and blocks[-1].kind == kind:
            first = blocks.pop().first
        blocks.append(_Block(kind, first, end))

    marked = False  # whether the line before is quoted
    for at, line in enumerate(lines):
        if not line:
            continue
        if _is_marked(line):
            if not marked and _marked_forward(lines, at):
                return None
            marked = marked or (line[0] == ">" and not _MEASURE.match(line))
            add("quoted" if marked else "own", at, at + 1)
            continue
        marked = False
        mark = _mark(lines, at)
        if mark is None:
            if line.strip(_WORDLESS) or line == "--" or (blocks and blocks[-1].kind == "own"):
                add("own", at, at + 1)
            continue
        if mark.kind == "forward":
            return None
        marked = _is_marked_below(lines, mark.end)
        first = _ruled_off(lines, mark.first)
        divided = mark.kind == "divider" or first < mark.first
        if not marked and (_answers_below(lines[: mark.first]) or not (answers or divided)):
            return None
        _cut(lines, blocks, mark.first)
        add("quoted", first, mark.end if marked else len(lines))
        if not marked:
            break
    return blocks


def _says_something(lines: list[str], block: _Block) -> bool:
    return any(line.strip(_WORDLESS) for line in lines[block.first : block.end])


def _cut(lines: list[str], blocks: list[_Block], first: int) -> None:
    """Give back the lines from `first` on, and the rules above them, that were taken for the sender's own."""
    first = _ruled_off(lines, first)
    while blocks and blocks[-1].kind == "own" and blocks[-1].end > first:
        block = blocks.pop()
        end = next((at for at in range(first, block.first, -1) if lines[at - 1]), block.first)
        if block.first < end:
            blocks.append(block._replace(end=end))


def _ruled_off(lines: list[str], first: int) -> int:
    """The line of the rule above a mark, perhaps with a few words in it, or of the mark itself."""
    above = first - 1
    while above >= 0 and first - above <= 3 and (not lines[above].strip(_RULE) or _WORDED_RULE.fullmatch(lines[above])):
        if lines[above]:
            first = above
        above -= 1
    return first


def _is_marked(line: str) -> bool:
    """Whether a line begins with a ">", or with a bar and is no row of a table."""
    return line[0] == ">" or (line[0] == "|" and "|" not in line.lstrip("| "))


def _is_marked_below(lines: list[str], at: int) -> bool:
    """Whether the next line that says something is marked as quoted."""
    return next((_is_marked(line) for line in lines[at : at + 4] if line), False)


def _answers_below(note: list[str]) -> bool:
    """Whether a note above unmarked history says that the answers stand in it."""
    written = " ".join(note[:_LONGEST_SIGNATURE]).rstrip(_WORDLESS)
    if len(written) > _SHORT_NOTE:
        return False
    return bool(_ANSWERS_BELOW.search(written) or _BELOW_AT_LAST.search(written))


# Signatures


def _take_signature(lines: list[str], blocks: list[_Block], found: list[_Block]) -> None:
    """Move the signature from the end of the last block, if that is the sender's own, to what was found."""
    if not blocks or blocks[-1].kind != "own":
        return
    own = blocks[-1]
    first = _signature(lines, own.first, own.end)
    if first is None:
        return
    found.append(_Block("signature", first, own.end))
    blocks.pop()
    left = own._replace(end=first)
    if _says_something(lines, left):
        blocks.append(left)


def _signature(lines: list[str], first: int, end: int) -> int | None:
    """Where among these lines the signature starts: at the only "-- ", or at the lines a telephone adds."""
    lowest = max(first, end - _LONGEST_SIGNATURE - 1)
    marks = [at for at in range(first, end) if lines[at] == "--"]
    if len(marks) == 1 and marks[0] >= lowest and sum(map(len, lines[marks[0] : end])) <= _LARGEST_SIGNATURE:
        return marks[0]
    start = None
    for at in range(end - 1, lowest - 1, -1):
        line = lines[at]
        if len(line) <= _LONGEST_DEVICE and _DEVICE.match(" ".join(line.split())):
            start = at
        elif line.strip(_WORDLESS):
            break
    return start


# Marks: where history begins


class _Mark(NamedTuple):
    kind: Literal["head", "block", "divider", "forward"]
    first: int
    end: int  # the line after


def _mark(lines: list[str], at: int) -> _Mark | None:
    """The mark that this line begins, or with which it ends: a head is known by its last line."""
    line = lines[at][:_LONGEST]
    if kind := _divider(line):
        return _Mark(kind, at, at + 1)
    if _label(line)[0] == "from" and (end := _block(lines, at)):
        return _Mark("block", _fields_above(lines, at), end)
    ends = line[-1] in ":：*" or (":  " in line and "@" in line)  # Yahoo goes on in the same line
    if ends and (first := _head(lines, at)) is not None:
        return _Mark("head", first, at + 1)
    return None


def _marked_forward(lines: list[str], at: int) -> _Mark | None:
    """The divider of a forward where it is the first marked line: Apple marks all that it forwards in a page."""
    if at and lines[at - 1].startswith(">"):
        return None
    return _Mark("forward", at, at + 1) if _divider(lines[at].lstrip("> ")) == "forward" else None


def _divider(line: str) -> Literal["divider", "forward"] | None:
    """What a line such as "----- Original Message -----" or "Begin forwarded message:" divides from the mail above."""
    ruled = line[:1] in _RULE_MARKS
    if not line or not (ruled or line[-1] in ":："):
        return None
    said = " ".join(line.strip(_RULE).rstrip(" :：").split())
    if _FORWARD.match(said):
        return "forward"
    return "divider" if ruled and said.casefold() in _DIVIDER else None


def _head(lines: list[str], at: int) -> int | None:
    """The first line of a head ending here, such as "On … wrote:".

    The line that ends it is tried alone, then with those above, as little as will do: with an address, a year and a
    time in any language; with less, in the words of a language we know; without an address, only above marked lines.
    """
    said = lines[at][:_LONGEST].partition(":  ")[0].rstrip(" :：*")
    tries = [(at, said)]
    for first in range(at - 1, max(at - _HIGHEST_HEAD, -1), -1):
        above = lines[first]
        if not above or _is_marked(above) or above[-1] in ":：" or len(above) + len(said) > _LONGEST:
            break
        said = f"{above} {said}"
        tries.append((first, said))
    if not (_YEAR.search(said) or _TIME.search(said)):
        return None
    claims = [(first, _Claim(" ".join(said.split()))) for first, said in tries]
    enough = [_Claim.is_certain, _Claim.is_likely]
    if _is_marked_below(lines, at + 1):
        enough.append(_Claim.is_possible)
    return next((first for test in enough for first, claim in claims if test(claim)), None)


class _Claim:
    """What speaks for some lines being the head of a quotation."""

    def __init__(self, said: str) -> None:
        addresses = list(_ADDRESS.finditer(said))
        verb = said[addresses[-1].end() :] if addresses else said
        self.said = said
        self.address = bool(addresses)
        self.address_is_last = self.address and len(verb) <= _LONGEST_VERB and not any(map(str.isdigit, verb))
        self.year = bool(_YEAR.search(said))
        self.time = bool(_TIME.search(said))

    @cached_property
    def wrote(self) -> bool:
        folded = self.said.casefold()
        return any(word in folded and head.match(self.said) for word, head in _HEAD)

    def is_certain(self) -> bool:
        return self.address and self.year and self.time and (self.address_is_last or self.wrote)

    def is_likely(self) -> bool:
        return self.address and (self.year or self.time) and self.wrote

    def is_possible(self) -> bool:
        return self.time and self.wrote


# Header fields in the text


def _label(line: str) -> tuple[Role | None, str]:
    """Which field a line is, in whatever language, and its value."""
    found = _LABEL.match(line)
    if found is None:
        return None, ""
    return _ROLES.get(_squeezed(found[1])), line[found.end() :].strip(" |*")


def _block(lines: list[str], at: int) -> int:
    """The line after the header fields that begin here, 0 when these are none: the sender and at least two more of
    them, with an address among them, or with a subject and a date that has a time. A shipment, too, has a sender, a
    recipient and a date."""
    values, end = _fields(lines, at)
    if len(values) < 3:
        return 0
    addressed = any("@" in line for line in lines[at:end])
    return end if addressed or ("subject" in values and _TIME.search(values.get("date", ""))) else 0


def _fields_above(lines: list[str], at: int) -> int:
    """The first of the fields right above the sender's: some programs begin with the date or the subject."""
    while at and lines[at - 1] and _label(lines[at - 1])[0] not in (None, "from"):
        at -= 1
    return at


def _fields(lines: list[str], at: int) -> tuple[dict[Role, str], int]:
    """The first fields of each role from here on, and the line after the last of them."""
    values: dict[Role, str] = {}
    end = at
    strays = 0
    for here in range(at, min(at + _HIGHEST_BLOCK, len(lines))):
        line = lines[here].lstrip("> ")  # Apple marks the fields of what it forwards
        if not line:
            continue
        role, value = _label(line)
        if role is not None:
            if role in values and role == "from":
                break
            values.setdefault(role, value)
            end = here + 1
        else:
            above = lines[here - 1].lstrip("> ")
            if not values or not above or strays == _MOST_STRAYS:
                break
            strays += 1
            if list(values) == ["from"] and "@" not in values["from"] and line[0] in "<[(":
                values["from"] += f" {line}"
    return values, end


# Who wrote what is forwarded

_CANDIDATE: Final = re.compile(r"[^\s<>()\[\]（）＜＞\"',;:，；：|]{1,100}@[^\s<>()\[\]（）＜＞\"',;:，；：|]{1,255}")
_NAME_ENDS: Final = re.compile(r"[<(\[（＜]\s?(?:mailto:)?$", re.IGNORECASE)
_QUOTED_NAME: Final = re.compile(r"[\"“„«]([^\"”“«»]{1,100})[\"”“»]\s{0,3}$")


def _original(lines: list[str], at: int) -> Original | None:
    values, _ = _fields(lines, at)
    if "from" not in values or len(values) < 2:
        return None
    name, address = _sender(values["from"])
    return Original(name, address, one_line(values.get("subject", "")), one_line(values.get("date", "")))


def _sender(value: str) -> tuple[str, str]:
    """Name and address as mail programs show them: "Ada <ada@x>", "Ada [mailto:ada@x]", "Ada(ada@x)", "ada@x"."""
    before, address = _only_address(value)
    if not address:
        return one_line(value).strip("\"'“” ;")[:200], ""
    name = one_line(_NAME_ENDS.sub("", before)).strip("\"'“”‘’ <([（＜")
    return ("" if name.casefold() == address.casefold() else name[:200]), address


def _named(head: str) -> Original | None:
    """The sender in a head, with which some programs forward too. A name only where quotation marks say so."""
    before, address = _only_address(head)
    if not address:
        return None
    name = _QUOTED_NAME.search(_NAME_ENDS.sub("", before))
    return Original(one_line(name[1]) if name else "", address, "", "")


def _only_address(value: str) -> tuple[str, str]:
    """The one address in a line and what stands before it; "" when there is none, or several."""
    found = [(candidate.start(), addr_spec(candidate[0].rstrip("."))) for candidate in _CANDIDATE.finditer(value)]
    addresses = [(start, address) for start, address in found if address]
    if len({address for _, address in addresses}) != 1:
        return value, ""
    # "ada@x <ada@x>": the name is what stands before the last.
    start, address = addresses[-1] if len(addresses) == 2 and "mailto:" not in value.lower() else addresses[0]
    return value[:start], address
