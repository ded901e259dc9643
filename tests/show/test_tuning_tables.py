"""Tables, sentences and findings of finetuning hold the planted numbers, and follow the runs."""

import pytest

from nearlinear import show
from nearlinear.show.tuning_printed import COLUMNS, TABLE_1
from nearlinear.show.tuning_tables import same_texts
from tests.show import tunings_made as made
from tests.show.test_learning_tables import rows
from tests.show.test_meeting import panels, texts

RUNS = made.tunings()
TABLES = {
    "learnt": show.tuning_learnt,
    "both scores": show.tuning_table,
    "account": show.tuning_account_table,
    "ways": show.tuning_ways,
    "beyond": show.tuning_beyond,
    "as printed": show.tuning_as_printed,
}


def cells(shown) -> dict[str, list[str]]:
    """First cell, without what keeps it wide → the others."""
    return {name.removeprefix("<div style='min-width:9em'>").removesuffix("</div>"): each
            for name, each in rows(shown).items()}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_names_size_and_every_model(name):
    html = TABLES[name](RUNS).html
    for said in ("100 steps of 16", "300 steps of 16", "3 seeds", "SmolLM2-135M", "Llama type", "GPT-NeoX type"):
        assert said in html
    assert "nan" not in html


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_runs_that_broke_off(name):
    runs = [made.run("film"), made.run("film", seed=1, stopped_at=100), made.run("shuffled", stopped_at=100),
            made.run("shuffled", seed=1)]  # fmt: skip
    assert "nan" not in TABLES[name](runs).html


def test_what_was_learnt_stands_beside_the_commonest_label():
    table = cells(show.tuning_learnt(RUNS))
    film = table["Llama type on film sentences"]
    assert film[0] == "6,984"
    assert film[1] == "0"
    assert film[4] == "90.0 %"
    assert film[6:] == ["50.0 %", "yes", "2.000", "2.100"]
    assert table["Llama type on film (shuffled labels)"][7] == "no"
    assert table["Llama type on more text"][4:8] == ["—"] * 4
    broken = cells(show.tuning_learnt([made.run("film", stopped_at=100)]))
    assert broken["Llama type on film sentences"][8:] == ["broke off"] * 2


def test_both_scores_before_and_after():
    film = cells(show.tuning_table(made.lessons("film")))["Llama type on film sentences"]
    assert film[0] == "0.452 (0.450 to 0.454)"
    assert film[1] == "0.553 (0.550 to 0.556)"
    assert film[2] == "+0.101 [+0.099, +0.103]"
    assert film[3].startswith("[+0.0")
    assert film[6] == "+0.0202 [+0.0197, +0.0207]"


def test_each_way_of_measuring_has_its_own_rise():
    runs = made.lessons("film", way=0.6)
    html = show.tuning_ways(runs).html
    assert html.count("+0.101 [+0.099, +0.103]") == 2
    assert "+0.061 [+0.059, +0.062]" in html


def test_a_lesson_is_set_beside_every_control_of_its_model():
    html = show.tuning_beyond(RUNS).html
    assert html.count("SmolLM2-135M on film sentences") == 2
    assert html.count("Llama type on film sentences") == 3
    assert html.count("+0.090 [+0.090, +0.090]") == 8  # the seed raises both, and drops out
    one = made.lessons("film", "shuffled", ends={"shuffled": {"rise": 0.2}})
    assert "−0.100 [−0.100, −0.100]" in show.tuning_beyond(one).html
    assert ">less<" in show.tuning_beyond(one).html
    none = [made.run("film"), made.run("film", seed=1, stopped_at=100), made.run("shuffled", stopped_at=100),
            made.run("shuffled", seed=1)]  # fmt: skip
    assert "film (shuffled labels)" not in show.tuning_beyond(none).html


def test_which_controls_read_the_same_texts():
    assert same_texts("film", "shuffled")
    assert same_texts("film-adapters", "shuffled-adapters")
    assert same_texts("film", "sentences")
    assert same_texts("film-rewards", "shuffled-rewards")
    assert not same_texts("contexts", "shuffled")
    assert not same_texts("film", "more-text")
    assert not same_texts("rewards", "shuffled-rewards")


def test_rates_say_the_best_the_edge_and_what_broke_off():
    html = show.tuning_rates(made.screen()).html
    assert html.count("least loss, at the edge of those tried") == 1
    assert html.count("least loss") == 2
    assert html.count("broke off") == 1
    assert "adapters of rank 8" in html
    assert "0.0003" in html
    assert "long runs" not in html


def test_the_rate_of_the_long_runs_is_marked():
    html = show.tuning_rates(made.screen(), [made.run(), made.run(adapters=True, lr=3e-3)]).html
    assert html.count("rate of the long runs") == 2
    assert html.count("least loss; rate of the long runs") == 1
    assert "edge" not in show.tuning_rates(made.screen()[:1]).html


def test_table_1_is_as_the_paper_prints_it():
    assert len(TABLE_1) == 7
    assert {len(cells) for cells in TABLE_1.values()} == {len(COLUMNS)}
    values = [float(cell.split(" ± ")[0]) for cells in TABLE_1.values() for cell in cells]
    assert (min(values), max(values)) == (0.004, 0.382)  # of L7
    rewards = [float(cells[-1].split(" ± ")[0]) for cells in TABLE_1.values()]
    assert (min(rewards), max(rewards)) == (0.038, 0.194)  # of L8
    assert "0.217 ± 0.038" in show.tuning_printed().html


def test_ours_in_the_same_form():
    html = show.tuning_as_printed(made.lessons("film", "contexts", ends={"contexts": {"stopped_at": 100}})).html
    assert "+0.101 ± 0.001" in html
    assert "broke off" in html
    assert "±" not in show.tuning_as_printed([made.run()]).html.replace("± over seeds", "")


def test_what_is_said_follows_the_runs():
    ends = {("gpt-neox", "film"): {"rise": -0.1}, ("llama", "contexts"): {"rise": -0.001}}
    said = show.tuning_said(made.tunings(ends)).plain
    assert said.startswith(
        "In the lessons s_Δ rises for SmolLM2-135M on film sentences and words in context, Llama type on film "
        "sentences, GPT-NeoX type on words in context; it falls for GPT-NeoX type on film sentences; it neither rises "
        "nor falls for certain for Llama type on words in context. In the controls s_Δ rises for "
    )
    one = show.tuning_said(made.tunings(seeds=1)).plain
    assert "neither rises nor falls for certain for SmolLM2-135M on film sentences" in one
    assert " falls for Llama" not in one


def test_controls_are_said_in_words():
    ends = {("gpt-neox", "shuffled"): {"rise": 0.3}}
    said = show.tuning_beyond_said(made.tunings(ends)).plain
    assert (
        "Beside film (shuffled labels), s_Δ rises by more in SmolLM2-135M on film sentences, Llama type on film" in said
    )
    assert "Beside film (shuffled labels), s_Δ rises by less in GPT-NeoX type on film sentences." in said
    assert "Beside more text, s_Δ rises by more in Llama type on film sentences and words in context" in said
    assert show.tuning_beyond_said(made.lessons("film")).plain == "No lesson here has a control beside it."


def test_findings_are_the_runs():
    every = show.tuning_findings(RUNS, made.rewards(), made.adapted())
    found = {f.name: f.value for f in every}
    assert len(found) == len(every)
    assert found["tuning-update-llama-film"] == pytest.approx(0.101)
    assert found["tuning-update-llama-film-adapters"] == pytest.approx(0.101)
    assert found["tuning-size-gpt-neox-contexts"] == pytest.approx(0, abs=1e-12)
    assert found["tuning-right-llama-film-rewards"] == pytest.approx(0.85)
    assert found["tuning-loss-smollm2-135m-film"] == pytest.approx(0.1)
    assert "tuning-right-llama-more-text" not in found
    assert show.tuning_findings([]) == []


def test_adapters_stand_beside_every_weight():
    shown = show.tuning_adapters(made.adapted(), RUNS)
    assert "Llama type on film sentences by adapters: +0.101" in shown.alt
    assert "words in context" not in shown.alt
    assert "GPT-NeoX" not in texts(shown)
    (panel,) = panels(shown)
    assert [line.get_markerfacecolor() == "none" for line in panel.get_lines()[:4]] == [False, True, False, True]
    table = cells(show.tuning_adapters_table(made.adapted(), RUNS))
    assert table["Llama type on film sentences by adapters"][:3] == ["10.0 %", "0.003", "90.0 %"]
    assert table["Llama type on film sentences"][:2] == ["100.0 %", "0.001"]


def test_what_was_not_asked_for_says_so():
    assert show.tuning_adapters([], RUNS).plain.startswith("No finetuning by adapters is here")
    assert show.tuning_adapters_table([], RUNS).plain.startswith("No finetuning by adapters is here")
    assert show.tuning_elsewhere([]).plain.startswith("No model of the hub was asked for")
    assert "BoolQ" in show.tuning_elsewhere(made.lessons("boolq", models=("org/model",))).html
