"""Pages: mails without a text of their own."""

from __future__ import annotations

from tests.intake.mails import a_mail
from tests.intake.traps.trap import Trap, trap

_PAGES = {
    "outlook's paragraphs": (
        "<html xmlns:o='urn:x'><head><style>p.MsoNormal{margin:0cm}</style></head><body lang=ZH-CN><div>"
        "<p class=MsoNormal>尊敬的客服：<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>"
        "<p class=MsoNormal>烤箱漏电。<o:p></o:p></p></div></body></html>",
        "尊敬的客服：\n\n烤箱漏电。",
    ),
    "outlook's list": (
        "<p class=MsoListParagraph style='text-indent:-18pt;mso-list:l0 level1 lfo1'><![if !supportLists]>"
        "<span style='mso-list:Ignore'>·<span>&nbsp;&nbsp; </span></span><![endif]>漏电</p>"
        "<p class=MsoListParagraph style='mso-list:l0 level1 lfo1'>"
        "<span style='mso-list:Ignore'>·<span>&nbsp;&nbsp; </span></span>冒烟</p>",
        "- 漏电\n- 冒烟",
    ),
    "outlook's table": (
        "<table class=MsoTableGrid border=1><tr><td><p class=MsoNormal>型号<o:p></o:p></p></td>"
        "<td><p class=MsoNormal>OV-1<o:p></o:p></p></td></tr></table>",
        "型号 | OV-1",
    ),
    "outlook's conditions": (
        "<!--[if mso]><p>for Outlook</p><![endif]--><!--[if !mso]><!--><p>for others</p><!--<![endif]-->",
        "for others",
    ),
    "qq's divs": (
        "<div>烤箱漏电</div><div><br></div><div>请处理</div><div><!--<![endif]--></div>",
        "烤箱漏电\n\n请处理",
    ),
    "163's lines": (
        '<div style="line-height:1.7"><p style="margin: 0;">您好，</p><p style="margin: 0;">烤箱坏了</p></div>',
        "您好，\n烤箱坏了",
    ),
    "gmail's quote": (
        '<div>mine</div><div class="gmail_quote"><div>On Monday Ada wrote:<br></div>'
        '<blockquote class="gmail_quote">theirs</blockquote></div>',
        "mine\nOn Monday Ada wrote:\n\n> theirs",
    ),
    "a newsletter's tables": (
        "<table width=100%><tr><td>&nbsp;</td><td><table><tr><td><p>Hello,</p><p>it leaks.</p></td></tr></table></td>"
        "<td><img src=x width=1 height=1></td></tr><tr><td colspan=3>&nbsp;</td></tr></table>",
        "Hello,\n\nit leaks.",
    ),
    "a form": (
        "<table><tr><th>姓名</th><td>张三</td></tr><tr><th>电话</th><td>010-1234</td></tr></table>",
        "姓名 | 张三\n电话 | 010-1234",
    ),
    "lists in lists": ("<ol><li>one<ul><li>a</li></ul></li><li value=5>five</li></ol>", "1. one\n   - a\n5. five"),
    "links": (
        '<a href="https://x.example/1">here</a> <a href="https://x.example">x.example</a>',
        "here (https://x.example/1) x.example",
    ),
    "headings": ("<h1>Complaint</h1>It leaks.<h2>Since</h2>Monday", "Complaint\n\nIt leaks.\n\nSince\n\nMonday"),
    "a preheader nobody sees": ('<div style="display:none;max-height:0">teaser</div><p>It leaks.</p>', "It leaks."),
    "styles and scripts in the body": ("<body><style>p{}</style><script>x()</script>It leaks.", "It leaks."),
    "a title": ("<html><head><title>No title</title></head><body>It leaks.</body></html>", "It leaks."),
    "line breaks in chinese source": (
        "<p>今天收到的\r\n烤箱<b>漏\n电</b>\n请处理\nOV-1 型</p>",
        "今天收到的烤箱漏电请处理 OV-1 型",
    ),
    "entities, whole and broken": (
        "&lt;b&gt; &copy &#28900;&#31665 &unknown; &amp;nbsp;",
        "<b> © 烤箱 &unknown; &nbsp;",
    ),
    "pre": ("<pre>\nE1\n  0x1F</pre>", "E1\n  0x1F"),
    "characters of no width": ("烤\u200b箱\ufeff漏\u00ad电", "烤箱漏电"),
    "an emoji as a picture": ('It leaks <img class=emoji alt="😡" src=x>', "It leaks 😡"),
    "pictures with names": ('<img src="cid:1" alt="the leak">', "[image: the leak]"),
    "pictures only": (
        '<div><img src="cid:leak.png@01D9"><br><img src="https://x.example/a/oven%201.jpg?x=1"></div>',
        "[image: leak.png]\n[image: oven 1.jpg]",
    ),
    "tags that do not close": ("<p>one<p>two<b>three<div>four", "one\n\ntwothree\n\nfour"),
    "no tags at all": ("It leaks & smokes < 5 min", "It leaks & smokes < 5 min"),
}

TRAPS: dict[str, Trap] = {
    f"page: {name}": trap(a_mail(page, content_type="text/html; charset=utf-8"), text=text)
    for name, (page, text) in _PAGES.items()
}
