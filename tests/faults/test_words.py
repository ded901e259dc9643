"""Places and words that are not plain ASCII, and a system that speaks another language than UTF-8."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nearlinear.cli import main
from tests.report.made import folder_model

STRANGE = "модель 模型 é $x {0} %s 'q' & ;"
SMALL = ("--tokens", "1024", "--context", "64")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    """A folder with spaces and letters of four scripts in its name, with a model and a text so named too."""
    folder = tmp_path_factory.mktemp("x") / STRANGE
    folder_model(folder / STRANGE)
    text = "".join(f"Çà et là, déjà vu {i}: 東京 наука ☃ 😀.\n" for i in range(300))
    (folder / f"{STRANGE}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def here(elsewhere, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / STRANGE))


MODEL_AND_TEXT = ("--model", STRANGE, "--text", f"{STRANGE}.txt")


def test_scores_in_a_strange_place(tmp_path, capsys):
    out = tmp_path / STRANGE / "наука 東京.json"
    assert main(["score", *MODEL_AND_TEXT, *SMALL, "--json", str(out)]) == 0, capsys.readouterr().err
    made = json.loads(out.read_text(encoding="utf-8"))["provenance"]
    assert made["model"]["id"] == STRANGE
    assert made["corpus"]["id"] == f"{STRANGE}.txt"


def test_a_report_in_a_strange_place(tmp_path, capsys):
    out = tmp_path / STRANGE / "отчёт"
    assert main(["report", *MODEL_AND_TEXT, "--tokens", "2000", "--into", str(out)]) == 0, capsys.readouterr().err
    assert "модель 模型 é" in (out / "report.html").read_text(encoding="utf-8")


def test_pruning_and_reading_again_in_a_strange_place(tmp_path, capsys):
    out = tmp_path / STRANGE / "без"
    call = ["prune", *MODEL_AND_TEXT, *SMALL, "--layers", "1", "--out", str(out)]
    assert main(call) == 0, capsys.readouterr().err
    assert STRANGE in (out / "README.md").read_text(encoding="utf-8")
    assert main(["score", "--model", str(out), "--text", f"{STRANGE}.txt", *SMALL]) == 0, capsys.readouterr().err


def test_training_in_a_strange_place(tmp_path, capsys):
    out = tmp_path / STRANGE / "neu"
    call = ["train", "--size", "quick", "--steps", "4", "--corpus", f"{STRANGE}.txt", "--out", str(out)]
    assert main(call) == 0, capsys.readouterr().err
    assert (out / "model.safetensors").exists()


@pytest.mark.parametrize("content", [b"na\xefve caf\xe9\n" * 500, b"\xff\xfe" + "wide".encode("utf-16-le") * 500,
                                     b"\x80\x81\n" * 900, b"fine \xed\xa0\x80 until here" * 90])  # fmt: skip
@pytest.mark.parametrize("command", ["score", "prune", "train", "report"])
def test_a_text_in_another_encoding_is_one_sentence(tmp_path, capsys, command, content):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    more = {
        "score": ("--model", "tiny-llama", "--text", path),
        "prune": ("--model", "tiny-llama", "--layers", "1", "--out", tmp_path / "out", "--text", path),
        "train": ("--size", "quick", "--out", tmp_path / "out", "--corpus", path),
        "report": ("--model", "tiny-llama", "--into", tmp_path / "out", "--text", path),
    }[command]
    assert main([command, *map(str, more)]) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("nearlinear: ")
    assert "is not a text in UTF-8: give a plain text file" in last or "looks binary" in last
    assert not (tmp_path / "out").exists()


LOCALES = {
    "C": {"LC_ALL": "C"},
    "POSIX, with nothing coerced": {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "one that is not there": {"LC_ALL": "tr_TR.ISO-8859-9", "LANGUAGE": "tr"},
}


@pytest.mark.parametrize("name", LOCALES)
def test_every_locale_gives_the_same_bytes(tmp_path, name):
    """Of the pieces without torch, whose import would take longer than all tests of this file."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    code = (
        "import sys; from pathlib import Path\n"
        "from nearlinear.report import files; from nearlinear.report.types import Report\n"
        "folder = Path(sys.argv[1])\n"
        "made = Report.from_json((folder / 'in.json').read_bytes().decode('utf-8'))\n"
        "files.write(made, folder / 'out')\n"
    )
    from tests.report.made import report
    from tests.show import synthetic

    given = report(synthetic.profile("модель 模型 é", L=2))
    (tmp_path / "in.json").write_text(given.to_json(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, env=plain | LOCALES[name], cwd=tmp_path
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(written) == ["report.csv", "report.html", "report.json"]
    assert "модель 模型 é".encode() in written["report.html"]
