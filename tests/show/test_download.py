"""The numbers of a figure are those that were drawn: planted, and read back from the file."""

import csv
import math
import re
from base64 import b64decode
from io import StringIO

import numpy as np
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure

from nearlinear import show
from nearlinear.show.download import as_csv
from nearlinear.show.shown import Shown
from tests.show import synthetic

ODD = [0.1 + 0.2, 1 / 3, 1e-17, 12345678.9]


def read(figure: Figure) -> list[dict[str, str]]:
    """The rows, with the labels of the axes taken off the names of the columns."""
    table = list(csv.reader(StringIO(as_csv(figure))))
    return [dict(zip((name.partition(":")[0] for name in table[0]), row, strict=True)) for row in table[1:]]


def header(figure: Figure) -> str:
    return as_csv(figure).partition("\n")[0]


def column(rows, name: str) -> list[float]:
    return [math.nan if row[name] == "" else float(row[name]) for row in rows]


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_a_line_comes_back_with_every_digit(ax):
    ax.plot(range(4), ODD, label="SAS, seed 0")
    ax.set_xlabel("block")
    ax.set_ylabel("score\nof the update")
    rows = read(ax.figure)
    assert header(ax.figure) == "panel,series,x: block,y: score of the update,low,high,kind"
    assert column(rows, "y") == ODD
    assert [row["x"] for row in rows] == ["0", "1", "2", "3"]
    assert {(row["panel"], row["series"], row["kind"]) for row in rows} == {("1", "SAS, seed 0", "line")}


def test_what_has_no_answer_is_empty(ax):
    ax.plot([0, 1, 2], [1, math.nan, math.inf])
    assert [row["y"] for row in read(ax.figure)] == ["1", "", ""]


def test_a_figure_without_numbers_has_no_file(ax):
    assert as_csv(ax.figure) == ""
    ax.text(0.5, 0.5, "nothing to show", transform=ax.transAxes)
    assert as_csv(ax.figure) == ""


def test_panels_are_named_and_the_header_says_which_axis_is_which():
    figure = Figure()
    left, right, third = figure.subplots(1, 3)
    for ax, label in ((left, "block"), (right, "rank"), (third, "block")):
        ax.plot([1], [2], "o")
        ax.set_xlabel(label)
        ax.set_ylabel("damage")
    left.set_title("as measured", loc="left")
    third.set_title("as measured", loc="left")
    assert [row["panel"] for row in read(figure)] == ["as measured", "2", "as measured (3)"]
    (_, _, x, y, *_) = next(csv.reader(StringIO(as_csv(figure))))
    assert (x, y) == ("x: block (as measured, as measured (3)) | rank (2)", "y: damage")


def test_a_label_that_a_neighbour_carries_is_found():
    figure = Figure()
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot([1], [2], "o")
    bottom.set_xlabel("block")
    assert "x: block," in header(figure)


def test_a_series_is_named_by_the_legend_that_looks_the_same():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [1, 2], "o-", color="#0072b2", label="SAS")
    left.plot([0, 1], [1, 2], "s-", color="#0072b2", label="SAS-P")
    right.plot([0, 1], [3, 4], "s-", color="#0072b2")
    right.plot([0, 1], [3, 4], "^-", color="#0072b2")
    right.plot([0, 1], [3, 4], "o-", color="#a64d82")
    names = [row["series"] for row in read(figure) if row["panel"] == "2"]
    assert names == ["SAS-P"] * 2 + ["line (1)"] * 2 + ["line (2)"] * 2


def test_a_legend_of_the_figure_names_too(ax):
    (line,) = ax.plot([0, 1], [1, 2], color="#0072b2")
    ax.figure.legend([line], ["Pre-LN"])
    assert {row["series"] for row in read(ax.figure)} == {"Pre-LN"}


def test_lines_of_one_name_are_told_apart_and_points_need_not_be(ax):
    for seed in range(2):
        ax.plot([0, 1], [seed, 2], color="#0072b2", label="Pre-LN")
        ax.plot([0], [seed], "o", color="#d55e00", label="SAS")
    assert [row["series"] for row in read(ax.figure)] == ["Pre-LN", "Pre-LN", "SAS", "Pre-LN (2)", "Pre-LN (2)", "SAS"]


def test_a_band_belongs_to_the_line_that_runs_through_it(ax):
    ax.fill_between([0, 1, 2], [0.5, 1.5, 2.5], [1.5, 2.5, 3.5], color="#0072b2", alpha=0.2)
    ax.plot([0, 1, 2], [9, 9, 9], color="#0072b2", label="outside")
    ax.plot([0, 1, 2], [1, 2, 3], color="#0072b2", label="inside")
    rows = [row for row in read(ax.figure) if row["series"] == "inside"]
    assert [row["kind"] for row in rows] == ["line"] * 3
    assert (column(rows, "low"), column(rows, "high")) == ([0.5, 1.5, 2.5], [1.5, 2.5, 3.5])
    assert {row["low"] for row in read(ax.figure) if row["series"] == "outside"} == {""}


def test_a_band_of_another_colour_stands_alone(ax):
    ax.plot([0, 1], [1, 2], color="#0072b2", label="line")
    ax.fill_between([0, 1], [0, 1], [2, 3], color="#d55e00", alpha=0.2, label="range")
    band = [row for row in read(ax.figure) if row["kind"] == "band"]
    assert [(row["series"], row["x"], row["y"], row["low"], row["high"]) for row in band] == [
        ("range", "0", "", "0", "2"),
        ("range", "1", "", "1", "3"),
    ]


def test_error_bars_bring_both_ends(ax):
    ax.errorbar([1, 2, 3], [10, math.nan, 30], [[1, 1, 2], [4, 4, 5]], fmt="o", label="ours")
    ax.errorbar([5], [7], xerr=[[0.5], [0.25]], fmt="s", label="theirs")
    rows = read(ax.figure)
    assert len(rows) == 4
    assert [(row["low"], row["high"]) for row in rows[:3]] == [("9", "14"), ("", ""), ("28", "35")]
    assert (rows[3]["series"], rows[3]["x low"], rows[3]["x high"], rows[3]["low"]) == ("theirs", "4.5", "5.25", "")


def test_bars_bring_their_length_and_where_they_begin(ax):
    ax.bar([0, 1], [3, -2], label="first")
    ax.bar([0, 1], [4, 5], bottom=[3, 0], label="second")
    rows = read(ax.figure)
    assert column(rows, "y") == [3, -2, 4, 5]
    assert column(rows, "x") == [0, 1, 0, 1]
    assert [(row["low"], row["high"]) for row in rows] == [("", ""), ("", ""), ("3", "7"), ("", "")]


def test_level_bars_stand_at_named_places(ax):
    ax.barh([0, 1.1], [3, 4], left=[0, 2], label="MLP")
    ax.set_yticks([0, 1], ["Pre-LN", "SAS-P"])
    rows = read(ax.figure)
    assert [(row["x"], row["y name"], row["x low"], row["x high"]) for row in rows] == [
        ("3", "Pre-LN", "", ""),
        ("4", "SAS-P", "2", "6"),
    ]


def test_a_series_without_a_name_takes_that_of_its_place(ax):
    ax.plot([1, 1.1], [3, 4], "o")
    ax.plot([0, 1], [3, 4], "o")
    ax.hlines(5, 0.9, 1.1)
    ax.errorbar([0], [1], [2], fmt="s")
    ax.set_xticks([0, 1], ["Pre-LN", "SAS-P"])
    assert [row["series"] for row in read(ax.figure)] == [
        "Pre-LN",
        "SAS-P",
        "SAS-P",
        *["points (1)"] * 2,
        "interval (1)",
    ]


def test_places_far_from_a_name_and_axes_of_numbers_have_none(ax):
    ax.plot([0.2, 0.5, 3], [0, 0, 0], "o")
    ax.set_xticks([0, 1], ["plain", "deep"])
    assert [row["x name"] for row in read(ax.figure)] == ["plain", "plain", ""]
    numbered = Figure().add_subplot()
    numbered.plot([0, 1], [0, 1], "o")
    numbered.set_xticks([0, 1])
    assert "x name" not in header(numbered.figure)


def test_a_histogram_brings_its_edges(ax):
    ax.stairs([5, 7], [0, 1, 4], fill=True)
    assert [(row["x"], row["y"], row["x low"], row["x high"]) for row in read(ax.figure)] == [
        ("0.5", "5", "0", "1"),
        ("2.5", "7", "1", "4"),
    ]


def test_a_heat_map_brings_every_cell_and_its_colour_bar_is_no_panel(ax):
    values = np.array([[1.5, 2.5, math.nan], [3.5, 4.5, 5.5]])
    ax.figure.colorbar(ax.pcolormesh(values), label="update score")
    rows = read(ax.figure)
    assert "value: update score" in header(ax.figure)
    assert {row["panel"] for row in rows} == {"1"}
    assert [(row["x"], row["y"], row["value"]) for row in rows] == [
        ("0.5", "0.5", "1.5"),
        ("1.5", "0.5", "2.5"),
        ("2.5", "0.5", ""),
        ("0.5", "1.5", "3.5"),
        ("1.5", "1.5", "4.5"),
        ("2.5", "1.5", "5.5"),
    ]


@pytest.mark.parametrize(("origin", "shading"), [("upper", "nearest"), ("lower", "gouraud")])
def test_cells_of_images_and_smooth_maps_stand_where_they_are_drawn(ax, origin, shading):
    ax.imshow([[1.0, 2.0], [3.0, 4.0]], origin=origin)
    assert [(row["x"], row["y"], row["value"]) for row in read(ax.figure)] == [
        ("0", "0", "1"),
        ("1", "0", "2"),
        ("0", "1", "3"),
        ("1", "1", "4"),
    ]
    other = Figure().add_subplot()
    other.pcolormesh([0, 1], [10, 20], [[1.0, 2.0], [3.0, 4.0]], shading=shading)
    assert [(row["x"], row["y"], row["value"]) for row in read(other.figure)] == [
        ("0", "10", "1"),
        ("1", "10", "2"),
        ("0", "20", "3"),
        ("1", "20", "4"),
    ]


def test_strokes_are_intervals_in_their_own_direction(ax):
    ax.vlines([1, 2], [0.1, 0.2], [0.3, 0.4], color="#0072b2", label="95 %")
    ax.hlines(5, 1, 3)
    rows = read(ax.figure)
    assert [(row["series"], row["x"], row["low"], row["high"]) for row in rows[:2]] == [
        ("95 %", "1", "0.1", "0.3"),
        ("95 %", "2", "0.2", "0.4"),
    ]
    assert (rows[2]["x"], rows[2]["y"], rows[2]["x low"], rows[2]["x high"]) == ("", "5", "1", "3")


def test_rules_and_spans_say_only_what_they_mean(ax):
    ax.plot([0, 10], [0, 10], label="data")
    ax.axhline(7, label="chance")
    ax.axvline(3)
    ax.axhspan(1, 2)
    ax.axvspan(4, 5, label="warm-up")
    told = [(row["kind"], row["x"], row["y"], row["low"], row["high"], row["x low"], row["x high"])
            for row in read(ax.figure)[2:]]  # fmt: skip
    assert told == [
        ("rule", "", "7", "", "", "", ""),
        ("rule", "3", "", "", "", "", ""),
        ("span", "", "", "1", "2", "", ""),
        ("span", "", "", "", "", "4", "5"),
    ]


def test_words_at_a_place_name_it_and_other_words_are_left_out(ax):
    ax.text(2, 3, "C\n1")
    ax.annotate("block 7", (4, 5), xytext=(2, 2), textcoords="offset points")
    ax.annotate("a remark", (0.5, 0.5), xycoords="axes fraction")
    ax.text(0.1, 0.1, "a note", transform=ax.transAxes)
    assert [(row["series"], row["x"], row["y"]) for row in read(ax.figure)] == [
        ("C 1", "2", "3"),
        ("block 7", "4", "5"),
    ]


def test_dots_bring_their_colours_where_these_are_numbers(ax):
    ax.scatter([1, 2], [3, 4], c=[0.25, 0.75], label="tokens")
    assert [(row["series"], row["x"], row["y"], row["value"]) for row in read(ax.figure)] == [
        ("tokens", "1", "3", "0.25"),
        ("tokens", "2", "4", "0.75"),
    ]


def test_parts_of_a_figure_are_read_as_a_whole():
    figure = Figure()
    for part, name in zip(figure.subfigures(1, 2), ("a", "b"), strict=True):
        ax = part.add_subplot(title=name)
        ax.plot([0, 1], [1, 2], color="#0072b2", label="SAS" if name == "a" else None)
    figure.subfigs[1].legend(*figure.axes[0].get_legend_handles_labels())
    assert {(row["panel"], row["series"]) for row in read(figure)} == {("a", "SAS"), ("b", "SAS")}


PROFILE = synthetic.profile(L=5)


def test_a_figure_of_the_book_brings_the_scores_it_was_given():
    rows = read(show.scores_by_block([PROFILE]).figure)
    assert column([row for row in rows if row["panel"] == "1"], "y") == list(PROFILE.scores)


def test_the_links_hold_the_drawing_and_its_numbers():
    shown = show.scores_by_block([PROFILE])
    page = BeautifulSoup(shown._repr_mimebundle_()["text/html"], "html.parser")
    svg, numbers = page.select("figure + p.nl-downloads a")
    assert (svg["download"], numbers["download"]) == ("figure.svg", "figure.csv")
    assert svg["href"] == page.img["src"]
    assert held(svg).startswith(b"<?xml")
    assert held(numbers).decode() == shown.csv() != ""
    for link in (svg, numbers):
        assert link.get_text() in link["aria-label"]


def test_a_drawing_without_numbers_has_one_link():
    page = BeautifulSoup(Shown(Figure(), "empty", "empty")._repr_mimebundle_()["text/html"], "html.parser")
    assert [link["download"] for link in page.select("a")] == ["figure.svg"]


def held(link) -> bytes:
    return b64decode(re.sub(r"^data:[\w/+;=-]+;base64,", "", link["href"]))
