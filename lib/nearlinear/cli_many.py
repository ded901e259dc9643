"""What every command does that torchrun starts on several processes: it speaks once, and says when one is gone."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from nearlinear.cli_train import bar_of_the_first, first, own_device
from nearlinear.errors import NearlinearError

if TYPE_CHECKING:
    from nearlinear.measure.many import Many


def several() -> bool:
    """Whether torchrun has started more processes than this one."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def one_voice() -> Iterator[None]:
    """Inside, what all processes run into is said by the first alone; that one is gone, by each that hears of it."""
    try:
        yield
    except NearlinearError as error:
        if first() or error_of_one(error):
            raise
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        if first():
            raise
        raise SystemExit(130) from None


def error_of_one(error: NearlinearError) -> bool:
    """Whether it says what this process knows and the first may not."""
    from nearlinear.measure.many import Lost

    return isinstance(error, Lost)


@contextmanager
def many_on(device: str) -> Iterator[tuple["Many", str]]:
    """Inside, the processes know each other: gives them, and this process's own device. Only the first draws a bar.

    Raises InputError for a device that is not there, Lost where they do not find each other.
    """
    from nearlinear.inputs.load import torch_device
    from nearlinear.measure.many import Lost, Many, why
    from nearlinear.train.parallel import joined

    own = own_device(device)
    place = torch_device(own)
    with bar_of_the_first(), ExitStack() as group:
        try:
            group.enter_context(joined(place))
            many = Many()
        except RuntimeError as error:
            raise Lost(
                f"the processes do not reach each other ({why(error)}): "
                "see that each machine runs the same command and lets the others connect"
            ) from error
        with told_to_stop():
            yield many, own


@contextmanager
def told_to_stop() -> Iterator[None]:
    """Inside, a request to stop is an error like others: torchrun sends one to all when a process has failed."""
    from nearlinear.measure.many import Lost

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Lost(
            "told to stop, by torchrun because another process has failed, or from outside: "
            "what was kept is there for the same command to go on from"
        )

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
