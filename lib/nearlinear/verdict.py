"""Every verdict of the book in one place: `read_chapters` asks each chapter for what it says of its claims."""

from collections.abc import Callable, Mapping

from nearlinear.results.store import NotRecorded
from nearlinear.show.verdict_words import Chapter, Said
from nearlinear.verdict_chapters import CHAPTERS
from nearlinear.verdict_reader import Asked, Load, Reader, load

__all__ = ["CHAPTERS", "Asked", "Load", "Reader", "load", "read_chapters"]

Says = Callable[[Reader], list[Said]]


def read_chapters(asked: Asked, load: Load = load, of: Mapping[str, Says] = CHAPTERS) -> list[Chapter]:
    """What every chapter says, in order. One whose results are not recorded says nothing, and why."""
    return [_chapter(name, says, Reader(asked, load)) for name, says in of.items()]


def _chapter(name: str, says: Says, reader: Reader) -> Chapter:
    try:
        said = says(reader)
    except NotRecorded as error:
        return Chapter(name, missing=str(error))
    return Chapter(name, said=tuple(said), results=tuple(reader.read))
