"""Verdicts and findings: planted profiles must get the verdict their numbers deserve."""

import numpy as np
import pytest

from nearlinear.results.types import LinearityProfile
from nearlinear.show import verdicts
from nearlinear.show.findings import (
    linearity_findings,
    token_findings,
    tokens_needed_findings,
    update_findings,
)
from tests.show import synthetic


def planted(profile: LinearityProfile, published, strict, name="scores") -> LinearityProfile:
    """The profile with one kind of score replaced: in-sample by `published`, strictly held out by `strict`."""
    kinds = ("no_first_token", "no_massive_token")
    later = {kind: getattr(profile.held_out, kind).model_copy(update={name: tuple(strict)}) for kind in kinds}
    held = profile.held_out.model_copy(update=later)
    return profile.model_copy(update={name: tuple(published), "held_out": held})


def by_claim(rows):
    return {row.claim: row for row in rows}


@pytest.mark.parametrize(
    ("published", "strict", "expected"),
    [
        (0.995, 0.991, "reproduced"),
        (0.999, 0.93, "partly"),
        (0.95, 0.93, "contradicted"),
        (0.95, 0.995, "contradicted"),
    ],
)
def test_almost_perfectly_linear(published, strict, expected):
    profile = planted(synthetic.profile(), [published] * 30, [strict] * 30)
    row = by_claim(verdicts.linearity_rows(profile))["L1"]
    assert row.verdict == expected
    assert row.number == published
    assert f"{strict:.3f}"[:4] in row.controls


def test_bounded_only_in_sample():
    profile = planted(synthetic.profile(), [0.9] * 30, [0.4] * 29 + [-0.2], name="update_scores")
    assert by_claim(verdicts.linearity_rows(profile))["L2"].verdict == "partly"
    assert "−0.2" in by_claim(verdicts.linearity_rows(profile))["L2"].controls


def test_spikes_that_vanish_without_the_first_token_make_the_u_shape_partly():
    flat = np.concatenate([[0.9, 0.8, 0.7], np.full(24, 0.5), [0.7, 0.8, 0.9]])
    spiked = flat.copy()
    spiked[11] = 0.98
    profile = planted(synthetic.profile(), spiked, flat, name="update_scores")
    row = by_claim(verdicts.update_rows(profile))["L5"]
    assert verdicts.spikes(spiked) == [11]
    assert verdicts.spikes(flat) == []
    assert row.verdict == "partly"
    assert "spikes at block 11" in row.number
    assert verdicts.ends_minus_middle(flat) > 0 > verdicts.ends_minus_middle(1 - flat)


def test_an_encoder_that_scores_less_bears_the_limitation_out():
    low = planted(synthetic.encoder(), [0.9] * 6, [0.8] * 6)
    high = planted(synthetic.encoder(), [0.999] * 6, [0.998] * 6)
    for encoder, expected in ((low, "reproduced"), (high, "contradicted")):
        assert by_claim(verdicts.linearity_rows(synthetic.profile(), encoder))["L20"].verdict == expected


def test_token_rows_follow_the_tail():
    errors = synthetic.token_errors()
    (row,) = verdicts.token_rows(errors)
    assert row.claim == "L19"
    assert row.verdict in {"reproduced", "partly", "contradicted"}
    even = errors.__class__(
        **{**vars(errors), "error2": np.ones_like(errors.error2), "error2_no_first": np.ones_like(errors.error2)}
    )
    assert verdicts.token_rows(even)[0].verdict == "contradicted"


def test_the_command_repeats_the_run():
    twin = synthetic.twin(seed=2)
    assert "--random-weights 2" in verdicts.command_of(twin)
    assert f"--tokens {twin.provenance.n_tokens}" in verdicts.command_of(twin)


def test_findings_are_the_profiles_own_numbers():
    profile = synthetic.profile()
    found = {f.name: f.value for f in linearity_findings(profile) + update_findings(profile)}
    assert found["score-median"] == np.median(profile.scores)
    assert found["update-held-out-median"] == np.median(profile.held_out.no_first_token.update_scores)
    block = found["first-token-block"]
    assert isinstance(block, int)
    assert found["first-token-with"] - found["first-token-without"] == max(
        a - b for a, b in zip(profile.scores, profile.no_first_token.scores, strict=True)
    )


def test_names_of_findings_are_unique():
    profile = synthetic.profile()
    every = [*linearity_findings(profile), *update_findings(profile), *token_findings(synthetic.token_errors()),
             *tokens_needed_findings(synthetic.tokens_needed())]  # fmt: skip
    assert len({f.name for f in every}) == len(every)


COSINES = ((0.95,) * 30, (0.95,) * 29 + (0.2,), (0.5,) * 30)


def test_directions_are_judged_by_the_lowest_block_too():
    profile = synthetic.profile()
    for cosine, expected in zip(COSINES, ("reproduced", "partly", "contradicted"), strict=True):
        row = by_claim(verdicts.update_rows(profile.model_copy(update={"cosine": cosine})))["L22"]
        assert row.verdict == expected


def test_exclusive_to_decoders_needs_both_kinds():
    decoder = planted(synthetic.profile(), [0.999] * 30, [0.93] * 30)
    low = planted(synthetic.encoder(), [0.9] * 6, [0.8] * 6)
    high = planted(synthetic.encoder(), [0.999] * 6, [0.99] * 6)
    assert by_claim(verdicts.linearity_rows(decoder, low))["L21"].verdict == "partly"
    assert by_claim(verdicts.linearity_rows(decoder, high))["L21"].verdict == "contradicted"
