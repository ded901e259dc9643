"""The pruning runs of the book as specifications: the chapters ask for these, and these are recorded."""

from dataclasses import dataclass

from nearlinear.errors import InputError

from .again import AgainSpec
from .answers import AnswersSpec, up_to
from .continuations import ContinuationsSpec
from .distillation import DistilSpec
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
    runs: tuple[tuple[int, int], ...]
    steps: int
    tokens_per_step: int
    screen_k: int
    mixed: str


SIZES = {
    "quick": Size(
        n_fit=2048,
        n_choose=512,
        n_evaluate=512,
        count=2,
        greedy=2,
        blocks=(0, 1),
        few=512,
        n_look=512,
        n_questions=12,
        runs=((1, 0), (2, 0), (2, 1)),
        steps=4,
        tokens_per_step=256,
        screen_k=2,
        mixed="none",
    ),
    "cpu": Size(
        n_fit=32_768,
        n_choose=4096,
        n_evaluate=4096,
        count=15,
        greedy=12,
        blocks=(3, 7, 12, 20, 28),
        few=2048,
        n_look=4096,
        n_questions=200,
        runs=((2, 0), (4, 0), (4, 1), (4, 2), (8, 0)),
        steps=100,
        tokens_per_step=1024,
        screen_k=4,
        mixed="bfloat16",
    ),
    "gpu": Size(
        n_fit=65_536,
        n_choose=16_384,
        n_evaluate=65_536,
        count=29,
        greedy=29,
        blocks=(3, 7, 12, 20, 28),
        few=2048,
        n_look=65_536,
        n_questions=2000,
        runs=tuple((k, seed) for k in (1, 2, 4, 6, 8) for seed in (0, 1, 2)),
        steps=200,
        tokens_per_step=8192,
        screen_k=4,
        mixed="bfloat16",
    ),
}
"""What a CPU does in hours, a GPU in minutes; "quick" is for tiny models."""


@dataclass(frozen=True)
class PruningSpecs:
    """Every specification of the pruning chapters for one model, on the same texts."""

    orders: tuple[PruningSpec, PruningSpec, PruningSpec]
    variants: VariantsSpec
    again: tuple[AgainSpec, AgainSpec, AgainSpec]
    distil: tuple[DistilSpec, DistilSpec]
    answers: AnswersSpec
    continuations: ContinuationsSpec

    def named(self, model: str) -> dict[str, Record]:
        """Every one by the name that it is recorded under; those that need another come after it."""
        ends, more, greedy = self.orders
        removing, replacing, more_replacing = self.again
        linear, everything = self.distil
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
                "distil-linear": linear,
                "distil-all": everything,
                "answers": self.answers,
            }.items()
        }


def pruning_specs(model: str, *, size: str = "cpu", corpus: str = "wikipedia-sample", seed: int = 0) -> PruningSpecs:
    """The studies of one model. Orders: three of them to the end, the others, the greedy one.

    The sizes "cpu" and "gpu" name blocks of a model with 30 of them; a shallower one is refused when it is measured.
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
    distil = {"study": ends, "runs": s.runs, "screen_k": s.screen_k, "n_questions": s.n_questions}
    distil |= {"steps": s.steps, "tokens_per_step": s.tokens_per_step, "screen_steps": max(2, s.steps * 3 // 10)}
    return PruningSpecs(
        orders=(ends, more, greedy),
        variants=VariantsSpec(study=ends, blocks=s.blocks, n_fits=(s.few, s.n_fit)),
        again=(
            AgainSpec(**look, ways=("remove",), fixed=()),
            AgainSpec(**look, ways=("replace",), orders=("score",)),
            AgainSpec(**look, ways=("replace",), orders=("heldout", "energy"), fixed=()),
        ),
        distil=(
            DistilSpec(**distil, way="linear", rates=(1e-6, 1e-5, 1e-4), mixed="none"),
            DistilSpec(**distil, way="all", rates=(1e-4, 3e-4, 1e-3), mixed=s.mixed),
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
