"""The browser that the tests drive: $CHROMIUM, else the system's, else the one playwright keeps."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


class NoChromium(Exception):
    """No browser was found; the message says how to get one."""


def find_chromium() -> Path:
    """The path of a Chromium. Raises NoChromium."""
    if asked := os.environ.get("CHROMIUM"):
        if found := shutil.which(asked):
            return Path(found)
        raise NoChromium(f"$CHROMIUM is {asked!r}, and there is no such program")
    for name in (*NAMES, str(MAC)):
        if found := shutil.which(name):
            return Path(found)
    if (path := playwrights()) and path.exists():
        return path
    raise NoChromium(
        "the browser tests need Chromium: install it (Debian, Ubuntu: `apt-get install chromium`; anywhere: "
        "`.venv/bin/playwright install chromium`), or set CHROMIUM to the path of one"
    )


def playwrights() -> Path | None:
    """Where playwright would keep its own Chromium."""
    from playwright.sync_api import Error, sync_playwright

    try:
        with sync_playwright() as playwright:
            return Path(playwright.chromium.executable_path)
    except Error:
        return None


def main() -> int:
    """Nothing to say where there is a browser; one sentence where there is none."""
    try:
        find_chromium()
    except NoChromium as error:
        print(f"test: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
