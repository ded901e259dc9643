"""Batches of a masked model in which other seeds hide other places: torch's generator takes 32 bits of a seed alone."""

from zlib import crc32

from torch import Tensor

from .batches import Batch, Batches, hidden


class Hiding(Batches):
    """Batches in the order of `Batches`, with `share` of every window hidden behind `mask_id`."""

    def __init__(self, windows: Tensor, B: int, *, seed: int, mask_id: int, share: float):
        super().__init__(windows, B, seed=seed)
        self.hidden_by, self.share = mask_id, share

    def __getitem__(self, step: int) -> Batch:
        ids = super().__getitem__(step).ids
        return hidden(ids, self.hidden_by, self.share, seed=crc32(f"hide {self.seed} {step}".encode()))
