"""What our own trainings say about L9, L10, L11 and L13, by rules that were written before any long run was read.

All is judged at the paper's setting, the cosine term with λ = 0.5, on the Llama-type model, against no term with the
same seed. A difference is *certain* where its 95 % interval over seeds (Student's t) leaves out zero. Runs of fewer
than ENOUGH steps say nothing, nor does a single seed. A claim is contradicted only by models as wide as WIDTH.

- L9, s_Δ is lower in every layer. It *falls* where its mean over blocks is certainly lower, held out and with first
  tokens left out, and where it is lower in every block with every seed. Reproduced where it falls so, and also as the
  paper measures it (in sample, first tokens in), and the unexplained share ‖E‖²/‖Y‖² is certainly larger, so that it
  is more than a smaller update. Partly where the mean is certainly lower, but one of these is missing. Contradicted
  where the mean is certainly higher.
- L10, better answers. Only kinds of questions count that the models without a term answer better than chance (the 95 %
  interval over questions lies above a quarter). An answer is better where the gain is above zero with every seed, and
  its interval over questions lies above zero. Our questions stand in for SuperGLUE, so that partly is the most that can
  be said: where one kind or more is better, and none is worse. Contradicted where one kind or more is worse (the same
  the other way round), and none is better.
- L11, better stories. Without a judge it is untestable here, whatever the stand-ins say. With marks of a judge for
  every text: reproduced where the mean mark is certainly higher, contradicted where it is certainly lower.
- L13, the squared term helps less. On the kinds of questions that count, the cosine term is set against the squared
  term at each λ that the paper tried (0.5 and 2). Partly where it is better than both in one kind or more, and worse
  than neither in any; contradicted where one of them is better than it in one kind or more, and it is better in none.
  Held-out losses stand beside it, and decide nothing.
"""

from collections.abc import Mapping

from nearlinear.results.claims import Verdict
from nearlinear.results.drift_groups import Change
from nearlinear.results.regularised_views import NONE, PAPERS, Runs, Setting, gaps, kinds_of, over_items, parts
from nearlinear.results.stories import Stories, judged

from .drift_words import signed
from .regularised_judge import BETTER, IN_SAMPLE, WORSE, Judge
from .regularised_texts import span, story_gap
from .regularised_words import change_told, setting_name
from .tables import Ours

SQUARED: tuple[Setting, ...] = (("squared", 0.5), ("squared", 2.0))
"""What the paper tried of the other term."""


def regularised_rows(
    runs: Runs, stories: Stories | None = None, marks: Mapping[str, float] | None = None
) -> list[Ours]:
    """L9, L10, L11 and L13, of the Llama-type model. `marks`: a judge's, by the ids of `to_judge`."""
    judge = Judge(runs)
    return [_lower(judge), _answers(judge), _stories(judge, stories, marks), _terms(judge)]


def _lower(judge: Judge) -> Ours:
    what = f"{setting_name(PAPERS)}: mean s_Δ over blocks less that of no term, held out, first tokens left out"
    if PAPERS not in judge.grid:
        return _nothing(judge, "L9", what)
    update, (more, smaller) = judge.gap("update_scores"), parts(judge.grid[PAPERS], judge.grid[NONE])
    values = gaps(judge.grid[PAPERS], judge.grid[NONE], "update_scores")
    lower = int((values < 0).all(0).sum())
    others = ", ".join(
        f"{setting_name(s)}: {change_told(judge.gap('update_scores', s))}"
        for s in judge.grid
        if s not in (NONE, PAPERS)
    )
    return Ours(
        claim="L9",
        what=what,
        number=change_told(update),
        controls=f"lower with every seed in {lower} of {values.shape[1]} blocks; the paper's way, in sample and with "
        f"first tokens: {change_told(judge.gap(IN_SAMPLE))}; of the change of log(1 − s_Δ), the unexplained share is "
        f"{change_told(more, 2)} and the smaller update {change_told(smaller, 2)}; {others or 'no other λ'}; "
        f"{judge.conditions}",
        verdict=_lower_verdict(judge, update, more),
        command=judge.command,
    )


def _lower_verdict(judge: Judge, update: Change, more: Change) -> Verdict:
    if not judge.says:
        return "not at this size"
    if judge.lower_everywhere("update_scores") and judge.lower_everywhere(IN_SAMPLE) and more.rises:
        return "reproduced"
    if update.falls:
        return "partly"
    return judge.against() if update.rises else "not at this size"


def _answers(judge: Judge) -> Ours:
    kinds = judge.counting
    words = [judge.word(kind) for kind in kinds]
    return Ours(
        claim="L10",
        what=f"{setting_name(PAPERS)}: questions with four answers right more often than without, in points",
        number=_said(judge, PAPERS, NONE) or "no question was asked",
        controls=f"better than chance without a term: {', '.join(kinds) or 'none'}; intervals over questions, seeds "
        f"paired; our questions stand in for SuperGLUE, so partly is the most that can be said; {_loss(judge)}; "
        f"{judge.conditions}",
        verdict=_answers_verdict(judge, words),
        command=judge.command,
    )


def _answers_verdict(judge: Judge, words: list[str]) -> Verdict:
    if not judge.says or not words:
        return "not at this size"
    if BETTER in words and WORSE not in words:
        return "partly"
    return judge.against() if WORSE in words and BETTER not in words else "not at this size"


def _said(judge: Judge, ours: Setting, other: Setting) -> str:
    told = []
    for kind in kinds_of(judge.grid):
        more = judge.more(kind, ours, other)
        if len(more):
            ends = span(over_items(more), sign=True)
            told.append(f"{kind} {signed(100 * float(more.mean()), 1)} {ends}".strip())
    return "; ".join(told)


def _loss(judge: Judge) -> str:
    if PAPERS not in judge.grid:
        return "no run of the paper's λ"
    return f"held-out loss against no term: {change_told(judge.gap('loss'))}"


def _stories(judge: Judge, stories: Stories | None, marks: Mapping[str, float] | None) -> Ours:
    found = Change((float("nan"),))
    if marks is not None and PAPERS in judge.grid:
        of = judged([run for s in (PAPERS, NONE) for run in judge.grid[s] if not run.stopped], marks)
        pairs = zip(judge.grid[PAPERS], judge.grid[NONE], strict=True)
        nothing = float("nan")
        found = Change(tuple(of.get(a.weights_sha256, nothing) - of.get(b.weights_sha256, nothing) for a, b in pairs))
    measured = "not read by a larger model"
    if stories is not None and PAPERS in judge.grid:
        change = change_told(story_gap(judge.grid[PAPERS], judge.grid[NONE], stories))
        measured = f"under {stories.provenance.model.id}, nats a byte of drawn texts against no term: {change}"
    return Ours(
        claim="L11",
        what=f"{setting_name(PAPERS)}: mean mark of a judge less that of no term",
        number="no judge" if marks is None else change_told(found),
        controls=f"{measured}; grammar: not measured. Neither stands for a judge; {judge.conditions}",
        verdict=_stories_verdict(judge, found, marks is not None),
        command=judge.command,
    )


def _stories_verdict(judge: Judge, found: Change, marked: bool) -> Verdict:
    if not marked:
        return "untestable here"
    if judge.says and found.rises:
        return "reproduced"
    return judge.against() if judge.says and found.falls else "not at this size"


def _terms(judge: Judge) -> Ours:
    there = [s for s in SQUARED if s in judge.grid and PAPERS in judge.grid]
    told = [f"against the {setting_name(s)}: {said}" for s in there if (said := _said(judge, PAPERS, s))]
    losses = ", ".join(f"{setting_name(s)}: {change_told(judge.gap('loss', s))}" for s in judge.grid if s != NONE)
    return Ours(
        claim="L13",
        what=f"{setting_name(PAPERS)}: questions right more often than under the squared term, in points",
        number="; ".join(told) or "nothing to compare",
        controls=f"better than chance without a term: {', '.join(judge.counting) or 'none'}; held-out loss against no "
        f"term: {losses}; intervals over questions, seeds paired; {judge.conditions}",
        verdict=_terms_verdict(judge, there),
        command=judge.command,
    )


def _terms_verdict(judge: Judge, there: list[Setting]) -> Verdict:
    if not judge.says or len(there) < len(SQUARED) or not judge.counting:
        return "not at this size"
    words = [[judge.word(kind, PAPERS, other) for other in there] for kind in judge.counting]
    better, worse = any(set(each) == {BETTER} for each in words), any(WORSE in each for each in words)
    if better and not worse:
        return "partly"
    clear = worse and not any(BETTER in each for each in words)
    return judge.against() if clear else "not at this size"


def _nothing(judge: Judge, claim: str, what: str) -> Ours:
    return Ours(
        claim=claim,
        what=what,
        number="not trained",
        controls=judge.conditions,
        verdict="not at this size",
        command=judge.command,
    )
