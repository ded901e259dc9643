"""Tables join claims with our numbers, can be read aloud, and escape what they are given."""

import re

import pytest

from nearlinear import show
from nearlinear.errors import InputError
from nearlinear.results.claims import VERDICTS, claims
from nearlinear.show import paper
from tests.show import synthetic


def row(**more) -> show.Ours:
    given = {
        "claim": "L1",
        "what": "median over blocks",
        "number": 0.93,
        "controls": "held out, first token out, n/d = 25.6",
        "verdict": "partly",
        "command": "nearlinear score --model smollm2-135m",
        "interval": (0.92, 0.94),
    }
    return show.Ours(**given | more)


def test_a_row_joins_the_claim_with_our_number():
    html = show.paper_and_ours([row()]).html
    for said in ("<b>L1</b>", "≈ 0.99", "abstract, Fig. 1 left", "0.930 [0.920, 0.940]", "n/d = 25.6", "◐ partly"):
        assert said in html
    assert len(re.findall(r"scope='col'", html)) == 5
    assert len(re.findall(r"scope='row'", html)) == 1
    assert "<caption" in html


def test_long_cells_stay_readable_on_a_phone():
    cells = re.findall(r"<td[^>]*>(.*?)</td>", show.paper_and_ours([row()]).html)
    assert [cell.startswith("<div style='min-width:") for cell in cells] == [False, True, True, False]


def test_a_claim_without_a_printed_number_gets_a_dash():
    cells = re.findall(r"<td[^>]*>(.*?)</td>", show.paper_and_ours([row(claim="L3", interval=None)]).html)
    assert cells[0] == "—"
    assert cells[1].endswith("<b>0.930</b></div>")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_sign_of_its_own(verdict):
    assert verdict in show.paper_and_ours([row(verdict=verdict)]).html


def test_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="there is no verdict 'sort of': choose one of reproduced, partly,"):
        row(verdict="sort of")
    with pytest.raises(InputError, match="there is no claim 'L99'"):
        row(claim="L99")


def test_words_are_escaped():
    html = show.paper_and_ours([row(what="<i>", controls="<u>", command="a && <b>", number="<s>")]).html
    assert not {"<i>", "<u>", "<s>"} & set(re.findall(r"<\w+>", html))
    assert "a &amp;&amp; &lt;b&gt;" in html


def test_the_card_says_what_a_notebook_costs():
    html = show.card(minutes_cpu=1.34, minutes_gpu=None, memory="2 GB", downloads="93 MB", prerequisites="none").html
    assert "1.3 minutes" in html
    assert "not measured" in html
    assert "30 seconds" in show.card(minutes_cpu=0.5, minutes_gpu=2, memory="", downloads="", prerequisites="").html


def test_the_parameters_table_reads_what_papermill_finds():
    found = {"name": "n", "inferred_type_name": "int", "default": "16384", "help": "tokens <scored>"}
    html = show.parameters_table({"n": found}).html
    assert ">16384</code>" in html
    assert "tokens &lt;scored&gt;" in html


@pytest.mark.parametrize("result", [synthetic.profile(L=3), synthetic.tokens_needed(L=3), synthetic.token_errors(L=2)])
def test_provenance_is_complete_and_folded(result):
    html = show.provenance_table(result).html
    p = result.provenance
    for said in (p.model.sha256, p.corpus.sha256, p.spec_sha256, p.library_sha256, p.command, "torch 2.13.0"):
        assert said in html
    assert "<details>" in html
    assert "seed" in html


def test_printed_numbers_are_those_of_the_claims():
    by_id = {c.id: c for c in claims()}
    for printed in paper.PRINTED:
        assert printed.text == by_id[printed.claim].paper_value
        assert f"{printed.value:g}" in printed.text
    assert paper.printed("L1") == (paper.SCORE,)
    assert paper.printed("L3") == ()


def test_a_result_of_changed_code_says_so(monkeypatch):
    from nearlinear.results import store

    result = synthetic.profile()
    assert "made by an earlier version" in show.provenance_table(result).html
    monkeypatch.setattr(store, "library_sha256", lambda _made_by: result.provenance.library_sha256)
    assert "made by an earlier version" not in show.provenance_table(result).html
