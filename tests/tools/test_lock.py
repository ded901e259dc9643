"""The lock: what constraints.txt pins, each file by its hash, and nothing that ties it to one machine."""

import re
import tomllib

from tools.environment import ROOT
from tools.lock import LOCK, OF_TORCH, entries

PIN = re.compile(r"^([\w.-]+)==([^\s;]+)")
TOOLS = {"setuptools", "wheel"}
"""Needed by some packages, and never pinned: pip leaves them out of what it writes down."""


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    found = (PIN.match(line) for line in text.splitlines())
    return {plain(pin[1]): pin[2] for pin in found if pin}


def locked() -> list[str]:
    return [entry for entry in entries(LOCK.read_text()) if PIN.match(entry)]


def test_it_holds_what_the_constraints_pin():
    wanted = pins((ROOT / "constraints.txt").read_text())
    found = pins(LOCK.read_text())
    assert {name: found.get(name) for name in wanted.keys() - {"torch"}} == {
        name: version for name, version in wanted.items() if name != "torch"
    }
    assert found.keys() - wanted.keys() <= TOOLS


def test_every_package_has_hashes():
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in locked())
    assert len(locked()) > 100


def test_it_names_no_host_and_no_build_of_torch():
    text = LOCK.read_text()
    assert not re.search(r"://|index-url|find-links", text)
    assert [entry for entry in locked() if OF_TORCH.match(entry)] == []
    assert OF_TORCH.match("nvidia-cublas==13.1.0")
    assert not OF_TORCH.match("torchmetrics==1.0")


def test_it_is_for_the_systems_that_are_supported():
    systems = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["environments"]
    assert [re.search(r"sys_platform == '(\w+)'", system)[1] for system in systems] == ["linux", "darwin"]
    assert all("python_version < '3.14'" in system for system in systems)


def test_a_pin_and_its_hashes_stay_together():
    text = "a==1 \\\n    --hash=sha256:x\nb==2\n"
    assert entries(text) == ["a==1 \\\n    --hash=sha256:x", "b==2"]
