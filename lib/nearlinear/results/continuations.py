"""Results of letting a model write on: what it says with some of its blocks changed, beside what it said before."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from .provenance import Provenance
from .pruning import How, PruningSpec, PruningStudy
from .records import Record
from .specs import Count
from .types import StoredRecord

PROMPTS = ("The history of the city begins", "When I opened the door this morning,", "The capital of France is")
"""Three beginnings: of an encyclopaedia, of a day, of a fact."""

SAME = ("model", "corpus", "context", "n_fit", "n_choose", "n_evaluate", "precision", "dtype", "seed")
"""What two pruning specifications share that are of one model and the same texts, and so of the same maps."""

Prompt = Annotated[str, Field(min_length=1)]


class ContinuationsSpec(Record):
    """Which prompts to continue by `n_new` tokens, greedily, with which blocks changed.

    Every block alone, and, where `greedy` names a study that followed the greedy order, each of its steps; removed and
    replaced. `study` says which model, and on which texts the maps are fitted. Perplexities are the studies' business.
    """

    study: PruningSpec
    greedy: PruningSpec | None = None
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1)] = PROMPTS
    n_new: Count = 32

    @model_validator(mode="after")
    def _one_model_and_its_greedy_order(self):
        if self.greedy is None:
            return self
        if other := [name for name in SAME if getattr(self.study, name) != getattr(self.greedy, name)]:
            raise ValueError(f"the greedy study has another {other[0]}: its blocks would be given other maps")
        if "greedy" not in self.greedy.orders:
            raise ValueError("the study named as greedy does not follow the greedy order")
        return self

    @property
    def seed(self) -> int:
        """Of the texts; nothing else here is left to chance."""
        return self.study.seed


class Continuation(Record):
    """What a model writes after a prompt: n_tokens tokens, the first n_same of them those that the dense model writes.

    `same` and `then` are the text in two parts: what those first tokens say, and what comes after them. An end of text
    counts as a token; nothing is written after it.
    """

    same: str
    then: str
    n_same: Annotated[int, Field(ge=0)]
    n_tokens: Count

    @model_validator(mode="after")
    def _no_more_the_same_than_there_are(self):
        if self.n_same > self.n_tokens:
            raise ValueError(f"{self.n_same} of {self.n_tokens} tokens cannot be the same")
        return self

    @property
    def text(self) -> str:
        return self.same + self.then


class Continued(Record):
    """What the model writes with `layers` changed, one continuation a prompt."""

    how: How
    layers: tuple[int, ...]
    texts: tuple[Continuation, ...]


class Continuations(StoredRecord):
    """What a model of L blocks writes after each of `prompts`: `dense`, unchanged, and with each set of blocks changed.

    The text is the likeliest token again and again (greedy decoding), at most `n_new` times; no chat template.
    """

    recorded_as: ClassVar[str] = "continuations"
    filename: ClassVar[str] = "continuations.json"
    made_by: ClassVar[tuple[str, ...]] = (*PruningStudy.made_by, "edit/continuations.py")

    L: int
    n_new: int
    prompts: tuple[str, ...]
    dense: tuple[Continuation, ...]
    changed: tuple[Continued, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _one_text_a_prompt(self):
        for each in (self.dense, *(one.texts for one in self.changed)):
            if len(each) != len(self.prompts):
                raise ValueError(f"{len(each)} continuations of {len(self.prompts)} prompts")
        keys = [(one.how, one.layers) for one in self.changed]
        if len(set(keys)) != len(keys):
            raise ValueError("the same blocks, changed in the same way, stand here twice")
        return self

    def of(self, how: How, layers: tuple[int, ...]) -> Continued:
        """What is written with these blocks changed. Raises KeyError where nobody asked."""
        for one in self.changed:
            if (one.how, one.layers) == (how, layers):
                return one
        raise KeyError(f"no continuation with blocks {layers} by {how!r}")

    def agreement(self, one: Continued) -> tuple[float, ...]:
        """For each prompt: tokens before the first that is not the dense model's, over all that the dense model writes.

        1: word for word the same. Later tokens that happen to be the same again do not count.
        """
        return tuple(text.n_same / dense.n_tokens for text, dense in zip(one.texts, self.dense, strict=True))
