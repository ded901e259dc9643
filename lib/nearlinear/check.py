"""The self-checks behind the exercises: hand in an answer or a function, and read whether it is right, and if not why.

A check never raises and never prints the solution; an exercise that has not been tried says so.
"""

import math
from collections.abc import Callable

import numpy as np

from nearlinear.show.shown import Html

_LOOK = "background:#fff;color:#1a1a1a;border-left:4px solid {colour};padding:6px 12px;border-radius:4px"


def _answer(right: bool | None, words: str) -> Html:
    colour, sign = {True: ("#007a5a", "✓"), False: ("#b3460b", "✕"), None: ("#6b7280", "…")}[right]
    return Html(f"<div role='status' style='{_LOOK.format(colour=colour)}'>{sign} {words}</div>", "check")


_NOT_YET = "Not tried yet: replace the ellipsis by your answer and run the cell again."


def number(value: float | None, expected: float, tolerance: float, hint: str) -> Html:
    """Whether a number is within `tolerance` of what is expected."""
    if value is None or value is ...:
        return _answer(None, _NOT_YET)
    if abs(float(value) - expected) <= tolerance:
        return _answer(True, "Right.")
    return _answer(False, f"Not yet. {hint}")


def function(candidate: Callable, cases: list[tuple[tuple, np.ndarray]], hint: str, tolerance: float = 1e-8) -> Html:
    """Whether a function gives the expected array on every case."""
    for arguments, expected in cases:
        try:
            found = candidate(*arguments)
        except Exception as error:  # whatever a learner's function raises is part of the answer
            return _answer(False, f"Your function stopped with {type(error).__name__}: {error}.")
        if found is None or found is ...:
            return _answer(None, _NOT_YET)
        if np.shape(found) != np.shape(expected) or not np.allclose(found, expected, atol=tolerance, rtol=0):
            return _answer(False, f"Not yet. {hint}")
    return _answer(True, "Right, on every case tried.")


def score_function(candidate: Callable) -> Html:
    """Chapter 1: a function (X, Y) → linearity score, tried on planted matrices."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)) + 5
    curved = X + np.tanh(X @ rng.normal(size=(6, 6))) + 1
    cases = [((X, X @ rng.normal(size=(6, 6)) + 3), np.array(1.0)), ((X, curved), np.array(_score(X, curved)))]
    return function(candidate, cases, "Did you centre both matrices, and divide by the size of the centred Y?")


def _score(X: np.ndarray, Y: np.ndarray) -> float:
    X, Y = X - X.mean(0), Y - Y.mean(0)
    error = Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    return 1 - (error**2).sum() / (Y**2).sum()


def share_of_ten(value: float | None) -> Html:
    """Chapter 1: the share of all energy that ten tokens of squared length 10⁶ hold, beside 990 of 100."""
    return number(value, 1e7 / (1e7 + 99_000), 0.001, "Add up the squared lengths of the ten, and those of all.")


def noise_score(value: float | None) -> Html:
    """Chapter 1: what pure noise scores in sample with 300 tokens and 100 dimensions."""
    hint = "Of how many directions does centred noise consist, and how many of them can a fit with d free ones follow?"
    return number(value, 100 / 299, 0.01, hint)


def score_from_update(candidate: Callable) -> Html:
    """Chapter 2: a function (update_score, energy_ratio) → score."""
    cases = [((0.5, 0.1), np.array(0.95)), ((0.0, 1.0), np.array(0.0)), ((0.3, 4.0), np.array(1 - 0.7 * 4.0))]
    return function(candidate, cases, "The error is the same in both: (1 − update score)·|Δ|² = (1 − score)·|Y|².")


def update_from_score(value: float | None) -> Html:
    """Chapter 2: the update score, where the score is 0.99 and the energy ratio 0.02."""
    return number(value, 0.5, 0.001, "How much of |Y|² is unexplained, and how much of it is the update at all?")


def shrunk_update(value: float | None) -> Html:
    """Chapter 2: the score when every update is made ten times smaller, from 0.9."""
    return number(
        value, 1 - 0.1 / 100, 2e-4, "The unexplained energy falls with the square of the size; let |Y| stay as it is."
    )


def worst_share(candidate: Callable) -> Html:
    """Chapter 3: a function (squared errors, share) → part of the sum that the largest hold."""
    rng = np.random.default_rng(1)
    squares = rng.pareto(1.5, size=400)
    expected = np.sort(squares)[-4:].sum() / squares.sum()
    cases = [((np.ones(100), 0.01), np.array(0.01)), ((squares, 0.01), np.array(expected))]
    return function(candidate, cases, "Sort the squared errors and add up the largest of them; then divide by the sum.")


def without_the_worst(value: float | None) -> Html:
    """Chapter 3: an update score of 0.5, without tokens that hold 40 % of the error and none of the energy."""
    return number(value, 0.7, 0.001, "Which part of the energy is error before, and which part of that is left?")


def line_for_block(candidate: Callable) -> Html:
    """Chapter 4: a function (x, y) → (A, b), judged by the update that it guesses for new states."""
    rng = np.random.default_rng(2)
    x, new = rng.normal(size=(2, 300, 5)) + 3
    A, b = rng.normal(size=(5, 5)), rng.normal(size=5)

    def guess(x, y):
        found = candidate(x, y)
        return found if found is None or found is ... else new @ found[0] + found[1]

    cases = [((x, x + x @ A + b), new @ A + b)]
    return function(guess, cases, "The target is the update y − x, and b has to make up for both means.", 1e-6)


def perplexity_factor(value: float | None) -> Html:
    """Chapter 4: the factor on perplexity of 0.2 nats more a token."""
    return number(value, math.exp(0.2), 0.005, "Perplexity is the exponential of the mean log-loss.")


def recovered_share(value: float | None) -> Html:
    """Chapter 4: the share of removal's damage that a line takes away, from three log-losses."""
    return number(value, 0.8, 0.01, "How much does removal add, and how much of that is left with the line?")


def greedy_evaluations(value: float | None) -> Html:
    """Chapter 6: models that a greedy search for 12 of 30 blocks evaluates."""
    return number(value, sum(range(19, 31)), 0.5, "First every block is tried, and at each further step one less.")


def rank_correlation(candidate: Callable) -> Html:
    """Chapter 6: a function (a, b) → Spearman's rank correlation, tried on lists without ties."""
    rng = np.random.default_rng(3)
    a, b = rng.permutation(30), rng.permutation(30)
    expected = np.array(1 - 6 * ((a - b) ** 2).sum() / (30 * (30**2 - 1)))
    cases = [((np.exp(a / 9), b**3.0), expected), ((np.arange(9.0), -(np.arange(9.0) ** 3)), np.array(-1.0))]
    return function(candidate, cases, "Replace every number by its rank, and correlate the ranks.")


def likeliest_by_byte(candidate: Callable) -> Html:
    """Chapter 5: a function (log-likelihoods, answers) → the number of the answer that acc_norm counts."""
    cases = [
        ((np.array([-6.0, -9.0, -7.0]), ("cat", "elephant", "ox")), np.array(1)),
        ((np.array([-4.0, -4.5]), ("tea", "été")), np.array(1)),
    ]
    return function(candidate, cases, "Divide each log-likelihood by the answer's length in bytes: é has two of them.")


def half_width(value: float | None) -> Html:
    """Chapter 5: half the width of a 95 % interval around 180 right answers of 300."""
    return number(value, 1.96 * math.sqrt(0.6 * 0.4 / 300), 0.002, "The variance of one answer is p (1 − p).")


def known_share(value: float | None) -> Html:
    """Chapter 5: what a model knows that answers 0.55 right of four and guesses where it does not know."""
    return number(value, 0.4, 0.005, "It is right where it knows, and on a quarter of the rest.")


def shaped_matrix(candidate: Callable) -> Html:
    """Chapter 8: a function (logits, alpha, beta, gamma) → αI + βA − γC under a causal mask."""
    logits = np.random.default_rng(4).normal(size=(6, 6))
    cases = [((0 * logits, 1.0, 1.0, 1.0), np.eye(6)), ((logits, 0.7, 1.2, 0.4), _shaped(logits, 0.7, 1.2, 0.4))]
    return function(candidate, cases, "C is A where all logits are zero: the mask is in both. Does each row sum to 1?")


def _shaped(logits: np.ndarray, alpha: float, beta: float, gamma: float) -> np.ndarray:
    seen = np.tri(len(logits))
    A, C = (np.exp(each) * seen for each in (logits, 0 * logits))
    return alpha * np.eye(len(logits)) + beta * A / A.sum(1, keepdims=True) - gamma * C / C.sum(1, keepdims=True)


def share_without_values(value: float | None) -> Html:
    """Chapter 8: the share of a block's matrices that W_V and W_P are, where the MLP is twice as wide."""
    return number(value, 2 / 8, 0.001, "Four matrices of attention, d² each; two of the MLP, 2d² each.")


def relative_residual(candidate: Callable) -> Html:
    """Chapter 7: a function X → relative residual, tried on equal, orthogonal and random tokens."""
    rng = np.random.default_rng(4)
    random = rng.normal(size=(9, 5)) + 1
    rest = np.linalg.norm(random - random.mean(0)) / np.linalg.norm(random)
    cases = [
        ((np.ones((4, 3)),), np.array(0.0)),
        ((np.eye(4),), np.array(math.sqrt(3 / 4))),
        ((random,), np.array(rest)),
    ]
    return function(candidate, cases, "Take the mean token, over rows, from each row; then divide the two norms.")


def shrinking(value: float | None) -> Html:
    """Chapter 7: what is left of the difference of two tokens after ten blocks that mix 0.6 with 0.4."""
    return number(value, 0.2**10, 1e-9, "What is the difference of the two new tokens, as a multiple of the old one?")


def saving(candidate: Callable) -> Html:
    """Chapter 9: a function (L, d, f, E) → the part of Pre-LN's parameters that SAS does without."""

    def part(L: int, d: int, f: int, E: int) -> np.ndarray:
        return np.array((2 * L - 1) * d**2 / (L * (4 * d**2 + 2 * d * f) + E))

    cases = [(sizes, part(*sizes)) for sizes in ((18, 768, 3072, 39_186_432), (1, 8, 8, 0), (72, 768, 1536, 0))]
    return function(
        candidate, cases, "Two matrices of d² go from each block, one stays in the first; all is of Pre-LN."
    )


def half_cache(value: float | None) -> Html:
    """Chapter 9: million bytes of the half cache of 24 blocks, 1,024 wide, 2,048 tokens."""
    return number(value, 24 * 1024 * 2048 * 2 / 1e6, 0.5, "One state a token and block, and a million bytes is 10⁶.")


def even_window(value: float | None) -> Html:
    """Chapter 9: the window in which a decoder's tokens cost as many operations as its blocks' weights."""
    return number(value, 2 * 5 * 768 - 1, 2, "How many tokens must a token see, and how many does it see on average?")
