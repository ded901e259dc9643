"""The token map: readable without colour, safe to show, light."""

import re

import numpy as np
import pytest

from nearlinear import show
from nearlinear.show.tokenmap import EDGES, LEVELS, levels, token_map_frame, visible
from tests.show import synthetic
from tests.show.contrast import contrast, luminance

ERRORS = synthetic.token_errors(L=4, windows=6)


def test_text_stands_out_from_every_level_and_levels_darken_evenly():
    assert all(contrast(back, ink) >= 4.5 for back, ink in LEVELS)
    lights = [luminance(back) for back, _ in LEVELS]
    assert lights == sorted(lights, reverse=True)
    assert len(LEVELS) == len(EDGES) + 1


def test_levels_are_fixed_and_nan_has_none():
    np.testing.assert_array_equal(levels(np.array([0.0, 0.3, 0.85, 0.99, 1.0, 9.0, np.nan])), [0, 1, 5, 6, 7, 7, -1])


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (" the", " the"),
        ("\n", "↵"),
        ("\r\n\n", "↵↵"),
        ("  ", "␣␣"),
        ("\t", "→"),
        ("", "∅"),
        ("<script>", "&lt;script&gt;"),
        ("'&\"", "&#x27;&amp;&quot;"),
    ],
)
def test_tokens_are_visible_and_harmless(text, seen):
    assert visible(text) == seen


def test_a_script_in_the_text_stays_text():
    everything = "".join(token_map_frame(ERRORS, b, p).html for b in range(4) for p in range(6))
    assert "&lt;script&gt;" in everything
    assert "<script" not in everything


def test_the_passage_is_read_in_order_whatever_the_order_of_the_arrays():
    here = ERRORS.passage(2)
    html = token_map_frame(ERRORS, 1, 2).html
    found = re.findall(r"<i class='nl-e\w' title='([\d.]+)'", html)
    relative = ERRORS.relative_error()[1, here]
    assert found == [f"{e:.2f}" for e in relative]
    np.testing.assert_array_equal(ERRORS.position[here], np.arange(115))


def test_the_worst_tokens_carry_their_number_and_are_named():
    frame = token_map_frame(ERRORS, 1, 2)
    worst = np.sort(ERRORS.relative_error()[1, ERRORS.passage(2)])[::-1][:5]
    assert sorted(re.findall(r"<sup>([\d.]+)</sup>", frame.html), reverse=True) == [f"{w:.3g}" for w in worst]
    assert frame.alt.endswith(".")
    assert all(f"{w:.3g}" in frame.alt.split("Largest:")[1] for w in worst)


def test_a_block_without_an_answer_is_told():
    broken = show.token_map(_with_nan(ERRORS), 1)
    assert "Median no answer" in broken.plain
    assert "title='no answer'" in broken.html


def _with_nan(errors):
    table = np.full_like(errors.error2, np.nan)
    return type(errors)(**{**errors.__dict__, "error2": table})


def test_what_is_not_there_is_refused():
    with pytest.raises(IndexError, match="block 4 is not there: the blocks are numbered from 0 to 3"):
        show.token_map(ERRORS, 4)
    with pytest.raises(IndexError, match="passage 6 is not there: the passages are numbered from 0 to 5"):
        show.token_map(ERRORS, 0, 6)


def test_thirty_blocks_of_a_passage_stay_light():
    errors = synthetic.token_errors(windows=4, length=125)
    assert sum(len(token_map_frame(errors, b).html) for b in range(30)) < 500_000
