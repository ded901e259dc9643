"""Models and texts that are not what they seem: a message, and never a traceback, code of theirs, or all the memory."""

import io
import json
import shutil
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nearlinear.errors import BrokenFile, InputError, NearlinearError
from nearlinear.inputs.cache import member
from nearlinear.inputs.load import load_model
from nearlinear.inputs.npm import npm_members
from nearlinear.inputs.task_sdist import tar_member
from nearlinear.inputs.text import read_text
from nearlinear.inputs.weights import weight_files
from tests.faults.hostile import HUGE, JSON, bounded, changed, damaged, dumped
from tests.report.made import folder_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return folder_model(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture(scope="module")
def config(model) -> dict:
    return json.loads((model / "config.json").read_text(encoding="utf-8"))


@pytest.fixture
def folder(model, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(model, tmp_path / "model"))


def opened(folder: Path) -> None:
    """Open a model; whatever is wrong with it must be one sentence."""
    try:
        load_model(str(folder))
    except NearlinearError as error:
        said = str(error)
        assert "\n" not in said
        assert said.isprintable()


SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "head_dim")


@bounded(40)
@given(data=st.data())
def test_any_configuration_is_opened_or_refused(folder, config, data):
    found = data.draw(changed(config))
    (folder / "config.json").write_text(dumped(found), encoding="utf-8")
    opened(folder)


@bounded(25)
@given(name=st.sampled_from(SIZES), size=HUGE)
@example("num_hidden_layers", 10**9)
@example("vocab_size", 2**40)
@example("hidden_size", 2**31)
def test_any_size_is_opened_or_refused(folder, config, name, size):
    (folder / "config.json").write_text(dumped(config | {name: size}), encoding="utf-8")
    opened(folder)


@pytest.mark.parametrize(("name", "size", "says"), [
    ("num_hidden_layers", 10**9, "asks for 1000000000 blocks, and 10,000 is the most: it cannot be right"),
    ("num_hidden_layers", 400, r"asks for [\d,]+ numbers, and its weights hold [\d,]+: one of them is wrong"),
    ("vocab_size", 2**36, r"asks for [\d,]+ numbers, and its weights hold [\d,]+: one of them is wrong"),
])  # fmt: skip
def test_more_than_the_weights_can_be_is_refused_before_memory_is_taken(folder, config, name, size, says):
    (folder / "config.json").write_text(dumped(config | {name: size}), encoding="utf-8")
    for seed in (None, 0):
        with pytest.raises(InputError, match=says):
            load_model(str(folder), random_seed=seed)


@bounded(15)
@given(content=st.one_of(JSON.map(dumped), st.text(max_size=40), st.just("[" * 100_000)))
def test_any_file_in_place_of_a_configuration(folder, content):
    (folder / "config.json").write_text(content, encoding="utf-8", errors="replace")
    opened(folder)


def test_code_that_comes_with_a_model_is_not_run(folder, config, tmp_path):
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\n", encoding="utf-8")
    own = {"auto_map": dict.fromkeys(("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer"), "own.Thing")}
    for changes in (own, own | {"model_type": "own"}):
        (folder / "config.json").write_text(dumped(config | changes), encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(dumped(own | {"tokenizer_class": "Thing"}), encoding="utf-8")
        with suppress(NearlinearError):
            load_model(str(folder))
    assert not ran.exists()


@bounded(30)
@given(data=st.data())
def test_any_damage_to_weights(folder, model, data):
    content = data.draw(damaged((model / "model.safetensors").read_bytes()))
    (folder / "model.safetensors").write_bytes(content)
    opened(folder)


INDEX = {"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}


@bounded(50)
@given(found=st.one_of(changed(INDEX), JSON))
def test_any_index_of_weights_names_files_beside_it_or_is_refused(tmp_path, found):
    folder = tmp_path / "model"
    folder.mkdir(exist_ok=True)
    for name in ("one", "two"):
        (folder / f"{name}.safetensors").touch()
    (folder / "model.safetensors.index.json").write_text(dumped(found), encoding="utf-8")
    with suppress(BrokenFile):
        assert all(file.parent == folder for file in weight_files(folder))


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "pytorch_model.bin", "sub/one.safetensors"])
def test_an_index_that_points_elsewhere_is_not_followed(tmp_path, name):
    (tmp_path / "model").mkdir()
    (tmp_path / "secret.safetensors").touch()
    (tmp_path / "model/model.safetensors.index.json").write_text(dumped({"weight_map": {"a": name}}), encoding="utf-8")
    with pytest.raises(BrokenFile, match="which is no safetensors file beside it: do not trust it"):
        weight_files(tmp_path / "model")


@pytest.fixture(scope="module")
def small_gguf(tmp_path_factory) -> bytes:
    """A file that has all that a Llama's has, and is too small to be one."""
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for add, value in (("block_count", 1), ("context_length", 16), ("embedding_length", 8), ("head_count", 2),
                       ("feed_forward_length", 8), ("layer_norm_rms_eps", 1e-5), ("vocab_size", 4)):  # fmt: skip
        getattr(writer, f"add_{add}")(value)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "b", "c", "d"])
    writer.add_token_merges(["a b"])
    writer.add_tensor("token_embd.weight", np.ones((4, 8), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


@bounded(30)
@given(data=st.data())
def test_any_damage_to_a_gguf_file(small_gguf, tmp_path, data):
    path = tmp_path / "model.gguf"
    path.write_bytes(data.draw(damaged(small_gguf)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
        opened(path)


@bounded(50)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_text_or_are_refused(tmp_path, content):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with suppress(InputError):
        assert "\0" not in read_text(path)


def archives() -> dict[str, bytes]:
    """A wheel and a tarball with one file in them."""
    wheel, tarball = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("demo/data.txt", "once upon a time " * 20)
    with tarfile.open(fileobj=tarball, mode="w:gz") as made:
        info = tarfile.TarInfo("package/data.txt")
        info.size = 340
        made.addfile(info, io.BytesIO(b"once upon a time " * 20))
    return {"wheel": wheel.getvalue(), "tarball": tarball.getvalue()}


READ = {
    "wheel": lambda path: member(path, "*/data.txt"),
    "tarball": lambda path: npm_members(path, "data.txt"),
    "sdist": lambda path: tar_member(path, "*/data.txt"),
}


@pytest.mark.parametrize("kind", READ)
@bounded(50)
@given(data=st.data())
def test_any_damage_to_an_archive(tmp_path, kind, data):
    path = tmp_path / "archive"
    path.write_bytes(data.draw(damaged(archives()["wheel" if kind == "wheel" else "tarball"])))
    with suppress(BrokenFile):
        READ[kind](path)
