"""Addresses: of whom a mail is, when its sender's program writes them in its own way."""

from __future__ import annotations

from tests.intake.mails import a_mail, word
from tests.intake.traps.trap import Trap, trap

ADA = "ada@example.org"

# What stands in From, and the name and address in it. Where a mail may be of one or of another, it is nobody's.
_FROM: dict[str, tuple[str | bytes, str, str]] = {
    "a comma in quotes": ('"Zhang, San" <ada@example.org>', "Zhang, San", ADA),
    "a comma without quotes": ("Zhang, San <ada@example.org>", "Zhang, San", ADA),
    "an escaped comma": ("Zhang\\, San <ada@example.org>", "Zhang, San", ADA),
    "a comma in a word": ("=?utf-8?Q?Zhang,_San?= <ada@example.org>", "Zhang, San", ADA),
    "quotes in a word": ("=?utf-8?Q?=22Zhang=22?= <ada@example.org>", "Zhang", ADA),
    "a word in quotes": (f'"{word("张三", "gbk")}" <ada@example.org>', "张三", ADA),
    "a word in quotes that do not close": (f'"{word("张三")} <ada@example.org>', "张三", ADA),
    "a word without a space": (f"{word('张三')}<ada@example.org>", "张三", ADA),
    "a word in a comment": (f"ada@example.org ({word('张三')})", "张三", ADA),
    "a name in raw gbk": ("张三 <ada@example.org>".encode("gbk"), "张三", ADA),
    "a name in raw utf-8 and quotes": ('"张三" <ada@example.org>', "张三", ADA),
    "full-width brackets": ("张三＜ada@example.org＞", "张三", ADA),
    "a full-width at": ("张三 <ada＠example.org>", "张三", ADA),
    "brackets of a name in full width": ("张三（销售部） <ada@example.org>", "张三（销售部）", ADA),
    "a full-width semicolon behind": ("张三 <ada@example.org>；", "张三", ADA),
    "brackets of a web form": ("Ada &lt;ada@example.org&gt;", "Ada", ADA),
    "quotes of a web form": ("&quot;Ada&quot; <ada@example.org>", "Ada", ADA),
    "no brackets": ("Ada Lovelace ada@example.org", "Ada Lovelace", ADA),
    "no opening bracket": ("Ada ada@example.org>", "Ada", ADA),
    "no closing bracket": ("Ada <ada@example.org", "Ada", ADA),
    "brackets twice": ("<<ada@example.org>>", "", ADA),
    "the address twice": ("ada@example.org <ada@example.org>", "ada@example.org", ADA),
    "the address twice in brackets": ("<ada@example.org> <ada@example.org>", "", ADA),
    "mailto": ("<mailto:ada@example.org>", "", ADA),
    "smtp": ("Ada <SMTP:ada@example.org>", "Ada", ADA),
    "spaces in the brackets": ("Ada < ada @ example.org >", "Ada", ADA),
    "comments in the brackets": ("Ada <ada(home)@(x)example.org>", "Ada", ADA),
    "a comment that does not close": ("Ada (home <ada@example.org>", "Ada home", ADA),
    "a dot behind": ("ada@example.org.", "", ADA),
    "a semicolon behind": ("ada@example.org;", "", ADA),
    "a comma behind": ("Ada <ada@example.org>, ", "Ada", ADA),
    "a route": ("<@a.example,@b.example:ada@example.org>", "", ADA),
    "a group of one": ("Desk: ada@example.org;", "", ADA),
    "a colon that begins no group": ("Sales: Ada <ada@example.org>", "Sales: Ada", ADA),
    "an international domain": ("a@xn--fsqu00a.xn--0zwm56d", "", "a@xn--fsqu00a.xn--0zwm56d"),
    "an international address": ("用户@例子.中国", "", "用户@例子.中国"),
    "a phone's dots": ("a..b.@docomo.example", "", "a..b.@docomo.example"),
    "an address by number": ("ada@[IPv6:2001:db8::1]", "", "ada@[ipv6:2001:db8::1]"),
    "somebody else's address as name": ('"owner@example.net" <ada@example.org>', "owner@example.net", ADA),
    "somebody else's address as encoded name": (f"{word('<o@x.example>')} <ada@example.org>", "<o@x.example>", ADA),
    "two addresses": ("ada@example.org, bob@example.net", "", ""),
    "two addresses with a full-width comma": ("ada@example.org，bob@example.net", "", ""),
    "two addresses in brackets": ("<ada@example.org><bob@example.net>", "", ""),
    "an address in an address": ("<ada@example.org <bob@example.net>>", "", ""),
    "an address hidden in a web form's quotes": (
        '"&quot; <owner@example.net> (&quot;" <ada@example.org>)',
        "<owner@example.net> (",
        ADA,
    ),
    "an address beside full-width brackets": (
        "ada@example.org ＜owner@example.net＞",
        "ada@example.org ＜owner@example.net＞",
        "",
    ),
    "an address behind an address": ("<ada@example.org> bob@example.net", "bob@example.net", ""),
    "a whole mailbox in a word": (word("Ada <ada@example.org>"), "Ada <ada@example.org>", ""),
    "no address": ("Ada Lovelace", "Ada Lovelace", ""),
    "a directory name": ("/O=ORG/OU=EX/CN=ADA", "/O=ORG/OU=EX/CN=ADA", ""),
    "nothing": ("", "", ""),
}

TRAPS: dict[str, Trap] = {
    **{
        f"from: {name}": trap(a_mail(from_=value), from_name=shown, from_address=address)
        for name, (value, shown, address) in _FROM.items()
    },
    "to: full-width commas": trap(
        a_mail(to="甲 <a@x.example>，乙 <b@x.example>；c@x.example"), to=("a@x.example", "b@x.example", "c@x.example")
    ),
    "to: a group, a comment and a name with a comma": trap(
        a_mail(to='Team: a@x.example, "B, C" <b@x.example> (work);, c@x.example'),
        to=("a@x.example", "b@x.example", "c@x.example"),
    ),
    "to: nobody": trap(a_mail(to="undisclosed-recipients:;"), to=()),
    "cc: a field that comes twice": trap(
        b"Cc: a@x.example\r\nCc: b@x.example\r\n" + a_mail(), cc=("a@x.example", "b@x.example")
    ),
    "reply-to: with a name in gbk": trap(a_mail(reply_to="张三 <r@x.example>".encode("gbk")), reply_to="r@x.example"),
}
