"""Shared fixtures: one thread, one SmolLM2, one set of windows for every test that needs the real thing, one book."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def smollm2():
    """The embedded model, loaded once."""
    from nearlinear.inputs.load import load_model

    return load_model("smollm2-135m")


@pytest.fixture(scope="session")
def wikipedia_windows(smollm2):
    """16 windows of 512 tokens of the Wikipedia sample, nothing held out."""
    from nearlinear.inputs.text import load_corpus
    from nearlinear.inputs.windows import cut
    from nearlinear.results.specs import TokenWindows

    return cut(
        TokenWindows(context=512, n_tokens=8192, test_fraction=0), load_corpus("wikipedia-sample"), smollm2.tokenizer
    )


@dataclass(frozen=True)
class SmokeBook:
    """A whole book of tiny models: its pages, its executed notebooks, and what its making changed in the reader's."""

    site: Path
    executed: Path
    touched: list[str]

    @property
    def notebooks(self) -> list[Path]:
        return sorted(self.executed.glob("*.ipynb"))

    @property
    def chapters(self) -> list[Path]:
        """The pages of the notebooks."""
        return [self.site / "notebooks" / f"{path.stem}.html" for path in self.notebooks]


@pytest.fixture(scope="session")
def smoke_book() -> SmokeBook:
    """Run the notebooks with the smoke profile and build their pages in build/smoke, once for all tests."""
    from tools import build_book
    from tools.run_notebooks import EXECUTED

    before = stamps(build_book.ROOT / "_build")
    build_book.build("smoke")
    touched = sorted(name for name, _ in before ^ stamps(build_book.ROOT / "_build"))
    return SmokeBook(build_book.site("smoke"), EXECUTED / "smoke", touched)


def stamps(folder: Path) -> set[tuple[str, int]]:
    """Name and time of the last change of every file below a folder."""
    return {(path.relative_to(folder).as_posix(), path.stat().st_mtime_ns) for path in folder.rglob("*")}
