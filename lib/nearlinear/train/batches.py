"""Which windows a step reads, and which of their tokens are hidden: functions of the seed and the step alone.

So a run that goes on after a kill, or on several processes, reads what it would have read.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.split import shuffled


@dataclass(frozen=True)
class Batch:
    """ids (B, T) that the model reads; the places (B, n) at which it is asked, and the right answers (B, n).

    Places and not a mask, because a mask would have to be waited for on a GPU; as many in each window, so that the mean
    over a part of a batch weighs as much as that over another part.
    """

    ids: Tensor
    places: Tensor
    answers: Tensor

    def rows(self, start: int, stop: int) -> "Batch":
        return Batch(self.ids[start:stop], self.places[start:stop], self.answers[start:stop])

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(each.to(device, non_blocking=True) for each in (self.ids, self.places, self.answers)))


class Batches:
    """Batches of B windows from windows (n, T): all once, in an order drawn from `seed`, then all in another.

    `mask_id`, `mask_share`: to hide that share of every window, rounded to whole tokens, behind that id.
    Raises NotEnoughTokens where there are fewer windows than a batch has.
    """

    def __init__(self, windows: Tensor, B: int, *, seed: int, mask_id: int | None = None, mask_share: float = 0.0):
        if len(windows) < B:
            raise NotEnoughTokens(
                f"the text has {len(windows)} windows to train on, and a batch has {B}: take a longer text or a "
                "smaller batch"
            )
        self.windows, self.B, self.seed = windows, B, seed
        self.mask_id, self.mask_share = mask_id, mask_share
        self.order_of = cache(lambda epoch: torch.tensor(shuffled(range(len(windows)), f"order {seed} {epoch}")))

    def __getitem__(self, step: int) -> Batch:
        """What step `step` reads, counted from 0; windows left over at the end of an epoch are not read in it."""
        epoch, place = divmod(step, len(self.windows) // self.B)
        ids = self.windows[self.order_of(epoch)[place * self.B : (place + 1) * self.B]].long()
        if self.mask_id is None:
            return asked_next(ids)
        return hidden(ids, self.mask_id, self.mask_share, seed=(self.seed << 32) + step)


def asked_next(ids: Tensor) -> Batch:
    """Every token but the last is asked for the next."""
    places = torch.arange(ids.shape[1] - 1).expand(len(ids), -1)
    return Batch(ids, places, ids[:, 1:])


def hidden(ids: Tensor, mask_id: int, share: float, *, seed: int) -> Batch:
    """The share of the tokens of each window, rounded, hidden in places drawn from `seed`, and asked for."""
    n = max(1, round(share * ids.shape[1]))
    draws = torch.rand(ids.shape, generator=torch.Generator().manual_seed(seed))
    places = draws.topk(n, dim=1).indices
    return Batch(ids.scatter(1, places, mask_id), places, ids.gather(1, places))
