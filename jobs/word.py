"""A composition as a .docx, for customers who want a file they can write in: the same words as on paper.

What people wrote goes in as text and nothing else: no fields, no links, no markup.
"""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from docx import Document
from docx.document import Document as Paper
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from complaints.composition import Words
from complaints.errors import N_
from complaints.papers import EDITIONS
from jobs.paper import DRAFT, PAGE, TOO_LARGE, Imprint, Pictures, Speaker

FACE = "Microsoft YaHei"
"""Word has it wherever it speaks Chinese; elsewhere it takes what it has."""
NONE = "—"
NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
SIGNED = (N_("Signature"), N_("Rank"), N_("Signer"), N_("Date and time"), N_("Decision"))


def plain(text: str) -> str:
    return NO_XML.sub("", text)


def docx(content: Mapping[str, Any], imprint: Imprint, pictures: Pictures) -> bytes:
    """The file."""
    return _Writer(content, imprint, pictures).file()


class _Writer:
    def __init__(self, content: Mapping[str, Any], imprint: Imprint, pictures: Pictures) -> None:
        self.content, self.imprint, self.pictures = content, imprint, pictures
        self.say = Speaker(imprint.languages)
        self.paper: Paper = Document()

    def file(self) -> bytes:
        self._page()
        self._head()
        for section in self.content["sections"]:
            round = f" {self._message(N_('Round'))} {section['round']}" if section.get("round") else ""
            if section["name"]:
                mark = f"{section['mark']} " if section.get("mark") else ""
                self.paper.add_heading(plain(mark + self.say.text(section["name"]) + round), level=section["level"])
            writes = {"fields": self._fields, "rows": self._rows, "signatures": self._signatures, "part": self._part}
            if section["kind"] in writes:  # a picture that is drawn stands in the table below it
                writes[section["kind"]](section)
        self._pictures()
        out = io.BytesIO()
        self.paper.save(out)
        return out.getvalue()

    def _message(self, message: str) -> str:
        return self.say.text({"message": message})

    def _page(self) -> None:
        page = self.paper.sections[0]
        page.page_width, page.page_height = Mm(210), Mm(297)
        page.left_margin = page.right_margin = Mm(16)
        page.top_margin, page.bottom_margin = Mm(18), Mm(18)
        for name, size in (("Normal", 9.5), ("Title", 18), ("Heading 2", 12), ("Heading 3", 10)):
            font = self.paper.styles[name].font
            font.name, font.size = FACE, Pt(size)
            font.element.rPr.rFonts.set(qn("w:eastAsia"), FACE)
        facts = self.paper.core_properties
        facts.author, facts.title = self.imprint.organisation, self.content["complaint"]
        facts.comments, facts.revision = "", self.imprint.revision or 1
        facts.last_modified_by = self.imprint.organisation
        facts.created = facts.modified = self.imprint.at.astimezone(UTC).replace(tzinfo=None)  # it writes a Z itself
        if self.content["draft"]:
            page.header.paragraphs[0].add_run(self._message(DRAFT)).bold = True
            page.header.paragraphs[0].add_run(" · ")
        form = f"{self.content['form']} {self.content['version']}".strip()
        page.header.paragraphs[0].add_run(
            " · ".join(each for each in (self.imprint.organisation, self.say.text(self.content["title"]), form) if each)
        )
        self._foot(page.footer.paragraphs[0])

    def _foot(self, line: Paragraph) -> None:
        """Who printed it and when, and page x of y."""
        printed = f"{self._message(N_('Printed'))} {self.imprint.at:%Y-%m-%d %H:%M}, {self.imprint.who}"
        line.add_run(
            f"{self.content['complaint']} · {self._message(N_('Revision'))} {self.imprint.revision} · {printed} · "
        )
        page, pages = "\x00", "\x01"
        said = self.say.text({"message": PAGE}, between=" · ") % {"page": page, "pages": pages}
        for part in said.replace(page, f"\n{page}\n").replace(pages, f"\n{pages}\n").split("\n"):
            if part in (page, pages):
                _count(line, "PAGE" if part == page else "NUMPAGES")
            else:
                line.add_run(part)

    def _head(self) -> None:
        self.paper.add_paragraph(self.say.text(self.content["title"]), style="Title")
        known = [
            (N_("Complaint no."), self.content["complaint"]),
            (N_("No."), self.content["number"]),
            (N_("Form no., version"), f"{self.content['form']} {self.content['version']}".strip()),
            (N_("Revision"), str(self.imprint.revision)),
            (N_("Edition"), self._message(EDITIONS[self.content["edition"]])),
        ]
        self.paper.add_paragraph(" · ".join(f"{self._message(name)} {value}" for name, value in known if value))

    def _part(self, section: Mapping[str, Any]) -> None:
        if section["empty"]:
            self.paper.add_paragraph(NONE)

    def _fields(self, section: Mapping[str, Any]) -> None:
        table = self._table(2, [Mm(45), Mm(133)])
        for item in section["items"]:
            label, cell = table.add_row().cells
            self._put(label, self.say.text(item["label"]))
            self._put(cell, self._words(item["words"]))

    def _rows(self, section: Mapping[str, Any]) -> None:
        width = Mm(178 / len(section["head"]))
        table = self._table(len(section["head"]), [width] * len(section["head"]))
        self._heading(table, [self.say.text(each) for each in section["head"]])
        for row in section["rows"] or [[[] for _ in section["head"]]]:
            for cell, words in zip(table.add_row().cells, row, strict=True):
                self._put(cell, self._words(words))
        if section["total"]:
            for cell, text in zip(table.add_row().cells, section["total"], strict=True):
                self._put(cell, f"Σ {text}" if text else "")

    def _signatures(self, section: Mapping[str, Any]) -> None:
        table = self._table(len(SIGNED), [Mm(178 / len(SIGNED))] * len(SIGNED))
        self._heading(table, [self._message(each) for each in SIGNED])
        for each in section["signatures"]:
            said = [NONE] * 4
            if each.get("who"):
                decision = self.say.line([each["decision"], *([each["void"]] if each["void"] else []), *each["remark"]])
                said = [self.say.text(each["rank"]), each["who"], each["at"], decision]
            for cell, text in zip(table.add_row().cells, [self.say.text(each["name"]), *said], strict=True):
                self._put(cell, text)

    def _pictures(self) -> None:
        if not self.content["pictures"]:
            return
        self.paper.add_heading(self._message(N_("Pictures")), level=2)
        for each in self.content["pictures"]:
            if address := self.pictures.address(each):
                self.paper.add_picture(io.BytesIO(self.pictures.made[address]), width=Mm(80))
            elif each["blob"] in self.pictures.too_large:
                self.paper.add_paragraph(self._message(TOO_LARGE))
            self.paper.add_paragraph(each["name"])

    def _words(self, words: Words) -> str:
        return self.say.line(words) or NONE

    def _table(self, columns: int, widths: Sequence[int]) -> Any:
        table = self.paper.add_table(rows=0, cols=columns, style="Table Grid")
        table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width
        return table

    def _heading(self, table: Any, texts: Sequence[str]) -> None:
        row = table.add_row()
        row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # stands again on every page
        for cell, text in zip(row.cells, texts, strict=True):
            self._put(cell, text)
            cell.paragraphs[0].runs[0].bold = True

    def _put(self, cell: Any, text: str) -> None:
        cell.paragraphs[0].add_run(plain(text))


def _count(line: Paragraph, what: str) -> None:
    """A field that Word counts itself: the page, or the pages."""
    run = line.add_run()
    for kind in ("begin", "", "end"):
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.set(qn("xml:space"), "preserve")
            mark.text = what
        run._r.append(mark)
