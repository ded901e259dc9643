"""Each rule of a page is broken once, and the page that keeps them all passes."""

import json

import pytest

from tools.check_html import OUTSIDE_IN_CSS, check, page_problems


def widget_page(models, shown="a"):
    state = json.dumps({"state": models})
    view = json.dumps({"model_id": shown})
    return (
        f'<script type="application/vnd.jupyter.widget-state+json">{state}</script>'
        f'<script type="application/vnd.jupyter.widget-view+json">{view}</script>'
    )


def model(name, **state):
    return {"model_name": name, "state": state}


PICTURE = model("HTMLModel", value='<img alt="block 0" src="data:image/png;base64,AA">')
GOOD = """<link rel="stylesheet" href="../_static/a.css"><link rel="canonical" href="https://example.org/">
<a href="https://example.org">a link may lead out</a><img src="a.png" alt="a curve">"""


@pytest.mark.parametrize(
    "page", [GOOD, widget_page({"a": model("StackModel", children=["IPY_MODEL_b"]), "b": PICTURE})]
)
def test_a_good_page_has_no_problem(page):
    assert list(page_problems(page)) == []


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "<script> loads https://cdn.example/x.js from outside"),
        ('<link rel="preload stylesheet" href="//cdn.example/x.css">', "<link> loads //cdn.example/x.css"),
        ('<img alt="x" src="http://cdn.example/x.png">', "<img> loads http://cdn.example/x.png"),
        ('<img alt="x" src="a.png" srcset="a.png 1x, https://cdn.example/b.png 2x">', "<img> loads https://cdn"),
        ("<style>@import 'https://fonts.example/x';</style>", "a style loads https://fonts.example/x"),
        ('<p style="background: url(//cdn.example/x.png)"></p>', "a style loads //cdn.example/x.png"),
        ('<img src="a.png" alt=" ">', "a picture has no alt text: a.png"),
        ("<pre>&lt;Figure size 640x480 with 1 Axes&gt;</pre>", "a figure came out as text"),
        ("x" * 2_500_001, "the page weighs 2.5 MB"),
        ("<html><body></body></html>", "the page does not say its language"),
        (widget_page({}), "the widget a has no saved state"),
        (widget_page({"a": model("HTMLModel", value='<img src="x">')}), "a picture has no alt text: x"),
        (widget_page({"a": model("PlayModel")}), "a PlayModel is on the page"),
        (widget_page({"a": model("HTMLModel", value="x" * 800_001)}), "a widget weighs 0.80 MB"),
        (
            widget_page(
                {"a": model("StackModel", children=["IPY_MODEL_b", "IPY_MODEL_c"])}
                | {name: model("HTMLModel", value="x" * 500_000) for name in "bc"}
            ),
            "a widget weighs 1.00 MB",
        ),
    ],
)
def test_a_broken_rule_is_named(page, problem):
    (found,) = page_problems(page)
    assert found.startswith(problem)


def test_every_page_and_style_sheet_of_a_site_is_read(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "notebooks/01_x.html").write_text('<img src="data:image/png;base64,AA">')
    (tmp_path / "_static/a.css").write_text("a { background: url('https://cdn.example/a.png') }")
    (tmp_path / "_static/parts.html").write_text('<img src="a.png">')  # a building block of the theme, no page
    assert check(tmp_path) == [
        "notebooks/01_x.html: a picture has no alt text: data:image/png;base64,AA",
        "_static/a.css: the style sheet loads https://cdn.example/a.png from outside",
    ]


def test_a_style_may_hold_a_picture_of_its_own():
    assert not OUTSIDE_IN_CSS.findall(
        "a { background: url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E\") }"
    )


def test_a_file_that_a_page_shows_or_offers_must_be_there(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/a figure.svg").touch()
    offered = '<a download href="figures/{0}">x</a><img alt="x" src="figures/{0}?v=1">'
    (tmp_path / "good.html").write_text(offered.format("a%20figure.svg") + '<a href="elsewhere">no file</a>')
    assert check(tmp_path) == []
    (tmp_path / "bad.html").write_text(offered.format("gone.svg"))
    assert check(tmp_path) == [
        "bad.html: there is no file figures/gone.svg?v=1",
        "bad.html: there is no file figures/gone.svg",
    ]


def test_the_whole_book_keeps_to_a_budget(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.check_html.SITE_BUDGET", 10_000_000)
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(10_000_001)
    assert check(tmp_path) == ["the book weighs 10.0 MB, and the budget is 10 MB"]
