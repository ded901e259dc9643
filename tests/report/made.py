"""Reports to look at without a model, and small models on disk to measure."""

from nearlinear.inputs.tiny import byte_tokenizer, tiny_model
from nearlinear.report.specs import ReportSpec
from nearlinear.report.types import Hidden, Report
from nearlinear.results.pruning import Changed, Measure, PruningCurve, PruningStudy
from tests.show import synthetic

TEXT = "".join(
    f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars and said nothing.\n" for i in range(300)
)

HOSTILE = "<script>alert('name')</script>\"&$x_{$"


def study(L=4, name="smollm2-135m") -> PruningStudy:
    """Removing block b costs 0.1 (b + 1) nats, its line gives back half of it."""
    alone = {how: tuple(_changed((b,), part * 0.1 * (b + 1)) for b in range(L)) for how, part in WAYS.items()}
    curves = tuple(
        PruningCurve(order=order, how=how, steps=tuple(_changed(tuple(range(k)), part * 0.2 * k) for k in (1, 2)))
        for order in ("score", "bi", "greedy")
        for how, part in WAYS.items()
    )
    return PruningStudy(
        L=L,
        d=576,
        context=256,
        n_fit=11_520,
        n_choose=1024,
        n_evaluate=2048,
        n_documents=8,
        dense_perplexity=20.0,
        ridge=(0.0,) * L,
        measures=tuple(Measure(order=order, values=(0.5,) * L) for order in ("score", "bi")),
        single=alone,
        curves=curves,
        provenance=synthetic.provenance(name, L=L),
    )


WAYS = {"remove": 1.0, "replace": 0.5}


def _changed(layers, difference) -> Changed:
    interval = (difference - 0.15, difference + 0.15)
    return Changed(layers=layers, perplexity=20.0 * 2.718281828459045**difference, difference=difference,
                   interval=interval)  # fmt: skip


def report(profile=None, *, pruning=None, why="this is a quick report", name="smollm2-135m", **options) -> Report:
    profile = profile or synthetic.profile(name, L=4)
    hidden = Hidden.of(synthetic.token_errors(L=profile.L, windows=4)) if profile.held_out else None
    return Report(
        spec=ReportSpec(model=name, **options),
        profile=profile,
        hidden=hidden,
        pruning=pruning,
        why_no_pruning="" if pruning else why,
    )


def folder_model(folder, family="llama", **shape):
    """A small random model on disk; returns its folder."""
    tiny_model(family, **shape).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder
