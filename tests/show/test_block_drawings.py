"""A drawing shows the parts that the class really has, in the right standing; and the code is the library's."""

import inspect
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
import torch

from nearlinear.blocks.apart import apart, parts
from nearlinear.blocks.model import BLOCKS
from nearlinear.blocks.stacks import context_of, stack
from nearlinear.results.apart import ORDER
from nearlinear.show import block_sources
from nearlinear.show.block_drawings import drawing, sheet
from nearlinear.show.block_parts import BEFORE, DRAWINGS, GONE, KEPT, NEW, standings
from nearlinear.show.block_sources import code, equation, method
from nearlinear.show.ladder_steps import BESIDE, LADDER, STEPS

MARKS = {GONE: r"\[-(.*?)-\]", NEW: r"\[\+(.*?)\+\]"}
PRE_LN = {"W_Q", "W_K", "W_V", "W_P", "A", "W_1", "MLP", "norm 1", "norm 2", "skip 1", "skip 2"}


def small(block: str) -> torch.nn.Module:
    """A block that is not the first."""
    return stack(block, L=2, d=16, h=2, seed=0)[-1]


def test_every_block_is_drawn_once():
    assert tuple(DRAWINGS) == tuple(step.block for step in STEPS) == ORDER
    assert set(ORDER) == set(BLOCKS)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_parts_drawn_are_the_modules_of_the_class(block):
    assert set(DRAWINGS[block].modules.values()) == set(parts(small(block)))
    assert set(DRAWINGS[block].modules.values()) == apart(block, d=16, h=2).names


@pytest.mark.parametrize("block", BLOCKS)
def test_attention_is_drawn_shaped_where_it_is(block):
    drawn = "shaped" if "shaped" in DRAWINGS[block].parts else "A"
    assert (type(small(block).attn).__name__ in ("Shaped", "SimplifiedAttention")) == (drawn == "shaped")


@pytest.mark.parametrize("block", BLOCKS)
def test_skips_are_drawn_where_a_silent_half_leaves_its_input(block):
    """Silence a half: where there is a skip around it, what comes in goes out; where there is none, zero does."""
    layer = small(block)
    x = torch.randn(1, 5, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x / x.square().mean(-1, keepdim=True).sqrt()  # a norm leaves it as it is
    silent = [half.register_forward_hook(lambda *call: torch.zeros_like(call[-1])) for half in (layer.attn, layer.mlp)]
    out = layer(x, context_of("causal", 5))
    both = "skip 2" in DRAWINGS[block].skips and ("skip 1" in DRAWINGS[block].skips or block == "parallel")
    torch.testing.assert_close(out, x if both else torch.zeros_like(x), atol=1e-6, rtol=0)
    silent[0].remove()
    if DRAWINGS[block].layout == "sequential":  # what attention answers goes past the silent MLP
        assert (layer(x, context_of("causal", 5)).norm() > 0) == ("skip 2" in DRAWINGS[block].skips)


def test_a_drawing_with_a_part_too_many_is_seen():
    """The comparison above can fail."""
    lying = {**DRAWINGS["sas"].modules, "W_P": "project"}
    assert set(lying.values()) != set(parts(small("sas")))


def test_standings_tell_what_goes_at_each_step():
    gone = {step.block: {p for p, how in standings(step.block).items() if how == GONE} for step in STEPS}
    new = {step.block: {p for p, how in standings(step.block).items() if how == NEW} for step in STEPS}
    assert gone == {
        "pre-ln": set(),
        "skipless": {"skip 1"},
        "v-skipinit": {"A"},
        "sas": {"W_V", "W_P"},
        "sas-p": {"skip 2", "norm 2"},
        "sas-p-no-norm": {"norm 1"},
        "post-ln": {"norm 1", "norm 2"},
        "parallel": {"skip 1", "norm 2"},
    }
    assert new["v-skipinit"] == {"shaped", "β_FF"}
    assert new["sas-p"] == {"β_SA"}
    assert new["post-ln"] == {"norm after 1", "norm after 2"}
    assert new["pre-ln"] == new["skipless"] == new["sas"] == new["sas-p-no-norm"] == new["parallel"] == set()


def test_what_went_stays_gone_and_the_ladder_loses_all_of_this():
    last = standings("sas-p-no-norm")
    lost = {part for part, how in last.items() if how in (GONE, BEFORE)}
    assert lost == {"skip 1", "skip 2", "norm 1", "norm 2", "W_V", "W_P", "A"}
    assert {part for part, how in last.items() if how == KEPT} | lost == PRE_LN | {"shaped", "β_SA", "β_FF"}
    assert set(standings("pre-ln")) == PRE_LN


@pytest.mark.parametrize("block", BLOCKS)
def test_each_part_of_a_block_is_in_its_svg_and_what_is_gone_is_struck(block):
    svg = "".join(drawing(block))
    words = re.sub(r"<tspan[^>]*>", "_", re.sub(r"</?text[^>]*>", "|", svg)).replace("</tspan>", "")
    drawn = [word for word in re.split(r"[|<>]", words) if word]
    for part in DRAWINGS[block].modules:
        named = {"A": "A", "shaped": "αI + βA − γC", "MLP": "W_2", "β_FF": "FF", "β_SA": "SA"}.get(part, part)
        assert ("Norm" if part.startswith("norm") else named) in drawn
    # A is replaced in its own place; Post-LN has no room where its norms were, and one skip of two is enough to see
    struck = {"skipless": 1, "sas": 2, "sas-p": 2, "sas-p-no-norm": 1, "parallel": 1}
    assert svg.count("stroke-dasharray='5 2'") == struck.get(block, 0)


def test_a_sheet_is_well_formed_the_same_every_time_and_light():
    blocks = [step.block for step in LADDER]
    text = sheet(blocks, [step.title for step in LADDER], heading="six blocks")
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    again = "from nearlinear.show.block_drawings import sheet; print(sheet({0!r}, {1!r}, heading='six blocks'))"
    command = again.format(blocks, [step.title for step in LADDER])
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == text
    assert len(text) < 60_000


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.block)
def test_the_code_is_the_classes_own(step):
    cls = BLOCKS[step.block]
    assert cls.__name__ == step.cls
    assert method(step.cls) == inspect.cleandoc("\n" + inspect.getsource(cls.forward)).strip()
    plain = re.sub(r"<[^>]+>", "", code(step.cls).replace("</div>", "\n"))
    assert [line.strip() for line in plain.splitlines() if line.strip()] == [
        line.strip() for line in block_sources.escape(method(step.cls)).splitlines()
    ]


def test_code_marks_what_went_and_what_came():
    html = code("Skipless", "PreLN")
    assert re.search(r"− +<del[^>]*>x = x \+ self.project", html)
    assert re.search(r"\+ +<ins[^>]*>x = self.project", html)
    assert "<del" not in code("PreLN")


def test_where_forward_is_the_same_the_code_is_what_differs():
    html = code("SASPNoNorm", "SASP")
    assert "layer_idx == 0" in html
    assert "self.beta_sa" not in html


def test_a_method_that_is_nowhere_is_refused():
    with pytest.raises(KeyError):
        method("PreLN", "backward")


def test_an_equation_is_set_without_script():
    (row,) = re.findall(r"<div[^>]*>(.*)</div>", equation(("X̂ = [-X +-] A Y W_V[+(+]",)))
    assert re.sub(r"<[^>]+>", "", row) == "X̂ = X + A Y WV("
    assert re.search(r"<del[^>]*>X \+</del>", row)
    assert "W<sub style='font-size:75%'>V</sub>" in row


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.block)
def test_an_equation_has_the_parts_of_the_drawing(step):
    left = re.sub(r"\[\+(.*?)\+\]", r"\1", re.sub(r"\[-.*?-\]", "", " ".join(step.equation)))
    parts = DRAWINGS[step.block].parts
    for part, term in {"W_V": "W_V", "W_P": "W_P", "β_FF": "β_FF", "β_SA": "β_SA", "shaped": "αI"}.items():
        assert (part in parts) == (term in left), part
    assert left.count("Norm(") == sum(part.startswith("norm") for part in parts)
    assert len(re.findall(r"[=(] ?X̂? \+", left)) == sum(part.startswith("skip") for part in parts)


@pytest.mark.parametrize("step", [*LADDER[1:], *BESIDE], ids=lambda step: step.block)
def test_an_equation_marks_what_the_drawing_strikes(step):
    marked = {kind: "".join(re.findall(pattern, " ".join(step.equation))) for kind, pattern in MARKS.items()}
    for part, term in {"W_V": "W_V", "W_P": "W_P", "shaped": "αI", "β_SA": "β_SA"}.items():
        how = standings(step.block).get(part)
        assert (how == GONE) == (term in marked[GONE]), part
        assert how != NEW or term in marked[NEW], part


def test_no_torch_is_loaded_and_no_block_imported():
    command = (
        "import sys; from nearlinear.show.block_sources import code; "
        "from nearlinear.show.block_drawings import drawing; code('SAS', 'VSkipInit'); drawing('sas'); "
        "assert not {'torch', 'nearlinear.blocks'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
