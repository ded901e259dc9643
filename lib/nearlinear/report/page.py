"""The page: one file of HTML that needs no network and no script, and trusts no name."""

import math
from collections.abc import Iterator, Sequence

from nearlinear.results.types import LinearityProfile
from nearlinear.show.tables import provenance_facts, standing
from nearlinear.show.words import model_name, number, score

from . import html
from .caveats import caveats
from .columns import COLUMNS, rows
from .drawings import figures, harmless
from .look import CSS
from .summary import MASSIVE, count, median, share, summary
from .types import Report

CHAPTERS = {
    "How the scorer works": "what a score is, and six ways to fool yourself with it",
    "Linearity by layer": "the first figures of this page, for the recorded models",
    "Without the residual, and the size of an update": "why the update score is the one to look at",
    "Which tokens are not linear": "where the error of the lines lies",
    "Remove, replace, distil": "what blocks cost, and what lines give back",
    "Which order is best, and can the score predict damage?": "why a high score does not say that a block can go",
    "Models and texts": "what the recorded models are",
}
"""Pages of the book by name, and what each has to say to a reader of the report."""

SECURITY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Nothing is loaded and nothing runs, whatever the page says."""

SHORT = (
    "block",
    "score",
    "score_held_out",
    "update_score",
    "update_score_held_out",
    "update_score_strict",
    "norm_ratio",
    "massive_tokens",
    "removed_nats",
    "replaced_nats",
)
"""The columns that the page shows; the CSV has them all."""


def page(report: Report, recorded: Sequence[LinearityProfile]) -> str:
    """The whole page; `recorded`: the models to draw this one over."""
    name = model_name(report.profile.provenance)
    title = f"How linear is {name}?"
    body = "\n".join(part for part in _parts(report, recorded, title) if part)
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{SECURITY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="nearlinear">\n'
        f"<title>{harmless(title)}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _parts(report: Report, recorded: Sequence[LinearityProfile], title: str) -> Iterator[str]:
    profile, drawn = report.profile, figures(report, recorded)
    yield f'<header><p class="kicker">nearlinear report, {report.spec.depth}</p><h1>{harmless(title)}</h1></header>'
    yield html.paragraph(_lead(profile), "kicker")
    yield html.paragraph(f"Not reliable: {profile.reason}.", "note") if profile.reason else ""
    yield html.heading("What was found", "found") + html.listed(summary(report, recorded), "summary")
    yield html.heading("Linearity by layer", "linearity") + html.paragraph(LINEARITY)
    yield html.figure(drawn["beside"], "beside") + html.figure(drawn["controls"], "controls")
    yield html.heading("Without the residual", "updates") + html.paragraph(UPDATES) + html.figure(drawn["updates"], "u")
    yield (
        html.heading("How large is an update?", "sizes") + html.paragraph(SIZES) + html.figure(drawn["sizes"], "sizes")
    )
    yield html.heading("What hides behind the number", "hidden") + "".join(_hidden(report))
    yield html.heading("Which blocks can go?", "pruning")
    yield from _pruning(report, drawn)
    yield html.heading("Before you believe it", "caveats") + html.listed(caveats(report))
    yield html.heading("Block by block", "blocks") + _blocks(report)
    yield html.heading("How it was measured", "made") + "".join(_made(report))
    yield html.heading("To repeat it", "repeat") + html.code(report.spec.command()) + html.paragraph(REPEAT, "small")
    yield html.heading("In the book", "book") + html.listed(f"{name} – {what}." for name, what in CHAPTERS.items())


LINEARITY = (
    "The linearity score is the share of the variance of a block's output that a matrix and a constant reproduce from "
    "its input: 1 means that the block is a matrix. It is high for almost any transformer, trained or not, because a "
    "block adds a small change to a large state. So look at the right-hand panels, and at the lower ones."
)
UPDATES = (
    "Take away what came in, and score the change alone. A score below zero means that the line does worse on new text "
    "than the mean would. Where the curves of one block lie far apart, a few tokens or too few tokens make the number."
)
SIZES = (
    "A score near 1 can mean that a block is predictable, or that it does little. The size of its update, beside the "
    "state that it joins, tells the two apart."
)
REPEAT = (
    "What was measured is kept in the cache of nearlinear, so that the same command is quick the second time. "
    "report.json holds these results with their provenance, report.csv one row for each block."
)


def _lead(profile: LinearityProfile) -> str:
    made = profile.provenance
    return (
        f"{made.model.architecture}, {count(profile.L, 'block')}, width {profile.d:,}, "
        f"{count(made.model.n_parameters, 'parameter')}; text: {made.corpus.id}; {count(profile.n, 'token')}, "
        f"n/d\u00a0=\u00a0{profile.n_over_d:.1f}. Measured {made.created[:10]}."
    )


def _hidden(report: Report) -> Iterator[str]:
    """Massive tokens, and on how few tokens the error lies."""
    hidden = report.hidden
    yield html.paragraph(
        f"A token is massive in a block if its state is over {MASSIVE} times longer than the median token's. A few "
        "such tokens can hold most of the variance, and then a score measures little but them."
    )
    if hidden is None:
        yield html.paragraph("No text was held out, so single tokens were not looked at.")
        return
    worst = median(hidden.worst_share)
    if not math.isnan(worst):
        yield html.paragraph(
            f"On held-out text, the worst hundredth of the tokens carries {share(worst)} of the squared error "
            "(median over blocks, first tokens out)."
        )
    if hidden.largest:
        head = ("token", "window", "position", "longest after block", "times the median")
        found = [
            (_shown(t.text), str(t.window), str(t.position), str(t.block), number(t.times)) for t in hidden.largest
        ]
        yield html.table("The longest held-out states, first tokens of windows aside", head, found)


def _shown(text: str) -> str:
    """A token in quotes, with what cannot be seen written out."""
    return repr(text)


def _pruning(report: Report, drawn) -> Iterator[str]:
    if report.pruning is None:
        yield html.paragraph(f"Not measured: {report.why_no_pruning}.".replace("..", "."))
        return
    yield html.paragraph(
        "Each block was removed alone, and then replaced by the line that was fitted to it. After that blocks went one "
        "after another: in the order of the paper's score, of block influence, and by a search that tries every block "
        "at each step. All of it on text that was used for nothing else."
    )
    yield html.figure(drawn["damage"], "damage") + html.figure(drawn["pruning"], "pruning")


def _blocks(report: Report) -> str:
    table = rows(report)
    shown = [name for name in SHORT if any(row[name] is not None for row in table)]
    cells = [[_cell(name, row[name]) for name in shown] for row in table]
    return html.table("One row a block", [name.replace("_", " ") for name in shown], cells, "numbers")


def _cell(name: str, value: float | int | None) -> str:
    if value is None:
        return "—"
    if isinstance(value, int):
        return str(value)
    return score(value) if "score" in name else number(value)


def _made(report: Report) -> Iterator[str]:
    standing_now = standing(report.profile)
    yield html.facts(f"Scores{standing_now}", provenance_facts(report.profile.provenance))
    if report.pruning is not None:
        yield html.facts(f"Blocks taken out{standing(report.pruning)}", provenance_facts(report.pruning.provenance))
    yield html.facts("Columns of report.csv", {column.name: column.what for column in COLUMNS})
