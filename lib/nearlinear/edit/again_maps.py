"""Maps fitted on the model as the steps before have left it, each once, and kept in files.

What enters a block depends on the blocks before it alone. So does its map: on those of them that were changed by then,
and in which order. These and the block itself are its lineage, and every order that comes to the same lineage shares
the map. A map whose block comes before all that were changed is that of the dense model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from nearlinear.errors import BrokenFile
from nearlinear.inputs.load import LoadedModel
from nearlinear.measure.linearity import AffineMap
from nearlinear.results.store import replacing

from .edits import replaced
from .fitting import affine, choose_ridge
from .one_block import one_block_moments
from .texts import Texts

Lineage = tuple[int, ...]
"""A block, last, and the blocks before it in the model that were changed before it in time, in that order."""


def lineages(chosen: Sequence[int]) -> dict[int, Lineage]:
    """Of each of the blocks, changed in the order given: what its map hangs on."""
    return {
        layer: (*(before for before in chosen[:step] if before < layer), layer) for step, layer in enumerate(chosen)
    }


@dataclass(frozen=True)
class RefittedMaps:
    """The maps of a model whose blocks are replaced one after another, each fitted on the model as it is by then.

    Fitted on `texts.fit`, with the ridge that errs least on `texts.choose`. `folder`: where they are kept, so that an
    interrupted study goes on with the same ones, bit for bit.
    """

    loaded: LoadedModel
    texts: Texts
    folder: Path
    precision: str = "auto"

    def after(self, chosen: Sequence[int]) -> dict[int, AffineMap]:
        """Every map of the model in which these blocks were replaced, in the order given."""
        return {layer: self.of(lineage) for layer, lineage in lineages(chosen).items()}

    def of(self, lineage: Lineage) -> AffineMap:
        """The map of one block: from its file, or fitted now. Raises BrokenFile where the file cannot be read."""
        path = self.folder / f"{'-'.join(map(str, lineage))}.safetensors"
        if not path.exists():
            m = self._fitted(lineage)
            parts = {"A": m.A, "mean_x": m.mean_x, "mean_d": m.mean_d}
            with replacing(path) as temporary:
                save_file({name: part.contiguous() for name, part in parts.items()}, temporary)
        try:
            return AffineMap(**load_file(path, device=str(next(self.loaded.model.parameters()).device)))
        except (SafetensorError, TypeError) as error:
            raise BrokenFile(f"the map {path} cannot be read: remove it, and it is fitted again") from error

    def _fitted(self, lineage: Lineage) -> AffineMap:
        *before, layer = lineage
        with replaced(self.loaded.model, self.after(before)):
            fit, other = (
                one_block_moments(self.loaded, windows, layer, precision=self.precision)
                for windows in (self.texts.fit, self.texts.choose)
            )
        return affine(fit, ridge=choose_ridge(fit, other))
