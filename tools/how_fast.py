"""What is measured about speed and memory, in plain words, from the records of the benchmarks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu_queue import Entry
from benchmarks.gpu_queue import entries as gpu_entries
from benchmarks.sidebyside import Ratio, ratios_of, read
from nearlinear.show.inventory import took
from tools.profiles import ROOT

RECORDS = ROOT / "benchmarks/records"
QUEUE = ROOT / "benchmarks/gpu_queue.yaml"
MANY = 5
"""More ratios than this are summed up in a sentence."""

ON_GPU = "gpu"
"""The folder, under the records, of what a GPU has measured."""


@dataclass(frozen=True)
class Told:
    """What a record is, in plain words, and what stands on the other side of its ratios.

    `page`: where the book shows the ratios themselves; then they are not shown twice.
    """

    title: str
    words: str
    beside: str
    page: str = ""


TOLD = {
    "score_against_package": Told(
        "The score, beside the package llm-microscope",
        "Both scores of one pair of layers, from the same two matrices in memory. The package gives the number; ours "
        "gives norms, cosines and the scores without first and massive tokens as well. Memory is the peak of a "
        "process, at the longest text over the shortest.",
        "llm-microscope, in float32, as models feed it, and in float64",
    ),
    "pruning_peers": Told(
        "Pruning, beside published pruners",
        "The same numbers of blocks taken out of the same model, on the same texts, by our maps and by what others "
        "have published. What counts here is the loss, not the time.",
        "ShortGPT, PruneMe and ReplaceMe, their own code run where it can be, and SLEB's rule",
        "/notebooks/06_which_order",
    ),
    "train_loop": Told(
        "Training, beside a bare loop",
        "The same steps on the same windows to the same weights, by our loop and by one written for this one model. "
        "Ours can also cut batches into parts, mix precisions, go on from a checkpoint and stop where the loss breaks.",
        "a bare loop of PyTorch",
    ),
    "pass1_over_backbone": Told(
        "What measuring costs",
        "A model reads a text, with our sums on every block and without them. *Hooks alone* should be 1; how far it "
        "is off says how much the other ratios can be trusted.",
        "the bare backbone on the same batches, no head on either side",
    ),
    "greedy_prefix": Told(
        "Searching for the next block to prune",
        "One step of a greedy search. Ours keeps the states before each candidate, where the usual loop runs the "
        "whole model for every one. Both choose the same blocks, or the benchmark stops.",
        "the plain loop, as in SLEB",
    ),
    "fused_attention": Told(
        "Shaped attention without its large matrices",
        "The attention of the simplified blocks, forward and backward, with no matrix of tokens by tokens in memory; "
        "then what it costs over softmax attention alone, and the share of the running mean in it.",
        "the same formed as matrices, as in the released code; softmax attention",
    ),
    "pruned_speed": Told(
        "A pruned model, by the clock",
        "Reading a prompt and writing on, with the deepest blocks removed or replaced by lines.",
        "the same model with all its blocks",
        "/notebooks/04_remove_replace_distil",
    ),
    "blocks_train": Told(
        "Simplified blocks in training",
        "A training step of a model of simplified blocks. A ratio above 1 means that the simplified one is faster.",
        "the same model of Pre-LN blocks",
        "/notebooks/09_counting",
    ),
    "blocks_decode": Told(
        "Simplified blocks in writing",
        "Writing token by token. A ratio above 1 means that the simplified block is faster.",
        "the same model of Pre-LN blocks",
        "/notebooks/09_counting",
    ),
    "train_steps": Told(
        "A step of the training study",
        "A step of every block at the sizes of the book's own trainings, with nothing else in it. Curves against time "
        "are drawn with these seconds.",
        "a step of the Pre-LN model",
    ),
    "ladder": Told(
        "The ladder of precisions, on a GPU",
        "What each precision of the sums costs at the widths of larger models, with random weights, and how far each "
        "is from the exact one when massive activations are planted.",
        "the backbone in bfloat16; sums in float64",
    ),
}
"""By name of the record, or what it begins with; in the order of the page."""


def page() -> str:
    """What the page *How fast is it?* includes."""
    found = records(RECORDS)
    parts = [aims(found), "## What was measured", *sections(found), "## On a GPU", on_gpu(gpu_entries(QUEUE), RECORDS)]
    return "\n\n".join(parts) + "\n"


def records(folder: Path) -> dict[str, dict]:
    """Name → record, those of a GPU among them (gpu/NAME), but for trainings and tests, which are no benchmarks.

    Raises ValueError for another file that is no record.
    """
    found = {}
    for path in sorted(folder.rglob("*.json")):
        try:
            found[path.relative_to(folder).with_suffix("").as_posix()] = read(path)
        except ValueError:
            if path.parent == folder:
                raise
    return found


def told(name: str, record: dict) -> Told:
    """The words for a record; of one that has none, its own question."""
    last = name.rpartition("/")[2]
    fitting = [words for begin, words in TOLD.items() if last.startswith(begin)]
    return fitting[0] if fitting else Told(record["question"], "", "what the ratios name")


def aims(found: dict[str, dict]) -> str:
    """Every ratio of which something was promised: the promise, what came out, and whether it was kept."""
    promised = [ratio for record in found.values() for ratio in ratios_of(record) if ratio.goal]
    met = sum(ratio.verdict == "met" for ratio in promised)
    lines = [
        f"| {cell(ratio.what)} | {ratio.goal} | **{ratio.median:.2f}** | {spread(ratio)} | {verdict(ratio)} |"
        for ratio in promised
    ]
    head = ["| what | aim | measured | lowest to highest round | verdict |", "|---|---|---|---|---|"]
    return "\n".join([f"Of {len(promised)} aims, {met} {'is' if met == 1 else 'are'} met.", "", *head, *lines])


def verdict(ratio: Ratio) -> str:
    """Whether an aim is missed, met by the median, or met in every round."""
    if ratio.verdict != "met":
        return ratio.verdict
    every = ratio.high <= ratio.at_most if ratio.at_most is not None else ratio.low >= ratio.at_least
    return "met in every round" if every else "met by the median"


def sections(found: dict[str, dict]) -> Iterator[str]:
    """A section a kind of record, in the order of the words; what has no words comes last."""
    groups: dict[Told, dict[str, dict]] = {words: {} for words in TOLD.values()}
    for name, record in found.items():
        groups.setdefault(told(name, record), {})[name] = record
    for words, of in groups.items():
        if of:
            yield section(words, of)


def section(words: Told, of: dict[str, dict]) -> str:
    """What is measured and against what; then each record with its ratios, machine and date."""
    head = [f"### {cell(words.title)}", words.words, f"Beside it: {cell(words.beside)}."]
    return "\n\n".join(part for part in [*head, *(one(words, name, record) for name, record in of.items())] if part)


def one(words: Told, name: str, record: dict) -> str:
    """One record: its ratios, or where the book shows them, and how it was made. Chapters show this machine's alone."""
    ratios, question = ratios_of(record), cell(record["question"])
    if words.page and "/" not in name:
        shown = f"**{question}.** {summary(ratios)} {{doc}}`{words.page}` shows {'each' if ratios else 'the table'}."
    else:
        shown = f"**{question}.** {summary(ratios)}\n\n{folded(ratios)}"
    return f"{shown}\n\n{made(record)}"


def summary(ratios: list[Ratio]) -> str:
    """How many ratios there are, and between what they lie, where there are too many to see it."""
    if len(ratios) <= MANY:
        return ""
    low, high = min(ratios, key=lambda r: r.median), max(ratios, key=lambda r: r.median)
    return f"{len(ratios)} ratios, from {low.median:.2f} ({short(low)}) to {high.median:.2f} ({short(high)})."


def short(ratio: Ratio) -> str:
    """Its name without what is added in brackets."""
    return cell(re.sub(r" \([^()]*\)$", "", ratio.what))


def folded(ratios: list[Ratio]) -> str:
    """A long table is folded away, under its summary."""
    shown = table(ratios)
    return f":::{{dropdown}} Every ratio\n{shown}\n:::" if len(ratios) > MANY else shown


def table(ratios: list[Ratio]) -> str:
    """Each ratio with the spread of its rounds."""
    lines = [
        f"| {cell(r.what)} | **{r.median:.2f}** | {spread(r)} | {f'{r.goal}: {verdict(r)}' if r.goal else ''} |"
        for r in ratios
    ]
    return "\n".join(["| this / that | median | lowest to highest round | aim |", "|---|---|---|---|", *lines])


def spread(ratio: Ratio) -> str:
    return f"{ratio.low:.2f} to {ratio.high:.2f}"


def made(record: dict) -> str:
    """Machine, versions, date and command."""
    p = record["provenance"]
    threads = p["machine"]["threads"]
    tree = "" if p["clean"] else ", with changes that were not committed"
    return (
        f"*{machine(p['machine'])}, {threads} thread{'s' if threads != 1 else ''}, "
        f"torch {cell(p['versions']['torch'])}; {p['created'][:10]}, in {took(p['seconds'])}{tree}.* `{p['command']}`"
    )


def machine(of: dict) -> str:
    """What it ran on, by name."""
    name = of["processor"] if of["device"] == "cpu" else f"{of['device']}, {of['processor']}"
    return cell(f"{name}, {of['cores']} cores")


def on_gpu(queue: list[Entry], folder: Path) -> str:
    """What waits for a GPU and what has been measured on one."""
    there = [(folder / ON_GPU / entry.result).exists() for entry in queue]
    waiting = there.count(False)
    if not waiting:
        said = "Everything that needs a GPU has been measured; its records stand above, with their machine."
    else:
        said = (
            f"{waiting} of {len(queue)} measurements that need a GPU have no record yet, because there was no GPU. "
            "`make gpu` makes them on a machine that has one."
        )
    lines = [
        f"| {cell(entry.name)} | {entry.minutes:g} | {'there' if done else 'none yet'} |"
        for entry, done in zip(queue, there, strict=True)
    ]
    return "\n".join([said, "", "| what | minutes, as expected | record |", "|---|---|---|", *lines])


def cell(words: str) -> str:
    """Words as they are: no mark of a table, of Markdown or of HTML among them."""
    for mark in "\\`*_$<>[]{}~":
        words = words.replace(mark, f"\\{mark}")
    return words.replace("|", "\\|")
