"""One question at a time: what is asked, what may be answered, and what each model chose.

The questions are others' work: they are made where they are shown, and a result keeps only their hash.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import ipywidgets as widgets

from nearlinear.results.answers import AnswersStudy, ChangedAnswers, questions_sha256

from .answers import HOW, heading
from .frames import Frame
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .pruning import NAMES
from .shown import Html
from .style import FAINT, GREEN, GRID, WARNING
from .tables import table
from .words import sentences

_CELL = f"text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid {GRID}"


def question_picker(study: AnswersStudy, questions: Sequence, *, most: int = 24, name: str = "Answers") -> widgets.VBox:
    """The first `most` questions of a study, one at a time. Raises ValueError for other questions than it asked."""
    if questions_sha256(questions) != study.questions.sha256:
        raise ValueError("these are not the questions that the study asked: make them from its specification")
    frames = [question_frame(study, questions[i], i) for i in range(min(most, len(questions)))]
    slider = widgets.IntSlider(0, 0, len(frames) - 1, description=f"{name}: question", readout=False, **_wide("20rem"))
    box = widgets.BoundedIntText(0, 0, len(frames) - 1, description=f"{name}: question number", **_wide("16rem"))
    slider.link = widgets.jslink((slider, "value"), (box, "value"))
    row = widgets.HBox([slider, box], layout=widgets.Layout(flex_flow="row wrap", width="100%"))
    picker = widgets.VBox([row, _chosen(slider, "value", _drawn(frames))])
    _refuse_heavy(picker, name)
    return picker


def question_frame(study: AnswersStudy, question, number: int) -> Frame:
    """What is asked and may be answered, then a row for each number of changed blocks and a column for each way."""
    answers = " · ".join(escape(answer) for answer in question.answers)
    body = (
        f"<p style='margin:0 0 4px'><b>Question {number}.</b> {escape(_asked(question))}</p>"
        f"<p style='margin:0 0 8px;color:{FAINT}'>{answers}</p>{_choices(study, question, number)}"
    )
    below = (
        f"<p style='margin:8px 0 0;font-size:12px;color:{FAINT}'>✓ right, ✕ wrong: the likeliest answer by accuracy. "
        f"{escape(heading(study))}.</p>"
    )
    return Frame.of(body, _alt(study, question, number), below, role="group")


def _columns(study: AnswersStudy) -> list[tuple[ChangedAnswers, ...]]:
    return [study.by(order, how) for order in study.orders for how in HOW]


def _choices(study: AnswersStudy, question, number: int) -> str:
    columns = _columns(study)
    heads = [f"{HOW[c[0].how]},<br>by {NAMES.get(c[0].order, c[0].order)}" for c in columns]
    rows = [("none", [study.chosen[number]] * len(columns))]
    rows += [(str(row[0].k), [each.chosen[number] for each in row]) for row in zip(*columns, strict=True)]
    top = "".join(
        f"<th scope='col' style='{_CELL};font-weight:normal;color:{FAINT}'>{h}</th>"
        for h in ("blocks<br>changed", *heads)
    )
    body = "".join(
        f"<tr><th scope='row' style='{_CELL};font-weight:normal'>{k}</th>"
        + "".join(f"<td style='{_CELL}'>{_choice(question, choice)}</td>" for choice in row)
        + "</tr>"
        for k, row in rows
    )  # fmt: skip
    look = "border-collapse:collapse;margin:0;font-size:13px;display:table"
    scroll = "tabindex='0' role='group' aria-label='what each model chose' style='overflow-x:auto'"
    return f"<div {scroll}><table style='{look}'><tr>{top}</tr>{body}</table></div>"


def _choice(question, choice: int) -> str:
    """The answer chosen, with a sign and a colour for right or wrong."""
    if choice < 0:
        return "no answer"
    sign, colour = ("✓", GREEN) if choice == question.right else ("✕", WARNING)
    return f"<span style='color:{colour}'>{sign}</span> {escape(question.answers[choice])}"


def _asked(question) -> str:
    """The question without the frame in which the model reads it."""
    return question.context.removeprefix("Question: ").removesuffix("\nAnswer:")


def _word(question, choice: int) -> str:
    return question.answers[choice] if choice >= 0 else "no answer"


def _alt(study: AnswersStudy, question, number: int) -> str:
    return sentences(
        f"Question {number}: {_asked(question)} The right one of {', '.join(question.answers)} is "
        f"{question.answers[question.right]}. The unchanged model answers {_word(question, study.chosen[number])}.",
        *(_told(column, question, number) for column in _columns(study)),
    )


def _told(column: tuple[ChangedAnswers, ...], question, number: int) -> str:
    first = column[0]
    said = ", ".join(f"{_word(question, each.chosen[number])} at {each.k}" for each in column)
    return f"Blocks {HOW[first.how]} by {NAMES.get(first.order, first.order)}: {said}."


def given_answers(questions: Sequence, chosen: Mapping[str, Sequence[int]]) -> Html:
    """A few questions with the likeliest answer of each model: name of the model → one answer a question, from 0."""
    rows = list(_given(questions, list(chosen.values())))
    right = [f"<b>{sum(map(_is_right, questions, each))} of {len(questions)}</b>" for each in chosen.values()]
    return table("What they answer", ("question", *chosen), [*rows, ["right", *right]])


def _given(questions: Sequence, chosen: Sequence[Sequence[int]]) -> Iterator[list[str]]:
    for question, *choices in zip(questions, *chosen, strict=True):
        yield [escape(_asked(question)), *(_choice(question, choice) for choice in choices)]


def _is_right(question, choice: int) -> bool:
    return choice == question.right
