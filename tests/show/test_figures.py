"""Figures draw the numbers they are given, and say which model and how many tokens."""

import math

import numpy as np
import pytest

from nearlinear import show
from nearlinear.show import words
from nearlinear.show.scores import gap
from tests.show import synthetic


def curve(shown, label: str, panel: int = 0) -> np.ndarray:
    """The y-values of the one line of that label in a panel."""
    axes = [ax for ax in shown.figure.findobj(lambda a: hasattr(a, "get_lines")) if ax.get_lines()]
    (line,) = [li for li in axes[panel].get_lines() if li.get_label() == label]
    return np.asarray(line.get_ydata(), float)


def texts(shown) -> str:
    return " ".join(t.get_text() for t in shown.figure.findobj(lambda a: hasattr(a, "get_text"))).replace("\xa0", " ")


PROFILE, ENCODER, TWINS = synthetic.profile(), synthetic.encoder(), [synthetic.twin(k) for k in range(3)]
ERRORS = synthetic.token_errors(L=8, windows=16)
CURVES = synthetic.tokens_needed()
EVERY = {
    "scores_by_block": lambda p: show.scores_by_block([p]),
    "controls": show.controls,
    "update_scores_by_block": show.update_scores_by_block,
    "update_sizes": show.update_sizes,
    "identity": show.identity,
}
OF_TOKENS = {
    "error_histograms": show.error_histograms,
    "error_by_frequency": show.error_by_frequency,
    "heavy_tails": show.heavy_tails,
}


@pytest.mark.parametrize("name", EVERY)
def test_every_figure_names_model_tokens_and_weights(name):
    shown = EVERY[name](PROFILE)
    for said in (texts(shown), shown.alt):
        assert "smollm2-135m" in said
        assert "22,080 tokens" in said
        assert "4-bit weights, dequantised" in said
    assert "22,080 tokens" in shown.caption
    assert "Not reliable" not in texts(shown) + shown.alt


@pytest.mark.parametrize("name", OF_TOKENS)
def test_every_figure_of_token_errors_names_model_tokens_and_ratio(name):
    shown = OF_TOKENS[name](ERRORS)
    for said in (texts(shown), shown.alt, shown.caption):
        assert f"{ERRORS.n:,} held-out tokens" in said
        assert f"n/d = {ERRORS.n_over_d:.1f}" in said


@pytest.mark.parametrize("name", EVERY)
def test_an_unreliable_run_says_so_on_the_figure_and_in_its_alt_text(name):
    shown = EVERY[name](synthetic.profile(L=3, n=900, d=64, reliable=False))
    assert "Not reliable: smollm2-135m: n/d = 14.1 is below 20." in texts(shown)
    assert "Not reliable" in shown.alt


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("L", [1, 3, 30])
def test_every_figure_stands_blocks_without_an_answer(name, L):
    shown = EVERY[name](synthetic.profile(L=L, broken_from=2))
    assert ("no answer" in shown.alt) == (L > 2)
    assert b"<svg" in shown.svg()


@pytest.mark.parametrize("name", EVERY)
def test_every_figure_stands_a_model_that_broke_from_the_first_block(name):
    shown = EVERY[name](synthetic.profile(L=3, broken_from=0))
    assert "no answer for any block" in shown.alt
    assert b"<svg" in shown.svg()


@pytest.mark.parametrize("name", OF_TOKENS)
@pytest.mark.parametrize("broken_from", [0, 2])
def test_every_figure_of_token_errors_stands_blocks_without_an_answer(name, broken_from):
    shown = OF_TOKENS[name](synthetic.token_errors(L=4, windows=4, broken_from=broken_from))
    assert "no answer" in shown.alt + shown.caption
    assert b"<svg" in shown.svg()


def test_tokens_needed_stands_a_row_without_an_answer():
    broken = CURVES.model_copy(update={"held_out": ((math.nan,) * CURVES.provenance.model.L, *CURVES.held_out[1:])})
    shown = show.tokens_needed(broken)
    assert "no answer held out" in shown.alt
    assert b"<svg" in shown.svg()


def test_scores_by_block_draws_the_scores_and_their_distance_from_one():
    shown = show.scores_by_block([PROFILE, TWINS[0], ENCODER])
    np.testing.assert_array_equal(curve(shown, "smollm2-135m"), PROFILE.scores)
    np.testing.assert_allclose(curve(shown, "smollm2-135m", panel=1), 1 - np.array(PROFILE.scores))
    np.testing.assert_array_equal(curve(shown, "smollm2-135m with random weights (seed 0)"), TWINS[0].scores)
    np.testing.assert_array_equal(curve(shown, "minilm (encoder)"), ENCODER.scores)


def test_a_twin_has_its_model_colour_and_other_dashes_and_an_encoder_its_own():
    from nearlinear.show.scores import looks

    model, twin, encoder = looks([PROFILE, TWINS[0], ENCODER])
    assert model.colour == twin.colour != encoder.colour
    assert model.dashes != twin.dashes
    assert encoder.colour == show.COLOURS["encoder"]


def test_many_models_get_looks_of_their_own():
    from nearlinear.show.scores import looks

    found = looks([synthetic.profile(f"model-{i}", L=3, note="") for i in range(6)])
    assert len({(look.colour, look.marker) for look in found}) == 6


def test_controls_draws_each_control_and_the_twins_under_the_strictest():
    shown = show.controls(PROFILE, TWINS)
    strict = PROFILE.held_out.no_first_token
    np.testing.assert_array_equal(curve(shown, "in-sample, all tokens (the paper)"), PROFILE.scores)
    np.testing.assert_array_equal(curve(shown, "in-sample, first token out"), PROFILE.no_first_token.scores)
    np.testing.assert_array_equal(curve(shown, "held out, first token out"), strict.scores)
    strictest = PROFILE.held_out.no_massive_token
    np.testing.assert_array_equal(curve(shown, "held out, massive out too"), strictest.scores)
    mean = np.mean([t.held_out.no_massive_token.scores for t in TWINS], axis=0)
    np.testing.assert_allclose(curve(shown, "random weights (3 seeds), held out, massive out too"), mean)
    assert "held out: 7,360 tokens, fitted on 14,720 (n/d = 25.6)" in texts(shown)


def test_controls_without_held_out_text_draws_two_curves():
    shown = show.controls(synthetic.profile(L=3, held_out=False))
    assert "held out" not in texts(shown)
    np.testing.assert_array_equal(curve(shown, "in-sample, first token out").shape, (3,))


def test_controls_refuses_twins_measured_otherwise():
    with pytest.raises(ValueError, match="must both have held-out scores, or neither"):
        show.controls(PROFILE, [synthetic.twin(held_out=False)])


def test_an_empty_list_of_models_is_refused():
    with pytest.raises(ValueError, match="nothing to show: give at least one result"):
        show.scores_by_block([])


def test_update_scores_draw_one_panel_a_model_with_its_own_size():
    shown = show.update_scores_by_block([PROFILE, ENCODER])
    held = curve(shown, "held out, first token out", panel=1)
    np.testing.assert_array_equal(held, ENCODER.held_out.no_first_token.update_scores)
    assert "minilm\n22,080 tokens, n/d = 57.5\nheld out: 7,360 tokens, fitted on 14,720 (n/d = 38.3)" in texts(shown)


def test_update_sizes_draw_both_ratios():
    shown = show.update_sizes(PROFILE)
    np.testing.assert_array_equal(curve(shown, "smollm2-135m"), PROFILE.norm_ratio)
    np.testing.assert_array_equal(curve(shown, "smollm2-135m", panel=1), PROFILE.energy_ratio)


def test_the_identity_holds_and_a_broken_one_is_told():
    assert "Every block lies on the diagonal" in show.identity(PROFILE).alt
    wrong = PROFILE.model_copy(update={"energy_ratio": tuple(2 * r for r in PROFILE.energy_ratio)})
    assert "should lie on the diagonal, and does not" in show.identity(wrong).alt


def test_tokens_needed_draws_medians_over_blocks_and_marks_this_run():
    twins = [synthetic.tokens_needed(f"smollm2-135m#random-{k}", seed=k) for k in range(3)]
    shown = show.tokens_needed(CURVES, twins, PROFILE)
    np.testing.assert_allclose(curve(shown, "in-sample"), np.median(CURVES.in_sample, axis=1))
    np.testing.assert_allclose(curve(shown, "held out"), np.median(CURVES.held_out, axis=1))
    mean = np.mean([np.median(t.held_out, axis=1) for t in twins], axis=0)
    np.testing.assert_allclose(curve(shown, "random weights, held out"), mean)
    assert "this page's run" in texts(shown)
    assert "n/d = 5 to 213" in shown.alt
    assert "40,960 tokens" in shown.caption


def test_an_image_carries_its_alt_text_and_escapes_it():
    shown = show.scores_by_block(synthetic.profile('<b>"mine"', L=3))
    html = shown._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;&quot;mine&quot;" in html
    assert "<b>" not in html
    assert html.startswith("<figure")
    assert 'src="data:image/svg+xml;base64,' in html


def test_the_same_figure_is_the_same_bytes():
    assert show.identity(PROFILE).svg() == show.identity(PROFILE).svg()


def test_a_heavy_drawing_becomes_a_picture_of_few_colours(monkeypatch):
    monkeypatch.setattr("nearlinear.show.shown._HEAVY", 10)
    shown = show.heavy_tails(ERRORS)
    assert 'src="data:image/png;base64,' in shown.image()
    assert len(shown.png()) < 60_000


def test_markdown_for_a_page_takes_image_and_caption_from_the_data():
    page = show.Shown.markdown("scores")
    assert page == ":::{glue:figure} scores\n:name: fig-scores\n\n{glue:text}`scores-caption`\n:::\n"


def test_glue_keeps_image_and_caption(monkeypatch):
    kept = {}
    monkeypatch.setattr("myst_nb.glue", lambda name, value, display: kept.update({name: value._repr_mimebundle_()}))
    shown = show.heavy_tails(ERRORS).glue("tails")
    assert kept["tails"]["text/html"] == shown.image()
    assert kept["tails-caption"] == {"text/plain": shown.caption}


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.961, "0.961"), (0.99984, "0.99984"), (0.9, "0.900"), (-6.3, "−6.300"), (1.0, "1.000"), (math.nan, "no answer")],
)
def test_a_score_has_the_decimals_its_distance_from_one_needs(value, said):
    assert words.score(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0123, "0.0123"), (14720, "14,720"), (0, "0"), (1e-9, "1.00e−09"), (1.25, "1.25"), (math.nan, "no answer")],
)
def test_a_number_has_three_digits(value, said):
    assert words.number(value) == said


def test_describe_names_the_ends_and_the_gaps():
    said = words.describe("score", [0.9, math.nan, 0.5, 0.7])
    assert said == "score: median 0.700, lowest 0.500 at block 2, highest 0.900 at block 0; no answer for 1 blocks."
    assert words.describe("score", [math.nan]) == "score: no answer for any block."


def test_the_gap_of_a_score_beyond_one_has_no_logarithm():
    np.testing.assert_array_equal(gap([0.75, 1.0, 1.5, math.nan]), [0.25, math.nan, math.nan, math.nan])
