"""Results that somebody else has written, or a disk has spoilt: read whole, or refused in one sentence."""

import json
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nearlinear import results
from nearlinear.errors import BrokenFile, InputError
from nearlinear.results.store import recorded_files
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.training import TrainSpec
from nearlinear.results.types import StoredRecord
from nearlinear.train.yaml_specs import fields_of, read_spec
from tests.faults.hostile import JSON, bounded, changed, damaged, dumped
from tests.show import synthetic


def kinds() -> dict[str, type[StoredRecord]]:
    """Every kind of result that is stored, by the end of its files' names."""
    modules = [import_module(f"nearlinear.results.{module.name}") for module in iter_modules(results.__path__)]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return {kind.recorded_as: kind for kind in found if issubclass(kind, StoredRecord) and hasattr(kind, "recorded_as")}


def smallest() -> dict[str, str]:
    """The smallest recorded file of each kind."""
    files = sorted(recorded_files(), key=lambda file: file.stat().st_size, reverse=True)
    of_kind = {file.name.split(".")[-2]: file for file in files}
    return {kind: file.read_text(encoding="utf-8") for kind, file in of_kind.items()}


SMALLEST, KINDS = smallest(), kinds()
NAMES = sorted(set(SMALLEST) & set(KINDS))


def test_most_kinds_are_tried():
    assert len(NAMES) >= 10


@pytest.mark.parametrize("name", NAMES)
@bounded(12)
@given(data=st.data())
def test_a_result_with_wrong_values_is_a_value_error_or_is_whole(name, data):
    text = dumped(data.draw(changed(json.loads(SMALLEST[name]))))
    with suppress(ValueError):
        made = KINDS[name].from_json(text)
        assert KINDS[name].from_json(made.to_json()).to_json() == made.to_json()


@pytest.mark.parametrize("name", NAMES)
@bounded(8)
@given(data=st.data())
def test_a_damaged_result_is_a_value_error_or_is_whole(name, data):
    content = data.draw(damaged(SMALLEST[name].encode()))
    with suppress(ValueError):
        KINDS[name].from_json(content.decode("utf-8"))


@bounded(30)
@given(text=st.one_of(JSON.map(dumped), st.just("[" * 100_000), st.just('{"a":' * 100_000), st.text(max_size=50)))
def test_any_text_in_place_of_a_result(text):
    with suppress(ValueError):
        KINDS["profile"].from_json(text)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("tokens") / "tokens.safetensors"
    synthetic.token_errors(L=2, windows=2).save(path)
    return path.read_bytes()


@bounded(50)
@given(data=st.data())
def test_a_damaged_table_of_tokens_is_a_broken_file_or_is_whole(tokens, tmp_path, data):
    path = tmp_path / "tokens.safetensors"
    path.write_bytes(data.draw(damaged(tokens)))
    with suppress(BrokenFile):
        assert TokenErrors.load(path).L == 2


SPEC = fields_of(TrainSpec())


@bounded(50)
@given(data=st.data())
def test_a_specification_with_wrong_values_is_read_or_refused(tmp_path, data):
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(data.draw(st.one_of(changed(SPEC), JSON))), encoding="utf-8")
    with suppress(InputError):
        read_spec(path)


NASTY = {
    "python": "!!python/object/apply:os.system ['touch ran']",
    "deep": "[" * 1_000,
    "aliases": "\n".join(["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9))]),
    "twice": "architecture: 1\narchitecture: 2",
    "bytes": b"\xff\xfe\x00",
    "tag": "architecture: !nobody x",
}


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_specification_is_one_sentence(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path, content = tmp_path / "spec.yaml", NASTY[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as refused:
        read_spec(path)
    assert len(str(refused.value)) < 1000
    assert not (tmp_path / "ran").exists()
