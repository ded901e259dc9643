"""Several processes that train one model: each reads its rows of every batch, and gradients are averaged (DDP)."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .batches import Batch


class Processes:
    """This process among those that torchrun has started; one, alone, where it has started none."""

    def __init__(self) -> None:
        self.n = dist.get_world_size() if dist.is_initialized() else 1
        self.rank = dist.get_rank() if dist.is_initialized() else 0

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with gradients that are averaged over all processes."""
        return nn.parallel.DistributedDataParallel(module) if self.n > 1 else module

    def part_of(self, batch: Batch) -> Batch:
        """This process's rows of a batch."""
        size = len(batch.ids) // self.n
        return batch.rows(self.rank * size, (self.rank + 1) * size)

    def together(self, module: nn.Module, *, last: bool) -> AbstractContextManager:
        """Gradients are exchanged at the last part of a step alone."""
        return nullcontext() if last or self.n == 1 else module.no_sync()

    def mean(self, values: Tensor) -> Tensor:
        """Over all processes."""
        if self.n > 1:
            dist.all_reduce(values)
            values /= self.n
        return values


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Inside, the processes that torchrun has started know each other."""
    if "RANK" not in os.environ or dist.is_initialized():
        yield Processes()
        return
    if device.type == "cuda":  # each process has a GPU of its own
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes()
    finally:
        dist.destroy_process_group()
