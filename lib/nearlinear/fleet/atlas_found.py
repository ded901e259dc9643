"""The profiles that lie in a folder: what a sweep has kept, what `nearlinear score --json` wrote, or recorded ones."""

from pathlib import Path

from pydantic import ValidationError

from nearlinear.errors import InputError
from nearlinear.recorded import KINDS
from nearlinear.results.types import LinearityProfile, TokensNeeded

from .atlas_rows import Atlas

OTHERS = {kind.recorded_as for kind in (*(kind for kind, _ in KINDS.values()), TokensNeeded)} - {"profile"}
"""Results of other kinds, which name themselves: NAME.pruning.json."""


def profiles_in(folder: Path) -> tuple[list[LinearityProfile], list[str]]:
    """Every profile in a folder, by the name of its file, and the names of files that should be one and are not.

    Results of other kinds and earlier atlases are passed over. Raises InputError where there is no profile.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: name one that a sweep has written")
    found, odd = [], []
    for path in sorted(folder.glob("*.json")):
        if path.suffixes[-2:-1] and path.suffixes[-2][1:] in OTHERS:
            continue
        text = _text(path)
        try:
            found.append(LinearityProfile.from_json(text))
        except ValidationError:
            odd += [] if is_atlas(text) else [path.name]
    if not found:
        raise InputError(
            f"{folder} holds no profile of a model: nearlinear sweep, or score with --json, writes some there"
        )
    return found, odd


def is_atlas(text: str) -> bool:
    """Whether these are the rows of an atlas."""
    try:
        Atlas.from_json(text)
    except ValidationError:
        return False
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
