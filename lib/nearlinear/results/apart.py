"""A block of the simplified models taken apart: what it is made of, and what it does before any training."""

from .records import Number, Record

ORDER = ("pre-ln", "skipless", "v-skipinit", "sas", "sas-p", "sas-p-no-norm", "post-ln", "parallel")
"""The eight blocks: six down the ladder, then two beside it."""


class Part(Record):
    """One part of a block by its name in the code, "attn_norm" or "reads.q", and the parameters that it holds."""

    name: str
    parameters: int


class BlockApart(Record):
    """One block of width d with h heads and an MLP d_ff wide, of a model of L: any block but the first.

    `cls`: its class. `first_block`: parameters that the first block has on top of these.
    `attention_error`: ‖Attn(V) − V‖ / ‖V‖ at initialisation, where V are the values: 0 where attention is the identity.
    `without_mlp`: mean cosine of a token before and after the block at initialisation when its MLP answers nothing.
    Both are measured on random states, `small_d` wide, in float64.
    """

    block: str
    cls: str
    d: int
    d_ff: int
    h: int
    L: int
    parts: tuple[Part, ...]
    first_block: int
    attention_error: Number
    without_mlp: Number
    small_d: int

    @property
    def n_parameters(self) -> int:
        return sum(part.parameters for part in self.parts)

    @property
    def names(self) -> set[str]:
        return {part.name for part in self.parts}

    @property
    def all_blocks(self) -> int:
        """Parameters of all L blocks."""
        return self.L * self.n_parameters + self.first_block
