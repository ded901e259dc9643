"""Specs are small, frozen, checked, and go through JSON unharmed."""

import pytest
from pydantic import TypeAdapter, ValidationError

from nearlinear.results.specs import CharTokens, CharWindows, TokenWindows, Windows

SPECS = [TokenWindows(n_tokens=8192), CharWindows(), CharTokens(n_tokens=8192, test_fraction=0.25, seed=3)]


@pytest.mark.parametrize("spec", SPECS)
def test_json_and_back(spec):
    assert type(spec).from_json(spec.to_json()) == spec
    assert TypeAdapter(Windows).validate_json(spec.to_json()) == spec
    assert hash(type(spec).from_json(spec.to_json())) == hash(spec)


def test_specs_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        SPECS[0].context = 3


@pytest.mark.parametrize(
    ("kind", "words", "field"),
    [
        (TokenWindows, {"n_tokens": 0}, "n_tokens"),
        (TokenWindows, {"n_tokens": 100, "context": 1}, "context"),
        (TokenWindows, {"n_tokens": 100, "test_fraction": 1.0}, "test_fraction"),
        (TokenWindows, {"n_tokens": 100, "test_fraction": -0.1}, "test_fraction"),
        (TokenWindows, {"n_tokens": 100, "contxt": 3}, "contxt"),
        (CharWindows, {"chars": 1}, "chars"),
        (CharWindows, {"n_fit": 0}, "n_fit"),
        (CharWindows, {"n_test": -1}, "n_test"),
        (CharWindows, {"min_fit_tokens": -1}, "min_fit_tokens"),
        (CharTokens, {}, "n_tokens"),
    ],
)
def test_fields_that_do_not_fit_are_named(kind, words, field):
    with pytest.raises(ValidationError, match=field):
        kind(**words)
