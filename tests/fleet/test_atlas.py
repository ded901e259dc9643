"""The atlas: a row a run with its twins beside it, lines that know their row, and a page that trusts no name."""

import base64
import csv
import hashlib
import math
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from nearlinear.errors import InputError, NearlinearError
from nearlinear.fleet.atlas_drawings import MOST_NAMED, TWIN, by_depth, by_size, looks_of
from nearlinear.fleet.atlas_found import profiles_in
from nearlinear.fleet.atlas_html import script, table
from nearlinear.fleet.atlas_page import page, write
from nearlinear.fleet.atlas_place import check_possible
from nearlinear.fleet.atlas_rows import COLUMNS, Atlas, AtlasRow, Entry, entries, to_csv
from nearlinear.results.making import library_sha256
from tests.fleet.made import changed
from tests.report.made import HOSTILE
from tests.show import synthetic


@pytest.fixture
def plain(monkeypatch):
    """An atlas without its figures, which take seconds."""
    monkeypatch.setattr("nearlinear.fleet.atlas_html.drawn", lambda entries: {})


@pytest.fixture(scope="module")
def whole() -> str:
    """A page with a name that would be a script, drawn once."""
    return page([Entry(changed(planted(L=1), model={"id": HOSTILE})), *fleet()])


def planted(name="smollm2-135m", L=5, seed=0, **more):
    return synthetic.profile(name, L=L, seed=seed, **more)


def fleet() -> list[Entry]:
    """A model with two twins, an encoder without, and a model that is not reliable and holds nothing out."""
    small = changed(synthetic.encoder(), model={"n_parameters": 1000})
    poor = planted("poor", L=3, reliable=False, held_out=False)
    return entries([planted(), *(planted(f"smollm2-135m#random-{s}", seed=s) for s in (1, 0)), small, poor])


def cells(html: str) -> list[dict[str, str]]:
    """Field → what each row of a table shows."""
    rows = BeautifulSoup(html, "html.parser").tbody.find_all("tr")
    fields = [column.field for column in COLUMNS]
    return [dict(zip(fields, (c.get_text() for c in row.find_all(["th", "td"])), strict=True)) for row in rows]


def test_a_row_says_what_its_run_says():
    profile = planted()
    row = Entry(profile).row
    assert row.score_median == sorted(profile.scores)[2]
    assert (row.score_least, row.least_block) == (min(profile.scores), profile.scores.index(min(profile.scores)))
    assert row.score_no_first == sorted(profile.no_first_token.scores)[2]
    assert row.score_held_out == sorted(profile.held_out.no_first_token.scores)[2]
    assert row.update_score_held_out == sorted(profile.held_out.no_first_token.update_scores)[2]
    assert (row.n_parameters, row.L, row.d, row.n) == (134_515_008, 5, 576, profile.n)


def test_twins_stand_beside_their_model_as_the_mean_of_their_medians():
    entry = next(e for e in fleet() if e.twins)
    assert [t.provenance.model.id for t in entry.twins] == ["smollm2-135m#random-0", "smollm2-135m#random-1"]
    medians = [sorted(t.held_out.no_first_token.update_scores)[2] for t in entry.twins]
    assert medians[0] != medians[1]
    assert entry.row.update_score_held_out_twin == pytest.approx(sum(medians) / 2)
    assert entry.row.twins == 2


@pytest.mark.parametrize("other", [{"windows": "elsewhere"}, {"dtype": "bfloat16"}])
def test_a_twin_of_other_windows_is_a_row_by_itself(other):
    found = entries([planted(), changed(planted("smollm2-135m#random-0"), **other)])
    assert [len(e.twins) for e in found] == [0, 0]
    assert [e.row.model for e in found] == ["smollm2-135m", "smollm2-135m with random weights (seed 0)"]
    assert math.isnan(found[0].row.update_score_held_out_twin)


def test_rows_go_by_size_whatever_the_order_of_the_files():
    found = fleet()
    assert [e.row.model for e in found] == ["minilm", "poor", "smollm2-135m"]
    again = entries(reversed([p for e in found for p in (e.profile, *e.twins)]))
    assert [e.row for e in again] == [e.row for e in found]


def test_blocks_without_an_answer_are_left_out_and_a_model_without_any_has_none():
    row = Entry(planted(broken_from=3)).row
    assert row.score_median == sorted(planted().scores[:3])[1]
    nothing = Entry(planted(broken_from=0)).row
    assert math.isnan(nothing.score_median)
    assert nothing.least_block is None


def test_the_table_shows_numbers_and_keeps_them_beside():
    rows = [e.row for e in fleet()]
    shown = cells(table(rows))
    assert shown[2]["n_parameters"] == "134,515,008"
    assert shown[1]["score_held_out"] == shown[0]["score_held_out_twin"] == "–"
    body = BeautifulSoup(table(rows), "html.parser").tbody
    assert [row["data-row"] for row in body.find_all("tr")] == ["0", "1", "2"]
    values = [cell["data-value"] for cell in body.find_all("tr")[2].find_all("td") if cell.has_attr("data-value")]
    assert float(values[5]) == rows[2].score_median
    assert "" in [c.get("data-value") for c in body.find_all("tr")[1].find_all("td")]


def test_what_is_not_to_be_believed_says_so():
    shown = cells(table([e.row for e in fleet()]))
    assert "not reliable: n/d = 38.3 is below 20" in shown[1]["corpus"]
    assert all("made by an earlier version" in row["corpus"] for row in shown)
    current = changed(planted(), library_sha256=library_sha256())
    assert cells(table([Entry(current).row]))[0]["corpus"] == "wikipedia-sample"


def test_csv_and_json_hold_every_digit(tmp_path):
    rows = tuple(e.row for e in fleet())
    read = list(csv.DictReader(to_csv(rows).splitlines()))
    assert list(read[0]) == list(AtlasRow.model_fields)
    assert float(read[2]["update_score_held_out_twin"]) == rows[2].update_score_held_out_twin
    assert read[1]["score_held_out"] == ""
    assert Atlas.from_json(Atlas(rows=rows).to_json()).to_json() == Atlas(rows=rows).to_json()


def test_every_line_and_point_belongs_to_its_row(whole):
    for name in ("depth", "size"):
        owners = re.findall(rf'<g id="nl-atlas-{name}-row-(\d+)[-\d]*" data-row="(\d+)"', whole)
        assert all(gid == row for gid, row in owners)
        assert {row for _, row in owners} == {"0", "1", "2", "3"}
    lines = re.findall(r'<g id="nl-atlas-depth-row-(\d+)', whole)
    assert lines.count("3") == 4 * 3  # the model and its two twins, in four panels


def test_the_lines_are_the_scores():
    entry = next(e for e in fleet() if e.twins)
    axes = by_depth([entry]).figure.subfigs[1].axes
    lines = [{line.get_gid(): list(line.get_ydata()) for line in ax.get_lines()} for ax in axes]
    assert lines[0]["row-0-0"] == pytest.approx(entry.profile.scores)
    assert lines[3]["row-0-3"] == pytest.approx(entry.profile.held_out.no_first_token.update_scores)
    assert lines[1]["row-0-1-1"] == pytest.approx(entry.twins[1].held_out.no_first_token.scores)


def test_a_point_stands_at_its_size_and_median():
    found = fleet()
    (ax,) = by_size(found).figure.subfigs[1].axes
    points = {line.get_gid(): (line.get_xdata()[0], line.get_ydata()[0]) for line in ax.get_lines() if line.get_gid()}
    assert points["row-2"] == pytest.approx((134.515008, found[2].row.update_score_held_out))


def test_a_model_looks_alike_in_all_its_rows_and_models_do_not():
    models = [Entry(planted(f"m{i}", L=2)) for i in range(MOST_NAMED)]
    looks = [(look.colour, look.marker) for look in looks_of([*models, Entry(planted("m3", L=2, seed=5))])]
    assert len(set(looks[:-1])) == MOST_NAMED
    assert looks[-1] == looks[3]


def test_a_legend_names_each_model_once_and_none_of_too_many():
    def names(found):
        return [text.get_text() for legend in by_depth(found).figure.subfigs[1].legends for text in legend.get_texts()]

    twice = [*fleet(), Entry(changed(planted("poor", L=3), seed=1))]
    assert names(twice) == ["minilm", "poor", "smollm2-135m", TWIN]
    assert names([Entry(planted(f"m{i}", L=2)) for i in range(MOST_NAMED + 1)]) == []


def test_the_page_is_safe_and_described(whole):
    soup = BeautifulSoup(whole, "html.parser")
    assert not soup.find("script", src=True)
    (code,) = soup.find_all("script")
    sha256 = base64.b64encode(hashlib.sha256(code.string.encode()).digest()).decode()
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{sha256}';")
    assert code.string == script()
    assert HOSTILE in soup.find("tbody").get_text()
    assert "<script>alert" not in whole
    assert all(len(svg["aria-label"]) > 100 for svg in soup.find_all("svg"))
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert not re.findall(r"(?:href|src)=\"(?!#)", whole)


def test_every_column_is_explained(whole):
    text = BeautifulSoup(whole, "html.parser").details.get_text()
    assert all(column.what in text for column in COLUMNS)


@pytest.mark.parametrize(
    "profile",
    [planted(L=1, held_out=False), planted("模型 \u202e$_{" + "x" * 300, broken_from=0)],
    ids=["one-block", "strange-name-all-nan"],
)
def test_hard_cases_have_a_page(profile):
    words = BeautifulSoup(page([Entry(profile)]), "html.parser").main.get_text()
    assert not re.search(r"\bnan\b", words)


def test_three_files_are_written_whole(plain, tmp_path):
    written = write(fleet(), tmp_path / "new" / "mine.html")
    assert [path.name for path in written] == ["mine.html", "mine.json", "mine.csv"]
    assert "mine.json and mine.csv, beside this page" in written[0].read_text()
    assert len(Atlas.load(written[1]).rows) == 3


def test_profiles_are_found_whatever_they_are_called(plain, tmp_path):
    one, two = planted(), planted("other")
    one.save(tmp_path / "a-1.5B.json")
    two.save(tmp_path / "b.final.json")
    two.save(tmp_path / "c.profile.json")
    write([Entry(one)], tmp_path / "atlas.html")
    (tmp_path / "d.pruning.json").write_text("{}")
    (tmp_path / "broken.profile.json").write_text('{"scores": 1}')
    (tmp_path / "other.json").write_bytes(b"\xff")
    found, odd = profiles_in(tmp_path)
    assert found == [one, two, two]
    assert odd == ["broken.profile.json", "other.json"]


@pytest.mark.parametrize(("name", "sentence"), [("none", "is no folder"), ("", "holds no profile of a model")])
def test_a_folder_without_profiles_is_told(name, sentence, tmp_path):
    with pytest.raises(InputError, match=sentence):
        profiles_in(tmp_path / name)


def test_a_page_that_cannot_be_written_is_told_before_the_work(tmp_path):
    with pytest.raises(InputError, match=r"give --out a name that ends in \.html"):
        check_possible(tmp_path / "page")
    with pytest.raises(NearlinearError, match="cannot be written"):
        check_possible(Path("/proc/atlas.html"))
