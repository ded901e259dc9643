"""The ladder on the page: every number is that of its data, the picker holds each step, and the rules can fail."""

import re
from functools import cache

import ipywidgets as widgets
import numpy as np
import pytest

from nearlinear import check, show
from nearlinear.results.apart import BlockApart, Part
from nearlinear.results.signal import Signal, SignalRun, SignalStudy
from nearlinear.show.block_parts import DRAWINGS
from nearlinear.show.ladder import million, read_off, signal_words
from nearlinear.show.ladder_picker import parameters_words
from nearlinear.show.ladder_steps import LADDER, STEPS
from nearlinear.show.picker import BUDGET, weight
from tests.show import synthetic
from tests.show.test_pickers import all_of

BLOCKS = [step.block for step in STEPS]


def made(block: str, **changed) -> BlockApart:
    """A block of plausible parts: 100 parameters a matrix, 1 for anything else."""
    parts = [
        Part(name=module, parameters=100 if "W_" in part or part == "MLP" else 1)
        for part, module in DRAWINGS[block].modules.items()
    ]
    error = 0.0 if "shaped" in DRAWINGS[block].parts else 0.9
    fields = {
        "block": block, "cls": "Some", "d": 768, "d_ff": 3072, "h": 12, "L": 18, "parts": parts,
        "first_block": 100 if block.startswith("sas") else 0, "attention_error": error, "without_mlp": 1.0,
        "small_d": 64,
    }  # fmt: skip
    return BlockApart(**fields | changed)


@cache
def study(depths: tuple[int, ...] = (*range(19), 24)) -> SignalStudy:
    """Skipless decays by ten a block; all others stay. Two seeds, a tenth apart."""
    runs = [
        SignalRun(
            stack=block, mask=mask, tokens="random", seed=seed, from_identity=0.0, gradients=None,
            signal=signal(depths, decay=1.0 if block == "skipless" else 0.0, start=0.8 + 0.1 * seed),
        )
        for block in BLOCKS for mask in ("causal", "bidirectional") for seed in (0, 1)
    ]  # fmt: skip
    return SignalStudy(L=depths[-1], d=32, h=4, T=16, runs=runs, provenance=synthetic.provenance("blocks"))


def signal(depths, *, decay: float, start: float) -> Signal:
    residual = start * 10.0 ** (-decay * np.array(depths))
    flat = [1.0] * len(depths)
    return Signal(
        depth=depths, relative_residual=residual, composite_residual=residual, cosine=1 - residual,
        stable_rank=flat, diagonal=flat, off_diagonal=flat,
    )  # fmt: skip


@pytest.fixture(scope="module")
def blocks() -> list[BlockApart]:
    return [made(block) for block in BLOCKS]


def by_name(blocks):
    return {each.block: each for each in blocks}


def test_the_sum_of_parts_and_of_blocks():
    sas = made("sas", parts=[Part(name="a", parameters=7), Part(name="b", parameters=3)], first_block=5)
    assert (sas.n_parameters, sas.all_blocks, sas.names) == (10, 185, {"a", "b"})


def test_the_drawings_name_blocks_sizes_and_what_goes(blocks):
    shown = show.ladder_drawn(*blocks[:6])
    assert "width 768, 12 heads, MLP 3,072 wide" in shown.svg().decode()
    for step in LADDER:
        assert f"{step.title}: {step.what}" in shown.alt
        assert f">{step.title}: {million(by_name(blocks)[step.block].n_parameters)}<" in shown.svg().decode()
    assert shown._repr_mimebundle_()["text/html"].count("<img") == 1
    assert "data:image/svg+xml" in shown.image()


def test_the_code_of_every_step_is_on_the_page_without_a_widget():
    html = str(show.ladder_code())
    for step in LADDER:
        assert f"{step.title}</p>" in html
        assert f"aria-label='forward of {step.cls}'" in html
    assert "self.beta_sa(" in html
    assert "<script" not in html


def test_numbers_are_read_off_at_eighteen_blocks_or_at_the_last():
    assert study().depths[read_off(study())] == 18
    assert study((0, 1, 2)).depths[read_off(study((0, 1, 2)))] == 2


def test_signal_words_are_means_over_seeds():
    words = signal_words(study((0, 1, 2)), "skipless")
    assert words.startswith("after 2 blocks a relative residual of 0.00850 and a cosine of 0.992 (causal), a relative")
    assert words.endswith("(bidirectional)")


def test_the_chart_tells_every_block_in_words_and_its_size():
    shown = show.ladder_signal(study())
    assert all(f"{step.title}: {signal_words(study(), step.block)}." in shown.alt for step in LADDER)
    assert "24 blocks, d = 32, 4 heads" in shown.alt
    assert f"Skipless: {signal_words(study(), 'skipless')}" in shown.caption
    residual, cosine = shown.figure.axes[0], shown.figure.axes[2]
    assert residual.get_yscale() == "log" != cosine.get_yscale()
    assert len(residual.get_lines()) == len(LADDER)


def test_the_table_says_what_each_step_saves(blocks):
    html = str(show.ladder_table(blocks, study()))
    assert html.count("<tr>") == 1 + len(blocks)
    assert "404 (−200)" in made_row(html, "SAS")
    assert "(" not in made_row(html, "skipless").split("</td>")[1]
    assert "8.50e−19" in made_row(html, "skipless")


def made_row(html: str, title: str) -> str:
    return next(row for row in re.findall(r"<tr>(.*?)</tr>", html) if f">{title}</th>" in row)


def test_the_picker_holds_every_step_in_order_is_light_and_says_all_in_words(blocks):
    picker = show.ladder_picker(blocks, study())
    frames = [widget.value for widget in all_of(picker, widgets.HTML)]
    assert len(frames) == len(STEPS)
    assert weight(picker) < BUDGET / 4
    for i, (step, html) in enumerate(zip(STEPS, frames, strict=True)):
        alt = re.search(r"aria-label='(Block[^']+)'", html)[1]
        assert alt.startswith(f"Block {i} of the ladder, {step.title}: ")
        assert signal_words(study(), step.block) in alt
        assert f"<b>{i} {step.title}</b>" in html
        assert f"In the library, {step.cls}" in html
        assert "<script" not in html
    assert "<del" not in frames[0]
    assert all("<del" in html and "<ins" in html for html in frames[1:5])


def test_the_same_controls_as_every_picker(blocks):
    picker = show.ladder_picker(blocks, study(), name="Steps")
    (slider,), (box,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert (slider.min, slider.max, slider.description, box.description) == (
        0,
        7,
        "Steps: block",
        "Steps: block number",
    )


def test_a_ladder_with_a_step_missing_is_refused(blocks):
    with pytest.raises(ValueError, match="the ladder lacks post-ln, parallel: take these blocks apart too"):
        show.ladder_picker(blocks[:6], study())


def test_a_study_without_a_block_is_refused(blocks):
    half = study().model_copy(update={"runs": study().runs[:4]})
    with pytest.raises(KeyError, match="no run of skipless"):
        show.ladder_signal(half)


def test_words_on_parameters(blocks):
    names = by_name(blocks)
    assert "than" not in parameters_words(names["pre-ln"], names)
    assert parameters_words(names["skipless"], names).endswith("As many as Pre-LN.")
    assert re.search(r"fewer than V-SkipInit, \d+\.\d %\.$", parameters_words(names["sas"], names))
    assert "the first 100 more" in parameters_words(names["sas"], names)


def test_verdicts_follow_the_numbers(blocks):
    identity, skip = show.ladder_rows(blocks)
    assert (identity.claim, identity.verdict) == ("S2", "reproduced")
    assert (skip.claim, skip.verdict, skip.number) == ("S8", "untestable here", "1.00")
    off = [made(block, attention_error=1e-3) if block == "sas" else made(block) for block in BLOCKS]
    assert show.ladder_rows(off)[0].verdict == "contradicted"
    all_same = [made(block, attention_error=0.0) for block in BLOCKS]
    assert show.ladder_rows(all_same)[0].verdict == "partly"


def test_findings_are_the_data_s(blocks):
    found = {finding.name: finding.value for finding in show.ladder_findings(blocks, study())}
    names = by_name(blocks)
    assert found["saved-values"] == names["v-skipinit"].n_parameters - names["sas"].n_parameters
    assert found["saved-share"] == pytest.approx(
        100 * (1 - names["sas-p-no-norm"].all_blocks / names["pre-ln"].all_blocks)
    )
    assert found["gains-sas"] == 2
    assert found["residual-skipless"] == pytest.approx(0.85e-18)
    assert found["residual-sas"] == pytest.approx(0.85)


def shaped(logits, alpha, beta, gamma):
    def softmax(z):
        masked = np.where(np.tri(len(z)) > 0, z, -np.inf)
        weights = np.exp(masked - masked.max(1, keepdims=True))
        return weights / weights.sum(1, keepdims=True)

    return alpha * np.eye(len(logits)) + beta * softmax(logits) - gamma * softmax(np.zeros_like(logits))


def test_exercises_of_chapter_8():
    assert "Right" in check.shaped_matrix(shaped).html
    assert "Not yet" in check.shaped_matrix(lambda z, a, b, c: a * np.eye(len(z))).html
    assert "Not tried yet" in check.shaped_matrix(lambda *_: ...).html
    assert "Right" in check.share_without_values(0.25).html
    assert "Not yet" in check.share_without_values(1 / 6).html
    assert "Not tried yet" in check.share_without_values(...).html
