"""TokenErrors: shapes are checked, a file is whole or not there, and zero updates have no relative error."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from nearlinear.errors import BrokenFile
from nearlinear.results.tokens import TokenErrors
from tests.show import synthetic

ERRORS = synthetic.token_errors(L=3, windows=5, length=7)


def changed(**more) -> TokenErrors:
    return TokenErrors(**{**ERRORS.__dict__, **more})


def test_a_file_holds_everything(tmp_path):
    ERRORS.save(tmp_path / "deep" / TokenErrors.filename)
    back = TokenErrors.load(tmp_path / "deep" / TokenErrors.filename)
    for name, value in ERRORS.__dict__.items():
        np.testing.assert_array_equal(getattr(back, name), value)
    assert back.provenance == ERRORS.provenance
    assert back.text == ERRORS.text
    assert [p.name for p in (tmp_path / "deep").iterdir()] == [TokenErrors.filename]


def test_a_broken_file_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "tokens.safetensors"
    ERRORS.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BrokenFile, match=r"tokens\.safetensors is not a whole file of token errors: make it again"):
        TokenErrors.load(path)


def test_another_safetensors_file_is_refused(tmp_path):
    save_file({"x": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(BrokenFile, match=r"other\.safetensors is not a whole file"):
        TokenErrors.load(tmp_path / "other.safetensors")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        TokenErrors.load(tmp_path / "none.safetensors")


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"error2 must be a table of blocks by tokens, not of shape \(35,\)"):
        changed(error2=ERRORS.error2[0])
    with pytest.raises(ValueError, match=r"do not fit together: window \(34,\), not \(35,\)"):
        changed(window=ERRORS.window[1:])
    with pytest.raises(ValueError, match="34 token texts, not 35"):
        changed(text=ERRORS.text[1:])


def test_relative_error_is_the_ratio_of_norms_and_nan_where_nothing_moved():
    update2 = ERRORS.update2.copy()
    update2[1, 4] = 0
    relative = changed(update2=update2).relative_error()
    assert np.isnan(relative[1, 4])
    np.testing.assert_allclose(relative[0], np.sqrt(ERRORS.error2[0] / ERRORS.update2[0]), rtol=1e-6)
    without = ERRORS.relative_error(no_first=True)
    np.testing.assert_allclose(without, np.sqrt(ERRORS.error2_no_first / ERRORS.update2), rtol=1e-6)


def test_sizes_and_first_tokens():
    assert (ERRORS.L, ERRORS.n, ERRORS.n_fit) == (3, 35, 70)
    assert ERRORS.n_over_d == 70 / 576
    assert ERRORS.is_first.sum() == 5
