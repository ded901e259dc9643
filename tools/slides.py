"""Slides from the chapters' figures: a deck a chapter, for a screen, for paper, and for a room without internet.

A deck is one file. It opens with the chapter's question, shows each figure with the first sentence of its caption, and
closes with what to remember, on as many slides as that takes. Everything in it is taken from the built page, so that a
deck cannot say another number than its chapter. Without scripts it is read by scrolling.
"""

import argparse
import base64
import mimetypes
import os
import re
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from nearlinear.errors import InputError, NearlinearError
from tools.profiles import ROOT
from tools.run_notebooks import digest
from tools.slides_look import CSS, KEYS, SCRIPT

BOOK, SLIDES = ROOT / "_build/html", ROOT / "_build/slides"
MATHJAX = "_static/vendor/mathjax/tex-mml-chtml.js"
# What fits on a slide in letters, and above which a heading is cut at its first colon or semicolon.
MOST_LETTERS, LONG = 750, 160
KEPT = {"em", "strong", "code", "sub", "sup"}
# A full stop that ends a sentence: not that of an abbreviation, and not one inside a number or a name.
STOP = re.compile(r"(?<!\bFig)(?<!\bFigs)(?<!\bTab)(?<!\beq)(?<!\be\.g)(?<!\bi\.e)(?<!\bcf)(?<!\bvs)\.\s")


@dataclass(frozen=True)
class Slide:
    """One slide, as HTML: a heading, and what stands under it."""

    heading: str
    body: str


def slides(article: Tag, page: Path) -> list[Slide]:
    """The slides of one chapter: its question, its figures in order, and what to remember.

    `page` is the file that the chapter is read from; pictures beside it are put into the deck. Raises InputError where
    a chapter has no title, no question or no figure.
    """
    title = article.find("h1")
    question, remember = section(article, "Question"), section(article, "What to remember")
    figures = [figure for figure in article.find_all("figure") if figure.img and figure.figcaption]
    if title is None or question is None or not figures:
        raise InputError(f"{page.name} lacks a title, a question or a figure: build the book again with make book")
    shown = [Slide(plain(title), "".join(f"<p>{words}</p>" for words in paragraphs(question)))]
    shown += [figure_slide(figure, page) for figure in figures]
    points = paragraphs(remember) if remember else []
    return shown + [remembered(part) for part in in_parts(points)]


def remembered(points: list[str]) -> Slide:
    return Slide("What to remember", f"<ul>{''.join(f'<li>{point}</li>' for point in points)}</ul>")


def in_parts(points: list[str]) -> list[list[str]]:
    """The points in order, in as few slides as hold them, and about as many letters on each."""
    letters = [len(re.sub(r"<[^>]+>", "", point)) for point in points]
    n = -(-sum(letters) // MOST_LETTERS)
    parts, before = [[] for _ in range(n)], 0
    for point, length in zip(points, letters, strict=True):
        parts[min(before * n // sum(letters), n - 1)].append(point)
        before += length
    return [part for part in parts if part]


def figure_slide(figure: Tag, page: Path) -> Slide:
    """One figure under the first sentence of its caption."""
    picture = f'<img src="{picture_of(figure.img["src"], page)}" alt="{escape(figure.img["alt"])}">'
    return Slide(first_sentence(plain(figure.figcaption)), f"<figure>{picture}</figure>")


def section(article: Tag, heading: str) -> Tag | None:
    """The section under a heading of this name."""
    for found in article.find_all("h2"):
        if plain(found) == heading:
            return found.parent
    return None


def paragraphs(part: Tag) -> list[str]:
    """Paragraphs and points of a section as they are read, without links and without those inside tables."""
    found = [each for each in part.find_all(["p", "li"]) if not each.find("p") and not each.find_parent("table")]
    return [words for words in (plain(each) for each in found) if words]


def plain(part: Tag) -> str:
    """The words of a part as HTML: emphasis, code and formulas stay, all other tags go."""
    return re.sub(r"\s+", " ", "".join(kept(child) for child in part.children)).strip()


def kept(node) -> str:
    if not isinstance(node, Tag):
        return escape(str(node), quote=False)
    if "headerlink" in node.get("class", ()) or node.name in ("script", "style"):
        return ""
    inner = "".join(kept(child) for child in node.children)
    if node.name == "span" and "doc" in node.get("class", ()) and inner[:1].isupper():
        return f"<em>{inner}</em>"  # the title of another page, which was a link
    if "math" in node.get("class", ()):
        return f'<span class="math">{inner}</span>'
    return f"<{node.name}>{inner}</{node.name}>" if node.name in KEPT else inner


def first_sentence(caption: str) -> str:
    """The caption up to the end of its first sentence, or of the first part of it where it is long."""
    end = STOP.search(caption)
    sentence = caption[: end.start() + 1] if end else caption
    part = re.search(r"[:;]\s", sentence)
    return f"{sentence[: part.start()]}." if part and len(sentence) > LONG else sentence


def picture_of(source: str, page: Path) -> str:
    """The picture itself, as a data address. Raises InputError where a page names a file that is not there."""
    if source.startswith("data:"):
        return source
    path = page.parent / source
    if not path.is_file():
        raise InputError(f"{page.name} shows {source}, which is not there: build the book again with make book")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def deck(shown: list[Slide], name: str, key: str, book: str = "../html") -> str:
    """The slides of one chapter as one file of HTML, which says in its first lines what it was made from.

    `book`: where the book lies, as seen from the deck.
    """
    title, parts = re.sub(r"<[^>]+>", "", shown[0].heading), []
    for i, slide in enumerate(shown, 1):
        level = "h1" if i == 1 else "h2"
        hint = f'<p class="keys">{KEYS}</p>' if i == 1 else ""
        foot = f'<a href="{book}/notebooks/{name}.html">{escape(title, quote=False)}</a> · {i} of {len(shown)}'
        parts.append(
            f'<section id="s{i}" aria-label="Slide {i} of {len(shown)}"><{level}>{slide.heading}</{level}>\n'
            f"<div>{slide.body}{hint}</div><footer>{foot}</footer></section>"
        )
    formulas = f'<script defer src="{book}/{MATHJAX}"></script>' if 'class="math"' in "".join(parts) else ""
    return (
        f'<!DOCTYPE html>\n<!-- {key} -->\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}: slides</title>'
        f"<style>{CSS}</style>{formulas}</head>\n<body><main>\n{chr(10).join(parts)}\n</main>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def contents(titles: dict[str, str]) -> str:
    """The page that lists the decks: file name → title."""
    rows = "".join(f'<li><a href="{name}.html">{title}</a></li>' for name, title in titles.items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Slides</title>'
        f"<style>{CSS}</style></head>\n<body><main><section><h1>Slides</h1>\n"
        f'<div><ol class="decks">{rows}</ol><p class="keys">{KEYS}</p></div></section></main></body></html>\n'
    )


def make(book: Path, into: Path, address: str = "") -> tuple[int, int]:
    """Bring the decks of a built book up to date; returns how many there are, and how many were made now.

    `address`: where the book will lie, as seen from a deck; where it lies now unless said. Raises InputError where
    there is no built book.
    """
    pages = sorted((book / "notebooks").glob("[0-9][0-9]_*.html"))
    if not pages:
        raise InputError(f"there is no built book in {book}: run make book first")
    into.mkdir(parents=True, exist_ok=True)
    address = address or Path(os.path.relpath(book, into)).as_posix()
    code = [Path(__file__).with_name(name).read_bytes() for name in ("slides.py", "slides_look.py")]
    new, titles = 0, {}
    for page in pages:
        target, key = into / page.name, digest(page.read_bytes(), address.encode(), *code)
        if not is_made_from(target, key):
            article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
            target.write_text(deck(slides(article, page), page.stem, key, address), encoding="utf-8")
            new += 1
        titles[page.stem] = title_of(target)
    for old in {path.stem for path in into.glob("*.html")} - titles.keys() - {"index"}:
        (into / f"{old}.html").unlink()
    (into / "index.html").write_text(contents(titles), encoding="utf-8")
    return len(pages), new


def is_made_from(target: Path, key: str) -> bool:
    if not target.exists():
        return False
    with target.open(encoding="utf-8") as lines:
        return f"<!-- {key} -->" in (next(lines, "") + next(lines, ""))


def title_of(target: Path) -> str:
    return re.search(r"<title>(.*): slides</title>", target.read_text(encoding="utf-8"))[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--book", type=Path, default=BOOK)
    parser.add_argument("--into", type=Path, default=SLIDES)
    asked = parser.parse_args()
    try:
        decks, new = make(asked.book, asked.into)
    except NearlinearError as error:
        print(f"slides: {error}", file=sys.stderr)
        return 2
    print(f"slides: {asked.into / 'index.html'} lists {decks}, and {new} of them were made now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
