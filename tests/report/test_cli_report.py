"""`nearlinear report`: a folder with a page, and one sentence for what cannot work."""

import csv
import json
import subprocess
import sys

import pytest
from safetensors.torch import load_file, save_file

from nearlinear.cli import main
from nearlinear.report import files
from nearlinear.report.place import folder_for
from nearlinear.report.types import Report
from tests.browser.visit import Setting, chromium, opened
from tests.report.made import folder_model, report, study

SMALL = ("--model", "tiny-llama", "--tokens", "2000")


def run(*arguments, capsys) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; argparse leaves through SystemExit."""
    try:
        code = main(["report", *map(str, arguments)])
    except SystemExit as leaving:
        code = leaving.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_writes_a_page_results_and_a_table(text, tmp_path, capsys):
    into = tmp_path / "out"
    code, said, _ = run(*SMALL, "--text", text, "--into", into, capsys=capsys)
    assert code == 0
    assert sorted(path.name for path in into.iterdir()) == ["report.csv", "report.html", "report.json"]
    made = Report.from_json((into / "report.json").read_text())
    assert made.spec.model == "tiny-llama"
    assert "How linear is tiny-llama?" in (into / "report.html").read_text()
    assert len(list(csv.reader((into / "report.csv").read_text().splitlines()))) == 1 + made.profile.L
    assert said.endswith(f"written: {into / 'report.html'}\n")
    assert "A decoder of 3 blocks of width 32 read" in said
    before = (into / "report.json").read_text()
    assert run(*SMALL, "--text", text, "--into", into, capsys=capsys)[0] == 0
    assert (into / "report.json").read_text() == before


def test_nothing_is_half_written(tmp_path, monkeypatch):
    into = tmp_path / "out"
    files.write(report(), into)
    before = {path.name: path.read_bytes() for path in into.iterdir()}

    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "page", broken)
    with pytest.raises(KeyboardInterrupt):
        files.write(report(seed=9), into)
    assert {path.name: path.read_bytes() for path in into.iterdir()} == before


def test_nan_activations_write_the_page_and_are_an_error(text, tmp_path, capsys):
    folder = folder_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.mlp.down_proj.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    into = tmp_path / "out"
    code, _, err = run("--model", folder, "--tokens", 2000, "--text", text, "--into", into, capsys=capsys)
    assert code == 2
    assert "the model's activations break: block 1" in err
    assert json.loads((into / "report.json").read_text())["profile"]["scores"][1:] == [None, None]
    assert "Block 1 is the first whose states hold NaN" in (into / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--model nosuch", "no model 'nosuch': give one of smollm2-135m"),
        ("--model tiny-llama --text nosuch", "no text 'nosuch': give one of wikipedia-sample"),
        ("--depth deep", "invalid choice: 'deep'"),
        ("--tokens 0", "0 is not a whole number above 0"),
        ("--seed -1", "-1 is no seed"),
        ("--into /proc/nowhere", "cannot be written"),
        ("--intro x", "did you mean --into?"),
    ],
)
def test_what_cannot_work_is_one_sentence(arguments, sentence, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = arguments.split()
    code, _, err = run(*([] if "--text" in words else ["--text", text]), *words, capsys=capsys)
    assert code == 2
    (line,) = [line for line in err.splitlines() if not line.endswith("…")]
    assert line.startswith("nearlinear: ")
    assert sentence in line
    assert not list(tmp_path.glob("report-*"))


@pytest.mark.parametrize("missing", ["matplotlib", "seaborn"])
def test_without_what_draws_it_says_so_before_the_work(missing, tmp_path):
    code = (
        "import importlib.util as u, sys; from nearlinear import cli\n"
        f"sys.modules[{missing!r}] = None; found = u.find_spec\n"  # whoever imports it fails
        f"u.find_spec = lambda name, *of: None if name == {missing!r} else found(name, *of)\n"
        "sys.exit(cli.main(['report']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    words = f"the page is drawn with {missing}, which is not there: install nearlinear[book]"
    assert done.stderr == f"nearlinear: {words}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("smollm2-135m", "report-smollm2-135m"),
        ("org/Name-1.5B@main", "report-Name-1.5B"),
        ("/models/../x y$/", "report-x-y"),
        ("<b>", "report-b"),
        ("模型", "report-model"),
        ("", "report-model"),
    ],
)
def test_the_folder_has_a_plain_name(model, folder):
    assert str(folder_for(model)) == folder


@pytest.mark.parametrize("setting", [Setting("file", "dark", 390), Setting("file", "light", 1280)], ids=str)
def test_in_a_browser(setting, tmp_path):
    page = files.write(report(pruning=study()), tmp_path / "out")
    with chromium() as browser, opened(browser, page.resolve().as_uri(), setting) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= setting.width
        drawings = visit.page.locator("svg[role=img]")
        assert drawings.count() == 6
        assert all(drawing.bounding_box()["height"] > 200 for drawing in drawings.all())
        paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(20, 24, 29)") == (setting.colours == "dark")
        assert not visit.outside
        assert not visit.complaints
