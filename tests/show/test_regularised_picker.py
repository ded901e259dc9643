"""The pickers of terms: every family, setting and place is on the page, light, described, and true to its runs."""

import ipywidgets as widgets

from nearlinear import show
from nearlinear.show.picker import BUDGET, weight
from tests.show import regularised_made as made
from tests.show.test_learning_picker import alts
from tests.show.test_pickers import all_of

READ = (0.5, *(0.55 + 0.02 * block for block in range(8)))
OF = {s: {"update": 0.6 - 0.1 * s[1], "size": 0.2 / (1 + s[1]), "read": READ} for s in made.SETTINGS}
OF[("cosine", 0.5)]["read"] = tuple(share + 0.1 for share in READ)
RUNS = [*made.grid(OF), *made.grid(OF, family="sas", settings=made.SETTINGS[:4])]


def test_every_setting_and_block_is_there_once_and_light():
    picker = show.regularised_picker(RUNS, name="Mine")
    assert weight(picker) < 0.8 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == (7 + 4) * 8
    (one,) = [alt for alt in found if alt.startswith("Llama type, cosine term, λ = 2, block 0: ")]
    assert "s_Δ 0.398, 1 − s 0.0413, ‖Δ‖² / ‖Y‖² 0.0687; held-out loss 2.500" in one
    assert "Against no term, log(1 − s_Δ) +0.40: more unexplained −0.68, smaller update +1.08" in one
    assert "3 seeds" in one
    (which,) = all_of(picker, widgets.Dropdown)
    assert which.options[0] == "Llama type, no term"
    assert len(which.options) == 11


def test_every_setting_and_state_can_be_read():
    picker = show.probes_picker(RUNS, name="Mine")
    assert weight(picker) < 0.8 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == (7 + 4) * 9
    (one,) = [alt for alt in found if alt.startswith("SAS, cosine term, λ = 0.5, state 1, after block 0: ")]
    assert "65.0 % [" in one
    assert "the commonest label 51.0 %. Against no term: +10.0 points [+" in one
    labels = {
        each.description for each in (*all_of(picker, widgets.IntSlider), *all_of(picker, widgets.BoundedIntText))
    }
    assert labels == {"Mine: state", "Mine: state number"}


def test_a_training_that_broke_off_has_frames():
    runs = [made.run(("none", 0.0), 0), made.run(("cosine", 0.5), 0, stopped_at=500)]
    found = alts(show.regularised_picker(runs))
    assert any("s_Δ no answer" in alt for alt in found)
    assert not any("nan" in alt for alt in found)


def test_without_probes_there_is_a_sentence():
    assert show.probes_picker([made.run()]).plain.startswith("No state of these trainings was read out")
