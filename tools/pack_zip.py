"""A zip of many files, large ones too: the same bytes whenever it is made from the same files."""

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from nearlinear.errors import InputError
from nearlinear.inputs.cache import scratch_folder

SUMS = "SHA256SUMS"
WHEN = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
# What is compressed already is stored as it is.
COMPRESSED = {".whl", ".tgz", ".gz", ".zip", ".png", ".woff", ".woff2"}
CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One file of the pack: its name below the pack's folder, its content or where that lies, whether it is run."""

    name: str
    content: Path | bytes
    program: bool = False

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def open(self):
        return BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")


def folder(source: Path, name: str, pattern: str = "**/*") -> list[Member]:
    """The files under a folder that fit the pattern, to lie under `name` in the pack; hidden ones are left out."""
    found = [path.relative_to(source) for path in source.glob(pattern) if path.is_file()]
    shown = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    return [Member(f"{name}/{path.as_posix()}", source / path) for path in shown]


def write(members: Iterable[Member], target: Path, top: str) -> None:
    """Write the zip in one step: a folder `top` with the members in order of name, and their sha256 sums.

    Every file is read once, straight into the archive. Raises InputError where two members have one name.
    """
    ordered = sorted(members, key=lambda member: member.name)
    names = [member.name for member in ordered]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two files of the pack would be called {twice[0]}: rename one of them")
    with scratch_folder(target) as scratch:
        made = scratch / target.name
        with zipfile.ZipFile(made, "w") as archive:
            sums = [f"{_add(archive, member, top)}  {member.name}\n" for member in ordered]
            _add(archive, Member(SUMS, "".join(sums).encode()), top)
        os.replace(made, target)


def _add(archive: zipfile.ZipFile, member: Member, top: str) -> str:
    """Write one member; returns its sha256."""
    info = zipfile.ZipInfo(f"{top}/{member.name}", WHEN)
    info.create_system = 3  # Unix, whose permissions are kept
    info.external_attr = (stat.S_IFREG | (0o755 if member.program else 0o644)) << 16
    info.compress_type = zipfile.ZIP_STORED if Path(member.name).suffix in COMPRESSED else zipfile.ZIP_DEFLATED
    info.file_size = member.size  # from which zipfile sees whether the member needs zip64
    total = hashlib.sha256()
    with member.open() as source, archive.open(info, "w") as into:
        while chunk := source.read(CHUNK):
            total.update(chunk)
            into.write(chunk)
    return total.hexdigest()
