"""Files to take away from each figure of a page: its drawing and its numbers, beside the page, and numbered.

A figure of the library carries both inside itself (nearlinear.show.download), so that they work in any notebook. In the
book they become files: a page is lighter, a picture is stored once, and a download has a name that says what it is.
"""

import re
from base64 import b64decode
from pathlib import Path

FOLDER = "figures"
"""Beside the pages that show them."""

SHOWN = re.compile(r'<figure\b(?:(?!</figure>).)*</figure><p class="nl-downloads".*?</p>', re.DOTALL)
LINK = re.compile(
    r'download="figure\.(?P<kind>\w+)" aria-label="[^"]*" href="(?P<data>data:[^"]*)">(?P<words>[^<]*)</a>'
)
PICTURE = re.compile(r'(?<=src=")data:image/(?P<kind>svg\+xml|png);base64,[^"]*')
NAMES = {
    "svg": ("figure {n} (SVG)", "Download figure {n} (SVG)"),
    "csv": ("data (CSV)", "Download figure {n}, data (CSV)"),
}


def lay_out(page: Path) -> int:
    """Put the files of one built page beside it and point at them from there; returns how many figures it has."""
    html = page.read_text(encoding="utf-8")
    html, files = taken_out(html, page.stem)
    for name, content in files.items():
        path = page.parent / FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    if files:
        page.write_text(html, encoding="utf-8")
    return len(SHOWN.findall(html))


def taken_out(html: str, name: str) -> tuple[str, dict[str, bytes]]:
    """The page with addresses in the place of what its figures carried, and the files: name → content."""
    files: dict[str, bytes] = {}
    parts, end = [], 0
    for n, shown in enumerate(SHOWN.finditer(html), 1):
        parts += [html[end : shown.start()], one(shown[0], n, f"{name}-figure-{n}", files)]
        end = shown.end()
    return "".join([*parts, html[end:]]), files


def one(shown: str, n: int, name: str, files: dict[str, bytes]) -> str:
    """One figure and its links, numbered, their content moved to `files`."""

    def link(found: re.Match) -> str:
        words, told = (each.format(n=n) for each in NAMES[found["kind"]])
        file = f"{name}.{found['kind']}"
        files[file] = content(found["data"])
        return f'download="{file}" aria-label="{told}" href="{FOLDER}/{file}">{words}</a>'

    def picture(found: re.Match) -> str:
        file = f"{name}.{found['kind'].removesuffix('+xml')}"
        files[file] = content(found[0])
        return f"{FOLDER}/{file}"

    return PICTURE.sub(picture, LINK.sub(link, shown))


def content(address: str) -> bytes:
    """What a data address holds."""
    return b64decode(address.partition(";base64,")[2])
