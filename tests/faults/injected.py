"""Faults put into a process that is about to work: a kill, a full disk, a folder for reading only, at the n-th moment.

A moment is anything that changes a file below one folder. Python tells its audit hooks of opening, moving, removing; a
write is seen by what `open` gives back, and safetensors, which writes by itself, at its own door. A write is caught
half done: half of its bytes are in the file.
"""

import builtins
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SPACE = {"open", "write", "os.mkdir", "os.symlink"}
"""What needs room on a disk."""

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate"}


@dataclass
class Fault:
    """`what`: "none" (moments are only counted), "kill", "full" or "read-only"; `at`: from 1; `below`: the folder."""

    what: str
    at: int
    below: str
    count: int = 0

    def moment(self, kind: str, half: Callable[[], None] = lambda: None) -> None:
        """One more change is about to be made; `half` does half of it."""
        self.count += 1
        if self.what == "kill" and self.count == self.at:
            half()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "full" and self.count >= self.at and kind in SPACE:
            half()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.what == "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def here(self, path: object) -> bool:
        """Whether a path lies below the folder; rmtree gives bare names, which do."""
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        name = os.fsdecode(path)
        return os.path.abspath(name).startswith(self.below)

    def heard(self, event: str, arguments: tuple) -> None:
        """What Python tells of itself."""
        if event == "open":
            path, _, flags = arguments
            if flags & WRITING and self.here(path):
                self.moment(event)
        elif event in CHANGES and self.here(arguments[0]):
            self.moment(event)


class Torn:
    """A file open for writing whose every write is a moment."""

    def __init__(self, file, fault: Fault):
        self._file, self._fault = file, fault

    def write(self, content):
        def half():
            self._file.write(content[: len(content) // 2])
            self._file.flush()

        self._fault.moment("write", half)
        return self._file.write(content)

    def __getattr__(self, name: str):
        return getattr(self._file, name)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *how):
        return self._file.__exit__(*how)

    def __iter__(self):
        return iter(self._file)


def inject(fault: Fault) -> None:
    """Put the fault into this process, for the rest of its life."""
    import safetensors.torch

    plain_open, plain_serialize = io.open, safetensors.torch.serialize_file

    def opening(file, mode="r", *args, **kwargs):
        opened = plain_open(file, mode, *args, **kwargs)
        return Torn(opened, fault) if set(mode) & set("wax+") and fault.here(opened.name) else opened

    def serializing(tensors, filename, metadata=None):
        def half():
            whole = safetensors.serialize(tensors, metadata)
            with plain_open(filename, "wb") as file:
                file.write(whole[: len(whole) // 2])

        if fault.here(filename):
            try:
                fault.moment("write", half)
            except OSError as error:
                raise safetensors.SafetensorError(f"I/O error: {error.strerror} (os error {error.errno})") from error
        return plain_serialize(tensors, filename, metadata)

    io.open = builtins.open = opening
    safetensors.torch.serialize_file = serializing
    sys.addaudithook(fault.heard)


def no_pickle() -> None:
    """From now on, whatever unpickles a class or a function ends this process."""

    def heard(event: str, arguments: tuple) -> None:
        if event == "pickle.find_class":
            os.write(2, f"unpickled {arguments}\n".encode())
            os._exit(99)

    sys.addaudithook(heard)


def remaining(folder: Path) -> set[str]:
    """Every file below a folder, by name."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
