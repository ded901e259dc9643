"""The exercises' self-checks: right answers pass, wrong ones are told why, and nothing raises."""

import numpy as np
import pytest

from nearlinear import check

RIGHT = {
    "score_function": check._score,
    "score_from_update": lambda s, r: 1 - (1 - s) * r,
    "worst_share": lambda e, share: np.sort(e)[-max(1, round(share * len(e))) :].sum() / e.sum(),
    "line_for_block": lambda x, y: line(x, y),
    "rank_correlation": lambda a, b: np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1],
}
WRONG = {
    "score_function": lambda X, Y: 1.0,
    "score_from_update": lambda s, r: s * r,
    "worst_share": lambda e, share: e.max() / e.sum(),
    "line_for_block": lambda x, y: (line(x, y)[0], 0),
    "rank_correlation": lambda a, b: np.corrcoef(a, b)[0, 1],
}


def line(x, y):
    """A, b of the update, by least squares with a column of ones."""
    found = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y - x, rcond=None)[0]
    return found[:-1], found[-1]


@pytest.mark.parametrize("name", RIGHT)
def test_functions(name):
    judge = getattr(check, name)
    assert "Right" in judge(RIGHT[name]).html
    assert "Not yet" in judge(WRONG[name]).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


@pytest.mark.parametrize(
    ("judge", "right", "wrong"),
    [
        (check.share_of_ten, 1e7 / 10_099_000, 0.01),
        (check.noise_score, 100 / 299, 0.1),
        (check.update_from_score, 0.5, 0.98),
        (check.shrunk_update, 0.999, 0.99),
        (check.without_the_worst, 0.7, 0.9),
        (check.perplexity_factor, np.exp(0.2), 1.2),
        (check.recovered_share, 0.8, 0.2),
        (check.greedy_evaluations, 294, 360),
    ],
)
def test_numbers(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html


def by_byte(log_likelihoods, answers):
    return int(np.argmax(np.divide(log_likelihoods, [len(answer.encode()) for answer in answers])))


def by_character(log_likelihoods, answers):
    return int(np.argmax(np.divide(log_likelihoods, [len(answer) for answer in answers])))


def test_the_likeliest_answer_by_the_byte():
    judge = check.likeliest_by_byte
    assert "Right" in judge(by_byte).html
    assert "Not yet" in judge(by_character).html
    assert "Not yet" in judge(lambda found, _: int(np.argmax(found))).html
    assert "Not tried yet" in judge(lambda *_: ...).html


@pytest.mark.parametrize(
    ("judge", "right", "wrong"),
    [(check.half_width, 1.96 * np.sqrt(0.24 / 300), 0.028), (check.known_share, 0.4, 0.55)],
)
def test_numbers_of_chapter_5(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html


def test_chapter_9():
    def saving(L, d, f, E):
        return (2 * L - 1) * d**2 / (L * (4 * d**2 + 2 * d * f) + E)

    assert "Right" in check.saving(saving).html
    assert "Not yet" in check.saving(lambda L, d, f, E: 2 * L * d**2 / (L * (4 * d**2 + 2 * d * f) + E)).html
    assert "Not tried yet" in check.saving(lambda *_: ...).html
    for judge, right, wrong in ((check.half_cache, 100.66, 201.3), (check.even_window, 7679, 3840)):
        assert "Right" in judge(right).html
        assert "Not yet" in judge(wrong).html
        assert "Not tried yet" in judge(...).html


def test_the_relative_residual_of_chapter_7():
    judge = check.relative_residual
    assert "Right" in judge(lambda X: np.linalg.norm(X - X.mean(0)) / np.linalg.norm(X)).html
    assert "Not yet" in judge(lambda X: np.linalg.norm(X - X.mean()) / np.linalg.norm(X)).html
    assert "Not yet" in judge(lambda X: np.linalg.norm(X - X.mean(0))).html
    assert "Not tried yet" in judge(lambda X: ...).html


def test_the_shrinking_difference_of_chapter_7():
    assert "Right" in check.shrinking(0.2**10).html
    assert "Not yet" in check.shrinking(0.6**10).html
    assert "Not tried yet" in check.shrinking(...).html
