"""Pass 2 on several processes: each fills in the tokens of its own batches, at the places that they have in one."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from nearlinear.inputs.windows import Batch, Window, batches, n_tokens

from .heldout import HeldOutSums
from .linearity import AffineMap
from .many import Many
from .perplexity import NextTokenLoss
from .profile import TokenTable, _token_table
from .stream_sums import BlockSums, Rows

TABLES = ("sizes", "raw", "length")
"""What pass 2 keeps of every token in a block."""


class SharedErrors(HeldOutSums):
    """Tables of all tokens of the windows, zero but for this process's, until they are added up."""

    def __init__(
        self,
        maps: Sequence[Sequence[AffineMap]],
        fit: Sequence[BlockSums],
        windows: Sequence[Window],
        batch_tokens: int,
    ):
        super().__init__(maps, fit, n_tokens(windows))
        for table in self.state().values():
            table.zero_()
        self.tokens, self.places = token_places(windows, batch_tokens)

    def go_to(self, batch: Batch) -> None:
        """What is added next is of this batch."""
        for block in self.blocks:
            block.n = self.places[int(batch.window[0])]

    def add_up(self, many: Many) -> None:
        """Fill in what the other processes have found. Raises Lost."""
        for table in self.state().values():
            many.add_up(table)

    def state(self) -> dict[str, Tensor]:
        return {f"{name} {i}": getattr(block, name) for i, block in enumerate(self.blocks) for name in TABLES}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for name, table in self.state().items():
            table.copy_(state[name])


def token_places(windows: Sequence[Window], batch_tokens: int) -> tuple[TokenTable, dict[int, int]]:
    """Who the tokens are, in the order of one process, and where those of a batch begin, by its first window."""
    columns, places, n = [], {}, 0
    for batch in batches(windows, batch_tokens=batch_tokens):
        places[int(batch.window[0])] = n
        columns.append(_token_table(batch, Rows.of(batch.attention_mask, "cpu"), windows))
        n += len(columns[-1][0])
    return TokenTable(*(np.concatenate(column) for column in zip(*columns, strict=True))), places


class SharedLoss(NextTokenLoss):
    """The loss of one process's tokens, until all are added up."""

    def add_up(self, many: Many) -> None:
        """Take in the tokens of the other processes. Raises Lost."""
        n = many.add_up(torch.tensor(self.n, device=self.nats.device))
        self.nats, self.n = many.add_up(self.nats.clone()), int(n)

    def state(self) -> dict[str, Tensor]:
        return {"nats": self.nats, "predicted": torch.tensor(self.n)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.nats, self.n = state["nats"].to(self.nats.device), int(state["predicted"])
