"""Plain sentences: every number is the one that was planted, and what cannot be said is not said."""

import math
import re

import pytest

from nearlinear.report.caveats import caveats
from nearlinear.report.summary import MASSIVE, extremes, median, summary
from tests.report.made import report, study
from tests.show import synthetic


def planted(**changes):
    """Four blocks whose numbers are easy to tell apart."""
    profile = synthetic.profile(L=4)
    held = profile.held_out
    no_first = held.no_first_token.model_copy(
        update={"update_scores": (0.8, 0.1, -0.25, 0.5), "scores": (0.91, 0.92, 0.93, 0.94)}
    )
    update = {
        "scores": (0.9, 0.99, 0.98, 0.97),
        "norm_ratio": (0.4, 0.1, 0.2, 0.3),
        "massive_tokens": (0, 2, 7, 2),
        "held_out": held.model_copy(update={"no_first_token": no_first}),
    }
    return profile.model_copy(update=update | changes)


def said(**changes) -> str:
    return "\n".join(summary(report(planted(**changes))))


def test_every_planted_number_is_said():
    words = said()
    assert "A decoder of 4 blocks of width 576 read 22,080 tokens of wikipedia-sample, 38.3 for each" in words
    assert "with a score of 0.975" in words  # the median of 0.97 and 0.98
    assert "on held-out text, first token out, 0.925 (fitted on 25.6 tokens for each dimension)" in words
    assert "explains 30.0 % (the median block, on held-out text, first token out)" in words
    assert "from −25.0 % at block 2 to 80.0 % at block 0" in words
    assert "A share below zero means" in words
    assert "25.0 % of the length of the state" in words
    assert "least at block 1 (10.0 %), most at block 0 (40.0 %)" in words
    assert "7 tokens of 22,080 in block 2 had a state over 10 times longer" in words


def test_a_share_that_massive_tokens_make_is_told_apart():
    strict = planted().held_out.no_massive_token.model_copy(update={"update_scores": (0.8, 0.1, 0.6, 0.5)})
    with_them = planted().held_out.model_copy(update={"no_massive_token": strict})
    assert "In block 2 a few massive tokens make the number: without them it is 60.0 %." in said(held_out=with_them)
    same = strict.model_copy(update={"update_scores": (0.8, 0.1, -0.24, 0.5)})
    alike = with_them.model_copy(update={"no_massive_token": same})
    assert "make the number" not in said(held_out=alike)


def test_recorded_models_are_named_with_the_same_number():
    other = planted(provenance=synthetic.provenance("their-model", L=4))
    words = "\n".join(summary(report(planted()), [other]))
    assert "The same number of the recorded models, on wikipedia-sample: 30.0 % for their-model." in words


def test_pruning_is_told_with_its_uncertainty():
    words = "\n".join(summary(report(planted(), pruning=study())))
    assert "block 0 costs least: 0.100 nats a token [−0.0500, 0.250]; block 3 costs most: 0.400 nats" in words
    assert "1 of 4 cost nothing that 2,048 tokens of text can show" in words
    assert (
        "better than nothing there for 4 of 4 blocks: the median block costs 0.125 nats a token in place of 0.250"
        in words
    )
    assert "With 2 blocks removed, perplexity goes from 20.0 to 29.8 by the paper's score (0, 1);" in words
    assert "With 2 blocks replaced by lines, perplexity goes from 20.0 to 24.4" in words


def test_nothing_is_said_of_what_was_not_measured():
    words = "\n".join(summary(report(synthetic.profile(L=4, held_out=False))))
    assert "No text was held out." in words
    assert "in-sample, first token out" in words
    assert "window's first token is" not in words
    assert "Taken out" not in words


def test_nan_is_never_said():
    for broken in range(4):
        profile = synthetic.profile(L=4, broken_from=broken)
        reason = f"block {broken} is the first with NaN or infinite states"
        profile = profile.model_copy(update={"reason": reason, "reliable": False, "perplexity": math.nan})
        made = report(profile)
        words = "\n".join([*summary(made, [planted()]), *caveats(made)])
        assert f"Block {broken} is the first whose states hold NaN" in words
        assert not re.search(r"\bnan\b|no answer|inf\b", words), words
        assert ("No block has a score." in words) == (broken == 0)


def test_one_block_has_no_median():
    words = "\n".join(summary(report(synthetic.profile(L=1, d=64))))
    assert "A decoder of 1 block of width 64" in words
    assert "median block" not in words


def test_caveats_are_said_where_they_apply_and_only_there():
    plain = "\n".join(caveats(report(synthetic.profile("mine", L=4))))
    assert "may have read it in training" in plain
    assert not re.search("Too few|Weights|encoder|float16|cost was measured|one document", plain)
    few = "\n".join(caveats(report(synthetic.profile("mine", L=4, n=5000, reliable=False))))
    assert "Too few tokens: n/d = 8.7 is below 20 (" in few
    assert "4-bit weights" in "\n".join(caveats(report(synthetic.profile(L=4))))
    assert "The model is an encoder." in "\n".join(caveats(report(synthetic.encoder())))
    assert "on 2,048 tokens of 8 documents" in "\n".join(caveats(report(pruning=study())))
    low = synthetic.profile("mine", L=4).model_copy(update={"rank": (576, 20, 30, 576)})
    assert (
        "In 2 of 4 blocks the states before do not fill all 576 directions (fewest: 20, before block 1)"
        in "\n".join(caveats(report(low)))
    )


def test_massive_means_what_the_library_counts():
    from nearlinear.measure import stream_sums

    assert stream_sums.MASSIVE == MASSIVE


def test_the_optimism_is_the_median_gap():
    profile = planted()
    fit = profile.held_out.fit_no_first_token.update_scores
    held = profile.held_out.no_first_token.update_scores
    gaps = sorted(f - h for f, h in zip(fit, held, strict=True))
    assert f"is {(gaps[1] + gaps[2]) / 2:.3f} above" in "\n".join(caveats(report(profile)))


@pytest.mark.parametrize(
    ("values", "middle", "ends"),
    [((1.0, math.nan, 3.0), 2.0, (0, 2)), ((math.nan,), None, None), ((2.0, 2.0), 2.0, (0, 0))],
)
def test_medians_and_ends_leave_nan_aside(values, middle, ends):
    assert math.isnan(median(values)) if middle is None else median(values) == middle
    assert extremes(values) == ends
