"""Planted chapters: a claim judged once, one judged twice alike, one judged in two ways, answers, and one missing."""

from nearlinear import show
from nearlinear.show.meeting_answers import Answer
from nearlinear.show.verdict_words import Chapter
from tests.show import synthetic


def row(claim: str, verdict: str = "reproduced", **more) -> show.Ours:
    given = {
        "claim": claim,
        "what": f"a number about {claim}",
        "number": 0.93,
        "controls": "held out",
        "verdict": verdict,
        "command": "nearlinear score --model smollm2-135m",
        "interval": (0.92, 0.94),
    }
    return show.Ours(**given | more)


def answer(question: str, **more) -> Answer:
    given = {"said": "yes, by far", "ours": "0.5 and 0.4", "controls": "three seeds", "command": "nearlinear results"}
    return Answer(question, **given | more)


def chapters() -> list[Chapter]:
    """L1 twice and unlike, L3 once, S2 twice and alike, S8 three times, S12 untestable; B1 answered; one missing."""
    return [
        Chapter("01_first", (row("L1", "partly"), row("L3")), (synthetic.profile(L=3, d=12),)),
        Chapter("02_second", (row("L1", "contradicted"), row("S2"), row("S8", "untestable here")), ()),
        Chapter("03_third", missing="no recorded run was made from these parameters"),
        Chapter("11_later", (row("S2"), row("S8", "not at this size"), row("S8", "contradicted")), ()),
        Chapter("14_last", (row("S12", "untestable here"), answer("B1")), (synthetic.twin(L=3, d=12),)),
    ]


PLANTED = {"L1": "partly", "L3": "reproduced", "S2": "reproduced", "S8": "contradicted", "S12": "untestable here"}
"""What the rows of each claim say together; every other claim is not judged yet."""
