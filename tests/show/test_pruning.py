"""Figures of pruning: what is drawn is what was measured, and nothing is compared that cannot be."""

import numpy as np
import pytest

from nearlinear import show
from nearlinear.results.pruning import Changed, Measure, PruningCurve, PruningStudy
from nearlinear.show.foresight import foresight, spearman
from nearlinear.show.pruning import band, curves_of, perplexities
from tests.show import synthetic

L = 12


def changed(layers, nats: float) -> Changed:
    return Changed(layers=layers, perplexity=20 * np.exp(nats), difference=nats, interval=(nats - 0.1, nats + 0.2))


def study(orders=("score", "last", "random-0", "random-1"), *, k=4, sha="a" * 64, damage=None) -> PruningStudy:
    """`damage`: of each block removed; replacement costs a third. Planted so that the score foresees it, and bi not."""
    damage = np.linspace(0.1, 1.2, L) if damage is None else damage
    made = synthetic.provenance("smollm2-135m", L, 64, 4096)
    share = {"remove": 1.0, "replace": 1 / 3}
    return PruningStudy(
        L=L,
        d=64,
        context=256,
        n_fit=32768,
        n_choose=4096,
        n_evaluate=4096,
        n_documents=16,
        dense_perplexity=20.0,
        ridge=(0.0,) * L,
        measures=(Measure(order="score", values=tuple(damage**2)), Measure(order="bi", values=tuple(-damage))),
        single={how: tuple(changed((layer,), s * damage[layer]) for layer in range(L)) for how, s in share.items()},
        curves=tuple(
            PruningCurve(
                order=order,
                how=how,
                steps=tuple(changed(tuple(range(i)), s * (i + 0.1 * j)) for i in range(1, k + 1)),
            )
            for how, s in share.items()
            for j, order in enumerate(orders)
        ),
        provenance=made.model_copy(update={"windows_sha256": sha}),
    )


def lines(shown, panel):
    return {line.get_label(): line for line in shown.figure.subfigs[1].axes[panel].get_lines()}


def test_every_order_is_drawn_as_it_was_measured():
    s = study()
    shown = show.pruning_curves(s)
    for panel, how in enumerate(("remove", "replace")):
        drawn = lines(shown, panel)
        np.testing.assert_allclose(drawn["the paper's score"].get_ydata(), perplexities(s.curve("score", how)))
        both = [perplexities(s.curve(f"random-{seed}", how)) for seed in (0, 1)]
        np.testing.assert_allclose(drawn["random (2 seeds)"].get_ydata(), np.median(both, axis=0))
    assert "Blocks removed. the paper's score: 54.4 at 1" in shown.alt
    assert "4,096 tokens of 16 documents" in shown.caption


def test_the_band_is_the_paired_interval_around_the_dense_model():
    low, high = band(study().curve("score", "remove").steps)
    np.testing.assert_allclose(low, 20 * np.exp(np.arange(1, 5) - 0.1))
    np.testing.assert_allclose(high, 20 * np.exp(np.arange(1, 5) + 0.2))


def test_studies_of_the_same_model_and_texts_share_a_figure():
    more = study(("heldout",), k=2)
    assert [c.order for c in curves_of([study(("score",)), more], "remove")] == ["score", "heldout"]
    assert "held-out update score" in lines(show.pruning_curves(study(), more), 0)


def test_studies_of_other_texts_are_not_compared():
    with pytest.raises(ValueError, match="of different models or texts: their curves cannot be compared"):
        show.pruning_curves(study(), study(sha="b" * 64))


def test_damage_is_drawn_for_each_block():
    shown = show.damage_by_block(study())
    assert "removed: median 0.650, largest 1.20" in shown.alt
    assert "smollm2-135m" in shown.caption


def test_a_measure_that_foresees_the_damage_has_rank_correlation_one():
    found = {(f.order, f.how): f for f in foresight(study())}
    assert found["score", "remove"].rho == pytest.approx(1)
    assert found["bi", "replace"].rho == pytest.approx(-1)
    assert found["score", "remove"].low > 0.9
    assert "<b>1.00</b>" in show.foresight_table(study()).html


def test_chance_is_not_foresight():
    damage = np.random.default_rng(3).permutation(np.linspace(0.1, 1, L))
    s = study(damage=damage).model_copy(update={"measures": (Measure(order="score", values=tuple(range(L))),)})
    (remove, _) = foresight(s)
    assert abs(remove.rho) < 0.6
    assert remove.low < 0 < remove.high


def test_spearman_of_a_constant_is_no_number():
    assert np.isnan(spearman(np.ones(5), np.arange(5)))
    assert spearman(np.array([1, 1, 2.0]), np.array([3, 3, 9.0])) == pytest.approx(1)


def test_a_curve_changes_one_block_more_each_step():
    with pytest.raises(ValueError, match="step 1 of score changes 2 blocks"):
        PruningCurve(order="score", how="remove", steps=(changed((1, 2), 0.1),))


def test_a_study_has_one_entry_a_block():
    s = study()
    with pytest.raises(ValueError, match="remove needs one entry for each of the 12 blocks"):
        PruningStudy(**{**dict(s), "single": {"remove": s.single["remove"][:3], "replace": s.single["replace"]}})
