"""Runs that measure nothing: a plausible profile for any specification, made by the library as it stands."""

from nearlinear.results.making import library_sha256
from nearlinear.results.store import spec_sha256
from tests.show import synthetic


class Measuring:
    """Stands in for nearlinear.study.run, and remembers what it was asked; `fails`: model → what it raises."""

    def __init__(self, fails=()):
        self.asked, self.fails = [], dict(fails)

    def __call__(self, spec):
        self.asked.append(spec)
        if error := self.fails.get(spec.model):
            raise error
        name = spec.model if spec.random_seed is None else f"{spec.model}#random-{spec.random_seed}"
        made = synthetic.profile(name, L=4, seed=spec.seed)
        told = {"spec_sha256": spec_sha256(spec), "library_sha256": library_sha256(), "seed": spec.seed}
        return [made.model_copy(update={"provenance": made.provenance.model_copy(update=told)})]


def changed(profile, *, model=None, windows=None, **fields):
    """A profile of other weights or windows, or of another commit."""
    made = profile.provenance
    source = made.model.model_copy(update=model or {})
    update = {"model": source, "windows_sha256": made.windows_sha256 if windows is None else windows, **fields}
    return profile.model_copy(update={"provenance": made.model_copy(update=update)})
