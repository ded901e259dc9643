"""Wheels that are planted for a test: a name, a version, and what their metadata says."""

import zipfile
from pathlib import Path

PURE = "py3-none-any"


def wheel(folder: Path, name: str, version: str = "1.0", *lines: str, tag: str = PURE, main: str = "") -> Path:
    """Write a wheel that pip can install; `lines` go into its metadata, `main` is what its program does."""
    folder.mkdir(parents=True, exist_ok=True)
    path, info = folder / f"{name}-{version}-{tag}.whl", f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"import os, sys\n\n\ndef main():\n    {main or 'pass'}\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n" if main else "",
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, ""]),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: planted\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in files.items():
            archive.writestr(each, content)
    return path
