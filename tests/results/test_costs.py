"""What trainings cost, by formulas: held against the operations that torch counts, and against the budgets."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nearlinear.results import training_studies as studies
from nearlinear.results.costs import SPEED, a_token, cost, costs, tokens
from nearlinear.results.training_specs import SIZES, core, screen
from nearlinear.train.models import simplified_model

CHAPTERS = {
    "10": (screen, core, studies.equal, studies.longer, studies.prose_tried, studies.prose),
    "11": (studies.tried, studies.ablations),
    "12": (studies.deep_tried, studies.depth),
    "13": (studies.encoders_tried, studies.encoders, studies.encoders_longer),
}


@pytest.mark.parametrize("block", ["pre-ln", "sas", "sas-p"])
def test_operations_are_those_that_torch_counts(block):
    spec = next(s for s in core("laptop").values() if s.architecture.block == block)
    shape = spec.architecture
    model, read = simplified_model(spec, 256), torch.zeros(2, shape.T, dtype=torch.long)
    with FlopCounterMode(display=False) as counted:
        model(input_ids=read).logits.float().logsumexp(-1).sum().backward()
    found = counted.get_total_flops() / read.numel()
    assert a_token(spec) == pytest.approx(found, rel=0.1)  # dense attention multiplies what is masked, too


def test_costs_add_up():
    specs = list(core("quick").values())
    whole, first, rest = cost(specs), cost(specs[:3]), cost(specs[3:])
    assert whole.n == len(specs)
    assert whole.tokens == first.tokens + rest.tokens == sum(map(tokens, specs))
    assert whole.operations == pytest.approx(first.operations + rest.operations)
    assert cost([]).hours == 0
    assert whole.hours == pytest.approx(whole.operations / SPEED / 3600)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_on_colab_takes_half_an_hour(chapter):
    assert costs(*CHAPTERS[chapter])["colab"].operations <= 1.5e16


def test_every_size_is_reckoned():
    assert list(costs(core)) == list(SIZES)
    each = [c.operations for c in costs(core).values()]
    assert each == sorted(each)
