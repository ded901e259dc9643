"""The page: it trusts no name, needs no network and no script, and says what is in the results."""

import csv
import json
import math
import re
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup

from nearlinear.report.beside import others, recorded_models
from nearlinear.report.columns import COLUMNS, to_csv
from nearlinear.report.drawings import (
    THEMED,
    beside_recorded,
    drawable,
    harmless,
    inline_svg,
    relative_depth,
    values_of,
)
from nearlinear.report.look import CSS
from nearlinear.report.page import CHAPTERS, page
from nearlinear.report.types import LargeToken, Report
from nearlinear.results.types import LinearityProfile
from tests.report.made import HOSTILE, report, study
from tests.show import synthetic
from tests.show.contrast import contrast
from tools.profiles import ROOT


def hostile() -> Report:
    """Name, note, text and a token that would all like to run."""
    profile = synthetic.profile(HOSTILE, L=4, note=HOSTILE)
    corpus = profile.provenance.corpus.model_copy(update={"id": HOSTILE, "note": HOSTILE})
    made = profile.provenance.model_copy(update={"corpus": corpus, "command": HOSTILE})
    token = LargeToken(text="</td><img src=x onerror=alert(1)>", window=0, position=3, block=1, times=20.0)
    plain = report(profile.model_copy(update={"provenance": made, "reason": HOSTILE}), pruning=study(name=HOSTILE))
    hidden = plain.hidden.model_copy(update={"largest": (token,)})
    spec = plain.spec.model_copy(update={"model": HOSTILE, "corpus": HOSTILE})
    return plain.model_copy(update={"hidden": hidden, "spec": spec})


@pytest.fixture(scope="module")
def evil():
    return page(hostile(), [synthetic.profile("_" + HOSTILE, L=6), synthetic.encoder()])


@pytest.fixture(scope="module")
def full():
    return page(report(pruning=study()), [synthetic.twin(), synthetic.encoder()])


def test_names_and_tokens_cannot_script_the_page(evil):
    soup = BeautifulSoup(evil, "html.parser")
    assert not soup.find_all(["script", "img", "iframe", "object", "embed", "link", "form", "base"])
    assert not [name for tag in soup.find_all(True) for name in tag.attrs if name.startswith("on")]
    assert HOSTILE in soup.h1.get_text()
    assert "</td><img src=x onerror=alert(1)>" in soup.get_text()
    assert HOSTILE in soup.find("svg")["aria-label"]


def test_letters_that_turn_others_around_are_replaced():
    assert harmless("a\u202eb\x00\x1b <\n\u00a0é模") == "a�b�� &lt;\n\u00a0é模"


def test_the_page_could_not_run_or_load_anything_if_it_wanted(full):
    soup = BeautifulSoup(full, "html.parser")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"(?:href|src)=\"(?!#)|url\((?!#)|@import", full)


def test_every_drawing_has_words_and_ids_of_its_own(full):
    soup = BeautifulSoup(full, "html.parser")
    drawings = soup.find_all("svg")
    assert len(drawings) == 6
    assert all(len(svg["aria-label"]) > 100 and svg["role"] == "img" for svg in drawings)
    assert all(figure.figcaption.get_text() for figure in soup.find_all("figure"))
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([\w.-]+)', full))
    assert used
    assert used <= set(ids)


def test_drawings_take_the_colours_of_the_page(full):
    drawings = "".join(re.findall(r"<svg.*?</svg>", full, re.DOTALL))
    assert not re.findall(r"#[0-9a-f]{6}\b", drawings)
    light, dark = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part)) for part in CSS.split("@media screen"))
    assert set(THEMED.values()) <= set(light)
    assert set(light) == set(dark)
    for colours in (light, dark):
        for panel in ("panel", "page", "note"):
            assert all(contrast(colours[ink], colours[panel]) >= 4.5 for ink in ("ink", "faint", "warning"))
        lines = set(THEMED.values()) - {"panel", "grid"}
        assert all(contrast(colours[line], colours["panel"]) >= 3 for line in lines)
    assert {name: colour for colour, name in THEMED.items()} == {k: light[k] for k in THEMED.values()}


def test_glyphs_keep_their_size(full):
    assert 'transform="scale(0.015625)"' in full


def test_dollars_are_dollars_in_drawings():
    profile = drawable(synthetic.profile("a $x$ _b_ $\\frac{$", L=4))
    shown = beside_recorded(profile, [])
    assert "a $x$ _b_ $" in inline_svg(shown, "x")  # and matplotlib did not choke on a formula


@pytest.mark.parametrize("L", [1, 2, 5])
def test_depth_is_relative(L):
    depth = relative_depth(L)
    assert len(depth) == L
    if L > 1:
        assert (depth[0], depth[-1]) == (0, 1)


def test_a_model_stands_over_the_recorded_ones_with_its_own_numbers():
    mine, theirs = synthetic.profile("mine", L=4), synthetic.profile("theirs", L=9, seed=3)
    shown = beside_recorded(mine, [theirs])
    axes = shown.figure.subfigs[1].axes
    for ax, (name, how) in zip(axes, [(n, h) for n in ("scores", "update_scores") for h in _HOWS], strict=True):
        drawn = {line.get_label(): line for line in ax.get_lines()}
        own = drawn["this model: mine"]
        assert list(own.get_xdata()) == pytest.approx([0, 1 / 3, 2 / 3, 1])
        assert list(own.get_ydata()) == pytest.approx([max(v, -0.5) for v in values_of(mine, name, how)])
        assert list(drawn["recorded: theirs"].get_ydata()) == pytest.approx(values_of(theirs, name, how))


_HOWS = ("in-sample, all tokens (the paper)", "held out, first token out")


def test_nothing_is_drawn_over_itself():
    recorded = recorded_models()
    assert [p.provenance.model.id for p in recorded] == ["smollm2-135m", "smollm2-135m#random-0", "minilm"]
    assert others(recorded[0], recorded) == recorded[1:]
    assert others(synthetic.profile(), recorded) == recorded


def test_the_table_holds_the_results_digit_by_digit():
    made = report(pruning=study())
    rows = list(csv.DictReader(to_csv(made).splitlines()))
    assert [row["block"] for row in rows] == ["0", "1", "2", "3"]
    held = made.profile.held_out
    for b, row in enumerate(rows):
        assert float(row["update_score"]) == made.profile.update_scores[b]
        assert float(row["score_no_first"]) == made.profile.no_first_token.scores[b]
        assert float(row["score_held_out_low"]) == held.no_first_token.intervals.scores[b][0]
        assert float(row["update_score_held_out_high"]) == held.no_first_token.intervals.update_scores[b][1]
        assert float(row["update_score_strict"]) == held.no_massive_token.update_scores[b]
        assert float(row["removed_nats"]) == made.pruning.single["remove"][b].difference
        assert float(row["replaced_nats_high"]) == made.pruning.single["replace"][b].interval[1]
        assert int(row["massive_tokens"]) == made.profile.massive_tokens[b]


def test_no_answer_is_an_empty_cell():
    rows = list(csv.DictReader(to_csv(report(synthetic.profile(L=4, broken_from=2))).splitlines()))
    assert rows[1]["score"]
    assert rows[2]["score"] == rows[2]["update_score_held_out"] == rows[0]["removed_nats"] == ""


def test_every_column_is_explained_on_the_page_and_in_the_book(full):
    words = BeautifulSoup(full, "html.parser").get_text()
    book = (ROOT / "book/bring-your-own-model.md").read_text()
    for column in COLUMNS:
        assert column.what in words
        assert f"`{column.name}`" in book, column.name


def test_chapters_are_called_as_the_book_calls_them():
    titles = {nbformat.read(path, as_version=4).cells[0].source[2:] for path in (ROOT / "notebooks").glob("*.ipynb")}
    titles |= {path.read_text().split("\n")[0][2:] for path in (ROOT / "book").glob("*.md")}
    assert set(CHAPTERS) <= titles


def test_results_come_back_as_they_went():
    made = report(synthetic.profile(L=4, broken_from=2), pruning=study())
    assert Report.from_json(made.to_json()).to_json() == made.to_json()
    inside = json.dumps(json.loads(made.to_json())["profile"])
    assert LinearityProfile.from_json(inside).to_json() == made.profile.to_json()


@pytest.mark.parametrize(
    "profile",
    [
        synthetic.profile(L=1, d=64),
        synthetic.profile(L=2, held_out=False),
        synthetic.profile(L=4, broken_from=0).model_copy(update={"reason": "block 0 is the first with NaN"}),
        synthetic.encoder(),
        synthetic.profile("\u6a21\u578b \u202e\n\x07" + "x" * 500, L=2),
    ],
    ids=["one-block", "nothing-held-out", "all-nan", "encoder", "strange-name"],
)
def test_hard_cases_have_an_honest_page(profile):
    words = BeautifulSoup(page(report(profile), []), "html.parser").main.get_text()
    assert "Not measured: this is a quick report." in words
    assert not re.search(r"\bnan\b", words)
    assert any(math.isnan(s) for s in profile.scores) == ("NaN" in words)


def test_a_page_needs_no_torch():
    code = (
        "import sys\n"
        "class NoTorch:\n"  # not sys.modules['torch'] = None: scipy looks there, and takes None for a module
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': raise ImportError('torch was imported')\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "from nearlinear.report import beside, caveats, columns, drawings, files, html, page, specs, summary, types\n"
        "import json, pathlib\n"
        "report = types.Report.from_json(sys.stdin.read())\n"
        "print(len(page.page(report, beside.recorded_models())))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], input=report().to_json(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100_000
