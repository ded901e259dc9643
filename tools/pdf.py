"""The whole book in one PDF: every page printed by Chromium from the built book, joined, with bookmarks and numbers.

Links between pages lead to pages of the PDF, links out of the book stay, and links to files beside a page go. Folds are
open on paper; a picker shows the frame it opens with.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from bs4 import BeautifulSoup
from sphinx_external_toc.parsing import parse_toc_yaml

from nearlinear.errors import InputError, NearlinearError
from tools import previews
from tools.chromium import NoChromium, find_chromium
from tools.pdf_join import Chapter, Printed, join
from tools.profiles import ROOT

BOOK, TARGET = ROOT / "_build/html", ROOT / "_build/nearlinear.pdf"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-proxy-server",
    "--allow-file-access-from-files",
]
INSIDE = ("file://", "data:", "blob:")
PATIENCE = 120_000
"""Milliseconds for a page and its pickers to be drawn."""

SCALE = 0.82
"""The letters of the screen are large on paper."""

PICKER = "div.cell_output:has(script[type='application/vnd.jupyter.widget-view+json'])"
PAPER = """
@page {{ size: A4; margin: 17mm 15mm 19mm;
  @bottom-left {{ content: {title}; font: 8pt sans-serif; color: #48566b; }}
  @bottom-right {{ content: counter(page); font: 8pt sans-serif; color: #48566b; }} }}
html {{ counter-reset: page {before}; }}
#jb-print-toc, td details {{ display: none !important; }}
a.external::after {{ content: none !important; }}
"""
# All folds open, but those of code, which say nothing new; and an anchor for each place that another page leads to,
# because Chromium notes only the places that a page itself leads to.
PREPARE = """anchors => {
  for (const fold of document.querySelectorAll("article details:not(.hide)")) fold.open = true;
  const list = document.body.appendChild(document.createElement("div"));
  list.hidden = true;
  for (const name of anchors) if (document.getElementById(name)) {
    const link = list.appendChild(document.createElement("a"));
    link.href = "#" + name;
  }
}"""

FRONT = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: 25mm 22mm; }}
body {{ font: 10.5pt/1.5 sans-serif; color: #222832; }}
header {{ height: 235mm; break-after: page; display: flex; flex-direction: column; justify-content: center; }}
h1 {{ font-size: 30pt; line-height: 1.2; color: #0b3c5d; border-bottom: 3pt solid #e8850c; padding-bottom: 6mm; }}
h2 {{ color: #0b3c5d; }} h3 {{ margin: 4mm 0 1mm; font-size: 11pt; break-after: avoid; }}
ol {{ list-style: none; margin: 0; padding: 0; }}
li {{ display: flex; gap: 4mm; break-inside: avoid; }} li span {{ margin-left: auto; }}
a {{ color: #0b3c5d; text-decoration: none; }}
</style><header><h1>{title}</h1><p>{subtitle}</p><p>{author}</p></header><main><h2>Contents</h2>{parts}</main></html>
"""


def chapters(book: Path, toc: Path) -> list[Chapter]:
    """Every page of the table of contents in reading order, with its part and title."""
    found, site = [], parse_toc_yaml(toc)

    def visit(name: str, part: str) -> None:
        path = book.resolve() / f"{name}.html"
        if not path.is_file():
            raise InputError(f"{path} is not there: build the book first, with make book")
        found.append(Chapter(path, part, previews.title(previews.read(path))))
        for tree in site[name].subtrees:
            for below in tree.items:
                visit(str(below), part if name != site.root.docname else tree.caption or "")

    visit(site.root.docname, "")
    return found


def anchors_into(book: list[Chapter]) -> dict[Path, list[str]]:
    """For each page the places in it that other pages lead to."""
    wanted: dict[Path, dict[str, None]] = {chapter.path: {} for chapter in book}
    for chapter in book:
        for link in BeautifulSoup(chapter.path.read_text(encoding="utf-8"), "html.parser").select(
            "article a[href*='#']"
        ):
            page, _, place = link["href"].partition("#")
            target = Path(os.path.normpath(chapter.path.parent / page))
            if page and place and target in wanted:
                wanted[target][place] = None
    return {path: list(places) for path, places in wanted.items()}


@contextmanager
def browser() -> Iterator:
    """A page of a browser that reaches nothing outside this machine. Raises NoChromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        context = chromium.new_context(color_scheme="light", viewport={"width": 1000, "height": 1200})
        context.set_default_timeout(PATIENCE)
        context.route(
            "**/*", lambda route: route.continue_() if route.request.url.startswith(INSIDE) else route.abort()
        )
        yield context.new_page()
        chromium.close()


def printed(page, chapter: Chapter, anchors: list[str], first: int) -> bytes:
    """One page of the book as a PDF, numbered from `first`."""
    page.goto(chapter.path.as_uri())
    page.evaluate("window.MathJax?.startup?.promise")
    for picker in page.locator(PICKER).all():
        picker.locator(".nl-frame:visible").first.wait_for()
    page.evaluate(PREPARE, anchors)
    page.add_style_tag(content=PAPER.format(title=quoted(chapter.title), before=first - 1))
    return page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True, scale=SCALE)


def quoted(words: str) -> str:
    """A string of CSS."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def front(config: dict, book: list[Printed]) -> str:
    """The title and the table of contents, with the number of each chapter's first page."""
    parts, number = [], 1
    for i, each in enumerate(book):
        if not i or each.chapter.part != book[i - 1].chapter.part:
            parts.append(f"{'</ol>' if parts else ''}<h3>{escape(each.chapter.part)}</h3><ol>")
        link = f'<a href="{each.chapter.path.as_uri()}">{escape(each.chapter.title)}</a>'
        parts.append(f"<li>{link}<span>{number}</span></li>")
        number += each.pages
    title, _, subtitle = config["title"].partition(": ")
    words = {"title": title, "subtitle": subtitle[:1].upper() + subtitle[1:], "author": config["author"]}
    return FRONT.format(**{name: escape(told) for name, told in words.items()}, parts="".join([*parts, "</ol>"]))


def make(book: Path, target: Path, toc: Path = ROOT / "book/_toc.yml") -> int:
    """Print a built book into one file; returns how many pages it has. Raises InputError and NoChromium."""
    listed = chapters(book, toc)
    anchors, done, first = anchors_into(listed), [], 1
    with browser() as page, TemporaryDirectory() as folder:
        for chapter in listed:
            print(f"pdf: {chapter.title}", flush=True)
            done.append(Printed(chapter, printed(page, chapter, anchors[chapter.path], first)))
            first += done[-1].pages
        config = yaml.safe_load((ROOT / "_config.yml").read_text())
        opening = Path(folder) / "front.html"
        opening.write_text(front(config, done), encoding="utf-8")
        page.goto(opening.as_uri())
        cover = page.pdf(prefer_css_page_size=True, print_background=True)
    return join(cover, done, target, title=config["title"], author=config["author"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--book", type=Path, default=BOOK, help="the folder of the built book")
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    try:
        pages = make(given.book, given.out)
    except (NearlinearError, NoChromium) as error:
        print(f"pdf: {error}", file=sys.stderr)
        return 2
    print(f"pdf: {given.out} has {pages} pages, {given.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
