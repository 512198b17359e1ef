"""Whatever a mailer calls its charset, the words come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.charsets import clean, decode, readings
from intake.parse import parse
from tests.intake.mails import a_mail, word

CHINESE = "今天收到的烤箱漏电，请尽快处理。"
TAIWANESE = "今天收到的烤箱漏電，請儘快處理。"
JAPANESE = "オーブンから漏電しています。至急ご対応ください。"
KOREAN = "오늘 받은 오븐에서 누전이 발생했습니다."
GERMAN = "Größe und Gewicht: 5 €, „bitte“ prüfen"

SPELLINGS = [
    ("utf-8", "utf-8", CHINESE),
    ("UTF8", "utf-8", CHINESE),
    ("gb2312", "gb2312", CHINESE),
    ("gbk", "gbk", "朱镕基公司，烤箱"),
    ("gb18030", "gb18030", "𠮷野家 €"),
    ("x-gbk", "gbk", CHINESE),
    ("big5", "big5", TAIWANESE),
    ("big5", "big5hkscs", "啲嘢壞咗"),
    ("shift_jis", "shift_jis", JAPANESE),
    ("x-sjis", "cp932", "①号機 ㈱髙島"),
    ("iso-2022-jp", "iso2022_jp", JAPANESE),
    ("euc-jp", "euc_jp", JAPANESE),
    ("euc-kr", "euc_kr", KOREAN),
    ("ks_c_5601-1987", "cp949", "똠방각하 " + KOREAN),
    ("iso-2022-kr", "iso2022_kr", KOREAN),
    ("iso-8859-1", "cp1252", GERMAN),
    ("windows-1252", "cp1252", GERMAN),
    ("iso-8859-15", "iso8859_15", "Größe 5 €"),
    ("windows-1251", "cp1251", "Духовка бьёт током"),
    ("koi8-r", "koi8_r", "Духовка бьёт током"),
    ("tis-620", "cp874", "เตาอบรั่ว"),
    ("hz-gb-2312", "hz", CHINESE),
    ("utf-7", "utf_7", CHINESE),
    ("utf-16", "utf_16", CHINESE),
]


@pytest.mark.parametrize(("declared", "codec", "text"), SPELLINGS)
def test_a_body_in_a_declared_charset_comes_out_as_written(declared: str, codec: str, text: str) -> None:
    assert parse(a_mail(text.encode(codec), charset=declared)).text == text


@pytest.mark.parametrize(("declared", "codec", "text"), SPELLINGS)
@pytest.mark.parametrize("encoding", ["B", "Q"])
def test_a_subject_in_a_declared_charset_comes_out_as_written(
    declared: str, codec: str, text: str, encoding: str
) -> None:
    subject = word(text.encode(codec), declared, encoding)
    assert parse(a_mail(subject=subject)).subject == text


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_gbk_called_gb2312_keeps_its_characters_in_every_transfer_encoding(encoding: str) -> None:
    assert parse(a_mail("朱镕基", charset="gbk", encoding=encoding).replace(b"=gbk", b"=gb2312")).text == "朱镕基"


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("gbk", CHINESE),
        ("gbk", "烤箱漏电投诉"),
        ("big5", TAIWANESE),
        ("cp932", JAPANESE),
        ("cp949", KOREAN),
        ("cp1252", "Die Größe ist schön, das Gerät heiß"),
        ("utf-8", CHINESE),
        ("iso2022_jp", JAPANESE),
    ],
)
@pytest.mark.parametrize("declared", ["", "us-ascii", "utf-8", "x-unknown", "unicode_escape", "zip", "idna"])
def test_text_with_no_charset_or_a_wrong_one_is_recognised(codec: str, text: str, declared: str) -> None:
    assert parse(a_mail(text.encode(codec), charset=declared)).text == text


def test_utf_8_called_something_else_is_still_utf_8() -> None:
    assert decode(CHINESE.encode(), "gb2312").text == CHINESE
    assert decode("Größe".encode(), "iso-8859-1").text == "Größe"


def test_a_declared_charset_that_fits_is_believed_even_where_utf_8_would_fit_too() -> None:
    leak = "漏".encode("gbk")  # the same bytes as "©" in UTF-8
    assert decode(leak, "gb2312").text == "漏"


def test_one_broken_byte_does_not_spoil_the_rest_of_a_text() -> None:
    decoded = decode(CHINESE.encode() * 4 + b"\xff", "utf-8")
    assert decoded.text == CHINESE * 4 + "\ufffd"
    assert decoded.how == "damaged"


def test_one_broken_byte_does_not_spoil_letters_of_two_bytes() -> None:
    assert decode("Größe über prüfen: müßte passen".encode() + b"\xff", "utf-8").text.startswith("Größe über prüfen")


def test_each_line_of_a_text_may_have_come_in_its_own_charset() -> None:
    decoded = decode("烤箱漏电，请处理\n".encode() + "网关\n".encode("gbk") + "谢谢".encode(), "utf-8")
    assert decoded.text == "烤箱漏电，请处理\n网关\n谢谢"
    assert decoded.how == "damaged"


def test_a_text_called_latin_is_latin_unless_its_letters_stand_in_rows() -> None:
    assert decode("烤箱漏电了".encode("gbk"), "iso-8859-1").text == "烤箱漏电了"
    for latin in ("ÄÖÜ äöü", "« é »", "5\xa0\xa0\xa0\xa0€", "——————— à", "Año ñandú ÑÑÑ"):
        assert decode(latin.encode("cp1252"), "windows-1252").text == latin


def test_a_text_cut_in_the_middle_of_a_character_keeps_the_characters_before_it() -> None:
    assert decode(CHINESE.encode()[:-1], "utf-8").text == CHINESE[:-1] + "\ufffd"


def test_circled_numbers_in_iso_2022_jp_are_read_though_the_standard_lacks_them() -> None:
    assert decode(b"\x1b$B-!-j\x1b(B", "iso-2022-jp").text == "①㈱"


def test_names_that_are_no_charsets_are_not_looked_up() -> None:
    assert [readings(name) for name in ("rot13", "zip", "punycode", "undefined", "../etc", "x" * 5000, "\0")] == [
        ()
    ] * 7


def test_control_characters_leave_a_text_and_line_ends_become_newlines() -> None:
    assert clean("a\x00b\r\nc\rd\x1b[1m\x85\ud800e\tf") == "ab\nc\nd[1me\tf"


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        ("iso-8859-2", "cp1250", "żądam naprawy „szybko”"),
        ("iso-8859-5", "cp1251", "Насос „течёт” – срочно"),
        ("iso-8859-15", "cp1252", "für 100 Euro – „sofort“"),
    ],
)
def test_quotation_marks_of_windows_in_an_iso_charset_show_that_it_is_windows(
    declared: str, codec: str, text: str
) -> None:
    assert decode(text.encode(codec), declared) == (text, codec, "declared")


@given(
    st.binary(max_size=300), st.sampled_from(["", "utf-8", "gb2312", "utf-7", "utf-16", "iso-2022-jp", "hz", "big5"])
)
def test_any_bytes_in_any_charset_become_some_text(data: bytes, declared: str) -> None:
    clean(decode(data, declared, "gbk").text).encode("utf-8")


@given(st.text(st.characters(exclude_categories=["C"]), max_size=200))
def test_utf_8_comes_back_whole(text: str) -> None:
    assert decode(text.encode(), "utf-8").text == text.removeprefix("\ufeff")
