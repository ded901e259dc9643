"""Signal propagation in numbers: the table of stacks, the findings of the page, and the verdicts on S1 and S2."""

from collections.abc import Sequence

from nearlinear.results.signal import Mask, Matrix, SignalStudy, Stack, Tokens

from .findings import Finding
from .shown import Html
from .signal import COLLAPSED, NAMES, TOKEN_NAMES, size_of
from .tables import Ours, table
from .verdicts import verdict
from .words import number

COLUMNS = (1, 4, 18, 72)
"""Depths of the table: those that a study has, and its last."""

SKIPLESS: tuple[Stack, ...] = ("attention", "attention-norm", "skipless")
SHAPED: tuple[Stack, ...] = ("v-skipinit", "sas", "sas-p", "sas-p-no-norm")

DEEP = 72
"""Blocks from which on we judge what depth does: the paper's deepest models have so many."""

EXACT = 1e-12
"""|M − I| below this is rounding, in float64."""


def collapse_table(study: SignalStudy, tokens: Tokens = "random") -> Html:
    """Relative residual and mean cosine after some blocks, a line a stack and mask: means over seeds."""
    depths = sorted({depth for depth in COLUMNS if depth <= study.L} | {study.L})
    rows = [
        [NAMES[stack], mask, *(_cell(study, stack, mask, tokens, depth) for depth in depths)]
        for stack in study.stacks
        for mask in study.masks
    ]
    head = ("stack", "attention", *(f"after {depth}" for depth in depths))
    return table(f"Relative residual · mean cosine, means over seeds. {size_of(study, tokens)}", head, rows)


def _cell(study: SignalStudy, stack: Stack, mask: Mask, tokens: Tokens, depth: int) -> str:
    column = study.depths.index(depth)
    rest, cosine = (
        study.values(stack, mask, tokens, measure)[:, column].mean() for measure in ("relative_residual", "cosine")
    )
    return f"<span style='white-space:nowrap'><b>{number(rest)}</b> · {cosine:.3f}</span>"


def signal_findings(study: SignalStudy) -> list[Finding]:
    """Chapter 7: what is left of the differences between tokens, and of the gradients of W_Q and W_K."""
    L, middle = study.L, _middle(study)
    some = [min(depth, L) for depth in (4, 18)]
    return [
        _left(study, "collapse-causal", "attention", some[1]),
        _left(study, "collapse-causal-last", "attention", L),
        _left(study, "collapse-bidirectional", "attention", some[0], mask="bidirectional"),
        _left(study, "skipless-last", "skipless", L),
        _left(study, "pre-ln-last", "pre-ln", L),
        _left(study, "pre-ln-cosine", "pre-ln", L, measure="cosine"),
        _left(study, "sas-last", "sas", L),
        _left(study, "sas-cosine", "sas", L, measure="cosine"),
        _left(study, "text-collapse-last", "attention", L, tokens="text"),
        _left(study, "text-sas-last", "sas", L, tokens="text"),
        Finding("from-identity", _off_identity(study, SHAPED), "largest |M − I| of any shaped attention matrix M"),
        *(_gradient(study, stack, "query", middle) for stack in ("attention", "pre-ln", "sas")),
        _gradient(study, "attention", "value", middle),
        _gradient(study, "sas", "key", middle),
    ]


def _left(
    study: SignalStudy, name: str, stack: Stack, depth: int, *,
    mask: Mask = "causal", tokens: Tokens = "random", measure: str = "relative_residual",
) -> Finding:  # fmt: skip
    """A finding: the mean over seeds of one measure after `depth` blocks."""
    value = float(study.values(stack, mask, tokens, measure)[:, study.depths.index(depth)].mean())
    what = f"{NAMES[stack]}, {mask}, {TOKEN_NAMES[tokens]}: {measure.replace('_', ' ')} after {depth} blocks"
    return Finding(name, value, what)


def _middle(study: SignalStudy) -> int:
    """The block nearest the middle whose gradients are kept."""
    return min(study.runs[0].gradients.block, key=lambda block: abs(block - study.L / 2))


def _gradient(study: SignalStudy, stack: Stack, matrix: Matrix, block: int) -> Finding:
    """A finding: the mean over seeds of ‖∇W‖ of one block, causal, random tokens."""
    column = study.runs[0].gradients.block.index(block)
    value = float(study.norms(stack, "causal", "random", matrix)[:, column].mean())
    return Finding(
        f"{stack}-{matrix}", value, f"{NAMES[stack]}, causal: norm of the {matrix} gradient of block {block}"
    )


def _off_identity(study: SignalStudy, stacks: Sequence[Stack]) -> float:
    return max(run.from_identity for run in study.runs if run.stack in stacks)


def signal_rows(study: SignalStudy) -> list[Ours]:
    """S1 and S2. Below a relative residual of COLLAPSED we call tokens alike; below EXACT a difference is rounding."""
    return [_collapses(study), _identity(study)]


def _collapses(study: SignalStudy) -> Ours:
    """Attention alone must collapse under either mask; so must it with norms and MLPs, and on text; Pre-LN must not."""
    alone = _ends(study, ("attention",), "random")
    others = [*_ends(study, SKIPLESS, "random"), *_ends(study, SKIPLESS, "text")]
    kept = [*_ends(study, ("pre-ln",), "random"), *_ends(study, ("pre-ln",), "text")]
    holds = max(others) < COLLAPSED < min(kept)
    return Ours(
        claim="S1",
        what=f"relative residual of random tokens after {study.L} blocks of attention alone, either mask, largest of "
        f"{len(study.seeds)} seeds",
        number=number(max(alone)),
        controls=f"with norms and MLPs, and on real text too: at most {number(max(others))}; Pre-LN: at least "
        f"{number(min(kept))}. Collapsed means below {COLLAPSED:g}; d = {study.d}, at initialisation",
        verdict=verdict(max(alone) < COLLAPSED, holds) if study.L >= DEEP else "not at this size",
        command="nearlinear results --only rank-collapse",
    )


def _ends(study: SignalStudy, stacks: Sequence[Stack], tokens: Tokens) -> list[float]:
    """The relative residual after the last block, of every mask and seed."""
    return [
        run.signal.relative_residual[-1]
        for stack in stacks
        for mask in study.masks
        for run in study.of(stack, mask, tokens)
    ]


def _identity(study: SignalStudy) -> Ours:
    shaped, skip = _off_identity(study, SHAPED), _off_identity(study, ("v-skipinit-value-skip",))
    return Ours(
        claim="S2",
        what="largest |M − I|, where M = αI + βA − γC acts on the values, over all blocks, masks, tokens and seeds",
        number=number(shaped),
        controls=f"αI + βA with β = 0: {number(skip)}; softmax attention: {number(_off_identity(study, SKIPLESS))}. "
        "In float64, with the matrix formed",
        verdict=verdict(shaped < EXACT, shaped < EXACT),
        command="nearlinear results --only rank-collapse",
    )
