"""What a link to a page shows elsewhere: title, a sentence or two, and its first figure (Open Graph, Twitter card).

All of it is taken from the built page. Services that make such previews ask for whole addresses, so a picture and an
address are named only where it is known where the book will lie.
"""

import os
import re
from html import escape
from itertools import pairwise
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from tools.downloads import FOLDER
from tools.profiles import ROOT
from tools.slides import STOP

NAME = "nearlinear"
FIRST_PAGE = "book/index.html"
PICTURE = "_static/first-look.png"
"""The picture of a page that has no figure."""

WIDTH = 1200
"""Pixels: what previews ask for."""

LONGEST = 200
"""Letters of a description; services cut longer ones."""

ASIDE = ("aside", "dd", "figure", "figcaption", "table", "li")
ASIDE_CLASSES = re.compile("admonition|sd-card|nl-downloads|cell_output")

START = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={first}">
<title>{title}</title>
{tags}
</head>
<body><main><h1>{title}</h1><p><a href="{first}">To the first page</a></p></main></body>
</html>
"""


def site_address(repository: str | None) -> str | None:
    """Where the book will lie: $NEARLINEAR_SITE, else where GitHub puts a repository's pages; None if not known."""
    if told := os.environ.get("NEARLINEAR_SITE"):
        return told.rstrip("/")
    if repository is None:
        return None
    owner, _, name = repository.removeprefix("https://github.com/").partition("/")
    return f"https://{owner.lower()}.github.io/{name}"


def give(site: Path, address: str | None) -> None:
    """Write the previews of all pages of a built book into their heads, and those of the first page into its door."""
    first = read(site / FIRST_PAGE)
    spare = description(first)
    for path in sorted(each for each in site.rglob("*.html") if "_static" not in each.relative_to(site).parts):
        name, page = path.relative_to(site).as_posix(), read(path)
        if name == "index.html" or page.head is None:
            continue
        about = facts(page, name, spare) | places(site, name, page, address)
        html = path.read_text(encoding="utf-8")
        path.write_text(html.replace("</head>", f"{tags(about)}\n</head>", 1), encoding="utf-8")
    about = facts(first, "index.html", spare) | places(site, FIRST_PAGE, first, address)
    door = START.format(first=FIRST_PAGE, title=escape(about["og:title"]), tags=tags(about))
    (site / "index.html").write_text(door, encoding="utf-8")


def read(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def facts(page: BeautifulSoup, name: str, spare: str) -> dict[str, str]:
    """Title, kind and description of a page; `spare` describes one that has no sentence of its own."""
    told = description(page) or spare
    return {
        "description": told,
        "og:title": title(page),
        "og:description": told,
        "og:type": "book" if name in ("index.html", FIRST_PAGE) else "article",
        "og:site_name": NAME,
        "og:locale": "en_GB",
        "twitter:card": "summary",
    }


def title(page: BeautifulSoup) -> str:
    heading = page.select_one("article h1") or page.h1
    return words(heading) if heading else words(page.title)


def description(page: BeautifulSoup) -> str:
    """The first sentences of a page that fit; "" where it has none outside boxes, tables and lists."""
    article = page.find("article")
    told = ""
    for paragraph in article.find_all("p") if article else ():
        if paragraph.find_parent(ASIDE) or paragraph.find_parent(class_=ASIDE_CLASSES):
            continue
        for sentence in sentences(words(paragraph)):
            if told and len(told) + 1 + len(sentence) > LONGEST:
                return told
            told = f"{told} {sentence}".strip()
        if len(told) > LONGEST / 3:
            return told
    return told


def sentences(text: str) -> list[str]:
    ends = [0, *(found.end() for found in re.finditer(f"{STOP.pattern}|[?!]\\s", text)), len(text)]
    return [text[a:b].strip() for a, b in pairwise(ends) if text[a:b].strip()]


def words(part: Tag) -> str:
    """The words of a part on one line, without the sign that links to it."""
    told = [str(each) for each in part.find_all(string=True) if not each.find_parent(class_="headerlink")]
    return " ".join("".join(told).split())


def places(site: Path, name: str, page: BeautifulSoup, address: str | None) -> dict[str, str]:
    """The address of a page and of its picture, where the site has one."""
    if address is None:
        return {}
    picture, alt = picture_of(site, name, page)
    return {
        "og:url": f"{address}/{name}",
        "og:image": f"{address}/{picture}",
        "og:image:alt": alt,
        "twitter:card": "summary_large_image",
    }


def picture_of(site: Path, name: str, page: BeautifulSoup) -> tuple[str, str]:
    """The first figure of a page as a PNG, which every service reads, and its words; else the book's own picture."""
    figure = page.select_one("article figure img")
    drawing = site / name.rpartition("/")[0] / figure["src"] if figure else None
    if drawing is None or not drawing.is_file() or drawing.parent.name != FOLDER:
        return PICTURE, alt_of_the_book()
    path = drawing.with_name(f"{Path(name).stem}-preview.png") if drawing.suffix == ".svg" else drawing
    if path != drawing:
        path.write_bytes(as_png(drawing))
    return path.relative_to(site).as_posix(), figure["alt"]


def alt_of_the_book() -> str:
    """The words of the book's own picture, from the front page of the project, which shows it too."""
    (alt,) = re.findall(rf"!\[([^\]]*)\]\([^)]*{re.escape(PICTURE)}\)", (ROOT / "README.md").read_text())
    return alt


def as_png(drawing: Path) -> bytes:
    """A drawing in pixels. Its letters are outlines, so no font is needed."""
    import resvg_py

    look = {"width": WIDTH, "dpi": 96, "background": "white", "skip_system_fonts": True}
    return bytes(resvg_py.svg_to_bytes(svg_path=str(drawing), **look))


def tags(about: dict[str, str]) -> str:
    """The lines of a head: Open Graph calls its own `property`, all others are `name`."""
    return "\n".join(
        f'<meta {"property" if name.startswith("og:") else "name"}="{name}" content="{escape(told)}">'
        for name, told in about.items()
        if told
    )
