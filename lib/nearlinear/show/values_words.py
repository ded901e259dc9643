"""The settings of values and projections in words: what a reader calls each, and what it is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.results.ablation_views import Settings, by_setting
from nearlinear.results.training import Block
from nearlinear.results.training_studies import BETAS
from nearlinear.results.training_views import Difference, difference

from .learning_words import Runs

STARTS = ("orthogonal", "identity")
"""How values and projections start where β is varied."""

TIED = ("tied-blocks-0", "tied-last-0")

PAIRS = {f"orthogonal-{share}": f"orthogonal-rate-{share}" for share in (10, 30)}
"""A gain β, and the same factor on the learning rate of values and projections instead (appendix A)."""

LETTERS = {"attn.alpha": "α", "attn.beta": "β", "attn.gamma": "γ", "beta_ff": "β_FF"}
PARTS = {"value": "W_V", "project": "W_P"}

RATIOS = ("identity-gains", "orthogonal-gains", "pre-ln-gains")
"""The settings that train α and β of values and projections."""


def _beta(start: str, beta: float) -> str:
    return f"{start}, β = {beta:g}"


NAMES: dict[str, str] = {
    **{f"{start}-{100 * beta:g}": _beta(start, beta) for start in STARTS for beta in BETAS},
    "tied-blocks-0": "tied in each block, β = 0",
    "tied-last-0": "tied by the last, β = 0",
    "orthogonal-rate-10": "orthogonal, rate × 0.1",
    "orthogonal-rate-30": "orthogonal, rate × 0.3",
    "identity-gains": "identity, α and β trained",
    "orthogonal-gains": "orthogonal, α and β trained",
    "pre-ln": "Pre-LN",
    "pre-ln-gains": "Pre-LN, identity, α and β trained",
    "pre-ln-identity": "Pre-LN, V = P = I",
    "value-skip": "identity, β = 0, αI + βA",
    "sas": "SAS",
    "sas-no-first-value": "SAS without its first W_V",
    "sas-cosine": "SAS, cosine schedule",
    "sas-no-mlp-skip": "SAS without the skip of its MLP",
    "sas-beta-ff-3": "SAS, β_FF from 0.03",
    "sas-beta-ff-100": "SAS, β_FF from 1",
}
"""What a reader calls a setting. "orthogonal" and "identity" are V-SkipInit with W_V and W_P that start so."""


@dataclass(frozen=True)
class Change:
    """One change to one setting: `name` is `base` but for `what`; `claim`: the claim that it tests, if there is one."""

    name: str
    base: str
    what: str
    claim: str = ""


CHANGES: tuple[Change, ...] = (
    Change("sas-no-mlp-skip", "sas", "no skip around the MLP", "S8"),
    Change("sas-beta-ff-100", "sas", "β_FF starts at 1", "S18"),
    Change("sas-beta-ff-3", "sas", "β_FF starts at 0.03", "S18"),
    Change("sas-cosine", "sas", "rate falls as a cosine", "S25"),
    Change("sas-no-first-value", "sas", "no first W_V", "S23"),
    Change("value-skip", "identity-0", "αI + βA for shaped", "S19"),
    Change("pre-ln-identity", "pre-ln", "V = P = I", "S22"),
    Change("pre-ln-gains", "pre-ln", "V, P: αI + βΔW"),
)
"""The ablations that change one thing: Figs. 12 to 14 and 22 to 25."""

BLANK = Change("sas-no-first-value", "identity-0", "nothing (other weights)")
"""The same model twice: what differs is the draw of its weights. Its difference is what luck does."""

BASES: dict[str, str] = {
    **dict.fromkeys(NAMES, "pre-ln"),
    **{change.name: change.base for change in CHANGES},
    **dict.fromkeys((*TIED, "orthogonal-0"), "identity-0"),
    **{rate: beta for beta, rate in PAIRS.items()},
    "pre-ln": "sas",
}
"""What each setting is drawn beside."""


def block_of(name: str) -> Block:
    """Whose colour and marker a setting has."""
    return "pre-ln" if name.startswith("pre-ln") else "sas" if name.startswith("sas") else "v-skipinit"


def ends(settings: Settings, name: str) -> np.ndarray:
    """Held-out loss at the end, (seeds,)."""
    return np.array([run.loss for run in settings[name]])


def gap(settings: Settings, name: str, base: str) -> Difference:
    """How much higher the loss of `name` is than that of `base`, seed by seed and file by file."""
    return difference(settings[name], settings[base])


def there(runs: Runs, names: Sequence[str]) -> Settings:
    """The settings of these names. Raises ValueError, naming them, where some were not trained."""
    found = by_setting(runs)
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"no training of {', '.join(missing)} is here: give runs of every setting that is shown")
    return {name: found[name] for name in names}


def listed(values: np.ndarray) -> str:
    """0.077, 0.062, 0.050"""
    return ", ".join("no answer" if np.isnan(value) else f"{value:.3f}" for value in values)
