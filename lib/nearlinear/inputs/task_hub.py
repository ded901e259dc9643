"""Tasks of GLUE and SuperGLUE from the Hugging Face hub, for those with a network."""

from collections.abc import Sequence
from dataclasses import dataclass

from nearlinear.errors import InputError

from .hub import check_dataset, no_network
from .task_examples import CHOOSE, TEST, Example, Examples, held_out

PARQUET = "refs/convert/parquet"
"""The branch in which the hub keeps its own copy of a data set that came as a script."""


@dataclass(frozen=True)
class HubTask:
    """Which rows of which data set: those of label 0 or 1. `texts`: the columns that are read, in this order.

    `group`: the column by which rows are parted; all of `texts` if None. `named`: each text stands behind the name of
    its column.
    """

    dataset: str
    config: str
    texts: tuple[str, ...]
    group: str | None = None
    named: bool = False
    revision: str | None = None


SST2 = HubTask("nyu-mll/glue", "sst2", ("sentence",))
WIC = HubTask("aps/super_glue", "wic", ("word", "sentence1", "sentence2"), group="word", revision=PARQUET)
BOOLQ = HubTask("aps/super_glue", "boolq", ("question", "passage"), group="passage", named=True, revision=PARQUET)
MULTIRC = HubTask(
    "aps/super_glue", "multirc", ("question", "answer", "paragraph"), group="paragraph", named=True, revision=PARQUET
)
CB = HubTask("aps/super_glue", "cb", ("hypothesis", "premise"), group="premise", named=True, revision=PARQUET)


def hub_parts(task: HubTask, seed: int) -> tuple[Examples, Examples, Examples]:
    """(train, choose, test): the test set's labels are not public, so what is called validation is the test here, and
    `choose` is held out of the training set. Raises InputError, NoNetwork.
    """
    train, choose = held_out(_examples(task, "train"), CHOOSE / (1 - TEST), seed)
    return train, choose, _examples(task, "validation")


def _examples(task: HubTask, split: str) -> Examples:
    return tuple(_example(task, row) for row in _rows(task, split) if int(row["label"]) in (0, 1))


def _example(task: HubTask, row: dict) -> Example:
    told = {column: " ".join(row[column].split()) for column in task.texts}
    texts = tuple(f"{column}: {text}" if task.named else text for column, text in told.items())
    return Example(texts, int(row["label"]), told[task.group] if task.group else "\n".join(texts))


def _rows(task: HubTask, split: str) -> Sequence[dict]:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise InputError(f"{task.dataset} needs the package datasets: pip install datasets") from error
    check_dataset(task.dataset)
    try:
        return load_dataset(task.dataset, task.config, split=split, revision=task.revision)
    except ConnectionError as error:
        raise no_network(task.dataset) from error
    except (FileNotFoundError, ValueError, RuntimeError) as error:
        raise InputError(f"{task.dataset} has no configuration {task.config!r} with a split {split!r}") from error
