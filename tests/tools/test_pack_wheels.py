"""The wheels of the pack are all that another Python needs: read as that Python reads them, and no more."""

import pytest

from nearlinear.errors import InputError, NearlinearError, NoNetwork
from tests.tools.planted import wheel
from tools import pack_wheels
from tools.pack_wheels import TORCH, closure, fetch, fetch_torch, gather, wheels_in

NEW, OLD = "3.12.0", "3.11.7"


@pytest.fixture
def folder(tmp_path):
    """A root that needs a package always, one on one Python alone, and one with an extra of its own."""
    wheel(
        tmp_path, "root", "1.0", "Requires-Dist: always>=2", 'Requires-Dist: odd; python_version == "3.12"',
        'Requires-Dist: windows; sys_platform == "win32"', "Provides-Extra: more",
        'Requires-Dist: extra[deep]; extra == "more"',
    )  # fmt: skip
    wheel(tmp_path, "always", "2.1")
    wheel(tmp_path, "extra", "1.0", "Provides-Extra: deep", 'Requires-Dist: deeper; extra == "deep"')
    wheel(tmp_path, "deeper", "1.0", "Requires-Dist: root")
    wheel(tmp_path, "unasked", "1.0")
    return tmp_path


def walk(folder, root, python):
    found, unmet = closure([root], wheels_in([folder], python), python)
    return [each.metadata["name"] for each in found], unmet


def test_what_only_the_other_python_needs_is_missed(folder):
    assert walk(folder, "root", OLD) == (["always", "root"], [])
    assert walk(folder, "root", NEW) == (["always", "root"], ["odd"])


def test_extras_are_followed_to_the_end_and_round_in_circles(folder):
    assert walk(folder, "root[more]", OLD) == (["always", "deeper", "extra", "root"], [])


def test_a_version_that_is_too_old_is_none(folder):
    (folder / "always-2.1-py3-none-any.whl").unlink()
    wheel(folder, "always", "1.9")
    assert walk(folder, "root", OLD)[1] == ["always>=2"]


def test_names_are_one_however_they_are_spelt(tmp_path):
    wheel(tmp_path, "root", "1.0", "Requires-Dist: Some.Thing")
    wheel(tmp_path, "some_thing", "1.0")
    assert walk(tmp_path, "root", OLD) == (["root", "some_thing"], [])


@pytest.mark.parametrize(
    ("tag", "lines", "suits"),
    [
        ("py3-none-any", (), True),
        ("cp312-cp312-manylinux_2_28_x86_64", (), True),
        ("cp38-abi3-manylinux2014_x86_64", (), True),
        ("cp311-cp311-manylinux_2_28_x86_64", (), False),
        ("cp312-cp312-manylinux_2_31_x86_64", (), False),
        ("cp312-cp312-macosx_11_0_arm64", (), False),
        ("py3-none-any", ("Requires-Python: >=3.12.3",), False),
    ],
)
def test_a_wheel_for_another_python_or_system_is_none(tmp_path, tag, lines, suits):
    wheel(tmp_path, "some", "1.0", *lines, tag=tag)
    assert bool(wheels_in([tmp_path], NEW)) == suits


def test_of_two_of_one_name_the_last_folder_counts(tmp_path):
    wheel(tmp_path / "a", "some", "2.0")
    wheel(tmp_path / "b", "some", "1.0")
    assert wheels_in([tmp_path / "a", tmp_path / "b"], NEW)["some"].metadata["version"] == "1.0"


@pytest.fixture
def asked(monkeypatch, folder):
    """What pip is asked for; it brings what markers of this Python would, and in a later round what it is told to."""
    asked = []

    def bring(wanted, python, own, into, constraints):
        asked.append(list(wanted))
        for name in wanted:
            if name != "root" and not name.startswith("never"):
                wheel(into, name)

    monkeypatch.setattr(pack_wheels, "fetch", bring)
    monkeypatch.setattr(pack_wheels, "fetch_torch", lambda python, into: None)
    return asked


def test_what_pip_did_not_see_is_fetched_in_another_round(asked, folder, tmp_path):
    found = gather(["root"], NEW, folder, tmp_path / "into", [])
    assert [each.metadata["name"] for each in found] == ["always", "odd", "root"]
    assert asked == [["root"], ["odd"]]


def test_a_second_time_nothing_is_fetched(asked, folder, tmp_path):
    gather(["root"], NEW, folder, tmp_path / "into", [])
    asked.clear()
    gather(["root"], NEW, folder, tmp_path / "into", [])
    assert asked == []


def test_what_there_is_not_is_named(asked, folder, tmp_path):
    wheel(folder, "deeper", "1.0", "Requires-Dist: never")
    with pytest.raises(InputError, match=r"no wheel for Python 3\.12\.0 meets never: pack for another Python"):
        gather(["deeper"], NEW, folder, tmp_path / "into", [])


def test_pip_is_asked_for_the_other_python_and_for_wheels_alone(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(pack_wheels.subprocess, "run", lambda command, **_: asked.append(command) or Done(0, ""))
    fetch(["root"], NEW, tmp_path / "own", tmp_path, [tmp_path / "pins.txt"])
    (command,) = asked
    assert command[command.index("--python-version") + 1] == NEW
    assert command[command.index("--only-binary") + 1] == ":all:"
    assert command[command.index("--constraint") + 1] == str(tmp_path / "pins.txt")
    assert {"manylinux_2_28_x86_64", "manylinux2014_x86_64"} <= set(command)
    assert command[-2:] == [TORCH, "root"]
    assert TORCH.endswith("+cpu")


def test_where_pip_fails_one_sentence_says_so_and_its_words_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(pack_wheels.subprocess, "run", lambda command, **_: Done(1, "no such host"))
    with pytest.raises(NoNetwork, match="connect to a network and try again") as caught:
        fetch(["root"], NEW, tmp_path, tmp_path, [])
    assert caught.value.__notes__ == ["no such host"]
    with pytest.raises(NearlinearError, match=r"no CPU build of torch .* for Python 3\.12\.0 can be reached"):
        fetch_torch(NEW, tmp_path)


def test_a_torch_that_is_there_is_not_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(pack_wheels.subprocess, "run", lambda *_, **__: pytest.fail("pip was asked"))
    wheel(tmp_path, "torch")
    fetch_torch(NEW, tmp_path)


class Done:
    """What a finished process is to its caller."""

    def __init__(self, returncode, stderr):
        self.returncode, self.stderr = returncode, stderr
