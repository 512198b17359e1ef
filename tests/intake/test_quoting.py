"""What a mail's sender wrote, and who wrote the mail that he forwards, as the mail programs of the world show them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import quoting
from intake.mail import Fold, Mail, Original
from intake.parse import parse
from intake.quoting import folds, forwarded
from tests.intake.mails import a_mail

OWN = "The seal still leaks.\n\nPlease send a new one. 请尽快回复。"
ANSWERS = "\nHello,\n\nwe will send you a new seal.\n\nYour workshop"
MARKED = "\n> Hello,\n>\n> we will send you a new seal.\n> > The seal leaks.\n>\n> Your workshop"


def shown(text: str, subject: str = "") -> str:
    """What is left of a text when it is folded."""
    out, at = [], 0
    for fold in folds(text, subject=subject):
        out.append(text[at : fold.start])
        at = fold.end
    return "".join([*out, text[at:]]).strip()


# Replies: own words above, then a head, then what is quoted

HEADS = {
    "gmail en": "On Thu, Sep 17, 2026 at 10:02 AM Mill Service <service@mill.example> wrote:",
    "gmail en, wrapped before wrote": "On Thu, Sep 17, 2026 at 10:02 AM Mill Service <service@mill.example>\nwrote:",
    "gmail en, wrapped in the address": "On Thu, Sep 17, 2026 at 10:02 AM Mill Service <\nservice@mill.example> wrote:",
    "gmail en, over three lines": "On Thu, Sep 17, 2026 at 10:02 AM\nThe Service <service@mill.example>\nwrote:",
    "gmail zh-CN": "Mill Service <service@mill.example> 于2026年9月17日周四 10:02写道：",
    "gmail zh-CN, wrapped": "Mill Service <service@mill.example>\n于2026年9月17日周四 10:02写道：",
    "gmail zh-TW": "Mill Service <service@mill.example> 於 2026年9月17日 週四 上午10:02寫道：",
    "gmail ja": "2026年9月17日(木) 10:02 Mill Service <service@mill.example>:",
    "gmail ko": "2026년 9월 17일 (목) 오전 10:02, Mill Service <service@mill.example>님이 작성:",
    "gmail de": "Am Do., 17. Sept. 2026 um 10:02 Uhr schrieb Mill Service <\nservice@mill.example>:",
    "gmail de, telephone": "Mill Service <service@mill.example> schrieb am Do., 17. Sept. 2026, 10:02:",
    "gmail fr": "Le jeu. 17 sept. 2026 à 10:02, Mill Service <service@mill.example> a\nécrit :",
    "gmail es": "El jue, 17 sept 2026 a las 10:02, Mill Service (<service@mill.example>) escribió:",
    "gmail it": "Il giorno gio 17 set 2026 alle ore 10:02 Mill Service <service@mill.example>\nha scritto:",
    "gmail pt-BR": "Em qui., 17 de set. de 2026 às 10:02, Mill Service <service@mill.example>\nescreveu:",
    "gmail pt-PT": "Mill Service <service@mill.example> escreveu (quinta, 17/09/2026 à(s) 10:02):",
    "gmail pt-PT, older": "Mill Service <service@mill.example> escreveu no dia quinta, 17/09/2026 à(s) 10:02:",
    "gmail nl": "Op do 17 sep 2026 om 10:02 schreef Mill Service <service@mill.example>:",
    "gmail pl": "czw., 17 wrz 2026 o 10:02 Mill Service <service@mill.example> napisał(a):",
    "gmail ru": "чт, 17 сент. 2026 г. в 10:02, Mill Service <service@mill.example>:",
    "gmail tr": "Mill Service <service@mill.example>, 17 Eyl 2026 Per, 10:02 tarihinde şunu\nyazdı:",
    "gmail cs": "čt 17. 9. 2026 v 10:02 odesílatel Mill Service <service@mill.example> napsal:",
    "gmail sv": "Den tors 17 sep. 2026 kl 10:02 skrev Mill Service <service@mill.example>:",
    "gmail da": "Den tor. 17. sep. 2026 kl. 10.02 skrev Mill Service <service@mill.example>:",
    "gmail no": "tor. 17. sep. 2026 kl. 10:02 skrev Mill Service <service@mill.example>:",
    "gmail fi": "to 17. syysk. 2026 klo 10.02 Mill Service (service@mill.example) kirjoitti:",
    "gmail vi": "Vào Th 5, 17 thg 9, 2026 vào lúc 10:02 Mill Service <\nservice@mill.example> đã viết:",
    "gmail th": "ในวันที่ พฤ. 17 ก.ย. 2026 เวลา 10:02 Mill Service <service@mill.example>\nเขียนว่า:",
    "gmail hu": "Mill Service <service@mill.example> ezt írta (időpont: 2026. szept. 17., Cs, 10:02):",
    "gmail uk": "чт, 17 вер. 2026 р. о 10:02 Mill Service <service@mill.example> пише:",
    "gmail ro": "În joi, 17 sept. 2026 la 10:02, Mill Service <service@mill.example> a scris:",
    "gmail id": "Pada Kam, 17 Sep 2026 pukul 10.02 Mill Service <service@mill.example> menulis:",
    "gmail el": "Στις Πέμ 17 Σεπ 2026 στις 10:02 π.μ., ο χρήστης Mill <service@mill.example> έγραψε:",
    "apple en": "On 17 Sep 2026, at 10:02, Mill Service <service@mill.example> wrote:",
    "apple zh-CN": "在 2026年9月17日，10:02，Mill Service <service@mill.example> 写道：",
    "apple zh-CN, newer": "2026年9月17日 10:02，Mill Service <service@mill.example> 写道：",
    "apple zh-TW": "Mill Service <service@mill.example> 於 2026年9月17日 上午10:02 寫道：",
    "apple ja": "2026/09/17 10:02、Mill Service <service@mill.example>のメール:",
    "apple ko": "2026. 9. 17. 오전 10:02, Mill Service <service@mill.example> 작성:",
    "apple de": "Am 17.09.2026 um 10:02 schrieb Mill Service <service@mill.example>:",
    "apple fr": "Le 17 sept. 2026 à 10:02, Mill Service <service@mill.example> a écrit :",
    "apple pl": "Wiadomość napisana przez Mill <service@mill.example> w dniu 17.09.2026, o godz. 10:02:",
    "apple ru": "17 сентября 2026 г., в 10:02, Mill Service <service@mill.example> написал(а):",
    "outlook for mac en": 'On 9/17/26, 10:02 AM, "Mill Service" <service@mill.example> wrote:',
    "outlook for mac nl": 'Op 17-09-2026 10:02 heeft "Mill" <service@mill.example> geschreven:',
    "ox de": "Mill Service <service@mill.example> hat am 17.09.2026 10:02 CEST geschrieben:",
    "yahoo en": "On Thursday, September 17, 2026 at 10:02:03 AM GMT+8, Mill <service@mill.example> wrote:",
    "proton en": "On Thursday, September 17th, 2026 at 10:02 AM, Mill <service@mill.example> wrote:",
    "163 zh-CN": '在 2026-09-17 10:02:03，"Mill Service" <service@mill.example> 写道：',
    "163 en": 'At 2026-09-17 10:02:03, "Mill Service" <service@mill.example> wrote:',
    "126 zh-CN, without a time": '在2026-09-17，"Mill Service" <service@mill.example> 写道：',
    "mail.ru": "Четверг, 17 сентября 2026, 10:02 +03:00 от Mill Service <service@mill.example>:",
    "yandex": '17.09.2026, 10:02, "Mill Service" <service@mill.example>:',
    "web.de": 'Gesendet: Donnerstag, 17. September 2026 um 10:02 Uhr, von "Mill" <service@mill.example>:',
    "outlook text with mailto": "On 17 Sep 2026 10:02, Mill <service@mill.example<mailto:service@mill.example>> wrote:",
    "lotus notes": "Mill Service <service@mill.example> wrote on 17/09/2026 10:02:03:",
    "hebrew": "בתאריך יום ה׳, 17 בספט׳ 2026 ב-10:02 מאת Mill <service@mill.example>:",
}

MARKED_HEADS = {
    "thunderbird en": "On 17/09/2026 10:02, Mill Service wrote:",
    "thunderbird zh-CN": "在 2026/9/17 10:02, Mill Service 写道:",
    "thunderbird zh-TW": "Mill Service 於 2026/9/17 上午 10:02 寫道:",
    "thunderbird de": "Am 17.09.26 um 10:02 schrieb Mill Service:",
    "thunderbird fr": "Le 17/09/2026 à 10:02, Mill Service a écrit :",
    "thunderbird es": "El 17/9/26 a las 10:02, Mill Service escribió:",
    "thunderbird it": "Il 17/09/2026 10:02, Mill Service ha scritto:",
    "thunderbird pt": "Em 17/09/2026 10:02, Mill Service escreveu:",
    "thunderbird nl": "Op 17-09-2026 om 10:02 schreef Mill Service:",
    "thunderbird pl": "W dniu 17.09.2026 o 10:02, Mill Service pisze:",
    "thunderbird ru": "17.09.2026 10:02, Mill Service пишет:",
    "thunderbird cs": "Dne 17. 09. 26 v 10:02 Mill Service napsal(a):",
    "thunderbird sv": "Den 2026-09-17 kl. 10:02, skrev Mill Service:",
    "thunderbird tr": "17.09.2026 10:02 tarihinde Mill Service yazdı:",
    "roundcube en": "On 2026-09-17 10:02, Mill Service wrote:",
    "mutt": "On Thu, Sep 17, 2026 at 10:02:03AM +0800, Mill Service wrote:",
    "evolution": "On Thu, 2026-09-17 at 10:02 +0800, Mill Service wrote:",
}

BLOCKS = {
    "outlook en": """\
From: Mill Service <service@mill.example>
Sent: Thursday, September 17, 2026 10:02 AM
To: Ines Carrow <ines@quell.example>
Subject: RE: Oil weeping""",
    "outlook en, bold": """\
*From:* Mill Service <service@mill.example>
*Sent:* Thursday, September 17, 2026 10:02 AM
*To:* Ines Carrow <ines@quell.example>
*Cc:* Grace Hall <grace@quell.example>; Ada Byron <ada@quell.example>;
   a very long list <list@quell.example>
*Subject:* RE: Oil weeping""",
    "outlook en, ruled off": """\
________________________________
From: Mill Service <service@mill.example>
Sent: Thursday, September 17, 2026 10:02 AM
To: Ines Carrow <ines@quell.example>
Subject: RE: Oil weeping""",
    "outlook en, without addresses": """\
From: Mill Service
Sent: Thursday, September 17, 2026 10:02 AM
To: Ines Carrow
Subject: RE: Oil weeping""",
    "outlook en, divided": """\
-----Original Message-----
From: Mill Service [mailto:service@mill.example]
Sent: Thursday, September 17, 2026 10:02 AM
To: Ines Carrow
Subject: RE: Oil weeping""",
    "outlook zh-CN": """\
发件人: Mill Service <service@mill.example>
发送时间: 2026年9月17日 10:02
收件人: Ines Carrow <ines@quell.example>
抄送: Grace <grace@quell.example>
主题: 答复: 漏油""",
    "outlook zh-CN, divided": """\
-----邮件原件-----
发件人: Mill Service [mailto:service@mill.example]
发送时间: 2026年9月17日 10:02
收件人: Ines Carrow
主题: 答复: 漏油""",
    "outlook zh-TW": """\
寄件者: Mill Service <service@mill.example>
寄件日期: 2026年9月17日 上午 10:02
收件者: Ines Carrow <ines@quell.example>
主旨: 回覆: 漏油""",
    "outlook ja": """\
差出人: Mill Service <service@mill.example>
送信日時: 2026年9月17日 10:02
宛先: Ines Carrow
件名: RE: 油漏れ""",
    "outlook ko": """\
보낸 사람: Mill Service <service@mill.example>
보낸 날짜: 2026년 9월 17일 목요일 오전 10:02
받는 사람: Ines Carrow
제목: RE: 누유""",
    "outlook de": """\
Von: Mill Service <service@mill.example>
Gesendet: Donnerstag, 17. September 2026 10:02
An: Ines Carrow
Betreff: AW: Ölverlust""",
    "outlook fr": """\
De : Mill Service <service@mill.example>
Envoyé : jeudi 17 septembre 2026 10:02
À : Ines Carrow
Objet : RE: Fuite d’huile""",
    "outlook es": """\
De: Mill Service <service@mill.example>
Enviado: jueves, 17 de septiembre de 2026 10:02
Para: Ines Carrow
Asunto: RE: Fuga""",
    "outlook it": """\
Da: Mill Service <service@mill.example>
Inviato: giovedì 17 settembre 2026 10:02
A: Ines Carrow
Oggetto: R: Perdita""",
    "outlook pt": """\
De: Mill Service <service@mill.example>
Enviada em: quinta-feira, 17 de setembro de 2026 10:02
Para: Ines Carrow
Assunto: RES: Vazamento""",
    "outlook nl": """\
Van: Mill Service <service@mill.example>
Verzonden: donderdag 17 september 2026 10:02
Aan: Ines Carrow
Onderwerp: RE: Lek""",
    "outlook pl": """\
Od: Mill Service <service@mill.example>
Wysłano: czwartek, 17 września 2026 10:02
Do: Ines Carrow
Temat: Odp: Wyciek""",
    "outlook ru": """\
От: Mill Service <service@mill.example>
Отправлено: 17 сентября 2026 г. 10:02
Кому: Ines Carrow
Тема: RE: Течь""",
    "outlook tr": """\
Kimden: Mill Service <service@mill.example>
Gönderildi: 17 Eylül 2026 Perşembe 10:02
Kime: Ines Carrow
Konu: YNT: Kaçak""",
    "outlook cs": """\
Od: Mill Service <service@mill.example>
Odesláno: čtvrtek 17. září 2026 10:02
Komu: Ines Carrow
Předmět: RE: Únik""",
    "outlook sv": """\
Från: Mill Service <service@mill.example>
Skickat: den 17 september 2026 10:02
Till: Ines Carrow
Ämne: SV: Läckage""",
    "outlook da": """\
Fra: Mill Service <service@mill.example>
Sendt: 17. september 2026 10:02
Til: Ines Carrow
Emne: SV: Lækage""",
    "outlook fi": """\
Lähettäjä: Mill Service <service@mill.example>
Lähetetty: torstai 17. syyskuuta 2026 10.02
Vastaanottaja: Ines Carrow
Aihe: VS: Vuoto""",
    "outlook vi": """\
Từ: Mill Service <service@mill.example>
Đã gửi: Thứ Năm, 17 tháng 9, 2026 10:02
Đến: Ines Carrow
Chủ đề: TL: Rò rỉ""",
    "outlook th": """\
จาก: Mill Service <service@mill.example>
ส่ง: 17 กันยายน 2569 10:02
ถึง: Ines Carrow
เรื่อง: RE: น้ำมันรั่ว""",
    "qq zh-CN": """\
------------------ 原始邮件 ------------------
发件人: "Mill Service" <service@mill.example>;
发送时间: 2026年9月17日(星期四) 上午10:02
收件人: "Ines"<ines@quell.example>;
主题: 回复：漏油""",
    "qq zh-CN, no-break spaces": "----------\xa0原始邮件\xa0----------\n发件人:\xa0service@mill.example",
    "qq zh-CN, with a telephone": """\
---原始邮件---
发件人: "Mill Service"<service@mill.example>
发送时间: 2026年9月17日(周四) 上午10:02
收件人: "Ines"<ines@quell.example>;
主题: 回复：漏油""",
    "qq en": """\
------------------ Original ------------------
From:  "Mill Service"<service@mill.example>;
Date:  Thu, Sep 17, 2026 10:02 AM
To:  "Ines"<ines@quell.example>;
Subject:  Re: Oil weeping""",
    "163 zh-CN, telephone": """\
---- 回复的原邮件 ----
| 发件人 | Mill Service<service@mill.example> |
| 发送日期 | 2026年9月17日 10:02 |
| 收件人 | <ines@quell.example> |
| 主题 | 回复：漏油 |""",
    "163 en, telephone": """\
---- Replied Message ----
| From | Mill Service<service@mill.example> |
| Date | 9/17/2026 10:02 |
| To | <ines@quell.example> |
| Subject | Re: Oil weeping |""",
    "foxmail zh-CN": """\
发件人： Mill Service
发送时间： 2026-09-17 10:02
收件人： Ines Carrow
抄送： Grace
主题： Re: 漏油""",
    "foxmail en": """\
From: service@mill.example
Date: 2026-09-17 10:02
To: Ines Carrow
Subject: Re: Oil weeping""",
    "dingtalk zh-CN": """\
------------------------------------------------------------------
发件人：Mill Service <service@mill.example>
日　期：2026年09月17日 10:02:03
收件人：Ines Carrow <ines@quell.example>
主　题：回复：漏油""",
    "feishu zh-CN": """\
发件人: Mill Service<service@mill.example>
日期: 2026年9月17日 周四 10:02
主题: Re: 漏油
收件人: "Ines"<ines@quell.example>""",
    "coremail zh-CN": """\
-----原始邮件-----
发件人:"Mill Service" <service@mill.example>
发送时间:2026-09-17 10:02:03 (星期四)
收件人: ines@quell.example
主题: Re: 漏油""",
    "samsung en": """\
-------- Original message --------
From: Mill Service <service@mill.example>
Date: 17/09/2026 10:02 (GMT+08:00)
To: ines@quell.example
Subject: Re: Oil weeping""",
    "samsung de": "-------- Ursprüngliche Nachricht --------\nVon: Mill <service@mill.example>\nDatum: 17.09.26 10:02",
    "gmx de": "-------- Original-Nachricht --------\nDatum: Thu, 17 Sep 2026 10:02\nVon: service@mill.example",
    "orange fr": "-------- Message d'origine --------\nDe : Mill Service <service@mill.example>\nDate : 17/09/2026",
    "samsung es": "-------- Mensaje original --------\nDe: Mill Service <service@mill.example>\nFecha: 17/9/26",
    "libero it": "----Messaggio originale----\nDa: service@mill.example\nData: 17-set-2026 10.02",
    "gmx de, the date first": """\
Gesendet: Donnerstag, 17. September 2026 um 10:02 Uhr
Von: "Mill Service" <service@mill.example>
An: ines@quell.example
Betreff: Re: Ölverlust""",
    "verse en": """\
-----"Mill Service" <service@mill.example> wrote: -----
To: ines@quell.example
From: "Mill Service" <service@mill.example>
Date: 09/17/2026 10:02AM
Subject: Re: Oil weeping""",
    "zimbra de": """\
----- Ursprüngliche Mail -----
Von: "Mill Service" <service@mill.example>
An: "Ines" <ines@quell.example>
Betreff: Re: Ölverlust""",
    "企业微信": """\
------------------ 回复的邮件信息 ------------------
发件人：Mill Service<service@mill.example>
时间：2026年9月17日 10:02
收件人：Ines
主题：漏油""",
    "notes en": "From:\tMill Service/Mill\nTo:\tInes Carrow\nDate:\t17/09/2026 10:02\nSubject:\tRe: Oil weeping",
}

QUOTED = (
    {name: head + ANSWERS for name, head in (HEADS | BLOCKS).items()}
    | {f"{name}, marked": head + MARKED for name, head in (HEADS | MARKED_HEADS).items()}
    | {
        "marked by bars": MARKED_HEADS["thunderbird en"] + MARKED.replace("\n>", "\n|"),
        "only marked": MARKED.strip(),
        "marked without spaces": MARKED.strip().replace("> ", ">"),
        "yahoo in one line": "  On Thu, Sep 17, 2026 at 10:02, Mill<service@mill.example> wrote:   Hello,\nyes.",
        "a block under a head": HEADS["gmail en"] + "\n\n" + BLOCKS["outlook en"] + ANSWERS,
    }
)


@pytest.mark.parametrize("history", QUOTED.values(), ids=QUOTED)
def test_history_below_an_answer_is_folded_whole(history: str) -> None:
    text = f"{OWN}\n\n{history}"
    assert folds(text, subject="Re: Oil weeping") == (Fold(len(OWN) + 2, len(text), "quoted"),)
    assert forwarded(text, subject="Re: Oil weeping") is None


@pytest.mark.parametrize("history", QUOTED.values(), ids=QUOTED)
def test_a_mail_of_nothing_but_history_is_not_folded(history: str) -> None:
    assert folds(history) == folds(f"\n\n{history}\n") == ()


@pytest.mark.parametrize("history", HEADS.values(), ids=HEADS)
def test_history_needs_no_empty_line_above(history: str) -> None:
    assert shown(f"Yes.\n{history}{MARKED}") == "Yes."


def test_line_ends_of_the_wire_do_not_hide_history() -> None:
    assert shown(f"Yes.\n\n{BLOCKS['outlook en']}{ANSWERS}".replace("\n", "\r\n")) == "Yes."


@pytest.mark.parametrize("role", range(5))
def test_no_label_has_two_meanings(role: int) -> None:
    here = {quoting._squeezed(label) for row in quoting._LABELS for label in row[role].split("|")}
    there = {
        quoting._squeezed(label)
        for row in quoting._LABELS
        for other in range(5)
        for label in row[other].split("|")
        if other != role
    }
    assert not here & there


# What looks like history and is the customer's own

OWN_WORDS = {
    "a sentence that begins like a field": "From: the beginning we saw cracks.\nTo: be clear, all of them leak.\nBad.",
    "one field": "We need a refund.\nSubject: pump 4711\nBatch: 12",
    "a memo without addresses and times": "See our form.\nFrom: Quell Ltd\nTo: Mill\nDate: 17 Sep\nSubject: cracks",
    "a table of fields": "Subject: pump\nDate: 2026-09-17 10:02\nTo: Mill\nThe pump leaks.",
    "a shipment": "The parts came late.\nFrom: Shanghai\nTo: Hamburg\nWeight: 40 kg\nDate: 17 September",
    "a shipment with a time": "From: Hamburg warehouse\nDate: 17.09.2026 10:00\nTo: our plant\nIt arrived cracked.",
    "发件人 of a parcel": "发件人：王伟\n日期：2026-09-17 10:02\n收件人：李雷\n箱子到达时已破损。",
    "a letter that is cited": "On 3 September 2026 your Mr Smith wrote:\nWe will replace the pump.\nHe did not.",
    "a log": "The controller says at 2026-09-17 10:02:\nE42 overpressure\nE43 stopped",
    "an address and a date": "I told <service@mill.example> on 17 September 2026 at 10:02 about all these:\ncracks",
    "a list and an address": "It happened on 2026-09-17 at 10:02:\n- leak\n- crack\nAda <ada@quell.example>:\n12345",
    "measures": "We measured:\n>40 bar: leaks\n> 50 bar: bursts\n>= 60 bar: not tried",
    "a drawn table": "| Item | Count |\n|---|---|\n| Oven | 3 |\nAll of them leak.",
    "a rule": "First:\n-----\nThe oven leaks.\n_____\nThe pump too.",
    "two dashes between items": "The oven leaks.\n--\nThe pump leaks.\n--\nThe seal leaks.",
    "a heading": "--- Original ovens ---\nThe oven leaks.\n=== Forwarding ===\nNot yet.",
    "发件人 in a sentence": "发件人：我们找不到了\n请回复。\n主题：漏油",
    "写道 in a sentence": "贵司在9月3日的信中写道：\n我们会更换。\n但是没有更换。",
    "a time and a colon": "Am 17.09.2026 um 10:02 haben wir festgestellt:\nDie Pumpe leckt.",
    "sent from a place": "The pump leaks.\nSent from our Hamburg warehouse on Monday it arrived broken.",
    "来自 in a sentence": "泵漏油。\n来自上海的客户也投诉了。",
}


@pytest.mark.parametrize("text", OWN_WORDS.values(), ids=OWN_WORDS)
def test_a_customer_s_own_words_are_not_folded(text: str) -> None:
    assert folds(text, subject="Oil weeping") == ()
    assert folds(f"Dear Sirs,\n\n{text}", subject="Re: Oil weeping") == ()
    assert forwarded(text, subject="Oil weeping") is None


NOT_HISTORY = {
    "a web form": "New enquiry\n\nFrom: Ada <ada@quell.example>\nSubject: Oven\nDate: 2026-09-17 10:02\n\nIt leaks.",
    "a log": "The log says:\n\n2026-09-17 10:02:03 error <pump@plc.example>:\nE42\n\nWhat is that?",
}


@pytest.mark.parametrize("text", NOT_HISTORY.values(), ids=NOT_HISTORY)
def test_a_mail_that_answers_nothing_has_no_history_of_its_own(text: str) -> None:
    assert parse(a_mail(text, subject="Oil weeping")).folds == ()
    assert parse(a_mail(text, subject="Re: Oil weeping")).folds
    assert parse(a_mail(text, subject="Oil weeping", in_reply_to="<ours-1@redress.test>")).folds
    assert parse(a_mail(f"Yes.\n\n-----Original Message-----\n{text}", subject="Oil weeping")).folds


@pytest.mark.parametrize(
    "subject", ["", "Re: Oven", "AW: Oven", "RE[2]: Oven", "Re^2: Oven", "[EXT] [C-2026-0042] 回复：烤箱", "答复: 烤箱"]
)
def test_an_answer_is_known_by_the_word_before_its_subject(subject: str) -> None:
    assert quoting.may_answer(subject)
    assert not quoting.may_answer(f"Oven {subject}".strip())


# Answers below and between

HEAD = HEADS["gmail en"]


def test_an_answer_below_what_it_quotes_is_shown_and_the_quotation_folded() -> None:
    quotation = f"{HEAD}\n> Does it leak?"
    assert folds(f"{quotation}\n\n{OWN}") == (Fold(0, len(quotation), "quoted"),)
    assert shown(f"> Does it leak?\n\n{OWN}\n") == OWN


INTERLEAVED = f"""\
Hello,

{HEAD}
> Does it leak?
Yes.

> At what pressure?
At 40 bar."""


def test_answers_between_quoted_lines_are_shown_with_what_they_answer() -> None:
    assert folds(INTERLEAVED) == ()
    assert folds(INTERLEAVED.removeprefix("Hello,\n\n")) == ()


def test_what_is_quoted_below_the_last_answer_is_folded() -> None:
    rest = "> Kind regards\n> Your workshop"
    assert shown(f"{INTERLEAVED}\n\n{rest}\n") == INTERLEAVED
    assert shown(f"{INTERLEAVED}\n\n{BLOCKS['outlook en']}{ANSWERS}") == INTERLEAVED


def test_a_signature_below_answers_is_folded() -> None:
    assert shown(f"{INTERLEAVED}\n\n-- \nInes Carrow\nQuell Ltd") == INTERLEAVED


@pytest.mark.parametrize(
    "note",
    [
        "Please find our answers below.",
        "My comments inline.",
        "Hi, see my remarks in red.",
        "回复见下文红字，谢谢。",
        "您好，回复如下：",
        "Meine Antworten stehen unten im Text.",
        "Mes réponses ci-dessous.",
        "インラインにて回答いたします。",
    ],
)
def test_history_with_answers_in_it_is_left_whole(note: str) -> None:
    assert folds(f"{note}\n\n{BLOCKS['outlook en']}\n\nDoes it leak?\nYes, all of them.") == ()


# Signatures

DEVICES = {
    "iphone en": "Sent from my iPhone",
    "iphone zh-CN": "发自我的iPhone",
    "iphone zh-CN, spaced": "发自我的 iPhone",
    "iphone zh-CN, newer": "从我的 iPhone 发送",
    "iphone zh-TW": "從我的 iPhone 傳送",
    "iphone ja": "iPhoneから送信",
    "iphone ko": "나의 iPhone에서 보냄",
    "iphone de": "Von meinem iPhone gesendet",
    "iphone fr": "Envoyé de mon iPhone",
    "iphone es": "Enviado desde mi iPhone",
    "iphone it": "Inviato da iPhone",
    "iphone pt": "Enviado do meu iPhone",
    "iphone nl": "Verstuurd vanaf mijn iPhone",
    "iphone pl": "Wysłane z iPhone'a",
    "iphone ru": "Отправлено с iPhone",
    "iphone tr": "iPhone'umdan gönderildi",
    "iphone cs": "Odesláno z iPhonu",
    "iphone sv": "Skickat från min iPhone",
    "iphone da": "Sendt fra min iPhone",
    "iphone fi": "Lähetetty iPhonesta",
    "iphone vi": "Đã gửi từ iPhone của tôi",
    "iphone th": "ส่งจาก iPhone ของฉัน",
    "outlook for ios en": "Get Outlook for iOS<https://aka.ms/o0ukef>",
    "outlook for ios zh-CN": "获取 Outlook for iOS",
    "outlook for ios fr": "Télécharger Outlook pour iOS",
    "outlook for android de": "Outlook für Android beziehen",
    "windows en": "Sent from Mail for Windows",
    "windows zh-CN": "发送自 Windows 10 版邮件应用",
    "samsung en": "Sent from my Galaxy",
    "yahoo en": "Sent from Yahoo Mail on Android",
    "163 zh-CN": "发自网易邮箱大师",
    "163 zh-CN, older": "来自网易邮箱手机版",
    "163 zh-CN, by name": "签名由 网易邮箱大师 定制",
    "qq zh-CN": "来自QQ邮箱",
    "企业微信": "发自我的企业微信",
    "dingtalk zh-CN": "发自钉钉邮箱",
}


@pytest.mark.parametrize("line", DEVICES.values(), ids=DEVICES)
def test_a_telephone_s_line_at_the_end_is_a_signature(line: str) -> None:
    text = f"{OWN}\n\n{line}\n"
    assert folds(text) == (Fold(len(OWN) + 2, len(OWN) + 2 + len(line), "signature"),)


@pytest.mark.parametrize("line", DEVICES.values(), ids=DEVICES)
def test_a_telephone_s_line_above_history_is_a_signature(line: str) -> None:
    text = f"{OWN}\n\n{line}\n\n{HEAD}{MARKED}"
    assert [fold.kind for fold in folds(text)] == ["signature", "quoted"]
    assert shown(text) == OWN


def test_a_signature_begins_at_its_dashes() -> None:
    signature = "-- \nInes Carrow\nQuality, Quell Ltd\n\nSent from my iPhone"
    assert folds(f"{OWN}\n\n{signature}") == (Fold(len(OWN) + 2, len(OWN) + 2 + len(signature), "signature"),)
    assert shown(f"{OWN}\n\n{signature.replace('-- ', '--')}\n\n{HEAD}{MARKED}") == OWN
    assert shown(f"{OWN}\n\n{HEAD}{MARKED}\n\n{signature}") == OWN


def test_a_signature_below_an_answer_below_a_quotation_is_folded() -> None:
    assert shown(f"> Does it leak?\n\n{OWN}\n\n-- \nInes Carrow") == OWN


@pytest.mark.parametrize("rest", ["The oven leaks.\n" * 21, "The oven leaks badly. " * 100])
def test_dashes_above_much_text_are_no_signature(rest: str) -> None:
    assert folds(f"{OWN}\n-- \n{rest}") == ()


@pytest.mark.parametrize("text", ["", "\n", "Sent from my iPhone", "-- \nInes", "> \n> ", "---"])
def test_a_mail_without_words_of_its_own_is_not_folded(text: str) -> None:
    assert folds(text) == ()
    assert folds(f"{text}\n\n{HEAD}{MARKED}") == ()


def test_a_mail_of_one_picture_character_has_words_of_its_own() -> None:
    assert shown(f"👍\n\n{HEAD}{MARKED}") == "👍"


def test_a_line_of_a_telephone_in_the_middle_is_left() -> None:
    assert folds("The ticket says:\nSent from my iPhone\nWhat does that mean?") == ()


# Forwards

ADA = "Ada Byron <ada@quell.example>"
QQ_ADA = '"Ada Byron" <ada@quell.example>;'
ORIGINAL = Original("Ada Byron", "ada@quell.example", "Oil weeping", "17 Sep 2026 10:02")


def a_block(labels: str, sender: str = ADA) -> str:
    """A block of fields: labels of sender, date, recipient and subject."""
    values = (sender, "17 Sep 2026 10:02", "service@mill.example", "Oil weeping")
    return "\n".join(f"{label}: {value}" for label, value in zip(labels.split("|"), values, strict=True))


EN, ZH = "From|Date|To|Subject", "发件人|发送时间|收件人|主题"
BODY = "\n\nThe seal leaks.\nOn 17 Sep 2026, at 10:02, Mill <service@mill.example> wrote:\n> Hello\n\n-- \nAda"

DIVIDED = {
    "gmail": f"---------- Forwarded message ---------\n{a_block(EN)}",
    "gmail zh-CN": f"---------- Forwarded message ---------\n{a_block('发件人|Date|To|Subject')}",
    "gmail de": f"---------- Forwarded message ---------\n{a_block('Von|Date|To|Subject')}",
    "apple en": f"Begin forwarded message:\n\n> {a_block(EN).replace(chr(10), chr(10) + '> ')}",
    "apple en, unmarked": f"Begin forwarded message:\n\n{a_block(EN)}",
    "apple zh-CN": f"下面是被转发的邮件：\n\n{a_block('发件人|日期|收件人|主题')}",
    "apple zh-CN, older": f"开始转发邮件：\n\n{a_block('发件人|日期|收件人|主题')}",
    "apple fr": f"Début du message transféré :\n\n{a_block('De|Date|À|Objet')}",
    "apple de": f"Anfang der weitergeleiteten Nachricht:\n\n{a_block('Von|Datum|An|Betreff')}",
    "apple es": f"Inicio del mensaje reenviado:\n\n{a_block('De|Fecha|Para|Asunto')}",
    "apple nl": f"Begin doorgestuurd bericht:\n\n{a_block('Van|Datum|Aan|Onderwerp')}",
    "thunderbird en": (
        "-------- Forwarded Message --------\nSubject: \tOil weeping\nDate: \t17 Sep 2026 10:02\n"
        f"From: \t{ADA}\nTo: \tservice@mill.example"
    ),
    "thunderbird zh-CN": f"-------- 转发的消息 --------\n{a_block('发件人|日期|收件人|主题')}",
    "thunderbird de": f"-------- Weitergeleitete Nachricht --------\n{a_block('Von|Datum|An|Betreff')}",
    "thunderbird ru": f"-------- Перенаправленное сообщение --------\n{a_block('От|Дата|Кому|Тема')}",
    "yahoo en": f"----- Forwarded Message -----\n{a_block('From|Sent|To|Subject')}",
    "yahoo it": f"----- Messaggio inoltrato -----\n{a_block('Da|Inviato|A|Oggetto')}",
    "163 zh-CN": f"-------- 转发邮件信息 --------\n{a_block(ZH, QQ_ADA)}",
    "163 en": f"-------- Forwarding messages --------\n{a_block(EN)}",
    "163 zh-CN, telephone": (
        "---- 转发的邮件 ----\n| 发件人 | Ada Byron<ada@quell.example> |\n| 日期 | 17 Sep 2026 10:02 |\n"
        "| 收件人 | service@mill.example |\n| 主题 | Oil weeping |"
    ),
    "lotus notes": f"----- Forwarded by Mill Service/Mill on 18/09/2026 09:00 -----\n\n{a_block(EN)}",
}

PREFIXED = {
    "outlook en": ("FW: x", a_block("From|Sent|To|Subject")),
    "outlook en, ruled off": ("Fw: x", f"{'_' * 32}\n{a_block('From|Sent|To|Subject')}"),
    "outlook en, divided": ("FW: x", f"-----Original Message-----\n{a_block('From|Sent|To|Subject')}"),
    "outlook en, mailto": ("FW: x", a_block("From|Sent|To|Subject", "Ada Byron [mailto:ada@quell.example]")),
    "outlook en, two links": (
        "FW: x",
        a_block("From|Sent|To|Subject", "Ada Byron <ada@quell.example<mailto:ada@quell.example>>"),
    ),
    "outlook en, bold": ("FW: x", a_block("*From|*Sent|*To|*Subject").replace(":", ":*", 1)),
    "outlook en, marked as external": ("[EXTERNAL] FW: x", a_block("From|Sent|To|Subject")),
    "outlook zh-CN": ("转发: x", a_block(ZH)),
    "outlook zh-TW": ("轉寄: x", a_block("寄件者|寄件日期|收件者|主旨")),
    "outlook ja": ("転送: x", a_block("差出人|送信日時|宛先|件名")),
    "outlook ko": ("전달: x", a_block("보낸 사람|보낸 날짜|받는 사람|제목")),
    "outlook de": ("WG: x", a_block("Von|Gesendet|An|Betreff")),
    "outlook fr": ("TR: x", a_block("De |Envoyé |À |Objet ")),
    "outlook es": ("RV: x", a_block("De|Enviado|Para|Asunto")),
    "outlook it": ("I: x", a_block("Da|Inviato|A|Oggetto")),
    "outlook pt": ("ENC: x", a_block("De|Enviada em|Para|Assunto")),
    "outlook nl": ("Doorst: x", a_block("Van|Verzonden|Aan|Onderwerp")),
    "outlook pl": ("PD: x", a_block("Od|Wysłano|Do|Temat")),
    "outlook sv": ("VB: x", a_block("Från|Skickat|Till|Ämne")),
    "outlook da": ("VS: x", a_block("Fra|Sendt|Til|Emne")),
    "outlook tr": ("İLT: x", a_block("Kimden|Gönderildi|Kime|Konu")),
    "qq zh-CN": (
        "转发：x",
        f"---------- 原始邮件 ----------\n{a_block(ZH, QQ_ADA)}",
    ),
    "foxmail zh-CN": ("转发: x", a_block(ZH, "Ada Byron(ada@quell.example)")),
    "foxmail zh-CN, full-width": ("转发：x", a_block(ZH, "Ada Byron（ada@quell.example）")),
    "dingtalk zh-CN": ("转发：x", f"{'-' * 66}\n{a_block('发件人|日　期|收件人|主　题')}"),
}


@pytest.mark.parametrize("forward", DIVIDED.values(), ids=DIVIDED)
@pytest.mark.parametrize("note", ["", "FYI, please register.\n\nMill Service\n\n"], ids=["bare", "with a note"])
def test_a_forward_with_its_divider_names_the_original_sender_and_stays_whole(note: str, forward: str) -> None:
    text = note + forward + BODY
    assert forwarded(text) == forwarded(text, subject="Fwd: Oil weeping") == ORIGINAL
    assert folds(text) == folds(text, subject="Fwd: Oil weeping") == ()


@pytest.mark.parametrize(("subject", "forward"), PREFIXED.values(), ids=PREFIXED)
@pytest.mark.parametrize("note", ["", "FYI, please register.\n\nMill Service\n\n"], ids=["bare", "with a note"])
def test_a_forward_by_its_subject_names_the_original_sender_and_stays_whole(
    note: str, subject: str, forward: str
) -> None:
    text = note + forward + BODY
    assert forwarded(text, subject=subject) == ORIGINAL
    assert folds(text, subject=subject) == ()
    assert forwarded(text, subject=f"Re: {subject}") is None


def test_a_forward_of_a_forward_names_the_outer_sender() -> None:
    inner = a_block(EN, "Grace <grace@shop.example>")
    text = f"{DIVIDED['gmail']}\n\n---------- Forwarded message ---------\n{inner}\n\nIt leaks."
    assert forwarded(text) == ORIGINAL


def test_a_finnish_answer_is_no_danish_forward() -> None:
    text = f"Kyllä.\n\n{a_block('Lähettäjä|Lähetetty|Vastaanottaja|Aihe')}"
    assert forwarded(text, subject="VS: Vuoto") is None
    assert shown(text, subject="VS: Vuoto") == "Kyllä."


def test_outlook_for_mac_forwards_with_a_head() -> None:
    text = 'FYI\n\nOn 9/17/26, 10:02 AM, "Ada Byron" <ada@quell.example> wrote:\n\nThe seal leaks.'
    assert forwarded(text, subject="FW: Oil") == Original("Ada Byron", "ada@quell.example", "", "")
    assert forwarded(text, subject="Re: Oil") is None
    assert forwarded(f"{OWN}\n\n{HEAD}{MARKED}", subject="FW: Oil") is None


def test_yandex_forwards_with_a_head_below_its_divider() -> None:
    text = '-------- Пересылаемое сообщение --------\n17.09.2026, 10:02, "Ada Byron" <ada@quell.example>:\n\nТечёт.'
    assert forwarded(text) == Original("Ada Byron", "ada@quell.example", "", "")
    assert folds(f"FYI\n\n{text}") == ()


def test_an_answer_to_a_forward_is_no_forward() -> None:
    history = "\n".join(f"> {line}" for line in (DIVIDED["apple en"] + BODY).split("\n"))
    text = f"{OWN}\n\n{HEAD}\n{history}"
    assert forwarded(text, subject="Re: Fwd: Oil") is None
    assert shown(text, "Re: Fwd: Oil") == OWN


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("ada@quell.example", "", "ada@quell.example"),
        ("<ada@quell.example>", "", "ada@quell.example"),
        ("ada@quell.example <ada@QUELL.example>", "", "ada@quell.example"),
        ('"Byron, Ada" <ada@quell.example>;', "Byron, Ada", "ada@quell.example"),
        ("Ada (Quality) <ada@quell.example>", "Ada (Quality)", "ada@quell.example"),
        ("王伟（质量部） <wang@quell.example>", "王伟（质量部）", "wang@quell.example"),
        ("Ada Byron\n<ada@quell.example>", "Ada Byron", "ada@quell.example"),
        ("Ada Byron", "Ada Byron", ""),
        ("Ada <ada@quell.example> on behalf of Grace <grace@quell.example>", None, ""),
        ("Ada <ada@localhost@quell>", None, ""),
        ("Ada <ada@>", None, ""),
    ],
)
def test_an_address_is_named_only_where_it_is_plain(sender: str, name: str | None, address: str) -> None:
    original = forwarded(a_block("From|Sent|To|Subject", sender), subject="FW: x")
    assert original is not None
    assert original.address == address
    assert name is None or original.name == name


@pytest.mark.parametrize(
    "text", ["", "See below.", "Forwarded by our office:\nThe seal leaks.", f"{OWN}\n\n{HEAD}{MARKED}"]
)
def test_a_forward_without_fields_names_nobody(text: str) -> None:
    assert forwarded(text, subject="Fwd: Oil") is None


# Pages: what mail programs send as HTML, read as text by the intake


def a_page(path: Path, subject: str) -> Mail:
    return parse(a_mail(path.read_text(), content_type="text/html; charset=utf-8", subject=subject))


def pages(kind: str) -> pytest.MarkDecorator:
    found = sorted(Path(__file__).with_name("quoting").glob(f"{kind}-*.html"))
    return pytest.mark.parametrize("page", found, ids=[path.stem for path in found])


@pages("reply")
def test_history_in_a_page_is_folded(page: Path) -> None:
    mail = a_page(page, "Re: Oil")
    left = shown(mail.text, mail.subject)
    assert left.startswith("It still leaks.")
    assert "seal" not in left
    assert "好的" not in left
    assert "mill.example" not in left
    assert forwarded(mail.text, subject=mail.subject) is None


@pages("forward")
def test_a_forwarded_page_names_the_original_sender(page: Path) -> None:
    mail = a_page(page, "FW: Oil")
    assert forwarded(mail.text, subject=mail.subject) == ORIGINAL
    assert folds(mail.text, subject=mail.subject) == ()


# Any text at all

PIECES = st.sampled_from(
    [
        *HEADS.values(),
        *BLOCKS.values(),
        *DEVICES.values(),
        *DIVIDED.values(),
        "> quoted",
        ">",
        "| bar",
        "-- ",
        "",
        "---",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=" >|-:：\n\raO@<1n*", max_size=300),
    st.lists(PIECES | st.text(max_size=20), max_size=12).map("\n".join),
)


@given(TEXTS, st.sampled_from(["", "Re: Oil", "Fwd: Oil", "VS: Oil"]))
def test_of_any_text_something_is_left_and_the_rest_is_in_order(text: str, subject: str) -> None:
    at = 0
    for fold in folds(text, subject=subject):
        assert at <= fold.start < fold.end <= len(text)
        at = fold.end
    assert bool(shown(text, subject)) == bool(text.strip())


@given(TEXTS)
def test_of_any_forward_the_address_stands_in_the_text(text: str) -> None:
    original = forwarded(text, subject="Fwd: Oil")
    assert original is None or original.address.lower() in text.lower()


HOSTILE = {
    "marks": ">\n" * 500_000,
    "own words and marks by turns": "> a\nb\n" * 150_000,
    "one line": "On " * 300_000,
    "colons": ":\n" * 500_000,
    "heads that are none": "On 2026-09-17 10:02 <a@b> said to me all of these 12 words there:\n" * 15_000,
    "blocks that are none": "From: a\nTo: b\nCc: c\nx\ny\n" * 40_000,
    "brackets": ("<" * 399 + ":\n") * 2_500,
    "signatures": "-- \nSent from my oven\n" * 40_000,
    "spaces": " " * 1_000_000,
    "nothing": "\n" * 1_000_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_read_like_any_other(text: str) -> None:
    for subject in ("", "Fwd: Oil"):
        folds(text, subject=subject)
        forwarded(text, subject=subject)


def test_what_follows_very_many_quoted_lines_is_folded_with_them() -> None:
    assert shown("Yes.\n\n" + "> quoted\n" * 10_000) == "Yes."
