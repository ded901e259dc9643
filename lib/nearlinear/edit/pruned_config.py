"""The configuration of a pruned model: that of its family, and which of its blocks are changed.

transformers knows it by "nearlinear-pruned" from the moment that this file is imported.
"""

from collections.abc import Iterable

from transformers.configuration_utils import PretrainedConfig

Bounds = tuple[int, int]
"""A run of blocks as JSON holds it: [start, stop], the stop not included."""


class PrunedConfig(PretrainedConfig):
    """`base_config`: of the model that was pruned, whole. `removed`: blocks that pass the state through.

    `replaced`: runs [start, stop] of blocks for which one affine map stands; a single block l is [l, l + 1].
    Blocks count from 0, in the model before it was pruned.
    """

    model_type = "nearlinear-pruned"
    has_no_defaults_at_init = True
    sub_configs = {"base_config": PretrainedConfig}  # noqa: RUF012  transformers reads this name of the class

    def __init__(
        self,
        base_config: PretrainedConfig | dict | None = None,
        removed: Iterable[int] = (),
        replaced: Iterable[Bounds] = (),
        **kwargs,
    ):
        self.base_config = _config(base_config)
        self.removed = list(removed)
        self.replaced = [list(bounds) for bounds in replaced]
        super().__init__(**kwargs)

    @property
    def runs(self) -> list[range]:
        """The replaced runs, as ranges."""
        return [range(start, stop) for start, stop in self.replaced]

    def to_dict(self) -> dict:
        """As JSON holds it, without the folder that the family's configuration came from."""
        fields = super().to_dict()
        fields["base_config"].pop("_name_or_path", None)
        return fields

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> PretrainedConfig:
        """The family's: it alone has a width, a vocabulary and a number of blocks."""
        return self.base_config.get_text_config(decoder=decoder, encoder=encoder)


def _config(given: PretrainedConfig | dict | None) -> PretrainedConfig:
    """A configuration from what JSON holds of it. Raises ValueError for a family that transformers does not know."""
    if isinstance(given, PretrainedConfig):
        return given
    from transformers import CONFIG_MAPPING  # here, not above: it waits for this file (see nearlinear.registration)

    fields = dict(given or {})
    family = fields.pop("model_type", None)
    if family not in CONFIG_MAPPING:
        raise ValueError(f"a pruned model of the family {family!r} cannot be built: transformers has no such family")
    return CONFIG_MAPPING[family](**fields)


from transformers import AutoConfig  # noqa: E402  loading it imports this file, so the class must be there first

AutoConfig.register(PrunedConfig.model_type, PrunedConfig)
