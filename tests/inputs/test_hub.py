"""Hub ids without a hub: what is in the hub's cache is read, the rest is one sentence, and none of it waits."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from huggingface_hub import constants
from huggingface_hub import errors as hub_errors

from nearlinear.errors import InputError, NoNetwork
from nearlinear.inputs import hub
from nearlinear.inputs.load import load_model
from nearlinear.inputs.tiny import byte_tokenizer, tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub cache that holds org/tiny at one commit, and a hub that is switched off."""
    repository = tmp_path / "models--org--tiny"
    tiny_model("llama").save_pretrained(repository / "snapshots" / COMMIT)
    byte_tokenizer().save_pretrained(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", ["org/tiny", "org/tiny@main", f"org/tiny@{COMMIT}"])
def test_a_cached_model_needs_no_network(cached, name):
    source = load_model(name).source
    assert (source.id, source.revision) == ("org/tiny", COMMIT)


def test_a_revision_that_is_not_cached_needs_one(cached):
    with pytest.raises(NoNetwork, match="'org/tiny' is not at hand"):
        load_model("org/tiny@other")


@pytest.mark.parametrize("name", ["gpt2", "org/", "/org/name", "org/name/more", "org/name@", "org/na me"])
def test_what_is_no_hub_id(name):
    assert not hub.is_hub_id(name)


def answer(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make the hub answer every request with this error."""

    def fail(*_args, **_options):
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", fail)


class Refusal:
    """As much of an HTTP response as the hub's errors look at."""

    headers: Mapping[str, str] = MappingProxyType({})
    request = None
    status_code = 404


@pytest.mark.parametrize(
    ("kind", "expected", "message"),
    [
        (hub_errors.RepositoryNotFoundError, InputError, "no model 'org/x': no such folder"),
        (hub_errors.GatedRepoError, InputError, "no model 'org/x': no such folder"),
        (hub_errors.RevisionNotFoundError, InputError, "does not give 'org/x' at revision 'main'"),
    ],
)
def test_refusals_of_the_hub(monkeypatch, kind, expected, message):
    answer(monkeypatch, kind("refused", response=Refusal()))
    with pytest.raises(expected, match=message):
        load_model("org/x")


@pytest.mark.parametrize("error", [TimeoutError(), OSError("proxy"), hub_errors.LocalEntryNotFoundError("none")])
def test_a_dead_line_is_no_network(monkeypatch, error):
    answer(monkeypatch, error)
    with pytest.raises(NoNetwork, match="hub does not answer"):
        load_model("org/x")


def test_data_sets_are_asked_for_before_a_slow_library_tries(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    answer(monkeypatch, hub_errors.RepositoryNotFoundError("none", response=Refusal()))
    with pytest.raises(InputError, match="no data set 'org/x'"):
        hub.check_dataset("org/x")
    answer(monkeypatch, TimeoutError())
    with pytest.raises(NoNetwork, match="hub does not answer"):
        hub.check_dataset("org/x")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.check_dataset("org/x")
