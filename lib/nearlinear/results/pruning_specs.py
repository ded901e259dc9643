"""The pruning runs of the book as specifications: the chapters ask for these, and these are recorded."""

from dataclasses import dataclass

from nearlinear.errors import InputError

from .again import AgainSpec
from .answers import AnswersSpec, up_to
from .continuations import ContinuationsSpec
from .pruning import PruningSpec
from .records import Record
from .variants import VariantsSpec

TO_THE_END = ("score", "bi", "last")
MORE = ("heldout", "energy", "angular", "random-0", "random-1", "random-2")


@dataclass(frozen=True)
class Size:
    """How much text the studies read, and how far they go: `count` blocks in every order, `greedy` in dear ones."""

    n_fit: int
    n_choose: int
    n_evaluate: int
    count: int
    greedy: int
    blocks: tuple[int, ...]
    few: int
    n_look: int
    n_questions: int


SIZES = {
    "quick": Size(2048, 512, 512, count=2, greedy=2, blocks=(0, 1), few=512, n_look=512, n_questions=12),
    "cpu": Size(
        32_768, 4096, 4096, count=15, greedy=12, blocks=(3, 7, 12, 20, 28), few=2048, n_look=4096, n_questions=200
    ),
    "gpu": Size(
        65_536,
        16_384,
        65_536,
        count=29,
        greedy=29,
        blocks=(3, 7, 12, 20, 28),
        few=2048,
        n_look=65_536,
        n_questions=2000,
    ),
}
"""What a CPU does in hours, a GPU in minutes; "quick" is for tiny models."""


@dataclass(frozen=True)
class PruningSpecs:
    """Every specification of the pruning chapters for one model, on the same texts."""

    orders: tuple[PruningSpec, PruningSpec, PruningSpec]
    variants: VariantsSpec
    again: tuple[AgainSpec, AgainSpec, AgainSpec]
    answers: AnswersSpec
    continuations: ContinuationsSpec

    def named(self, model: str) -> dict[str, Record]:
        """Every one by the name that it is recorded under; those that need another come after it."""
        ends, more, greedy = self.orders
        removing, replacing, more_replacing = self.again
        return {
            f"{model}-{name}": spec
            for name, spec in {
                "pruning-to-the-end": ends,
                "pruning-more-orders": more,
                "pruning-greedy": greedy,
                "variants": self.variants,
                "continuations": self.continuations,
                "again-remove": removing,
                "again-replace-by-score": replacing,
                "again-replace-more-orders": more_replacing,
                "answers": self.answers,
            }.items()
        }


def pruning_specs(model: str, *, size: str = "cpu", corpus: str = "wikipedia-sample", seed: int = 0) -> PruningSpecs:
    """The studies of one model. Orders: three of them to the end, the others, the greedy one.

    Raises InputError for a size that is not in SIZES.
    """
    if size not in SIZES:
        raise InputError(f"no size {size!r}: choose one of {', '.join(SIZES)}")
    s = SIZES[size]
    texts = {"model": model, "corpus": corpus, "seed": seed}
    texts |= {"n_fit": s.n_fit, "n_choose": s.n_choose, "n_evaluate": s.n_evaluate}
    ends = PruningSpec(**texts, orders=TO_THE_END, count=s.count, to_the_end=TO_THE_END)
    more = PruningSpec(**texts, orders=MORE, count=s.count, single=False)
    greedy = PruningSpec(**texts, orders=("greedy",), count=s.greedy, greedy=s.greedy, single=False)
    look = {"study": ends, "count": s.greedy, "n_look": s.n_look, "n_look_held_out": s.n_look // 2}
    return PruningSpecs(
        orders=(ends, more, greedy),
        variants=VariantsSpec(study=ends, blocks=s.blocks, n_fits=(s.few, s.n_fit)),
        again=(
            AgainSpec(**look, ways=("remove",), fixed=()),
            AgainSpec(**look, ways=("replace",), orders=("score",)),
            AgainSpec(**look, ways=("replace",), orders=("heldout", "energy"), fixed=()),
        ),
        answers=AnswersSpec(study=ends, n_questions=s.n_questions, ks=up_to(s.greedy), seed=seed),
        continuations=ContinuationsSpec(study=ends, greedy=greedy),
    )


def one_block_spec(
    model: str, block: int, *, n_fit: int = 4096, n_evaluate: int = 512, corpus: str = "wikipedia-sample", seed: int = 0
) -> VariantsSpec:
    """One block and little text: what a page measures while it is built."""
    few = {"n_fit": n_fit, "n_choose": max(512, n_fit // 4), "n_evaluate": n_evaluate}
    return VariantsSpec(
        study=PruningSpec(model=model, corpus=corpus, seed=seed, **few), blocks=(block,), n_fits=(n_fit,)
    )
