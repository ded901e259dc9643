"""One door for every model: folders, twins, and each thing that can be wrong with a name or a file."""

import json
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AlbertConfig, AutoModel, T5Config

from nearlinear.errors import BrokenFile, InputError, NoNetwork, UnsupportedModel
from nearlinear.inputs.cache import sha256_file
from nearlinear.inputs.load import LoadedModel, context_of, load_model, torch_device
from nearlinear.inputs.tiny import byte_tokenizer, tiny_config, tiny_model
from nearlinear.inputs.weights import weights_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved tiny Llama with its tokenizer."""
    path = tmp_path / "my-llama"
    tiny_model("llama", seed=3).save_pretrained(path)
    byte_tokenizer().save_pretrained(path)
    return path


def first_weight(loaded: LoadedModel) -> torch.Tensor:
    return next(loaded.model.parameters()).detach()


def test_a_folder_gives_its_model_tokenizer_and_source(folder):
    loaded = load_model(str(folder))
    expected = tiny_model("llama", seed=3)
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), expected.parameters(), strict=True))
    assert loaded.tokenizer("ab")["input_ids"] == byte_tokenizer()("ab")["input_ids"]
    source = loaded.source
    assert (source.id, source.L, source.d, source.architecture) == ("my-llama", 3, 32, "LlamaForCausalLM")
    assert source.sha256 == sha256_file(folder / "model.safetensors")
    assert source.n_parameters == sum(p.numel() for p in expected.parameters())
    assert loaded.context == 1024
    assert not loaded.model.training


def test_loading_says_nothing(folder, capfd):
    load_model(str(folder))
    load_model(str(folder), random_seed=0)
    assert capfd.readouterr() == ("", "")


def test_shards_are_hashed_together(tmp_path):
    model = tiny_model("llama", L=6)
    model.save_pretrained(tmp_path, max_shard_size="40KB")
    byte_tokenizer().save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    before = load_model(str(tmp_path)).source.sha256
    shard = min(tmp_path.glob("*.safetensors"))
    tensors = load_file(shard)
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, shard, metadata={"format": "pt"})
    assert weights_sha256(tmp_path) != before
    shard.unlink()
    with pytest.raises(BrokenFile, match=f"incomplete: model.safetensors.index.json names {shard.name}"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_dtype_is_an_argument(folder, dtype):
    assert first_weight(load_model(str(folder), dtype=dtype)).dtype == getattr(torch, dtype)
    assert first_weight(load_model(str(folder), dtype=dtype, random_seed=0)).dtype == getattr(torch, dtype)


def test_the_random_twin_has_the_shape_but_not_the_weights(folder):
    trained, twin, again, other = (load_model(str(folder), random_seed=seed) for seed in (None, 1, 1, 2))
    assert twin.source.id == "my-llama#random-1"
    assert twin.source.note == "random weights, seed 1"
    assert twin.source.sha256 == again.source.sha256
    assert len({trained.source.sha256, twin.source.sha256, other.source.sha256}) == 3
    assert first_weight(twin).shape == first_weight(trained).shape
    assert not twin.model.training


def test_the_twin_is_initialised_as_before_training(folder):
    """Norms are ones, matrices have the standard deviation of the configuration."""
    twin = load_model(str(folder), random_seed=5).model
    layer = twin.model.layers[1]
    assert torch.equal(layer.input_layernorm.weight, torch.ones(32))
    assert layer.mlp.up_proj.weight.std().item() == pytest.approx(twin.config.initializer_range, rel=0.05)


def test_a_twin_leaves_the_global_generator_alone(folder):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load_model(str(folder), random_seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_tiny_models_come_by_name_and_have_twins():
    loaded, twin = load_model("tiny-gpt2"), load_model("tiny-gpt2", random_seed=0)
    assert loaded.source.id == "tiny-gpt2"
    assert twin.source.id == "tiny-gpt2#random-0"
    assert loaded.source.sha256 != twin.source.sha256
    assert (loaded.source.L, loaded.source.d, loaded.context) == (3, 32, 1024)


def test_an_encoder_is_loaded_as_an_encoder():
    assert load_model("tiny-bert").source.architecture == "BertModel"


@pytest.mark.parametrize(
    ("family", "words", "context"),
    [("gpt2", {}, 1024), ("llama", {"max_position_embeddings": 77}, 77), ("bloom", {}, 1024)],
)
def test_the_context_is_read_from_the_configuration(family, words, context):
    config = tiny_config(family)
    config.update(words)
    assert context_of(config) == context


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="no model 'smollm3': give one of smollm2-135m, minilm, tiny-gpt2"):
        load_model("smollm3")


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(InputError, match=r"is no model: it has no config\.json"):
        load_model(str(tmp_path))


def test_a_configuration_that_is_no_json(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot read .*config\.json"):
        load_model(str(folder))


def test_a_configuration_of_an_unknown_kind(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "perpetuum"}))
    with pytest.raises(InputError, match=r"cannot read .*config\.json.*perpetuum"):
        load_model(str(folder))


def test_pickled_weights_are_not_read(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="no safetensors weights, and pickled ones are not read"):
        load_model(str(folder))


def test_truncated_weights(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(BrokenFile, match=r"the weights in .* are truncated or altered"):
        load_model(str(folder))


def test_weights_of_another_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 64}))
    with pytest.raises(InputError, match=r"do not fit its config\.json"):
        load_model(str(folder))


def test_missing_weights_are_not_filled_with_noise(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(InputError, match=r"lack model\.layers\.3\..*: transformers would fill it with noise"):
        load_model(str(folder))


def test_a_folder_without_a_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(InputError, match="has no tokenizer"):
        load_model(str(folder))


def test_an_encoder_decoder_has_two_stacks(folder):
    T5Config().save_pretrained(folder)
    with pytest.raises(UnsupportedModel, match=r"my-llama is an encoder-decoder \(t5\)"):
        load_model(str(folder))


def test_a_model_without_a_list_of_blocks(folder):
    config = AlbertConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, vocab_size=256
    )
    AutoModel.from_config(config).save_pretrained(folder)
    with pytest.raises(UnsupportedModel, match="AlbertModel has no list of blocks"):
        load_model(str(folder))


def test_a_file_that_is_no_gguf(tmp_path):
    (tmp_path / "model.gguf").write_text("hello")
    with pytest.raises(BrokenFile, match="is not a GGUF file"):
        load_model(str(tmp_path / "model.gguf"))


def test_a_truncated_gguf(tmp_path, monkeypatch):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "model.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\x10" * 60)
    with pytest.raises(BrokenFile, match="cannot be read as a GGUF model, it may be truncated"):
        load_model(str(tmp_path / "model.gguf"))
    assert list((tmp_path / "cache" / "models").iterdir()) == []


@pytest.mark.parametrize(("device", "message"), [("tpu9", "no device 'tpu9'"), ("xpu", "device 'xpu' is not there")])
def test_devices_that_are_not_there(device, message):
    with pytest.raises(InputError, match=message):
        load_model("tiny-llama", device=device)


def test_cuda_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(InputError, match="device 'cuda' is not there on this machine"):
        load_model("tiny-llama", device="cuda")


def test_auto_is_a_device_of_this_machine():
    assert torch_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_an_unknown_dtype():
    with pytest.raises(InputError, match="no dtype 'int8': choose one of float32"):
        load_model("tiny-llama", dtype="int8")


def test_a_hub_id_without_a_network_fails_at_once(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(NoNetwork, match="hub does not answer, and 'nobody/nothing' is not at hand"):
        load_model("nobody/nothing@main")
    assert time.monotonic() - start < 5
