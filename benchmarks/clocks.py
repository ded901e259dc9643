"""Time, memory and speed of a device: a GPU's by its own events and counters, a CPU's by the clock of the host."""

from collections.abc import Callable

import torch
from sidebyside import Task, stopwatch


def clock(work: Callable[[], object], device: torch.device) -> Task:
    """Times `work`: by events of the device where it has them, so that the host's clock is not in it."""
    if device.type != "cuda":
        return stopwatch(work)

    def task() -> float:
        started, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(device)
        started.record()
        work()
        ended.record()
        torch.cuda.synchronize(device)
        return started.elapsed_time(ended) / 1000

    return task


def peak_of(work: Callable[[], object], device: torch.device) -> int | None:
    """The most bytes of the device that `work` holds above what is held before; None on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def product_rate(device: torch.device, dtype: torch.dtype, n: int) -> float:
    """Operations a second of one n × n product on random numbers: what this machine can do at best."""
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    task = clock(lambda: a @ b, device)
    return 2 * n**3 / min(task() for _ in range(5))


def where(device: torch.device) -> str:
    """The device as records name it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
