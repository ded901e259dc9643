"""Per-token errors of the linear maps on held-out text: the data behind Fig. 9 and the token map.

Arrays too many for JSON, hence one safetensors file with the provenance in its metadata. Nothing here is pickled.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nearlinear.errors import BrokenFile

from .making import MEASURING
from .provenance import Provenance
from .store import replacing

_COLUMNS = ("token_id", "window", "position", "document")
_TABLES = ("error2", "update2", "state2", "error2_no_first")


@dataclass(frozen=True, eq=False)
class TokenErrors:
    """What each block's affine map gets wrong, token by token, for n held-out tokens and L blocks. Any token order.

    token_id, window, position, document: (n,) int64; position counts from 0 inside the window.
    error2: (L, n) float32, ‖e_t‖² of the map fitted on all tokens; error2_no_first: of the map fitted without first
    tokens. update2, state2: (L, n) float32, ‖Δ_t‖² and ‖y_t‖², not centred. text: the n token texts.
    Provenance counts the fit's and the held-out tokens together. Raises ValueError when shapes do not fit together.
    """

    filename: ClassVar[str] = "tokens.safetensors"
    made_by: ClassVar[tuple[str, ...]] = MEASURING

    token_id: np.ndarray
    window: np.ndarray
    position: np.ndarray
    document: np.ndarray
    error2: np.ndarray
    update2: np.ndarray
    state2: np.ndarray
    error2_no_first: np.ndarray
    text: tuple[str, ...]
    provenance: Provenance

    def __post_init__(self):
        object.__setattr__(self, "text", tuple(self.text))
        if self.error2.ndim != 2:
            raise ValueError(f"error2 must be a table of blocks by tokens, not of shape {self.error2.shape}")
        expected = dict.fromkeys(_COLUMNS, (self.n,)) | dict.fromkeys(_TABLES, (self.L, self.n))
        found = {name: getattr(self, name).shape for name in expected}
        wrong = [f"{name} {found[name]}, not {shape}" for name, shape in expected.items() if found[name] != shape]
        if len(self.text) != self.n:
            wrong.append(f"{len(self.text)} token texts, not {self.n}")
        if wrong:
            raise ValueError("the arrays of TokenErrors do not fit together: " + "; ".join(wrong))

    @property
    def L(self) -> int:
        return self.error2.shape[0]

    @property
    def n(self) -> int:
        return self.error2.shape[1]

    @property
    def n_fit(self) -> int:
        """How many tokens the maps were fitted on."""
        return self.provenance.n_tokens - self.n

    @property
    def n_over_d(self) -> float:
        """Tokens of the fit for each dimension: what a held-out number must name."""
        return self.n_fit / self.provenance.model.d

    @property
    def is_first(self) -> np.ndarray:
        """(n,) bool: the first token of its window, where the attention sink sits."""
        return self.position == 0

    def relative_error(self, *, no_first: bool = False) -> np.ndarray:
        """(L, n) float64: ‖e_t‖ / ‖Δ_t‖; 1 is no better than predicting no update, NaN where the update is zero.

        `no_first` takes the map fitted without first tokens.
        """
        error2 = self.error2_no_first if no_first else self.error2
        update2 = np.where(self.update2 > 0, self.update2, np.nan).astype(np.float64)
        return np.sqrt(error2.astype(np.float64) / update2)

    def passage(self, number: int) -> np.ndarray:
        """Indices of one window's tokens in reading order. Raises IndexError for a window that is not there."""
        windows = np.unique(self.window)
        if not 0 <= number < len(windows):
            raise IndexError(f"passage {number} is not there: the passages are numbered from 0 to {len(windows) - 1}")
        here = np.flatnonzero(self.window == windows[number])
        return here[np.argsort(self.position[here], kind="stable")]

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, whole or not at all."""
        arrays = {name: np.ascontiguousarray(getattr(self, name), np.int64) for name in _COLUMNS}
        arrays |= {name: np.ascontiguousarray(getattr(self, name), np.float32) for name in _TABLES}
        metadata = {"text": json.dumps(self.text), "provenance": self.provenance.to_json()}
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(save(arrays, metadata=metadata))

    @classmethod
    def load(cls, path: str | Path) -> "TokenErrors":
        """Read what `save` wrote. Raises BrokenFile for anything else."""
        try:
            with safe_open(path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in _COLUMNS + _TABLES}
                metadata = file.metadata()
            text, provenance = json.loads(metadata["text"]), Provenance.from_json(metadata["provenance"])
            return cls(**arrays, text=tuple(text), provenance=provenance)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise BrokenFile(f"{Path(path).name} is not a whole file of token errors: make it again.") from error
