"""Charsets: declared, declared wrongly, declared by halves, and not declared at all."""

from __future__ import annotations

import base64

from tests.intake.mails import a_mail, word
from tests.intake.traps.trap import Trap, as_written, trap

CHINESE = "今天收到的烤箱漏电，请尽快处理。"
TAIWANESE = "今天收到的烤箱漏電，請儘快處理。"
JAPANESE = "オーブンから漏電しています。至急ご対応ください。"
RUSSIAN = "Здравствуйте, духовка бьёт током. Прошу принять меры."

# What the mail declares, how it is really written, and its text.
_DECLARED = {
    "gbk as gb2312": ("gb2312", "gbk", "朱镕基的烤箱"),
    "gb18030 of four bytes as gbk": ("gbk", "gb18030", "㐂㐃先生的烤箱 €"),
    "gb2312 by its registered name": ("GB_2312-80", "gb2312", CHINESE),
    "gb2312 as code page": ("cp-936", "gbk", CHINESE),
    "big5 with hong kong's characters": ("big5", "big5hkscs", "啲嘢壞咗，唔該處理"),
    "big5 with the signs of eten": ("Big5", "cp950", "規格：碁恒裏粧嫺 ￥5～6"),
    "shift_jis with company signs": ("Shift_JIS", "cp932", "①号機 ㈱髙島 ～"),
    "shift_jis by its windows name": ("windows-31j", "cp932", JAPANESE),
    "half-width kana": ("shift_jis", "cp932", "ｵｰﾌﾞﾝ ｺｼｮｳ"),
    "iso-2022-jp": ("ISO-2022-JP", "iso2022_jp", JAPANESE),
    "iso-2022-jp with half-width kana": ("iso-2022-jp", "iso2022_jp_ext", "ｵｰﾌﾞﾝ 故障"),
    "euc-jp": ("EUC-JP", "euc_jp", JAPANESE),
    "iso-2022-kr": ("iso-2022-kr", "iso2022_kr", "오븐 누전"),
    "korean of windows by its old name": ("ks_c_5601-1987", "cp949", "똠방각하 오븐 고장"),
    "euc-kr that is code page 949": ("euc-kr", "cp949", "햏 오븐 고장"),
    "windows-1250": ("windows-1250", "cp1250", "Příliš žluťoučký kůň"),
    "windows-1251": ("windows-1251", "cp1251", RUSSIAN),
    "windows-1253": ("windows-1253", "cp1253", "Ο φούρνος έχει διαρροή"),
    "windows-1254": ("windows-1254", "cp1254", "Fırın elektrik kaçırıyor"),
    "windows-1255": ("windows-1255", "cp1255", "התנור מחשמל"),
    "windows-1256": ("windows-1256", "cp1256", "الفرن يسرب الكهرباء"),
    "windows-1257": ("windows-1257", "cp1257", "Orkaitė trenkia elektra"),
    "windows-1258": ("windows-1258", "cp1258", "Lô đơn hư"),
    "koi8-r": ("koi8-r", "koi8_r", RUSSIAN),
    "koi8-u": ("KOI8-U", "koi8_u", "Піч б'є струмом, її ґрати гарячі"),
    "iso-8859-2": ("iso-8859-2", "iso8859_2", "Trouba probíjí, řešte"),
    "iso-8859-5": ("iso-8859-5", "iso8859_5", "Духовка бьёт током"),
    "iso-8859-7": ("iso-8859-7", "iso8859_7", "Ο φούρνος"),
    "iso-8859-9 that is windows-1254": ("iso-8859-9", "cp1254", "Fırın “bozuk”"),
    "iso-8859-15": ("iso-8859-15", "iso8859_15", "Œuvre à 5 €"),
    "iso-8859-1 that is windows-1252": ("iso-8859-1", "cp1252", "Gerät für 5 € „kaputt“"),
    "tis-620": ("tis-620", "cp874", "เตาอบไฟรั่ว"),
    "macintosh": ("macintosh", "mac_roman", "Das Gerät „über“"),
    "code page 437": ("cp437", "cp437", "Größe über 5"),
    "code page 850": ("ibm850", "cp850", "Größe über 5"),
    "utf-16 with a mark": ("utf-16", "utf_16", CHINESE),
    "utf-16 without a mark": ("utf-16", "utf_16_le", CHINESE),
    "utf-16 without a mark, the other way": ("utf-16", "utf_16_be", CHINESE),
    "utf-16be": ("utf-16be", "utf_16_be", CHINESE),
    "utf-32 with a mark": ("utf-32", "utf_32", CHINESE),
    "utf-32 without a mark": ("utf-32", "utf_32_be", CHINESE),
    "utf-7": ("utf-7", "utf_7", CHINESE),
    "hz": ("hz-gb-2312", "hz", CHINESE),
    "utf-8 with a mark": ("utf-8", "utf_8_sig", CHINESE),
}

_LIES = {
    "gbk as utf-8": ("utf-8", "gbk", CHINESE),
    "gbk as us-ascii": ("us-ascii", "gbk", CHINESE),
    "gbk as iso-8859-1": ("iso-8859-1", "gbk", CHINESE),
    "gbk as windows-1252": ("windows-1252", "gbk", "产品质量投诉，请回复"),
    "big5 as iso-8859-1": ("iso-8859-1", "big5", TAIWANESE),
    "shift_jis as iso-8859-1": ("iso-8859-1", "cp932", JAPANESE),
    "windows-1251 as iso-8859-1": ("iso-8859-1", "cp1251", RUSSIAN),
    "umlauts that are iso-8859-1": ("iso-8859-1", "cp1252", "ÄÖÜ äöü: die Größe stimmt nicht"),
    "utf-8 as gb2312": ("gb2312", "utf-8", CHINESE),
    "utf-8 as iso-8859-1": ("iso-8859-1", "utf-8", "Größe"),
    "utf-8 as utf-16": ("utf-16", "utf-8", "The oven leaks. 烤箱漏电。"),
    "ascii as utf-16": ("utf-16", "ascii", "The oven leaks."),
    "hz as gb2312": ("gb2312", "hz", CHINESE),
    "iso-2022-jp as us-ascii": ("us-ascii", "iso2022_jp", JAPANESE),
    "gbk in a charset nobody knows": ("x-unknown", "gbk", CHINESE),
    "gbk in an unknown charset of eight bits": ("unknown-8bit", "gbk", CHINESE),
    "gbk in the charset of a system": ("DEFAULT", "gbk", CHINESE),
}

_UNDECLARED = {
    "two chinese characters": ("gbk", "投诉"),
    "a short chinese line": ("gbk", "烤箱漏电，请处理"),
    "a chinese name": ("gbk", "张三"),
    "four chinese characters of taiwan": ("big5", "烤箱漏電"),
    "a short japanese line": ("cp932", "至急ご対応ください"),
    "a short japanese line in euc": ("euc_jp", "お世話になっております。"),
    "a short korean line": ("cp949", "오븐 고장"),
    "a short russian line": ("cp1251", "Духовка бьёт током"),
    "a short russian line of unix": ("koi8_r", "Духовка бьёт током"),
    "a short greek line": ("cp1253", "Ο φούρνος έχει διαρροή"),
    "a turkish line": ("cp1254", "Fırın elektrik kaçırıyor, lütfen ilgilenin."),
    "a short thai line": ("cp874", "เตาอบไฟรั่ว กรุณาดำเนินการด่วน"),
    "an arabic line": ("cp1256", "الفرن يسرب الكهرباء، يرجى المساعدة"),
    "one umlaut": ("cp1252", "Der Ofen ist zu groß"),
    "a price": ("cp1252", "5 €"),
    "hz": ("hz", CHINESE),
    "iso-2022-jp": ("iso2022_jp", JAPANESE),
    "utf-16 with a mark": ("utf_16", CHINESE),
}


def _bare(octets: bytes) -> bytes:
    """A mail of a system that knows no MIME."""
    return as_written(b"From: ada@example.org\nSubject: Oven", octets)


TRAPS: dict[str, Trap] = {
    **{
        name: trap(a_mail(text.encode(codec), charset=declared, subject=word(text.encode(codec), declared)), text=text)
        for name, (declared, codec, text) in _DECLARED.items()
    },
    **{
        name: trap(a_mail(text.encode(codec), charset=declared), text=text)
        for name, (declared, codec, text) in _LIES.items()
    },
    **{
        f"undeclared: {name}": trap(_bare(text.encode(codec)), text=text) for name, (codec, text) in _UNDECLARED.items()
    },
    "base64 of gbk that is declared utf-8": trap(
        a_mail(CHINESE.encode("gbk"), charset="utf-8", encoding="base64"), text=CHINESE
    ),
    "the head of an erp in raw gbk": trap(
        as_written(
            "From: 张三 <ada@example.org>\nTo: 客服 <s@redress.test>\nSubject: 烤箱漏电投诉", "请尽快处理", "gbk"
        ),
        subject="烤箱漏电投诉",
        from_name="张三",
        from_address="ada@example.org",
        to=("s@redress.test",),
        text="请尽快处理",
    ),
    "a raw subject in the charset of the body": trap(
        a_mail("누전입니다".encode("cp949"), charset="euc-kr", subject="불만".encode("cp949")), subject="불만"
    ),
    "a bare body in the charset of the words of its head": trap(
        as_written(f"From: ada@example.org\nSubject: {word('불만', 'euc-kr')}", "누전", "cp949"), text="누전"
    ),
    "a text in utf-8 with a footer in gbk": trap(
        a_mail("烤箱漏电，请处理。\n".encode() + "本邮件已由网关扫描".encode("gbk")),
        text="烤箱漏电，请处理。\n本邮件已由网关扫描",
    ),
    "lines in gbk that are utf-8 by chance": trap(
        _bare("联通\n联通\n联通\n今天收到的烤箱漏电，请尽快处理。".encode("gbk")),
        text="联通\n联通\n联通\n今天收到的烤箱漏电，请尽快处理。",
    ),
    "a character cut by a server that breaks long lines": trap(
        a_mail("烤箱".encode()[:4] + b"!\r\n " + "烤箱".encode()[4:]), text="烤箱"
    ),
    "an emoji in surrogates": trap(a_mail(b"leaks \xed\xa0\xbd\xed\xb8\x80"), text="leaks 😀"),
    "a text cut inside a character": trap(a_mail(CHINESE.encode()[:-2], charset="utf-8"), text=CHINESE[:-1] + "\ufffd"),
    "one broken byte in gbk": trap(
        a_mail((CHINESE * 3).encode("gbk") + b"\xff", charset="gb2312"), text=CHINESE * 3 + "\ufffd"
    ),
    "a charset with the format in its quotes": trap(
        a_mail(CHINESE.encode("gbk"), content_type='text/plain; charset="gb2312; format=flowed"'), text=CHINESE
    ),
    "a charset with a stray quote": trap(
        a_mail("朱镕基".encode("gbk"), content_type='text/plain; charset=gb2312"'), text="朱镕基"
    ),
    "a charset with an open quote": trap(
        a_mail("朱镕基".encode("gbk"), content_type='text/plain; charset="gb2312'), text="朱镕基"
    ),
    "a charset in escaped quotes": trap(
        a_mail("朱镕基".encode("gbk"), content_type='text/plain; charset=\\"gb2312\\"'), text="朱镕基"
    ),
    "a charset in quoted-printable": trap(
        a_mail("朱镕基".encode("gbk"), content_type='text/plain; charset=3D"gb2312"'), text="朱镕基"
    ),
    "a charset in an encoded word": trap(
        a_mail("朱镕基".encode("gbk"), content_type="text/plain; charset==?utf-8?Q?gb2312?="), text="朱镕基"
    ),
    "an empty charset": trap(a_mail(CHINESE.encode("gbk"), content_type="text/plain; charset="), text=CHINESE),
    "a charset without its value": trap(
        a_mail(CHINESE.encode("gbk"), content_type="text/plain; charset"), text=CHINESE
    ),
    "two charsets": trap(
        a_mail(CHINESE.encode("gbk"), content_type="text/plain; charset=utf-8; charset=gbk"), text=CHINESE
    ),
    "a page that names its charset itself": trap(
        a_mail(
            b"<meta http-equiv=Content-Type content='text/html; charset=big5'><p>" + "烤箱".encode("big5"),
            content_type="text/html",
        ),
        text="烤箱",
    ),
    "a mail all in utf-7, head and body": trap(
        a_mail(CHINESE.encode("utf-7"), charset="utf-7", subject=word(CHINESE.encode("utf-7"), "utf-7", "Q")),
        subject=CHINESE,
        text=CHINESE,
    ),
    "base64 of iso-2022-jp": trap(a_mail(JAPANESE, charset="iso-2022-jp", encoding="base64"), text=JAPANESE),
    "a mailer that encodes twice": trap(
        a_mail(base64.b64encode(b"plain words, in base64 twice"), encoding="base64"),
        text=base64.b64encode(b"plain words, in base64 twice").decode(),
    ),
}
