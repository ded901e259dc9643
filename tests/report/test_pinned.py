"""The cache must not mistake one model or text for another that has its name."""

from pathlib import Path

import pytest

from nearlinear.errors import InputError
from nearlinear.inputs.weights import Weights
from nearlinear.report.pinned import pinned, pinned_corpus, pinned_model
from nearlinear.report.specs import ReportSpec
from tests.report.made import folder_model


def test_a_folder_is_known_by_its_content(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    one, same = folder_model(tmp_path / "model"), folder_model(tmp_path / "elsewhere/model")
    first = pinned_model(str(one))
    assert pinned_model(str(one)) == pinned_model(str(same)) == first
    assert first.endswith("/model")
    folder_model(one, L=2)
    assert pinned_model(str(one)) != first


def test_a_changed_tokenizer_is_a_change(tmp_path):
    folder = folder_model(tmp_path / "model")
    before = pinned_model(str(folder))
    config = folder / "tokenizer_config.json"
    config.write_text(config.read_text().replace("{", "{ ", 1))
    assert pinned_model(str(folder)) != before


def test_relative_names_are_told_apart(tmp_path, monkeypatch):
    found = []
    for L in (2, 3):
        place = tmp_path / str(L)
        place.mkdir()
        folder_model(place / "model", L=L)
        monkeypatch.chdir(place)
        found.append(pinned_model("model"))
    assert found[0] != found[1]


def test_a_text_is_known_by_its_content_and_keeps_its_name(text):
    before = pinned_corpus(str(text))
    assert before.endswith("/text.txt")
    text.write_text(text.read_text() + "more")
    assert pinned_corpus(str(text)) != before


@pytest.mark.parametrize("name", ["smollm2-135m", "minilm", "tiny-llama", "tiny-nosuch", "nosuch"])
def test_other_names_stay(name):
    assert pinned_model(name) == name


@pytest.mark.parametrize("name", ["wikipedia-sample", "hf:some/data", "nosuch"])
def test_other_texts_stay(name):
    assert pinned_corpus(name) == name


def test_an_id_of_the_hub_is_fixed_to_its_commit(monkeypatch):
    weights = Weights(Path(), "org/name", "0" * 64, revision="abc123")
    monkeypatch.setattr("nearlinear.report.pinned.hub_weights", lambda name: weights)
    assert pinned_model("org/name") == pinned_model("org/name@main") == "org/name@abc123"


def test_errors_speak_of_the_folder_that_was_named(text):
    fixed = pinned(ReportSpec(model="tiny-llama", corpus=str(text)))

    def fail(words):
        with fixed.in_words_of_the_reader():
            raise InputError(words)

    with pytest.raises(InputError) as caught:
        fail(f"{fixed.spec.corpus} looks binary")
    assert str(caught.value) == f"{text} looks binary"
    with pytest.raises(InputError, match=r"^something else$"):
        fail("something else")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no model: it has no config"):
        pinned_model(str(tmp_path))


def test_a_name_that_is_not_text_is_refused(tmp_path):
    folder = folder_model(tmp_path / "model").rename(tmp_path / "model\udcff")
    with pytest.raises(InputError, match="is not text in UTF-8: rename it"):
        pinned_model(str(folder))
