"""What is read out of states: figures, tables and the verdict on L12, each with a case on either side."""

import pytest

from nearlinear import show
from nearlinear.show.drift_verdicts import WIDTH
from tests.show import regularised_made as made
from tests.show.test_learning_tables import rows
from tests.show.test_meeting import panels, texts

NONE, COSINE = ("none", 0.0), ("cosine", 0.5)
SOME = (NONE, COSINE, ("squared", 2.0))
READ = (0.55, *(0.6 + 0.02 * block for block in range(8)))


def shifted(by: float, blocks=range(9)) -> tuple[float, ...]:
    return tuple(share + by * (state in blocks) for state, share in enumerate(READ))


def runs(read=READ, **options) -> list:
    """The cosine term's probes are `read`, all others READ."""
    return made.grid({COSINE: {"read": read}}, settings=SOME, **({"read": READ} | options))


RUNS = runs(shifted(0.1))
UNREAD = made.grid(settings=SOME)
FIGURES = {"layers": show.probes_by_layer, "gained": show.probes_gained}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_names_size_task_and_numbers(name):
    shown = FIGURES[name](RUNS)
    for said in ("8 blocks, d = 64", "3,000 steps of wikipedia-sample", "3 seeds", "200 to test"):
        assert said in texts(shown)
        assert said in shown.alt
        assert said in shown.caption
    assert "nan" not in shown.alt
    told = {"layers": "λ = 0.5, by state: 65.0 %, 70.0 %, ", "gained": "λ = 0.5, by state, in points: +10.0, +10.0, "}
    assert told[name] in shown.alt
    assert FIGURES[name](UNREAD).plain.startswith("No state of these trainings was read out")


def test_guessing_and_the_untrained_model_stand_beside_it():
    shown = show.probes_by_layer(RUNS)
    heights = [set(line.get_ydata()) for line in panels(shown)[0].get_lines()]
    assert {0.51} in heights
    assert {0.5} in heights
    assert "What the commonest label gets right: 51.0 %" in shown.caption


def test_one_run_alone_can_be_drawn():
    shown = show.probes_by_layer([made.run(read=READ[:3], L=2)])
    assert "no term, by state: 55.0 %, 60.0 %, 62.0 %." in shown.alt


def test_the_table_the_words_and_the_findings_are_the_runs():
    table = rows(show.probes_table(RUNS))
    assert next(each for name, each in table.items() if "cosine" in name)[1] == "70.0 % (70.0 % to 70.0 %)"
    said = show.probes_said(RUNS).plain
    assert "cosine term, λ = 0.5: more for certain in 8 of 8 states that leave blocks, less in 0; +10.0 points" in said
    assert "squared term, λ = 2: more for certain in 0 of 8" in said
    found = {finding.name: finding.value for finding in show.probes_findings(RUNS)}
    assert found["probe-majority"] == 0.51
    assert found["probe-best-llama-none-0"] == 8
    assert found["probe-more-llama-cosine-05"] == pytest.approx(0.1)
    assert show.probes_findings(UNREAD) == []
    assert "0.01 for 81" in show.probe_penalties(RUNS).plain
    for shown in (show.probes_table, show.probes_said, show.probe_penalties):
        assert shown(UNREAD).plain.startswith("No state of these trainings was read out")


def verdict(read, **options) -> str:
    (row,) = show.probes_rows(runs(read, **options))
    assert row.claim == "L12"
    return row.verdict


def test_most_layers_better_is_reproduced_and_some_are_part():
    assert verdict(shifted(0.1, range(1, 6))) == "reproduced"
    assert verdict(shifted(0.1, range(1, 5))) == "partly"
    assert verdict(READ) == "not at this size"


@pytest.mark.parametrize(("d", "wanted"), [(64, "not at this size"), (WIDTH, "contradicted")])
def test_only_models_as_wide_as_the_narrowest_contradict(d, wanted):
    assert verdict(shifted(-0.1), d=d) == wanted


def test_the_state_before_the_blocks_does_not_count():
    (row,) = show.probes_rows(runs(shifted(0.1, [0])))
    assert row.number == "0 of 8 (worse: 0)"


def test_probes_that_read_nothing_say_nothing():
    guessed = made.grid({COSINE: {"read": (0.7,) * 9}}, settings=SOME, read=(0.52,) * 9)
    (row,) = show.probes_rows(guessed)
    assert row.verdict == "not at this size"
    assert "best state without a term 52.0 %, the commonest label 51.0 %" in row.controls


def test_few_steps_one_seed_and_no_probes_say_nothing():
    assert verdict(shifted(0.1), steps=600) == "not at this size"
    assert verdict(shifted(0.1), seeds=1) == "not at this size"
    (row,) = show.probes_rows(UNREAD)
    assert (row.number, row.verdict) == ("nothing was read out", "not at this size")
