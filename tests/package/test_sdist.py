"""The source distribution is enough to build the same wheel from."""

import subprocess
import sys
import tarfile
import zipfile

from tools.profiles import ROOT


def built(target: str, place, folder) -> object:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


def test_a_wheel_from_the_sources_is_the_wheel_of_the_checkout(wheel, tmp_path):
    with tarfile.open(built("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (sources,) = tmp_path.glob("nearlinear-*")
    again = zipfile.ZipFile(built("wheel", sources, tmp_path / "wheel"))
    with zipfile.ZipFile(wheel) as ours:
        assert {f.filename: f.CRC for f in again.filelist} == {f.filename: f.CRC for f in ours.filelist}
