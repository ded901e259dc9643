"""Before a release: a tag `v1.2.3` must be the version that every file tells, and the changelog must have its section.

Runs on a bare Python (standard library only), before any environment is made.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOLD = {
    "lib/nearlinear/__init__.py": '__version__ = "{}"',
    "CITATION.cff": "version: {}",
    "book/cite.md": "version = {{{}}}",
}
"""Where the version is told, and how."""


class NotReady(Exception):
    """This tag cannot be released; the message says what to do."""


def version_of(tag: str) -> str:
    """1.2.3 of v1.2.3. Raises NotReady."""
    if not (found := re.fullmatch(r"v(\d+\.\d+\.\d+)", tag)):
        raise NotReady(f"the tag {tag!r} is no version: name it v1.2.3")
    return found[1]


def check_told(version: str, root: Path = ROOT) -> None:
    """Raise NotReady where a file tells another version."""
    for name, how in TOLD.items():
        if how.format(version) not in (root / name).read_text(encoding="utf-8"):
            raise NotReady(f"{name} tells another version than {version}: set it there, or name the tag after it")


def notes(version: str, changelog: str) -> str:
    """What the changelog says of this version. Raises NotReady where that is nothing."""
    sections = re.split(r"^## ", changelog, flags=re.M)
    found = [text.partition("\n")[2].strip() for text in sections if text.startswith(f"{version} ")]
    if found and found[0]:
        return f"{found[0]}\n"
    raise NotReady(f"CHANGELOG.md says nothing of {version}: turn *Unreleased* into `## {version} – year-month-day`")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tag")
    parser.add_argument("--notes", type=Path, required=True, metavar="OUT", help="write what is new to OUT")
    options = parser.parse_args()
    try:
        version = version_of(options.tag)
        check_told(version)
        said = notes(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    except NotReady as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    options.notes.write_text(said, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
