"""The picker of sizes and the calculator: light, described, linked; the table is the formulas'."""

import json
import re
from dataclasses import replace
from html import unescape

import ipywidgets as widgets
import pytest
from ipywidgets import embed

from nearlinear import show
from nearlinear.errors import InputError
from nearlinear.results.counting import BIG, MADE, cache_bytes, forward, parameters
from nearlinear.results.sizes import DECODER, ENCODER, OTHERS, PAPER_MODELS
from nearlinear.show.calculator import NUMBERS, fields, rows, said
from nearlinear.show.counting import millions
from nearlinear.show.picker import BUDGET, weight
from nearlinear.show.size_picker import size_frames
from tests.show.test_pickers import all_of

LLAMA = OTHERS["the size of Llama 2 7B"]


def test_a_picker_of_three_models_is_light_and_says_every_number_of_blocks():
    picker = show.size_picker(PAPER_MODELS | {"wide": LLAMA})
    assert weight(picker) < 0.65 * BUDGET
    labels = (re.search("aria-label='([^']+)'", widget.value) for widget in all_of(picker, widgets.HTML))
    alts = [unescape(found[1]) for found in labels if found]
    assert len(alts) == len(set(alts)) == 3 * 36
    for name in (*PAPER_MODELS, "wide"):
        assert sum(alt.startswith(f"{name} with 1 block: ") for alt in alts) == 1
        assert sum(alt.startswith(f"{name} with 36 blocks: ") for alt in alts) == 1


def test_its_slider_counts_blocks_from_one_and_opens_at_the_papers():
    picker = show.size_picker(PAPER_MODELS, most=20, name="Mine")
    (slider,), (box,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert (slider.value, slider.min, slider.max) == (box.value, box.min, box.max) == (18, 1, 20)
    shown = [w for w in all_of(picker, widgets.Stack) if len(w.children) == 21]
    assert [stack.selected_index for stack in shown] == [18, 18]
    assert "<b>18 blocks</b>" in shown[0].children[18].value
    links = [s for s in embed.dependency_state([picker]).values() if s["model_name"] == "LinkModel"]
    assert len(links) == 4  # slider and box, slider and the frames of either model, model


def test_a_frame_says_the_counts():
    frame = size_frames("CodeParrot decoder", DECODER)[17]
    assert "166.6M parameters with Pre-LN, 145.9M with SAS or SAS-P (−12.4 %); at most 1.14 times as fast." in frame.alt
    assert "values and projections 21.2M and 0.6M" in frame.alt
    deep = replace(ENCODER, L=3)
    assert f"{millions(parameters('sas', deep, BIG))} with SAS" in size_frames("e", ENCODER, 3)[2].alt


def test_a_heavy_picker_is_refused(monkeypatch):
    monkeypatch.setattr("nearlinear.show.picker.BUDGET", 9_000)
    with pytest.raises(ValueError, match=r"'Sizes' weighs [\d,]+ bytes, more than 9,000: show fewer models in it"):
        show.size_picker(PAPER_MODELS, most=6)


def shown(html: str) -> dict[str, list[str]]:
    """Block → cells, as the page without script has them."""
    lines = re.findall(r"<tr data-block='([^']+)'>(.*?)</tr>", html)
    return {block: re.findall(r"<td[^>]*>([^<]*)</td>", line) for block, line in lines}


def test_the_calculator_opens_with_the_first_model():
    html = show.calculator(PAPER_MODELS | OTHERS, T=128).html
    assert len(html) < 40_000
    assert shown(html) == {block: list(row.values()) for block, row in rows(DECODER, 128).items()}
    assert shown(html)["sas-p"] == ["145,959,852", "−12.4 %", "293.88", "881.65", "1.140", "7.08", "3.54"]
    assert "http" not in html


def test_every_field_has_a_label_and_every_model_fills_every_field():
    html = show.calculator(PAPER_MODELS).html
    labelled = set(re.findall(r"<label[^>]*>[^<]+<(?:input|select) name='(\w+)'", html))
    (data,) = re.findall(r"<script type='application/json'>(.*?)</script>", html)
    models = json.loads(data)["models"]
    assert labelled == {"model", *fields(DECODER, 1)}
    assert set(NUMBERS) < labelled
    assert models == {name: fields(sizes, 128) for name, sizes in PAPER_MODELS.items()}


def test_rows_are_the_formulas():
    row = rows(LLAMA, 4096)["sas"]
    assert row["parameters"] == f"{parameters('sas', LLAMA):,}"
    assert row["forward"] == said(forward("sas", LLAMA, 4096) / 1e6, 2)
    assert row["half"] == "–"  # rope
    assert rows(replace(LLAMA, positions="alibi"), 4096)["sas"]["half"] == said(
        cache_bytes("sas", replace(LLAMA, positions="alibi"), 4096, half=True) / 1e6, 2
    )
    assert {row["cache"] for row in rows(ENCODER, 128).values()} == {"–"}
    assert list(rows(DECODER, 1)) == list(MADE)


@pytest.mark.parametrize(
    ("value", "digits", "wanted"),
    [(1234.565, 2, "1,234.57"), (0.125, 2, "0.13"), (-0.04, 1, "0.0"), (-12.39, 1, "−12.4"), (10**6, 0, "1,000,000")],
)
def test_numbers_are_rounded_as_browsers_do(value, digits, wanted):
    assert said(value, digits) == wanted


def test_names_of_models_are_never_html():
    html = show.calculator({"</script><b>'": DECODER}).html
    assert "<b>" not in html


def test_a_window_without_tokens_is_refused():
    with pytest.raises(InputError, match="a window of 0 tokens is none"):
        show.calculator(PAPER_MODELS, T=0)
