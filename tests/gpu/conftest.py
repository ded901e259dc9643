"""Tests of what only a CUDA device can show. Without one there is nothing to collect, and pytest says so."""

import pytest
import torch

HAS_CUDA = torch.cuda.is_available()

collect_ignore_glob = [] if HAS_CUDA else ["test_*.py"]


def pytest_report_collectionfinish() -> str:
    if HAS_CUDA:
        return f"tests/gpu: on {torch.cuda.get_device_name()}"
    return (
        "tests/gpu: not collected, because this machine has no CUDA device (benchmarks/gpu_queue.py runs them on one)"
    )


@pytest.fixture
def device() -> torch.device:
    return torch.device("cuda")
