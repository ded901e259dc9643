"""Results on disk: whole or not at all, found again by their specification, and never shown for changed code."""

import math
import os
import signal
import subprocess
import sys

import pytest
from pydantic import ValidationError
from safetensors import SafetensorError

from nearlinear.errors import InputError, NearlinearError
from nearlinear.results import store
from nearlinear.results.profile_spec import laptop_spec, laptop_specs, long_specs
from nearlinear.results.types import LinearityProfile, TokensNeeded
from tests.show import synthetic


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))


def test_json_comes_back_as_it_went_with_null_for_nan():
    profile = synthetic.profile(L=3)
    broken = profile.model_copy(update={"scores": (1.0, math.nan, 0.5)})
    assert '"scores": [\n  1.0,\n  null,\n  0.5' in broken.to_json()
    back = LinearityProfile.from_json(broken.to_json())
    assert math.isnan(back.scores[1])
    assert back.to_json() == broken.to_json()


def test_unknown_keys_and_unequal_lengths_are_refused():
    text = synthetic.profile(L=3).to_json()
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        LinearityProfile.from_json(text.replace('"n":', '"m": 1, "n":', 1))
    with pytest.raises(ValidationError, match="disagree on how many blocks"):
        LinearityProfile.model_validate(synthetic.profile(L=3).model_dump() | {"cosine": (1.0,)})


def test_results_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        synthetic.profile(L=3).n = 5


class TestLoadOrRun:
    spec = laptop_spec("tiny-llama")

    def test_computes_once_and_keeps_every_kind(self):
        calls = []

        def run(spec):
            calls.append(spec)
            return [synthetic.profile(L=3), synthetic.tokens_needed(L=3)]

        first = store.load_or_run(self.spec, run, LinearityProfile)
        assert store.load_or_run(self.spec, run, LinearityProfile) == first
        assert isinstance(store.load_or_run(self.spec, run, TokensNeeded), TokensNeeded)
        assert calls == [self.spec]

    def test_another_specification_or_changed_code_computes_again(self, monkeypatch):
        calls = []

        def run(spec):
            calls.append(spec)
            return [synthetic.profile(L=3)]

        store.load_or_run(self.spec, run, LinearityProfile)
        store.load_or_run(laptop_spec("tiny-llama", seed=1), run, LinearityProfile)
        monkeypatch.setattr(store, "working_sha256", lambda _made_by: "f" * 64)
        store.load_or_run(self.spec, run, LinearityProfile)
        assert len(calls) == 3

    def test_an_unknown_mode_and_a_missing_record_are_one_sentence(self):
        with pytest.raises(InputError, match="no mode 'recalled'"):
            store.load_or_run(self.spec, None, LinearityProfile, mode="recalled")
        with pytest.raises(store.NotRecorded, match="set mode to recompute"):
            store.load_or_run(self.spec, None, LinearityProfile, mode="recorded")

    def test_finds_what_is_recorded(self, tmp_path, monkeypatch):
        made = synthetic.profile(L=3)
        provenance = made.provenance.model_copy(update={"spec_sha256": store.spec_sha256(self.spec)})
        made = made.model_copy(update={"provenance": provenance})
        made.save(tmp_path / "some.profile.json")
        monkeypatch.setattr(store, "data_root", lambda kind: tmp_path)
        assert store.load_or_run(self.spec, None, LinearityProfile, mode="recorded") == made
        with pytest.raises(store.NotRecorded, match="no recorded tokens_needed"):
            store.load_or_run(self.spec, None, TokensNeeded, mode="recorded")


def test_specifications_differ_where_the_work_does():
    same, other = laptop_spec("a"), laptop_spec("a", random_seed=0)
    assert store.spec_sha256(same) == store.spec_sha256(laptop_spec("a"))
    assert store.spec_sha256(same) != store.spec_sha256(other)
    assert [s.model for s in laptop_specs("a, b")] == ["a", "b"]
    assert [s.random_seed for s in long_specs("a")] == [None, 0, 1, 2]


def test_a_wide_model_gets_more_windows():
    spec = laptop_spec("a")
    assert spec.windows_for(576).min_fit_tokens == 20 * 576
    assert spec.windows_for(4096).min_fit_tokens == 20 * 4096


def write_and_burst(path, error):
    with store.replacing(path) as temporary:
        temporary.write_text("half of the ne")
        raise error


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.json"
    store.write_atomic(path, "old")
    with pytest.raises(RuntimeError, match="burst"):
        write_and_burst(path, RuntimeError("burst"))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_an_unwritable_place_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NearlinearError, match="cannot be written"):
        store.write_atomic(tmp_path / "file" / "result.json", "text")
    with pytest.raises(NearlinearError, match="cannot be written"):
        store.check_writable(tmp_path / "file" / "result.json")


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), SafetensorError("I/O error: No space left on device")]
)
def test_a_full_disk_is_one_sentence(tmp_path, error):
    with pytest.raises(NearlinearError, match=r"No space left on device.*free some space"):
        write_and_burst(tmp_path / "result.json", error)
    assert os.listdir(tmp_path) == []


def test_a_kill_in_the_middle_of_writing_leaves_no_broken_file(tmp_path):
    path = tmp_path / "result.json"
    store.write_atomic(path, "old")
    program = (
        "import sys, time; from pathlib import Path; from nearlinear.results.store import replacing\n"
        "with replacing(Path(sys.argv[1])) as t:\n t.write_text('half'); print('writing', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert path.read_text() == "old"
    store.write_atomic(path, "new")
    assert path.read_text() == "new"


def test_results_and_show_need_no_torch():
    program = (
        "import sys, nearlinear, nearlinear.show, nearlinear.check, nearlinear.results.store\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
