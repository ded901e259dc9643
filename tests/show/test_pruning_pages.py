"""What the pruning chapters say beside their curves: foresight, kinds of maps, the damage picker, and the verdicts."""

import numpy as np
import pytest

from nearlinear import show
from nearlinear.cli import parser
from nearlinear.results.pruning import Measure
from nearlinear.results.variants import ByVariant, VariantsStudy
from nearlinear.show.damage_frames import damage_frames, places
from nearlinear.show.pruning_verdicts import doubled, wins
from nearlinear.show.variants import recovered
from tests.show.test_pruning import L, changed, study

BIG = 1_400_000_000


def with_measures(s, **values):
    return s.model_copy(update={"measures": tuple(Measure(order=o, values=tuple(v)) for o, v in values.items())})


def of_size(s, n_parameters: int):
    model = s.provenance.model.model_copy(update={"n_parameters": n_parameters})
    return s.model_copy(update={"provenance": s.provenance.model_copy(update={"model": model})})


def variants(blocks=(3, 7), n_fits=(2048, 32768), damage=0.2) -> VariantsStudy:
    """Planted: removal adds `damage`, an affine map a tenth of it, a matrix without its intercept twice as much."""
    shares = {"identity": 1.0, "no_intercept": 2.0, "affine": 0.1}
    return VariantsStudy(
        L=L,
        d=64,
        context=256,
        n_choose=4096,
        n_evaluate=4096,
        n_documents=16,
        dense_perplexity=20.0,
        found=tuple(
            ByVariant(
                block=b, n_fit=n, variant=v, ridge=0, **entry(share * damage * (2048 / n if v == "affine" else 1))
            )
            for b in blocks
            for n in n_fits
            for v, share in shares.items()
        ),
        provenance=study().provenance,
    )


def entry(nats: float) -> dict:
    return {"perplexity": 20 * np.exp(nats), "difference": nats, "interval": (nats - 0.01, nats + 0.01)}


def drawn(shown, panel: int) -> list[tuple[float, float]]:
    return [tuple(np.ravel(line.get_xydata())) for line in shown.figure.subfigs[1].axes[panel].get_lines()]


def test_each_kind_of_map_is_drawn_at_its_damage():
    shown = show.map_variants(variants())
    found = [x for x, *rest in drawn(shown, 0) if len(rest) == 1]
    for damage in (0.2, 0.4, 0.02 / 16, 0.02):
        assert any(x == pytest.approx(damage) for x in found)
    assert "Block 3: nothing (removed) 0.200, matrix, intercept dropped 0.400, affine map 0.00125." in shown.alt
    assert "open squares: on 2,048 tokens (n/d = 32.0)" in " ".join(t.get_text() for t in shown.figure.subfigs[2].texts)


def test_what_a_map_gives_back_is_a_share_of_removals_damage():
    s = variants()
    assert recovered(s.of(3, 2048, "affine"), s.of(3, 2048, "identity")) == pytest.approx(0.9)
    assert recovered(s.of(3, 2048, "no_intercept"), s.of(3, 2048, "identity")) == pytest.approx(-1)
    found = {f.name: f.value for f in show.variants_findings(s)}
    assert found["variant-no-intercept"] == pytest.approx(-100)
    assert found["variant-few"] == pytest.approx(90)
    html = show.variants_table(s).html
    assert html.count("nothing (removed)") == 1
    assert "90 % recovered" in html


def test_one_number_of_tokens_is_not_told_apart_from_itself():
    found = {f.name for f in show.variants_findings(variants(n_fits=(4096,)))}
    assert "variant-few" not in found
    assert "(4,096 tokens)" not in show.variants_table(variants(n_fits=(4096,))).html


def test_foresight_draws_damage_against_rank():
    shown = show.foresight_by_block(study())
    np.testing.assert_allclose(drawn(shown, 0)[0][::2], np.arange(1, L + 1))
    assert "the paper's score: rank correlation 1.00; it puts block 0 first, which costs 0.100" in shown.alt
    assert "block influence: rank correlation −1.00; it puts block 11 first" in shown.alt


def test_foresight_by_the_measures_of_another_run():
    other = (Measure(order="score", values=tuple(-np.arange(L))),)
    assert "<b>−1.00</b>" in show.foresight_table(study(), other).html


def test_the_damage_picker_has_a_frame_a_block_with_its_places():
    s = study()
    frames = damage_frames(s)
    assert len(frames) == L
    assert places(s)["block influence"].tolist() == list(range(L, 0, -1))
    assert (
        "Places among 12 blocks: damage, removed 3; damage, replaced by a line 3; the paper's score 3" in frames[2].alt
    )
    assert "Removed: perplexity 27.0, log-loss +0.300 [0.200, 0.500]." in frames[2].alt


def test_a_block_that_does_no_damage_has_a_frame_too():
    frames = damage_frames(study(damage=np.linspace(-0.1, 1, L)))
    assert "nan" not in frames[0].html


def test_a_study_without_single_blocks_has_no_damage_to_show():
    with pytest.raises(ValueError, match="changed no block alone"):
        damage_frames(study().model_copy(update={"single": {"remove": (), "replace": ()}}))


def row(rows, claim):
    return next(row for row in rows if row.claim == claim)


def test_replacement_that_always_wins_is_reproduced_and_one_lost_step_is_partly():
    s = study()
    assert wins([s], "score") == (4, 4)
    assert row(show.pruning_rows(s), "L15").verdict == "reproduced"
    (curve,) = [c for c in s.curves if (c.order, c.how) == ("last", "replace")]
    lost = curve.model_copy(update={"steps": (*curve.steps[:-1], changed(curve.steps[-1].layers, 9.0))})
    worse = s.model_copy(update={"curves": tuple(lost if c is curve else c for c in s.curves)})
    assert wins([worse]) == (15, 16)
    assert row(show.pruning_rows(worse), "L15").verdict == "partly"


def test_orders_that_change_other_blocks_are_not_compared():
    s = study(("score",))
    (curve,) = [c for c in s.curves if c.how == "replace"]
    other = curve.model_copy(update={"steps": (changed((9,), 0.1), *curve.steps[1:])})
    assert wins([s.model_copy(update={"curves": (s.curves[0], other)})]) == (3, 3)


@pytest.mark.parametrize(("n_parameters", "verdict"), [(135_000_000, "not at this size"), (BIG, "contradicted")])
def test_a_claim_that_fails_is_contradicted_only_on_a_model_as_large_as_the_papers(n_parameters, verdict):
    assert row(show.pruning_rows(of_size(study(), n_parameters)), "L14").verdict == verdict


def test_few_blocks_that_barely_hurt_are_told_from_chance():
    s = of_size(study(), BIG)
    gentle = [
        c.model_copy(update={"steps": tuple(changed(x.layers, x.difference / 100) for x in c.steps)})
        if c.order == "score"
        else c
        for c in s.curves
    ]
    assert row(show.pruning_rows(s.model_copy(update={"curves": tuple(gentle)})), "L14").verdict == "reproduced"
    everywhere = [c.model_copy(update={"steps": gentle[0].steps}) for c in s.curves]
    assert row(show.pruning_rows(s.model_copy(update={"curves": tuple(everywhere)})), "L14").verdict == "partly"


def test_a_score_that_another_measure_beats_is_partly_foresight():
    s, damage = study(), np.linspace(0.1, 1.2, L)
    shaken = np.random.default_rng(0).normal(0, 0.1, L) + damage
    ours = with_measures(s, score=shaken, heldout=-damage, bi=damage)
    assert row(show.foresight_rows(ours), "L18").verdict == "partly"
    best = with_measures(s, score=damage, heldout=-damage, bi=shaken)
    assert row(show.foresight_rows(best), "L18").verdict == "reproduced"
    blind = with_measures(s, score=-damage, heldout=-damage, bi=damage)
    assert row(show.foresight_rows(of_size(blind, BIG)), "L18").verdict == "contradicted"


def test_the_numbers_of_the_page_are_those_of_the_studies():
    found = {f.name: f.value for f in show.pruning_findings(study())}
    assert found["prune-few"] == 1
    assert found["prune-removed"] == pytest.approx(20 * np.e)
    assert found["prune-replaced-worst"] == L - 1
    assert (found["prune-steps-won"], found["prune-steps"]) == (16, 16)
    assert doubled([study()], "remove") == 0
    assert doubled([study()], "replace") == 2


def test_the_command_of_a_verdict_is_one_that_the_program_takes():
    ours = [*show.pruning_rows(study()), *show.foresight_rows(with_measures(study(), score=range(L), heldout=range(L)))]
    for row in ours:
        program, *words = row.command.split()
        assert program == "nearlinear"
        assert parser().parse_args(words).command == words[0]


def test_what_pruning_buys_is_read_off_the_benchmarks_record():
    record = {
        "question": "Reading 500 tokens and writing 10 with 8 of 30 blocks gone",
        "details": {
            "seconds": {
                f"{what}, {how}": seconds
                for what in ("prefill", "decode")
                for how, seconds in (("dense", [1.0, 2.0, 1.5]), ("removed", [0.5, 1.0, 1.0]), ("replaced", [1.0] * 3))
            },
            "cost": {how: {"parameters": n * 1e6, "flops": 2e6 * n} for how, n in _SIZES.items()},
            "bytes": {how: {"weights": n * 4e6, "cache": n * 1e5} for how, n in _SIZES.items()},
        },
        "settings": {"model": "smollm2-135m", "prompt": 500, "new": 10},
        "provenance": {"machine": {"processor": "a chip", "threads": 2}, "created": "2026-11-22T10:00:00+00:00"},
    }
    html = show.what_pruning_buys(record).html
    for said in (
        "smollm2-135m on a chip, 2 threads, 2026-11-22",
        "134.0 million",
        "212 million",
        "424 MB",
        "<b>333</b> a second",
        "<b>500</b> a second<br>2.00 times (1.50 to 2.00)",
    ):
        assert said in html


_SIZES = {"dense": 134, "removed": 106, "replaced": 108}


def test_published_pruners_are_read_off_the_benchmarks_record():
    def row(name, *perplexities):
        cells = {
            str(k): {"perplexity": p, "difference": 0.1 * k, "interval": [-0.05, 0.2 * k], "parameters": 134 - 10 * k}
            for k, p in zip((3, 6), perplexities, strict=True)
        }
        return {"method": name, "by": "ours", "cells": cells}

    record = {
        "details": {
            "model": {"id": "smollm2-135m", "L": 30},
            "corpus": {"id": "wikipedia-sample"},
            "tokens": {"evaluate": 4096},
            "documents": 11,
            "dense": {"perplexity": 17.5, "parameters": 134},
            "rows": [row("one", 20.0, 41.0), row("other", 21.0, 40.0)],
            "published": {
                "a": {"repository": "them/tool", "commit": "0123456789", "run": True},
                "b": {"repository": "others/tool", "commit": "9876543210", "run": False},
            },
        },
        "provenance": {"created": "2026-11-22T10:00:00+00:00"},
    }
    html = show.beside_published(record).html
    for said in (
        "3 of 30 blocks gone",
        "Run from their own code: them/tool at 0123456.",
        "<b>20.0</b><br><span style='white-space:nowrap'>+0.30 [−0.05, 0.60]</span>",
        "<td style",
        "<b>40.0</b>",
        "78, 55 %",
    ):
        assert said in html
    assert "<b>21.0</b>" not in html
    assert "others/tool" not in html
