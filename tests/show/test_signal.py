"""Figures, tables, verdicts and the picker of signal propagation: they say what the study says, and how it was made."""

import base64
import math
import re
from io import BytesIO
from itertools import product

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from nearlinear import show
from nearlinear.errors import InputError
from nearlinear.results.signal import (
    SIZES,
    STACKS,
    Gradients,
    Look,
    Signal,
    SignalRun,
    SignalSpec,
    SignalStudy,
    collapse_spec,
)
from nearlinear.show.picker import BUDGET, weight
from nearlinear.show.signal import LOOKS, NAMES, survivors
from nearlinear.show.signal_frames import look_frame, picture_of
from tests.show import synthetic

SHAPED = ("v-skipinit", "sas", "sas-p", "sas-p-no-norm")
ALONE = ("attention", "attention-norm", "skipless", "post-ln")


def signal(stack: str, depths: tuple[int, ...], factor: float) -> Signal:
    """Skipless stacks lose a fifth of the residual's digits a block, the others a little in all; times a factor."""
    rate = 0.8 if stack in ALONE else 0.999
    rest = [factor * 0.9 * rate**depth for depth in depths]
    return Signal(
        depth=depths,
        relative_residual=rest,
        composite_residual=rest,
        cosine=[1 - r**2 for r in rest],
        stable_rank=[1 + r for r in rest],
        diagonal=[1.0 + depth for depth in depths],
        off_diagonal=[0.5] * len(depths),
    )


def gradients(stack: str, blocks: tuple[int, ...]) -> Gradients:
    nothing, no_matrix = [0.0] * len(blocks), [1.0] + [math.nan] * (len(blocks) - 1)
    return Gradients(
        block=blocks,
        query=[10.0**-block if stack in ALONE else 0.25 for block in blocks],
        key=nothing if stack in SHAPED else [0.2] * len(blocks),
        value=no_matrix if stack.startswith("sas") else [2.0] * len(blocks),
    )


def study(L: int = 72, command: str = "python -m nearlinear results --only rank-collapse", **options) -> SignalStudy:
    """Three seeds whose residuals are 0.9, 1 and 1.1 times the mean."""
    spec = SignalSpec(L=L, **options)
    runs = [
        SignalRun(
            stack=stack,
            mask=mask,
            tokens=tokens,
            seed=seed,
            signal=signal(stack, spec.depths, 0.9 + 0.1 * i),
            gradients=gradients(stack, spec.blocks) if spec.gradients else None,
            from_identity=0.0 if stack in (*SHAPED, "v-skipinit-value-skip") else 0.9,
        )
        for stack, mask, tokens, (i, seed) in product(spec.stacks, spec.masks, spec.tokens, enumerate(spec.seeds))
    ]
    made = synthetic.provenance(L=L, d=spec.d).model_copy(update={"command": command, "dtype": "float64"})
    return SignalStudy(L=L, d=spec.d, h=spec.h, T=spec.T, runs=runs, provenance=made)


def changed(result: SignalStudy, stack: str, **update) -> SignalStudy:
    """The study with one field of every run of a stack changed."""
    runs = [run.model_copy(update=update) if run.stack == stack else run for run in result.runs]
    return result.model_copy(update={"runs": tuple(runs)})


LONG = study()


def texts(shown) -> str:
    return " ".join(t.get_text() for t in shown.figure.findobj(lambda a: hasattr(a, "get_text"))).replace("\xa0", " ")


def curve(shown, label: str, panel: int = 0) -> np.ndarray:
    axes = [ax for ax in shown.figure.findobj(lambda a: hasattr(a, "get_lines")) if ax.get_lines()]
    (line,) = [li for li in axes[panel].get_lines() if li.get_label() == label]
    return np.asarray(line.get_ydata(), float)


FIGURES = {
    "collapse": show.collapse_by_depth,
    "geometry": show.geometry_by_depth,
    "gradients": show.gradients_by_block,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_was_run_and_how(name):
    shown = FIGURES[name](LONG)
    for said in (texts(shown), shown.alt, shown.caption):
        for part in ("72 blocks", "d = 256", "T = 128 random tokens", "3 seeds", "float64", "recorded 2026-11-22"):
            assert part in said, part
    assert "computed for this page" in texts(FIGURES[name](study(L=4, command="nearlinear score")))
    assert "1 seed," in texts(FIGURES[name](study(L=4, seeds=(5,))))
    assert "bytes of real text" in texts(FIGURES[name](LONG, tokens="text"))


def test_every_stack_has_a_name_and_a_look_of_its_own():
    assert set(NAMES) == set(LOOKS) == set(STACKS)
    assert len(set(NAMES.values())) == len(set(LOOKS.values())) == len(STACKS)


def test_lines_are_means_over_seeds_in_every_panel():
    shown = show.collapse_by_depth(LONG)
    for panel, mask in enumerate(LONG.masks):
        for stack in STACKS:
            wanted = LONG.values(stack, mask, "random", "relative_residual").mean(0)
            assert curve(shown, NAMES[stack], panel) == pytest.approx(wanted)


def test_the_geometry_leaves_out_what_collapses():
    kept = survivors(LONG, "causal", "random")
    assert set(kept) == set(STACKS) - set(ALONE)
    shown = show.geometry_by_depth(LONG)
    assert NAMES["attention"] not in texts(shown)
    assert curve(shown, NAMES["sas"], 1) == pytest.approx(LONG.values("sas", "causal", "random", "cosine").mean(0))


def test_gradients_of_zero_are_named_and_not_drawn():
    shown = show.gradients_by_block(LONG)
    assert "Exactly zero for W_K: V-SkipInit, shaped; SAS; SAS-P; SAS-P, no norm." in shown.caption
    assert "No W_V after the first block: SAS; SAS-P; SAS-P, no norm." in shown.caption
    assert shown.caption.count("Exactly zero") == 1  # the masks agree, so it is said once
    assert np.isnan(curve(shown, NAMES["sas"], 1)).all()
    assert curve(shown, NAMES["sas"], 0) == pytest.approx(0.25)


def test_the_table_has_means_ranges_and_cosines():
    html = show.collapse_table(LONG).html
    assert html.count("<tr>") == 1 + 2 * len(STACKS)
    for depth in (1, 4, 18, 72):
        assert f"after {depth}<" in html
    assert "<b>0.720</b> · 0.478" in html
    short = show.collapse_table(study(L=6)).html
    assert "after 6<" in short
    assert "after 18<" not in short


def test_findings_are_the_studys():
    found = {f.name: f.value for f in show.signal_findings(LONG)}
    assert found["collapse-causal-last"] == pytest.approx(0.9 * 0.8**72)
    assert found["collapse-bidirectional"] == pytest.approx(0.9 * 0.8**4)
    assert found["sas-last"] == pytest.approx(0.9 * 0.999**72)
    assert found["attention-query"] == pytest.approx(1e-36)
    assert (found["pre-ln-query"], found["sas-key"], found["from-identity"]) == (0.25, 0.0, 0.0)
    assert len(show.signal_findings(study(L=3))) == len(found)


def verdicts(result: SignalStudy) -> dict[str, str]:
    return {row.claim: row.verdict for row in show.signal_rows(result)}


def test_verdicts_follow_the_numbers():
    healthy = signal("pre-ln", LONG.depths, 1.0)
    dead = signal("attention", LONG.depths, 1.0)
    assert verdicts(LONG) == {"S1": "reproduced", "S2": "reproduced"}
    assert verdicts(changed(LONG, "attention", signal=healthy))["S1"] == "contradicted"
    assert verdicts(changed(LONG, "skipless", signal=healthy))["S1"] == "partly"
    assert verdicts(changed(LONG, "pre-ln", signal=dead))["S1"] == "partly"
    assert verdicts(changed(LONG, "sas", from_identity=1e-9))["S2"] == "contradicted"
    assert verdicts(study(L=8))["S1"] == "not at this size"


def look(L: int = 3, k: int = 8, stack: str = "sas", mask: str = "causal") -> Look:
    cosines = np.clip(np.eye(k) + np.linspace(0, 1, L)[:, None, None], -1, 1)
    attention = np.broadcast_to(np.tril(np.ones((k, k))), (L, k, k))
    made = signal("pre-ln", tuple(range(L + 1)), 1.0)
    return Look(stack, mask, "random", 0, 256, 128, cosines, attention, made)


def test_a_frame_says_which_block_and_what_enters_it():
    frame = look_frame(look(), 1)
    for said in (frame.alt, frame.html):
        assert "0.899" in said
    assert "SAS, causal attention, block 1 of 3: 128 random tokens enter" in frame.alt
    assert "The first 8 of T = 128" in frame.html


def test_a_picture_is_its_matrix():
    matrix = np.array([[0.0, 1.0, 0.5], [-3.0, 7.0, 0.2]])
    data = base64.b64decode(picture_of(matrix).partition(",")[2])
    image = np.asarray(Image.open(BytesIO(data)).convert("RGB"), float)
    assert image.shape == (2, 3, 3)
    darkness = 255 - image[..., 0]
    assert darkness == pytest.approx(255 * np.clip(matrix, 0, 1), abs=255 / 30 + 1)


def test_the_picker_has_every_block_of_every_look_and_is_light():
    rng = np.random.default_rng(0)
    pictures = [
        look(18, 32, stack, mask) for stack in ("attention", "pre-ln", "sas") for mask in ("causal", "bidirectional")
    ]
    noisy = [
        Look(p.stack, p.mask, p.tokens, 0, 256, 128, rng.random((18, 32, 32)), rng.random((18, 32, 32)), p.signal)
        for p in pictures
    ]
    picker = show.signal_picker(noisy)
    assert weight(picker) < BUDGET
    found, todo = [], [picker]
    while todo:
        widget = todo.pop()
        todo += getattr(widget, "children", ())
        found += [widget.value] if isinstance(widget, widgets.HTML) else []
    alts = {re.search("aria-label='([^']+)'", value)[1] for value in found}
    assert len(alts) == 6 * 18
    assert all("tokens" in alt for alt in alts)


def test_a_study_goes_to_json_and_back_and_refuses_what_does_not_fit():
    again = SignalStudy.from_json(LONG.to_json())
    assert again.to_json() == LONG.to_json()
    assert LONG.to_json().count("\n") == 1
    with pytest.raises(ValueError, match="stands here twice"):
        SignalStudy(**{**dict(LONG), "runs": (*LONG.runs, LONG.runs[0])})
    with pytest.raises(ValueError, match="cosine needs one entry for each of the 2 depths"):
        Signal(**{**signal("sas", (0, 1), 1.0).model_dump(), "cosine": (0.5,)})
    with pytest.raises(ValueError, match="query needs one entry for each of the 2 blocks"):
        Gradients(block=(0, 1), query=(1.0,), key=(1.0, 1.0), value=(1.0, 1.0))
    with pytest.raises(KeyError, match="no run of sas with a causal mask and text tokens"):
        study(L=2, tokens=("random",)).of("sas", "causal", "text")


def test_numbers_are_kept_to_eight_digits_and_nan_stays_nan():
    kept = signal("sas", (0, 1), 1.0).model_copy()
    assert Signal(**{**kept.model_dump(), "cosine": (1 / 3, math.nan)}).cosine[0] == 0.33333333
    assert math.isnan(Signal.from_json(Signal(**{**kept.model_dump(), "cosine": (0.1, math.nan)}).to_json()).cosine[1])


def test_specifications():
    assert collapse_spec("quick") == SIZES["quick"]
    assert (SIZES["cpu"].L, SIZES["cpu"].d, SIZES["cpu"].h, SIZES["cpu"].T, SIZES["cpu"].seeds) == (
        72,
        256,
        4,
        128,
        (0, 1, 2),
    )
    with pytest.raises(InputError, match="no size 'huge'"):
        collapse_spec("huge")
