"""The model card of a trained model: what it is, what was measured, on which text, and how it was made."""

import math

from nearlinear.inputs.corpora import CORPORA
from nearlinear.results.training import TrainingRun

NAMES = {
    "pre-ln": "Pre-LN",
    "post-ln": "Post-LN",
    "parallel": "parallel",
    "v-skipinit": "V-SkipInit",
    "sas": "SAS",
    "sas-p": "SAS-P",
    "sas-p-no-norm": "SAS-P without norms",
    "skipless": "skipless",
}


def card(result: TrainingRun) -> str:
    """README.md, with the front matter that the Hugging Face hub reads."""
    return "\n\n".join([_front(result), _title(result), _use(result), _measured(result), _text(result), _made(result)])


def summary(result: TrainingRun) -> str:
    """What came of it, as a short table of plain text."""
    spec, made = result.spec, result.provenance
    rows = [*_losses(result), ("parameters", f"{result.n_parameters:,}"), ("steps", f"{spec.recipe.steps:,}"),
            ("seconds", f"{seconds(result):.3g}")]  # fmt: skip
    width = max(len(name) for name, _ in rows)
    head = f"{spec.architecture.block} on {made.corpus.id}, seed {spec.seed}"
    return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in rows)])


def seconds(result: TrainingRun) -> float:
    """Of training alone, an earlier part of an interrupted run included."""
    return result.seconds[-1]


def bits(result: TrainingRun) -> float | None:
    """The held-out loss in bits a byte; None where tokens are no bytes, or not every byte is asked for."""
    reading = result.spec.reading
    return result.loss / math.log(2) if (reading.tokens, reading.task) == ("bytes", "causal") else None


def _losses(result: TrainingRun) -> list[tuple[str, str]]:
    """Training and held-out loss in words."""
    each = "a hidden token" if result.spec.reading.task == "masked" else "a token"
    held_out = f"{result.loss:.4f} nats {each}"
    if (a_byte := bits(result)) is not None:
        held_out += f" ({a_byte:.4f} bits a byte)"
    last = result.steps[-1] - (result.steps[-2] if len(result.steps) > 1 else 0)
    of_last = f"{result.losses[-1]:.4f} nats {each}"
    return [("held-out loss", held_out), (f"training loss, last {last} steps", of_last)]


def _front(result: TrainingRun) -> str:
    task = "fill-mask" if result.spec.reading.task == "masked" else "text-generation"
    tags = f"[nearlinear, {result.spec.architecture.block}]"
    return f"---\nlibrary_name: transformers\npipeline_tag: {task}\ntags: {tags}\n---"


def _title(result: TrainingRun) -> str:
    shape = result.spec.architecture
    return (
        f"# {NAMES[shape.block]}, {shape.L} blocks of width {shape.d}, from {result.provenance.corpus.id}\n\n"
        f"A small transformer of {NAMES[shape.block]} blocks (arXiv 2311.01906), trained from scratch by nearlinear. "
        "It is for measuring and comparing, and not for writing."
    )


def _use(result: TrainingRun) -> str:
    auto = "AutoModelForMaskedLM" if result.spec.reading.task == "masked" else "AutoModelForCausalLM"
    return (
        "## Use\n\n```python\nimport nearlinear  # pip install nearlinear: it knows these blocks\n"
        f"from transformers import {auto}, AutoTokenizer\n\n"
        f"model = {auto}.from_pretrained(FOLDER)\ntokenizer = AutoTokenizer.from_pretrained(FOLDER)\n```\n\n"
        f"It reads at most {result.spec.architecture.T} tokens."
    )


def _measured(result: TrainingRun) -> str:
    spec = result.spec
    rows = [*_losses(result), ("parameters", f"{result.n_parameters:,}"), ("steps", f"{spec.recipe.steps:,}"),
            ("tokens read in training", f"{result.provenance.n_tokens:,} ({result.epochs:.3g} times the text)"),
            ("seconds of training", f"{seconds(result):.3g} on {result.provenance.device}")]  # fmt: skip
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    n = sum(result.document_tokens)
    return (
        f"## What was measured\n\n{table}\n\nThe held-out loss is over {n:,} tokens of {len(result.document_tokens)} "
        f"documents that training never saw, in windows of {spec.architecture.T}. This is one seed: another would end "
        "elsewhere."
    )


def _text(result: TrainingRun) -> str:
    source, reading = result.provenance.corpus, result.spec.reading
    note = f" ({source.note})" if source.note else ""
    known = CORPORA.get(reading.corpus)
    whose = f" {known.attribution}; licence: {known.licence}." if known else ""
    dropped = f" {result.n_dropped} documents were left out as copies of others." if result.n_dropped else ""
    return (
        f"## Text\n\n{source.id}{note}, {source.n_documents} documents, sha256 {source.sha256[:16]}…, in tokens "
        f'"{reading.tokens}": {result.vocabulary:,} of them, {result.n_train:,} tokens to train on.{dropped}{whose}'
    )


def _made(result: TrainingRun) -> str:
    made, recipe = result.provenance, result.spec.recipe
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    return (
        f"## How it was made\n\n`{made.command}`. Weights were drawn from seed {result.spec.seed}, the order of the "
        f"text from seed {result.spec.order_seed}. AdamW with a peak rate of {recipe.lr:g}, batches of {recipe.batch} "
        f"windows, {recipe.precision}. {versions}.\n\nThe whole curve, and all that was asked for, stands in "
        f"`{TrainingRun.filename}`.\n"
    )
