"""nearlinear: how much of a transformer is really needed?

`import nearlinear` is light: torch is loaded only when something that measures is asked for.
"""

from importlib import import_module

from nearlinear.registration import register

__version__ = "0.1.0"

_HOMES = {
    "linearity_score": "nearlinear.measure.linearity",
    "SimplifiedConfig": "nearlinear.blocks.config",
    "SimplifiedModel": "nearlinear.blocks.model",
    "SimplifiedForCausalLM": "nearlinear.blocks.model",
    "SimplifiedForMaskedLM": "nearlinear.blocks.model",
    "SimplifiedForSequenceClassification": "nearlinear.blocks.model",
    "HalfCache": "nearlinear.blocks.cache",
    "convert": "nearlinear.blocks.convert",
    "decay_groups": "nearlinear.blocks.decay",
    "fold": "nearlinear.blocks.fold",
}


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nearlinear' has no attribute {name!r}")


register()  # so that transformers can load a pruned or simplified model; it loads nothing by itself
