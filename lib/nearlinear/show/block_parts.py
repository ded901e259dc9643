"""What each of the eight blocks is made of, by the names of its drawing, and how each part stands: kept, new, gone.

A drawing knows which module of the block's class each of its parts is; a test holds that against the classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

KEPT, NEW, GONE, BEFORE = "kept", "new", "gone", "gone before"


@dataclass(frozen=True)
class Drawing:
    """One block: its `layout`, the module that each drawn part is, and the skips, which are no modules.

    `after`: the block that it is made from by taking parts out, whose parts are drawn as ghosts; "" for the first.
    """

    block: str
    layout: str
    modules: Mapping[str, str]
    skips: tuple[str, ...]
    after: str = ""

    @property
    def parts(self) -> set[str]:
        return {*self.modules, *self.skips}


_READ = {"W_Q": "reads.q", "W_K": "reads.k"}
_ATTENTION = {"A": "attn", "W_P": "project"}
_MLP = {"W_1": "up.mlp", "MLP": "mlp"}
_PRE_LN = {"norm 1": "attn_norm", **_READ, "W_V": "reads.v", **_ATTENTION, "norm 2": "mlp_norm", **_MLP}
_SAS = {"norm 1": "attn_norm", **_READ, "shaped": "attn", "norm 2": "mlp_norm", **_MLP, "β_FF": "beta_ff"}
_SIDE = {**_READ, "W_1": "reads.mlp", "MLP": "mlp"}
_NO_NORM = {**_SIDE, "shaped": "attn", "β_SA": "beta_sa", "β_FF": "beta_ff"}
_POST_LN = {part.replace("norm", "norm after"): module for part, module in _PRE_LN.items()}
_PARALLEL = {"norm 1": "norm", **_SIDE, "W_V": "reads.v", **_ATTENTION}

DRAWINGS: dict[str, Drawing] = {
    drawing.block: drawing
    for drawing in (
        Drawing("pre-ln", "sequential", _PRE_LN, ("skip 1", "skip 2")),
        Drawing("skipless", "sequential", _PRE_LN, ("skip 2",), "pre-ln"),
        Drawing("v-skipinit", "sequential", {**_SAS, "W_V": "value", "W_P": "project"}, ("skip 2",), "skipless"),
        Drawing("sas", "sequential", _SAS, ("skip 2",), "v-skipinit"),
        Drawing("sas-p", "parallel", {"norm 1": "norm", **_NO_NORM}, (), "sas"),
        Drawing("sas-p-no-norm", "parallel", _NO_NORM, (), "sas-p"),
        Drawing("post-ln", "norm after", _POST_LN, ("skip 1", "skip 2"), "pre-ln"),
        Drawing("parallel", "parallel", _PARALLEL, ("skip 2",), "pre-ln"),
    )
}  # fmt: skip
"""Name of a block → its drawing, down the ladder, then the two beside it."""


def standings(block: str) -> dict[str, str]:
    """Each part that the block or one of those before it has, and how it stands here."""
    here, past = DRAWINGS[block].parts, [DRAWINGS[name].parts for name in _before(block)]
    last = past[0] if past else here
    found = {part: KEPT if part in last else NEW for part in here}
    found |= dict.fromkeys(last - here, GONE)
    found |= {part: BEFORE for parts in past for part in parts - last - here}
    return dict(sorted(found.items()))


def _before(block: str) -> Iterator[str]:
    """The blocks that this one comes from, the nearest first."""
    while block := DRAWINGS[block].after:
        yield block
