"""Join the printed pages of a book: bookmarks by part, chapter and section; links that lead from page to page."""

import os
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import unquote, urlsplit

from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NullObject, TextStringObject


@dataclass(frozen=True)
class Chapter:
    """One page of the book: where it lies, which part it belongs to, what it is called."""

    path: Path
    part: str
    title: str


@dataclass(frozen=True)
class Printed:
    """A page of the book, printed."""

    chapter: Chapter
    pdf: bytes

    @cached_property
    def reader(self) -> PdfReader:
        return PdfReader(BytesIO(self.pdf))

    @property
    def pages(self) -> int:
        return len(self.reader.pages)

    def place(self, name: str) -> tuple[int, float | None]:
        """Page and height of a named place; the top of the first page where it is not known."""
        found = self.reader.named_destinations.get(f"/{name}") or self.reader.named_destinations.get(name)
        if found is None:
            return 0, None
        return self.reader.get_destination_page_number(found), found.top


def join(front: bytes, book: list[Printed], target: Path, *, title: str, author: str) -> int:
    """Write all of it to `target` in one step; returns the number of pages."""
    writer = PdfWriter()
    opening = PdfReader(BytesIO(front))
    writer.append(opening, import_outline=False)
    starts, start = {}, len(opening.pages)
    for each in book:
        starts[each.chapter.path] = start
        unresolved(each)
        writer.append(each.reader, import_outline=False)
        start += each.pages
    led(writer, book, starts)
    bookmarked(writer, book, starts)
    writer.set_page_label(0, len(opening.pages) - 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(len(opening.pages), start - 1, style=PageLabelStyle.DECIMAL)
    writer.page_mode = "/UseOutlines"
    writer.root_object[NameObject("/Lang")] = TextStringObject("en-GB")
    writer.metadata = {"/Title": title, "/Author": author}
    writer.compress_identical_objects()
    written(writer, target)
    return start


def unresolved(each: Printed) -> None:
    """Write links inside a page of the book like links between two of them, so that all are found again."""
    for page in each.reader.pages:
        for link in links_of(page):
            if "/Dest" in link:
                name = str(link.pop("/Dest")).removeprefix("/")
                address = f"{each.chapter.path.as_uri()}#{name}"
                link[NameObject("/A")] = DictionaryObject(
                    {NameObject("/S"): NameObject("/URI"), NameObject("/URI"): TextStringObject(address)}
                )


def links_of(page) -> list[DictionaryObject]:
    found = [each.get_object() for each in page.get("/Annots") or ()]
    return [each for each in found if each.get("/Subtype") == "/Link"]


def led(writer: PdfWriter, book: list[Printed], starts: dict[Path, int]) -> None:
    """Lead every link of the book to its page in the PDF; a link to any other file of this machine goes."""
    printed = {each.chapter.path: each for each in book}
    for page in writer.pages:
        kept = ArrayObject()
        for reference in page.get("/Annots") or ():
            link = reference.get_object()
            address = urlsplit(str(link.get("/A", {}).get("/URI", "")))
            if address.scheme == "file":
                path = Path(os.path.normpath(unquote(address.path)))
                if path not in printed:
                    continue
                number, height = printed[path].place(unquote(address.fragment))
                link.pop("/A")
                link[NameObject("/Dest")] = destination(writer, starts[path] + number, height)
            kept.append(reference)
        page[NameObject("/Annots")] = kept


def destination(writer: PdfWriter, number: int, height: float | None) -> ArrayObject:
    top = NullObject() if height is None else FloatObject(height)
    page = writer.pages[number].indirect_reference
    return ArrayObject([page, NameObject("/XYZ"), NullObject(), top, NullObject()])


def bookmarked(writer: PdfWriter, book: list[Printed], starts: dict[Path, int]) -> None:
    """A bookmark for each part, in it one for each chapter, in it one for each section."""
    part, above = "", None
    for each in book:
        start = starts[each.chapter.path]
        if each.chapter.part and each.chapter.part != part:
            above = writer.add_outline_item(title=each.chapter.part, page_number=start)
        part = each.chapter.part
        chapter = writer.add_outline_item(title=each.chapter.title, page_number=start, parent=above)
        for section in sections(each.reader.outline):
            number = each.reader.get_destination_page_number(section)
            writer.add_outline_item(title=str(section.title), page_number=start + number, parent=chapter)


def sections(outline: list) -> list:
    """The second headings of a page, which lie in lists behind the first."""
    below = [each for each in outline if isinstance(each, list)]
    return [section for part in below for section in part if not isinstance(section, list)]


def written(writer: PdfWriter, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as file:
        writer.write(file)
    os.replace(file.name, target)
