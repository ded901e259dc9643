"""The trial of a pack: that it is offline indeed, and that it says what failed."""

import subprocess
import sys
import zipfile

import pytest

from nearlinear.errors import InputError
from tools import pack_offline, pack_run
from tools.pack_offline import Failed, check_offline, without_network
from tools.pack_try import answer, environment, outside, step, unpack
from tools.profiles import ROOT

INSIDE = "from tools.pack_offline import *; loopback_up(); check_offline(); print(*interfaces())"


def test_a_network_that_is_on_is_seen(monkeypatch):
    monkeypatch.setattr(pack_offline, "interfaces", lambda: ["lo", "eth0"])
    with pytest.raises(Failed, match=r"the network is on \(eth0\)"):
        check_offline()


def test_an_address_that_answers_is_seen(monkeypatch):
    class Answers:
        def close(self):
            pass

    monkeypatch.setattr(pack_offline, "interfaces", lambda: ["lo"])
    monkeypatch.setattr(pack_offline.socket, "create_connection", lambda *_, **__: Answers())
    with pytest.raises(Failed, match="an address outside answers"):
        check_offline()


def test_inside_there_is_only_the_machine_itself():
    if subprocess.run(without_network(["true"]), capture_output=True).returncode:
        pytest.skip("this machine does not let us make a network namespace")
    done = subprocess.run(without_network([sys.executable, "-c", INSIDE]), cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("lo\n", 0), done.stderr


def test_nothing_of_this_account_is_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_FIND_LINKS", "/somewhere")
    monkeypatch.setenv("NEARLINEAR_CACHE", "/somewhere")
    done = subprocess.run(["env"], env=environment(tmp_path, "python3"), capture_output=True, text=True)
    assert "somewhere" not in done.stdout
    assert f"HOME={tmp_path}\n" in done.stdout


def test_a_step_that_fails_says_what_it_printed(tmp_path, capsys):
    known = environment(tmp_path, "python3")
    assert step("good", ["sh", "-c", "echo said"], tmp_path, known) == "said\n"
    assert capsys.readouterr().out == "try: good: 0 s\n"
    with pytest.raises(Failed, match=r"(?s)bad failed.*too bad"):
        step("bad", ["sh", "-c", "echo too bad >&2; exit 3"], tmp_path, known)


@pytest.mark.parametrize(
    ("page", "asks"),
    [
        ('<script src="https://there/x.js"></script>', True),
        ('<link rel="stylesheet" href="//there/x.css">', True),
        ('<img src="http://there/x.png">', True),
        ('<a href="https://there">link</a><link rel="canonical" href="https://there">', False),
        ('<script src="_static/x.js"></script><script>1</script><img src="data:,">', False),
    ],
)
def test_a_page_that_asks_for_something_outside_is_found(tmp_path, page, asks):
    (tmp_path / "page.html").write_text(f"<html><head>{page}</head></html>")
    assert outside(tmp_path / "page.html") == asks


def test_what_is_no_pack_is_refused(tmp_path):
    (tmp_path / "none.zip").write_text("no zip")
    with pytest.raises(InputError, match=r"none\.zip is no zip that can be read: make it with make pack"):
        unpack(tmp_path / "none.zip", tmp_path)
    with pytest.raises(InputError, match="is no zip that can be read"):
        unpack(tmp_path / "missing.zip", tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(InputError, match=r"other\.zip is no offline pack"):
        unpack(tmp_path / "other.zip", tmp_path)


def test_a_server_that_does_not_answer_is_not_waited_for_without_end():
    with pytest.raises(Failed, match="did not answer in 0 s"):
        answer("http://127.0.0.1:9/", patience=0)


def test_a_chapter_is_found_by_name_or_number():
    by_number = pack_run.chosen("01", "smoke")
    assert by_number == pack_run.chosen("01_linearity_by_layer", "smoke")
    assert by_number.overrides != pack_run.chosen("01", "laptop").overrides
    with pytest.raises(InputError, match="there is no chapter '99': choose one of 01_linearity_by_layer"):
        pack_run.chosen("99", "smoke")
    with pytest.raises(InputError, match="there is no profile 'none'"):
        pack_run.chosen("01", "none")
