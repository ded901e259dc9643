"""Build the book: fetch page scripts, run notebooks, lay out the pages, build, check, and only then show it.

The page folder is replaced in one step when everything passed, so a build that fails or is interrupted leaves the
last good book. `laptop`, the profile of `make book`, goes to _build/html; any other to build/PROFILE/_build/html.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from nearlinear.errors import NearlinearError
from tools import assets, check_html, downloads, not_found, previews
from tools.profiles import ROOT
from tools.run_notebooks import digest, reported, run_all
from tools.stage import stage

GITHUB = re.compile(r"^(?:https://github\.com/|git@github\.com:|ssh://git@github\.com/)([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


class BuildFailed(Exception):
    """The book could not be built, or a page breaks a rule; the message has one line a problem."""


def site(profile: str) -> Path:
    return ROOT / "_build/html" if profile == "laptop" else ROOT / f"build/{profile}/_build/html"


def repository() -> str | None:
    """https://github.com/OWNER/NAME from $NEARLINEAR_REPOSITORY or the git remote; None where it is not known."""
    address = os.environ.get("NEARLINEAR_REPOSITORY")
    if address is None:
        command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
        address = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    found = GITHUB.match(address)
    return f"https://github.com/{found[1]}" if found else None


def configuration(address: str | None) -> str:
    """_config.yml, with launch and download buttons where the repository's address is known."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    theme = config["sphinx"]["config"]["html_theme_options"]
    config["sphinx"]["config"]["myst_substitutions"] = {"report": where_to_report(address)}
    theme["use_download_button"] = address is not None
    # The sources of the pages are only for that button, and weigh more than the pages.
    config["sphinx"]["config"]["html_copy_source"] = address is not None
    if address is not None:
        theme |= {
            "repository_url": address,
            "repository_branch": "main",
            "path_to_docs": "",
            "use_repository_button": True,
            "use_issues_button": True,
            "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        }
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def where_to_report(address: str | None) -> str:
    """A sentence for the page on citing and reporting."""
    if address is None:
        return "Tell those who gave you this copy of the book."
    return f"Open an issue at [{address.removeprefix('https://')}/issues]({address}/issues)."


def jupyter_book(work: Path) -> Path:
    """Build work/src from scratch, because Sphinx reports the warnings of a page only when it reads it.

    Raises BuildFailed. The table of contents is looked up from two places, so the source is where we stand.
    """
    shutil.rmtree(work / "new", ignore_errors=True)
    program = Path(sys.executable).with_name("jupyter-book")
    options = "build . --config ../_config.yml --toc book/_toc.yml --path-output ../new -W --keep-going -n -q"
    command = [str(program), *options.split()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=work / "src", stdin=subprocess.DEVNULL)
    log = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).replace(f"{work / 'src'}/", "")
    (work / "build.log").write_text(log)
    if done.returncode:
        told = [line for line in log.splitlines() if re.search("WARNING|ERROR|CRITICAL", line)]
        raise BuildFailed("\n".join(dict.fromkeys(told) or log.splitlines()[-20:]))
    return work / "new/_build/html"


def publish(built: Path, shown: Path) -> None:
    """Put the new pages in the place of the old ones."""
    old = built.with_name("old")
    shown.parent.mkdir(parents=True, exist_ok=True)
    if shown.exists():
        os.replace(shown, old)
    os.replace(built, shown)
    shutil.rmtree(old, ignore_errors=True)


def key(inputs: str, config: str) -> str:
    """A hash of all that the pages depend on: what was laid out, settings, pinned packages and these scripts."""
    scripts = [path.read_bytes() for path in sorted((ROOT / "tools").glob("*.py"))]
    return digest(inputs.encode(), config.encode(), (ROOT / "constraints.txt").read_bytes(), *scripts)


def build(profile: str) -> None:
    """Bring the book of this profile up to date. Raises InputError, NoNetwork, NotebookFailed, BuildFailed."""
    started, work = time.monotonic(), ROOT / f"build/{profile}"
    for package in assets.PAGES:
        assets.place(package)
    inputs, config = stage(run_all(profile), profile, work / "src"), configuration(repository())
    (work / "_config.yml").write_text(config)
    index, stamp, wanted = site(profile) / "index.html", work / "built", key(inputs, config)
    if not (index.exists() and stamp.exists() and stamp.read_text() == wanted):
        stamp.unlink(missing_ok=True)  # a build that is broken off must not be taken for the one before it
        make_pages(profile, work)
        stamp.write_text(wanted)
    print(f"book: {index.relative_to(ROOT)} is up to date ({time.monotonic() - started:.0f} s)", flush=True)


def make_pages(profile: str, work: Path) -> None:
    print("book: building the pages", flush=True)
    built = jupyter_book(work)
    for page in sorted((built / "notebooks").glob("*.html")):
        downloads.lay_out(page)
    previews.give(built, previews.site_address(repository()))
    (built / "404.html").write_text(not_found.page(repository()), encoding="utf-8")
    if problems := check_html.check(built):
        raise BuildFailed("\n".join(problems))
    publish(built, site(profile))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="laptop")
    profile = parser.parse_args().profile
    try:
        return reported(lambda: build(profile))
    except BuildFailed as error:
        print("\n".join(f"book: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 1
    except NearlinearError as error:
        print(f"book: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
