"""Makes `AutoModelForCausalLM.from_pretrained` understand our models, whichever is imported first.

transformers looks a model's class up in tables of its own, and our classes need torch, which `import nearlinear` must
not load. So we wait: as soon as Python has run one of transformers' two files of tables, the files of ours that belong
to it are imported, and enter themselves there.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

OURS = {
    "transformers.models.auto.configuration_auto": ("nearlinear.edit.pruned_config", "nearlinear.blocks.config"),
    "transformers.models.auto.modeling_auto": ("nearlinear.edit.pruned_model", "nearlinear.blocks.model"),
}
"""Which files of ours enter themselves in which of theirs."""


class Waiting(MetaPathFinder):
    """Finds the two files just as Python would, and nothing else; what it finds is loaded by `Following`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname in OURS else None
        if spec is not None:
            spec.loader = Following(spec.loader)
        return spec


class Following(Loader):
    """Loads a module with its own loader, then imports ours."""

    def __init__(self, loader: Loader):
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self.loader  # as if we had never been here
        self.loader.exec_module(module)
        import_all(OURS[module.__name__])


def import_all(names: Sequence[str]) -> None:
    for name in names:
        import_module(name)


def register() -> None:
    """Enter our classes where transformers' tables are loaded already, and wait for those that are not."""
    for theirs, ours in OURS.items():
        if theirs in sys.modules:
            import_all(ours)
    if not any(isinstance(finder, Waiting) for finder in sys.meta_path):
        sys.meta_path.insert(0, Waiting())
