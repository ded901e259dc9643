"""Figures of looking again: each line is the curve it says it is, and nothing is compared that cannot be."""

import numpy as np
import pytest

from nearlinear.results.again import AgainCurve, AgainStudy, Agreement
from nearlinear.results.pruning import PruningStudy
from nearlinear.show.again import LOOKS, again_curves, again_table, looks
from nearlinear.show.pruning import HIGHEST, band, perplexities
from tests.show import test_pruning
from tests.show.test_pruning import L, changed

K = 8


def once(orders=("score", "energy", "last"), **more) -> PruningStudy:
    return test_pruning.study(orders, k=L - 1, **more)


def curve(order, how, looked_again, worse=0.1) -> AgainCurve:
    """Planted: each step costs a fifth of a nat, and `worse` once."""
    chosen = tuple(range(L - 1, L - 1 - K, -1))
    steps = tuple(changed(tuple(sorted(chosen[:k])), 0.2 * k + worse) for k in range(1, K + 1))
    refitted = how == "replace"
    return AgainCurve(order=order, how=how, looked_again=looked_again, refitted=refitted, chosen=chosen, steps=steps)


def again(how="replace", *, sha="a" * 64, curves=None) -> AgainStudy:
    s = once(sha=sha)
    sizes = {name: getattr(s, name) for name in ("L", "d", "context", "n_fit", "n_choose", "n_evaluate", "n_documents")}
    values = tuple(np.linspace(0, 1, L))
    swapped = (*values[: K - 1], values[K], values[K - 1], *values[K + 1 :])
    if curves is None:
        curves = [curve(order, how, True) for order in ("score", "energy")]
        curves += [curve("score", how, False, worse=0.3)] if how == "replace" else []
    return AgainStudy(
        **sizes,
        n_look=4096,
        n_look_held_out=2048,
        dense_perplexity=s.dense_perplexity,
        agreements=tuple(Agreement(order=order, few=swapped, all=values) for order in ("score", "energy")),
        curves=tuple(curves),
        provenance=s.provenance,
    )


def drawn(shown):
    """Per panel: label → line."""
    return [{line.get_label(): line for line in ax.get_lines()} for ax in shown.figure.subfigs[1].axes]


def test_every_look_is_drawn_as_it_was_measured():
    s, remove, replace = once(), again("remove"), again("replace")
    panels = drawn(again_curves(remove, replace, s))
    places = [("score", "remove"), ("energy", "remove"), ("score", "replace"), ("energy", "replace")]
    for panel, (order, how), study in zip(panels, places, (remove, remove, replace, replace), strict=True):
        np.testing.assert_allclose(
            panel[LOOKS["once"]].get_ydata(), np.minimum(perplexities(s.curve(order, how))[:K], HIGHEST)
        )
        np.testing.assert_allclose(panel[LOOKS["again"]].get_ydata(), perplexities(study.curve(order, how)))
    fitted = replace.curve("score", "replace", looked_again=False)
    np.testing.assert_allclose(panels[2][LOOKS["fitted anew"]].get_ydata(), perplexities(fitted))
    assert [LOOKS["fitted anew"] in panel for panel in panels] == [False, False, True, False]
    assert all(panel["unchanged model"].get_ydata()[0] == 20 for panel in panels)


def test_words_come_from_the_data():
    shown = again_curves(again("remove"), again(), once())
    p = {k: 20 * np.exp(0.2 * k + 0.1) for k in (4, 8)}
    assert f"a new look after each step, maps fitted anew: {p[4]:.1f} at 4, {p[8]:.0f} at 8" in shown.alt
    assert "A new look has 6,144 tokens, the one look 36,864." in shown.alt
    assert "the paper's score 0.993, 7 of the first 8 blocks the same" in shown.alt
    assert "unexplained energy, blocks removed: one look: " in shown.alt
    assert "4,096 tokens of 16 documents" in shown.caption


def test_one_way_alone_is_one_row():
    assert len(drawn(again_curves(again("remove"), once()))) == 2
    assert "replaced" not in again_table(again("remove"), once()).html
    (panel, _) = drawn(again_curves(again("remove")))
    assert set(panel) == {LOOKS["again"], "unchanged model"}


def test_an_order_that_is_only_fitted_anew_stands_beside_the_one_fitted_once():
    study = again(curves=[curve("last", "replace", False)])
    assert set(looks([study, once()], "replace")) == {"last"}
    (panel,) = drawn(again_curves(study, once()))
    assert set(panel) == {LOOKS["once"], LOOKS["fitted anew"], "unchanged model"}


def test_the_table_has_a_row_for_each_order_way_and_look():
    replace = again()
    html = again_table(replace, again("remove"), once()).html
    assert html.count("<tr>") == 1 + 4 + 5
    assert "perplexity at 8" in html
    assert "perplexity at 12" not in html
    step = replace.curve("score", "replace", looked_again=False)
    low, high = band(step.steps)[:, 3]
    assert f"<b>{step.steps[3].perplexity:.1f}</b> [{low:.1f}, {high:.1f}]" in html


def test_studies_of_other_texts_are_not_compared():
    with pytest.raises(ValueError, match="of different models or texts: their curves cannot be compared"):
        again_curves(again(), once(sha="b" * 64))


@pytest.mark.parametrize("shown", [again_curves, again_table])
def test_something_has_to_look_again(shown):
    with pytest.raises(ValueError, match="none of these studies looks at the model again: give one that does"):
        shown(once())


def test_a_curve_changes_the_blocks_it_chose():
    good = dict(curve("score", "remove", True))
    with pytest.raises(ValueError, match="step 1 of score changes blocks other than the first 1 chosen"):
        AgainCurve(**good | {"chosen": tuple(reversed(good["chosen"]))})
    with pytest.raises(ValueError, match="score chose 8 blocks and has 7 steps"):
        AgainCurve(**good | {"steps": good["steps"][:-1]})


def test_a_look_has_one_number_a_block():
    short = Agreement(order="score", few=(0.1,) * L, all=(0.1,) * (L - 1))
    with pytest.raises(ValueError, match="the looks of score need one number for each of the 12 blocks"):
        AgainStudy(**{**dict(again()), "agreements": (short,)})


def test_agreement_is_spearmans_and_counts_the_first():
    a = Agreement(order="score", few=(0.1, 0.3, 0.2, 0.9), all=(0.1, 0.2, 0.3, 0.9))
    assert a.rank_correlation == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert [a.same_first(k) for k in (1, 2, 3)] == [1, 1, 3]


def test_results_and_curves_are_found_by_name():
    study = again()
    assert AgainStudy.from_json(study.to_json()) == study
    with pytest.raises(KeyError, match="no curve of order 'energy' by 'replace', fixed"):
        study.curve("energy", "replace", looked_again=False)
    with pytest.raises(KeyError, match="last"):
        study.agreement("last")
