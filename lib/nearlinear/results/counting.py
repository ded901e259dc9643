"""What a model of simplified blocks is made of and what it costs, by closed formulas: sums of products of its sizes.

The formulas are data. The same terms give the counts, are printed on the page and are added up by the calculator, so
they cannot disagree; the tests hold them against the real modules. Pure Python: no torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from nearlinear.errors import InputError

from .sizes import Sizes, letters

Kind = Literal["embedding", "queries", "values", "mlp", "small", "head", "tokens"]
"""`queries`: with keys. `values`: with projections. `small`: norms and gains. In counts of operations, `head` are the
logits and `tokens` what attention does with tokens."""

WEIGHTS: tuple[Kind, ...] = ("queries", "values", "mlp")
"""Matrices of the blocks."""

BIG: tuple[Kind, ...] = ("embedding", *WEIGHTS)
"""All but norms and gains: what the paper counts."""


@dataclass(frozen=True)
class Term:
    """`factor` times the product of the sizes named by `letters`: Term("MLP, in", "mlp", 1, "Ldf") is L·d·f."""

    name: str
    kind: Kind
    factor: int
    letters: str

    def of(self, sizes: Mapping[str, float]) -> float:
        return self.factor * prod(sizes[letter] for letter in self.letters)


@dataclass(frozen=True)
class Made:
    """What distinguishes a block, as numbers of parts.

    values: matrices W_V and W_P. first: W_V of the first block alone. norms: in each block; norms_once: in one place of
    the model. shaped: sets of gains a head. gains: single gains a block. reparametrised: whether V and P are.
    half: whether its cache can do with the states alone, half of keys and values.
    """

    values: int
    norms: int
    norms_once: int = 1
    first: int = 0
    shaped: Literal["no", "always", "as chosen"] = "no"
    gains: int = 0
    half: bool = False


MADE: dict[str, Made] = {
    "pre-ln": Made(values=2, norms=2),
    "post-ln": Made(values=2, norms=2),
    "parallel": Made(values=2, norms=1),
    "v-skipinit": Made(values=2, norms=2, shaped="as chosen", gains=1),
    "sas": Made(values=0, first=1, norms=2, shaped="always", gains=1, half=True),
    "sas-p": Made(values=0, first=1, norms=1, shaped="always", gains=2, half=True),
    "sas-p-no-norm": Made(values=0, first=1, norms=0, norms_once=2, shaped="always", gains=2, half=True),
    "skipless": Made(values=2, norms=2),
}
"""Block → what it is made of, in the order of the configuration's names."""


def _made(block: str) -> Made:
    if block not in MADE:
        raise InputError(f"block={block!r} is not known: choose one of {', '.join(MADE)}")
    return MADE[block]


def parameter_terms(block: str) -> tuple[Term, ...]:
    """The parameters of a model of such blocks. Raises InputError for an unknown block."""
    made = _made(block)
    reparametrised = made.shaped == "as chosen"
    terms = (
        Term("embeddings", "embedding", 1, "Vd"),
        Term("learned positions", "embedding", 1, "pd"),
        Term("head, where it is not tied", "embedding", 1, "Ud"),
        Term("queries and keys", "queries", 2, "Ldd"),
        Term("values and projections", "values", made.values, "Ldd"),
        Term("values of the first block", "values", made.first, "dd"),
        Term("MLP, in", "mlp", 1, "Ldf"),
        Term("MLP, out", "mlp", 1, "Lgd"),
        Term("norms of the blocks", "small", made.norms, "Ldm"),
        Term("norms that are there once", "small", made.norms_once, "dm"),
        Term("gains a head", "small", 3 * (made.shaped == "always"), "Lh"),
        Term("gains a head, as the attention is shaped", "small", int(reparametrised), "Lha"),
        Term("gains of the branches", "small", made.gains, "L"),
        Term("gains of values and projections", "small", int(reparametrised), "Le"),
    )
    return tuple(term for term in terms if term.factor)


def forward_terms(block: str) -> tuple[Term, ...]:
    """Operations a token of one forward pass, a multiplication and an addition being two. Matrix products alone.

    Each weight of a matrix is multiplied and added once a token. Attention besides multiplies a query with the keys it
    sees, and their values with the result: 2·2·d·k. What acts on single numbers (norms, gains, softmax, running
    means) is left out: some d operations beside some d². Raises InputError for an unknown block.
    """
    weights = [replace(t, factor=2 * t.factor) for t in parameter_terms(block) if t.kind in WEIGHTS]
    return (*weights, Term("logits", "head", 2, "Wd"), Term("scores, and means by them", "tokens", 4, "Ldk"))


def cache_terms(block: str, *, half: bool = False) -> tuple[Term, ...]:
    """Numbers in the cache of T tokens: keys and values, or the states alone. Raises InputError for one that has to
    keep both, because its values are not its inputs."""
    if half and not _made(block).half:
        raise InputError(f"half a cache keeps inputs, and {block!r} attends to values: count the full one")
    return (Term("states" if half else "keys and values", "tokens", 1 if half else 2, "LdT"),)


def parameters(block: str, sizes: Sizes, kinds: tuple[Kind, ...] | None = None) -> int:
    """Parameters, tied ones once; of some kinds only, where these are given."""
    return int(total([t for t in parameter_terms(block) if kinds is None or t.kind in kinds], letters(sizes)))


def forward(block: str, sizes: Sizes, T: int) -> float:
    """Operations a token, forward, in windows of T tokens."""
    return total(forward_terms(block), letters(sizes, T))


def training(block: str, sizes: Sizes, T: int) -> float:
    """Operations a token of a training step: each product of the forward pass has two in the backward pass, one for
    each of its factors. Recomputation (checkpointing, fused attention) is not counted, nor the optimiser."""
    return 3 * forward(block, sizes, T)


def cache_bytes(block: str, sizes: Sizes, T: int, *, half: bool = False, width: int = 2) -> int:
    """Bytes of the cache of T tokens, `width` bytes a number.

    Raises InputError for an encoder, which keeps none, and for half a cache with RoPE.
    """
    if not sizes.causal:
        raise InputError("an encoder reads all at once and keeps no cache: give sizes with causal=True")
    if half and sizes.positions == "rope":
        raise InputError("half a cache keeps inputs, and rope turns keys one by one: count the full one")
    return int(width * total(cache_terms(block, half=half), letters(sizes, T)))


def total(terms: Iterable[Term], sizes: Mapping[str, float]) -> float:
    """The sum of all terms; exact for counts of whole numbers."""
    return sum(term.of(sizes) for term in terms)


def saved(block: str, sizes: Sizes) -> float:
    """Part of Pre-LN's parameters that a block does without, before norms and gains; 0.124 for the paper's decoder."""
    return 1 - parameters(block, sizes, BIG) / parameters("pre-ln", sizes, BIG)


def ceiling(block: str, sizes: Sizes, T: int | None = None) -> float:
    """How many times faster than Pre-LN it can be, if matrix products take all the time and run equally fast.

    In windows of T tokens; None: without what attention does with tokens, which both do alike.
    """

    def work(name: str) -> float:
        terms = [term for term in forward_terms(name) if T is not None or term.kind != "tokens"]
        return total(terms, letters(sizes, 1 if T is None else T))

    return work("pre-ln") / work(block)


def share_of_ceiling(ratio: float, top: float) -> float:
    """(ratio − 1)/(ceiling − 1): how much of what is possible was gained. NaN where nothing can be gained."""
    return (ratio - 1) / (top - 1) if top != 1 else float("nan")
