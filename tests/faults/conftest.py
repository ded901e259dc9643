"""One warm process for all tests of faults, and a folder and a text for the jobs of each."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.faults.jobs import Jobs
from tools.profiles import ROOT

TEXT = "".join(
    f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars and said nothing.\n" for i in range(300)
)


@pytest.fixture(scope="session")
def warm() -> Iterator[subprocess.Popen]:
    """The process that forks; it ends when nobody talks to it."""
    command = [sys.executable, "-m", "tests.faults.server"]
    forks = os.environ | {"OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}  # on a Mac
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=forks, text=True, **pipes) as server:
        assert server.stdout.readline() == "ready\n"
        yield server
        server.stdin.close()


@pytest.fixture
def jobs(warm, tmp_path) -> Jobs:
    for name in ("work", "notes"):
        (tmp_path / name).mkdir()
    return Jobs(warm, tmp_path / "work", tmp_path / "notes")


@pytest.fixture
def text(tmp_path) -> str:
    """A small text, outside the folder that faults are put into."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)
