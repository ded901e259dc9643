"""The model card of a pruned model: what was changed, how, from what text, and what it costs."""

import re
from collections.abc import Iterator
from pathlib import Path

from nearlinear.inputs.corpora import CORPORA
from nearlinear.inputs.hub import is_hub_id
from nearlinear.inputs.packaged import PACKAGES
from nearlinear.inputs.windows import n_tokens
from nearlinear.results import making

from .orders import ORDERS
from .prune import Pruned

UNKNOWN = "not known to nearlinear: that of the model it was made from"


def card(pruned: Pruned, *, plain: bool) -> str:
    """README.md, with the front matter that the Hugging Face hub reads."""
    parts = [_front(pruned), _title(pruned), _use(plain), _changes(pruned), _text(pruned), _cost(pruned), _made(pruned)]
    return "\n\n".join(parts) + "\n"


def record(pruned: Pruned) -> dict[str, object]:
    """The same for machines, for the configuration: what was asked for, each run's λ, the text and the perplexities."""
    spec = pruned.spec.model_dump(mode="json", exclude={"model", "corpus", "layers"})
    return spec | {
        "order": None if pruned.spec.layers else pruned.spec.order,
        "base": pruned.source.id,
        "base_sha256": pruned.source.sha256,
        "changed": list(pruned.layers),
        "ridge": [[run.start, run.stop, fit.ridge] for run, fit in pruned.fits.items()],
        "corpus": pruned.corpus.id,
        "corpus_sha256": pruned.corpus.sha256,
        "perplexity": {"before": pruned.before.perplexity, "after": pruned.after.perplexity},
        "versions": making.versions(),
    }


def summary(pruned: Pruned) -> str:
    """What happened, in three lines."""
    before, after = pruned.parameters
    perplexities = f"{pruned.before.perplexity:.2f} before, {pruned.after.perplexity:.2f} after"
    return (
        f"{pruned.source.id}: {_blocks(pruned)} {_done(pruned)}\n"
        f"perplexity on {_evaluated(pruned)}: {perplexities} ({_difference(pruned)})\n"
        f"parameters: {before:,} before, {after:,} after ({after / before - 1:+.1%})"
    )


def licence(name: str) -> str:
    """The licence of a model by the name it was loaded by; empty where we do not know it."""
    if name in PACKAGES:
        return PACKAGES[name].licence
    readme = Path(name).expanduser() / "README.md"
    if not readme.is_file():
        return ""
    found = re.match(r"---\n(?:.*\n)*?license: *(\S+)", readme.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else ""


def _front(pruned: Pruned) -> str:
    name, known = pruned.spec.model, licence(pruned.spec.model)
    lines = ["library_name: transformers", "pipeline_tag: text-generation", "tags: [nearlinear, pruned]"]
    lines += [f"license: {known.lower()}"] if known else []
    lines += [f"base_model: {name.partition('@')[0]}"] if is_hub_id(name) and not Path(name).exists() else []
    return "\n".join(["---", *lines, "---"])


def _title(pruned: Pruned) -> str:
    source = pruned.source
    what = f"{source.id}" + (f" ({source.note})" if source.note else "")
    return (
        f"# {source.id}, {len(pruned.layers)} of {source.L} blocks {_done(pruned)}\n\nMade from {what} by nearlinear."
    )


def _use(plain: bool) -> str:
    ours = "" if plain else "import nearlinear  # pip install nearlinear: it knows what stands in for the blocks\n"
    return (
        f"## Use\n\n```python\n{ours}from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        "model = AutoModelForCausalLM.from_pretrained(FOLDER)\n"
        "tokenizer = AutoTokenizer.from_pretrained(FOLDER)\n```"
    )


def _changes(pruned: Pruned) -> str:
    were = "was" if len(pruned.layers) == 1 else "were"
    said = f"{_blocks(pruned).capitalize()}, counted from 0, {were} {_done(pruned)}. {_why(pruned)}"
    return "\n\n".join(["## What was changed", said, *_how(pruned)])


def _why(pruned: Pruned) -> str:
    if pruned.spec.layers:
        return "The choice was made by hand."
    return f"The choice was made by the order `{pruned.spec.order}`: {ORDERS[pruned.spec.order]}."


def _how(pruned: Pruned) -> Iterator[str]:
    """One paragraph on the fit and one on the distillation, where there was one."""
    if pruned.fits:
        yield (
            "Each affine map is the least squares fit of the update, with an intercept, and with a ridge towards the "
            "identity whose λ was chosen on other text than the map was fitted on."
        )
        rows = [f"| {_run(run)} | {fit.ridge:g} |" for run, fit in pruned.fits.items()]
        yield "\n".join(["| blocks behind one map | λ |", "|---|---|", *rows])
    if pruned.spec.distil_steps:
        what = "The maps were" if pruned.fits else "All weights of the pruned model were"
        yield (
            f"{what} then distilled for {pruned.spec.distil_steps} steps, by the mean squared error between the pruned "
            "model's states and those of the model it was made from, layer by layer."
        )


def _text(pruned: Pruned) -> str:
    texts, corpus = pruned.texts, pruned.corpus
    fit, choose, evaluate = (f"{n_tokens(part):,}" for part in (texts.fit, texts.choose, texts.evaluate))
    note = f" ({corpus.note})" if corpus.note else ""
    known = CORPORA.get(pruned.spec.corpus)
    whose = f" {known.attribution}; licence: {known.licence}." if known else ""
    return (
        f"## Text\n\n{corpus.id}{note}, sha256 {corpus.sha256[:16]}…, in windows of "
        f"{pruned.spec.context} tokens.{whose} {fit} tokens are for fitting and distilling, {choose} for choosing, "
        f"{evaluate} for evaluating; no document, nor stretch of a single one, serves two ends."
    )


def _cost(pruned: Pruned) -> str:
    before, after = pruned.parameters
    return (
        f"## What it costs\n\n| | before | after |\n|---|---|---|\n"
        f"| perplexity on {_evaluated(pruned)} | {pruned.before.perplexity:.2f} | {pruned.after.perplexity:.2f} |\n"
        f"| parameters | {before:,} | {after:,} |\n\n"
        f"The difference: {_difference(pruned)}, paired, over {_units(pruned)}. Each window is read by itself, and its "
        "first token is not predicted. This is no standard benchmark: compare these perplexities with each other only."
    )


def _made(pruned: Pruned) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in making.versions().items())
    return (
        f"## How it was made\n\nSeed {pruned.spec.seed}; weights in {pruned.spec.dtype}; base weights sha256 "
        f"{pruned.source.sha256[:16]}…; {versions}.\n\nLicence: {licence(pruned.spec.model) or UNKNOWN}."
    )


def _done(pruned: Pruned) -> str:
    done = "replaced by affine maps" if pruned.fits else "removed"
    return f"{done} and distilled" if pruned.spec.distil_steps else done


def _blocks(pruned: Pruned) -> str:
    return ("block " if len(pruned.layers) == 1 else "blocks ") + ", ".join(map(str, pruned.layers))


def _run(run: range) -> str:
    return str(run.start) if len(run) == 1 else f"{run.start} to {run[-1]}"


def _evaluated(pruned: Pruned) -> str:
    return f"{pruned.corpus.id} ({n_tokens(pruned.texts.evaluate):,} tokens)"


def _difference(pruned: Pruned) -> str:
    worse = pruned.difference
    return f"log-loss {worse.mean:+.4f} nats a token, 95 % interval {worse.low:+.4f} to {worse.high:+.4f}"


def _units(pruned: Pruned) -> str:
    """What the bootstrap of `compare` draws."""
    return "documents" if len(set(pruned.before.document.tolist())) > 1 else "windows"
