"""The base of every result: frozen, checked on construction, JSON in and out, unknown keys refused.

NaN is written as null and read back as NaN, because JSON has no NaN.
"""

import math
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _nan_for_null(value: object) -> object:
    return math.nan if value is None else value


Number = Annotated[float, BeforeValidator(_nan_for_null)]
"""A float that may be NaN, where NaN says that there is no answer (never zero, never one)."""

PerBlock = tuple[Number, ...]
"""One number a block, from block 0."""

Interval = tuple[Number, Number]
"""Lower and upper end of a 95 % percentile interval."""


class Record(BaseModel):
    """A frozen result. Raises pydantic.ValidationError (a ValueError) when fields do not fit together."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", protected_namespaces=())

    def to_json(self) -> str:
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote. Raises ValueError for anything else, whatever it is."""
        try:
            return cls.model_validate_json(text)
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:  # a part of the wrong kind
            raise ValueError(f"this is no whole {cls.__name__}: {error}") from error
