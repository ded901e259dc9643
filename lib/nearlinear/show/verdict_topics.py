"""What the verdicts come to, in sentences. Each was written for certain verdicts, and is said only while they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from nearlinear.results.claims import claim

from .shown import Html
from .tables import _panel
from .verdict_words import STANDINGS, Chapters, standings


@dataclass(frozen=True)
class Topic:
    """A sentence or two about one thing, and the verdicts that they were written for: claim → standing.

    Raises InputError for a claim that is not there, ValueError for a standing that is not.
    """

    about: str
    needs: Mapping[str, str]
    says: str

    def __post_init__(self):
        for id, needed in self.needs.items():
            claim(id)
            if needed not in STANDINGS:
                raise ValueError(f"no standing {needed!r}: choose one of {', '.join(STANDINGS)}")

    def told(self, of: Mapping[str, str]) -> str:
        """The sentences while they fit; else that they do not, and what the verdicts are."""
        now = {id: of[id] for id in self.needs}
        if now == dict(self.needs):
            return self.says
        listed = ", ".join(f"{id} {each}" for id, each in now.items())
        return f"what stood here was written for other verdicts than these: {listed}."


TOPICS = (
    Topic(
        "a block as a line",
        {"L1": "partly", "L3": "reproduced", "L4": "reproduced"},
        "measured as the paper does, a block is almost a line, and mostly because it changes its state so little. On "
        "held-out text, with first and massive tokens out, it is clearly less of one.",
    ),
    Topic(
        "blocks that can go",
        {"L14": "not at this size", "L18": "partly"},
        "the score says something about which blocks can be removed, but not the most that a measure can say. That a "
        "few of them cost almost nothing was not seen; the model is smaller than any that the paper pruned.",
    ),
    Topic(
        "a line in place of a block",
        {"L15": "reproduced", "L16": "not at this size"},
        "it is better than nothing, wherever it was tried. Training the lines afterwards added next to nothing.",
    ),
    Topic(
        "values and projections",
        {"S3": "reproduced", "S4": "partly", "S7": "not at this size"},
        "without the attention skip they do harm when they move freely, as in the paper, and less when they are held "
        "back. Level with the usual block, as in the paper, a block without them was not.",
    ),
    Topic(
        "the skip of the MLP",
        {"S8": "partly"},
        "in a block in sequence it is needed. That a block in parallel is as good without it was not seen.",
    ),
    Topic("norms", {"S10": "reproduced"}, "they can go, at a loss no larger than the paper's own."),
    Topic(
        "parameters and speed",
        {"S11": "reproduced", "S12": "untestable here", "S24": "not at this size"},
        "the blocks save as many parameters as the paper counts. Its speeds need its machines. Fewer parameters, more "
        "speed and no loss, all at once, were not seen in models this small.",
    ),
    Topic(
        "pretraining",
        {"L6": "reproduced"},
        "after its first steps a usual decoder grows less linear as it learns, with the residual in as well as out.",
    ),
)


def what_is_needed(chapters: Chapters, topics: tuple[Topic, ...] = TOPICS) -> Html:
    """A line for each topic, and the claims behind it."""
    of = standings(chapters)
    lines = [
        f"<li style='margin:4px 0'><b>{escape(topic.about[0].upper() + topic.about[1:])}</b>: {escape(topic.told(of))} "
        f"({', '.join(topic.needs)})</li>"
        for topic in topics
    ]
    return _panel(f"<ul style='margin:0;padding-left:20px'>{''.join(lines)}</ul>", "what the verdicts come to")
