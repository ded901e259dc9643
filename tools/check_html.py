"""What every built page must keep to, checked on the HTML itself: offline, described, light and alive.

A page loads nothing from outside, says its language, gives every picture a text, holds no picture that came out as a
bare `<Figure size ...>`, weighs no more than its budget, shows and offers only files that are there, and carries the
state of every widget that it shows. All pages together with all their files keep to a budget too.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

PAGE_BUDGET = 2_500_000  # bytes of HTML
SITE_BUDGET = 80_000_000  # bytes of all files of the book
WIDGET_BUDGET = 800_000  # bytes of the state of one widget, with all that it refers to
LOADING_RELATIONS = {
    "stylesheet",
    "preload",
    "modulepreload",
    "prefetch",
    "icon",
    "shortcut",
    "manifest",
    "apple-touch-icon",
}
OUTSIDE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)
OUTSIDE_IN_CSS = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
REFERENCE = re.compile(r"IPY_MODEL_(\w+)")


def check(site: Path) -> list[str]:
    """One line for each problem of a built book; empty where all is well."""
    problems = [
        f"{path.relative_to(site)}: {what}"
        for path in sorted(site.rglob("*.html"))
        if not is_asset(path, site)
        for what in page_problems(path.read_text(encoding="utf-8"), path.parent)
    ]
    for path in sorted(site.rglob("*.css")):
        for address in OUTSIDE_IN_CSS.findall(path.read_text(encoding="utf-8", errors="replace")):
            problems.append(f"{path.relative_to(site)}: the style sheet loads {address} from outside")
    if (size := sum(path.stat().st_size for path in site.rglob("*") if path.is_file())) > SITE_BUDGET:
        problems.append(f"the book weighs {size / 1e6:.1f} MB, and the budget is {SITE_BUDGET / 1e6:.0f} MB")
    return problems


def is_asset(path: Path, site: Path) -> bool:
    return path.relative_to(site).parts[0] == "_static"


def page_problems(html: str, folder: Path | None = None) -> Iterator[str]:
    """One line for each problem of a page; where it lies in a `folder`, the files it names must be there."""
    page = BeautifulSoup(html, "html.parser")
    if folder is not None:
        yield from missing(page, folder)
    yield from outside(page)
    yield from undescribed(page)
    yield from widgets(page)
    if page.html and not page.html.get("lang"):
        yield "the page does not say its language"
    if "<Figure size" in html or "&lt;Figure size" in html:
        yield "a figure came out as text (<Figure size ...>): the notebook must not change matplotlib's backend"
    if (size := len(html.encode())) > PAGE_BUDGET:
        yield f"the page weighs {size / 1e6:.1f} MB, and the budget is {PAGE_BUDGET / 1e6:.1f} MB"


def outside(page: BeautifulSoup) -> Iterator[str]:
    """Addresses that a browser would load by itself; a link that a reader may click is no such address."""
    for tag in page.find_all(True):
        for address in loaded(tag):
            if OUTSIDE.match(address):
                yield f"<{tag.name}> loads {address} from outside"
    for style in [*page.find_all("style"), *page.find_all(style=True)]:
        for address in OUTSIDE_IN_CSS.findall(style.get("style") or style.get_text()):
            yield f"a style loads {address} from outside"


def loaded(tag: Tag) -> list[str]:
    if tag.name == "link":
        return [tag.get("href", "")] if LOADING_RELATIONS & set(tag.get("rel", [])) else []
    candidates = [part.split()[0] for part in tag.get("srcset", "").split(",") if part.strip()]
    data = [tag.get("data", "")] if tag.name == "object" else []
    return [tag.get("src", ""), tag.get("poster", ""), *candidates, *data]


def missing(page: BeautifulSoup, folder: Path) -> Iterator[str]:
    """Pictures and downloads of a page that lies in `folder`, where there is no such file."""
    shown = [tag.get("src", "") for tag in page.find_all("img")]
    offered = [tag.get("href", "") for tag in page.find_all("a", download=True)]
    for address in dict.fromkeys(shown + offered):
        parts = urlsplit(address)
        if parts.path and not parts.scheme and not parts.netloc and not (folder / unquote(parts.path)).is_file():
            yield f"there is no file {address}"


def undescribed(page: BeautifulSoup) -> Iterator[str]:
    for image in page.find_all("img"):
        if not image.get("alt", "").strip():
            yield f"a picture has no alt text: {image.get('src', '')[:80]}"


def widgets(page: BeautifulSoup) -> Iterator[str]:
    """Each widget shown has its state in the page, its pictures have alt text, and it keeps to its budget."""
    models = {}
    for script in page.find_all("script", type=WIDGET_STATE):
        models |= json.loads(script.string)["state"]
    for script in page.find_all("script", type=WIDGET_VIEW):
        shown = json.loads(script.string)["model_id"]
        if shown not in models:
            yield f"the widget {shown} has no saved state, so nothing is drawn"
        elif (size := weight(shown, models)) > WIDGET_BUDGET:
            yield f"a widget weighs {size / 1e6:.2f} MB, and the budget is {WIDGET_BUDGET / 1e6:.1f} MB"
    for model in models.values():
        if model.get("model_name") in ("HTMLModel", "HTMLMathModel"):
            yield from undescribed(BeautifulSoup(model["state"].get("value", ""), "html.parser"))
        if model.get("model_name") in ("PlayModel", "ImageModel"):
            yield f"a {model['model_name']} is on the page: Play breaks the others and Image has no alt text"


def weight(model_id: str, models: dict[str, dict]) -> int:
    """Bytes of the state of a widget and of all the widgets it refers to."""
    seen: set[str] = set()
    waiting, total = [model_id], 0
    while waiting:
        if (current := waiting.pop()) not in seen and current in models:
            seen.add(current)
            text = json.dumps(models[current]["state"])
            total += len(text)
            waiting += REFERENCE.findall(text)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    problems = check(parser.parse_args().site)
    for problem in problems:
        print(f"book: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
