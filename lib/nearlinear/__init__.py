"""nearlinear: how much of a transformer is really needed?

`import nearlinear` is light: torch is loaded only when something that measures is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nearlinear.registration import register

if TYPE_CHECKING:
    from nearlinear.blocks.cache import HalfCache as HalfCache
    from nearlinear.blocks.config import SimplifiedConfig as SimplifiedConfig
    from nearlinear.blocks.convert import convert as convert
    from nearlinear.blocks.decay import decay_groups as decay_groups
    from nearlinear.blocks.fold import fold as fold
    from nearlinear.blocks.model import SimplifiedForCausalLM as SimplifiedForCausalLM
    from nearlinear.blocks.model import SimplifiedForMaskedLM as SimplifiedForMaskedLM
    from nearlinear.blocks.model import SimplifiedForSequenceClassification as SimplifiedForSequenceClassification
    from nearlinear.blocks.model import SimplifiedModel as SimplifiedModel
    from nearlinear.measure.linearity import linearity_score as linearity_score

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


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nearlinear' has no attribute {name!r}")


register()  # so that transformers can load a pruned or simplified model; it loads nothing by itself
