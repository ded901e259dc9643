"""The table of the page: every recorded file is in it, and trainings stand in studies, not each by itself."""

from nearlinear import inventory, recorded
from nearlinear.results.inventory import recordings, studies
from nearlinear.results.store import recorded_files
from nearlinear.results.types import TokensNeeded

KINDS = [*(kind for kind, _ in recorded.KINDS.values()), TokensNeeded]


def test_every_recorded_file_is_in_the_table():
    found = recordings(KINDS)
    assert len(found) == len(recorded_files())
    assert sum(len(study.recordings) for study in studies(found, inventory.planned())) == len(found)


def test_studies_of_many_runs_are_found_by_themselves():
    names = {plan.__name__ for plan in inventory.plans()}
    assert {"core", "screen", "ablations"} <= names
    assert "files_of" not in names
    assert not {"renew", "result"} & names


def test_trainings_stand_in_studies():
    for study in studies(recordings(KINDS), inventory.planned()):
        assert study.n_runs > 1 or not study.name.split("-")[-1].isdigit(), study.name


def test_a_plan_says_what_it_is_and_at_which_size():
    planned = inventory.planned()
    assert any(what.endswith("Size quick.") for what in planned)
    assert all(len(runs) > 1 for runs in planned.values())


def test_the_tables_are_html_of_one_piece():
    """A blank line would end the piece of HTML for a Markdown reader."""
    for html in (inventory.results_made().html, inventory.benchmarks_made().html):
        assert html.startswith("<div")
        assert "\n\n" not in html
