"""The pruning runs of the book as specifications: the chapters ask for these, and these are recorded."""

from .pruning import PruningSpec
from .variants import VariantsSpec

TO_THE_END = ("score", "bi", "last")
MORE = ("heldout", "energy", "angular", "random-0", "random-1", "random-2")


def pruning_specs(
    model: str, *, count: int = 15, greedy: int = 12, to_the_end: bool = True, **texts
) -> tuple[PruningSpec, PruningSpec, PruningSpec]:
    """Every order that a model's blocks are changed in: three to the end, more to `count` blocks, greedy to `greedy`.

    `texts`: fields of PruningSpec that say which text and how much of it (corpus, n_fit, n_choose, n_evaluate, seed).
    """
    return (
        PruningSpec(model=model, orders=TO_THE_END, count=count, to_the_end=TO_THE_END if to_the_end else (), **texts),
        PruningSpec(model=model, orders=MORE, count=count, single=False, **texts),
        PruningSpec(model=model, orders=("greedy",), count=greedy, single=False, **texts),
    )


def variants_spec(study: PruningSpec, blocks: tuple[int, ...] = (3, 7, 12, 20, 28), few: int = 2048) -> VariantsSpec:
    """Single blocks changed by every kind of map, fitted on a few tokens and on all that the study has for that."""
    return VariantsSpec(study=study, blocks=blocks, n_fits=(few, study.n_fit))


def one_block_spec(model: str, block: int, *, n_fit: int = 4096, n_evaluate: int = 512, **texts) -> VariantsSpec:
    """One block and little text: what a page measures while it is built."""
    study = PruningSpec(model=model, n_fit=n_fit, n_choose=max(512, n_fit // 4), n_evaluate=n_evaluate, **texts)
    return VariantsSpec(study=study, blocks=(block,), n_fits=(n_fit,))
