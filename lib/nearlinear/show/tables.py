"""Tables of the pages: the card on top, the parameters, paper and ours, and how the numbers were made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nearlinear.errors import InputError
from nearlinear.results.claims import VERDICTS, claim
from nearlinear.results.provenance import Provenance
from nearlinear.results.store import is_current
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile, TokensNeeded

from .shown import Html
from .style import FAINT, GRID, INK, PANEL
from .svg import FONTS
from .words import interval, score

_SIGNS = {"reproduced": "●", "partly": "◐", "not at this size": "○", "contradicted": "✕", "untestable here": "–"}
_NOTHING = "—"


@dataclass(frozen=True)
class Ours:
    """What we found for one claim: `number` with its 95 % interval (or words), under which controls, by which command.

    Raises InputError for a claim or a verdict that is not there.
    """

    claim: str
    what: str
    number: float | str
    controls: str
    verdict: str
    command: str
    interval: tuple[float, float] | None = None

    def __post_init__(self):
        claim(self.claim)
        if self.verdict not in VERDICTS:
            raise InputError(f"there is no verdict {self.verdict!r}: choose one of {', '.join(VERDICTS)}")

    @property
    def said(self) -> str:
        value = self.number if isinstance(self.number, str) else score(self.number)
        return f"{value} {interval(*self.interval)}".strip() if self.interval else value


def paper_and_ours(rows: Iterable[Ours]) -> Html:
    """The claims beside our numbers: what the paper prints, what we found, the controls it lacked, and the verdict."""
    head = ("claim", "the paper prints", "ours", "our controls", "verdict")
    return table("Paper and ours", head, [_judged(row) for row in rows])


def _judged(row: Ours) -> list[str]:
    c = claim(row.claim)
    where = f"<br><span style='font-size:12px;color:{FAINT}'>arXiv {c.paper}, {escape(c.where)}</span>"
    verdict = f"<b style='white-space:nowrap'>{_SIGNS[row.verdict]} {row.verdict}</b>"
    return [
        at_least(8, f"<b>{c.id}</b> {escape(c.claim)}{where}"),
        escape(c.paper_value or _NOTHING),
        at_least(9, f"{escape(row.what)}: <b>{escape(row.said)}</b>"),
        at_least(18, escape(row.controls or _NOTHING)),
        f"{verdict}<details><summary style='font-size:12px'>repeat it</summary>{_code(row.command)}</details>",
    ]


def at_least(ems: int, html: str) -> str:
    """A cell that stays so wide on a phone, where the table then moves sideways."""
    return f"<div style='min-width:{ems}em'>{html}</div>"


def card(*, minutes_cpu: float, minutes_gpu: float | None, memory: str, downloads: str, prerequisites: str) -> Html:
    """The card on top of a notebook: what it costs to run and what to know before."""
    facts = {
        "On 2 CPU cores": _minutes(minutes_cpu),
        "On a GPU": "not measured" if minutes_gpu is None else _minutes(minutes_gpu),
        "Memory": memory,
        "Downloads": downloads,
        "To know before": prerequisites,
    }
    items = "".join(
        f"<div style='flex:1 1 8.5em'><dt style='color:{FAINT};font-size:12px'>{escape(name)}</dt>"
        f"<dd style='margin:0'>{escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    return _panel(
        f"<dl style='display:flex;flex-wrap:wrap;gap:8px 24px;margin:0'>{items}</dl>", "what this notebook costs"
    )


def _minutes(minutes: float) -> str:
    return f"{60 * minutes:.0f} seconds" if minutes < 1 else f"{minutes:.1f} minutes"


def parameters_table(parameters: Mapping[str, Mapping[str, str]]) -> Html:
    """A notebook's parameters, as papermill's `inspect_notebook` reports them: name, type, default and help."""
    rows = [
        [
            _code(name),
            escape(p["inferred_type_name"]),
            _code(p["default"]),
            escape(p["help"]),
        ]
        for name, p in parameters.items()
    ]
    return table("Parameters", ("name", "type", "value", "what it is"), rows)


def provenance_table(result: LinearityProfile | TokensNeeded | TokenErrors) -> Html:
    """How a result was made, folded away: model, text, seeds, machine, versions, code, command."""
    rows = "".join(_fact(name, value) for name, value in provenance_facts(result.provenance).items())
    facts_table = f"<table style='{_TABLE}'><tbody>{rows}</tbody></table>"
    summary = f"<summary>How these numbers were made{escape(standing(result))}</summary>"
    return _panel(f"<details>{summary}{facts_table}</details>", "provenance of the numbers")


def provenance_facts(p: Provenance) -> dict[str, str]:
    """A provenance in words: what, and how it stands. Names and notes come as they are, to be escaped where shown."""
    m = p.model
    return {
        "model": _noted(f"{m.id} {m.revision}".strip(), m.note),
        "weights (sha256)": m.sha256,
        "architecture": f"{m.architecture}, L = {m.L}, d = {m.d}, {m.n_parameters:,} parameters",
        "text": _noted(f"{p.corpus.id}, {p.corpus.n_documents:,} documents", p.corpus.note),
        "text (sha256)": p.corpus.sha256,
        "tokens": f"{p.n_tokens:,} in {p.n_windows:,} windows",
        "seed": str(p.seed),
        "device": f"{p.device}, model in {p.dtype}, sums {p.precision}",
        "versions": ", ".join(f"{name} {version}" for name, version in p.versions.items()),
        "code": p.commit + ("" if p.clean else ", with changes that are not committed"),
        "library (sha256)": p.library_sha256,
        "specification (sha256)": p.spec_sha256,
        "made": f"{p.created}, in {p.seconds:.0f} seconds",
        "command": p.command,
    }


def _noted(name: str, note: str) -> str:
    return f"{name} ({note})" if note else name


def standing(result: LinearityProfile | TokensNeeded | TokenErrors) -> str:
    """What a reader must know before believing a stored number: that the code behind it has changed since."""
    return "" if is_current(result) else " (made by an earlier version of the library; make results renews it)"


_TABLE = "border-collapse:collapse;width:100%;margin:0;font-size:13px;display:table"
_CELL = f"text-align:left;vertical-align:top;padding:5px 10px 5px 0;border-bottom:1px solid {GRID}"


def _code(words: str) -> str:
    """Code in the ink of the panel, whatever a dark theme thinks."""
    return f"<code style='color:inherit;background:none;border:0;padding:0'>{escape(words)}</code>"


def _fact(name: str, value: str) -> str:
    head = f"<th scope='row' style='{_CELL};font-weight:normal;color:{FAINT}'>{name}</th>"
    return f"<tr>{head}<td style='{_CELL};overflow-wrap:anywhere'>{escape(value)}</td></tr>"


def _head(name: str) -> str:
    """The corner above a column of row headers is an empty cell, not a header without words."""
    kind = "th scope='col'" if name else "td"
    return f"<{kind} style='{_CELL};border-color:{FAINT}'>{escape(name)}</{kind[:2]}>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Cells are HTML already. The first cell of a row is its header."""
    heads = "".join(_head(name) for name in head)
    body = "".join(
        f"<tr><th scope='row' style='{_CELL};font-weight:normal'>{first}</th>"
        + "".join(f"<td style='{_CELL}'>{cell}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    title = (
        f"<caption style='text-align:left;caption-side:top;font-weight:bold;color:{INK}'>{escape(caption)}</caption>"
    )
    wide = f"{_TABLE};min-width:{7 * len(head)}em"
    return _panel(f"<table style='{wide}'>{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>", caption)


def _panel(html: str, label: str) -> Html:
    """A light panel that scrolls sideways on a narrow screen, by keyboard too."""
    look = f"background:{PANEL};color:{INK};font:14px/1.5 {FONTS};padding:10px 12px;border-radius:6px;overflow-x:auto"
    return Html(f"<div tabindex='0' role='group' aria-label='{escape(label)}' style='{look}'>{html}</div>", label)
