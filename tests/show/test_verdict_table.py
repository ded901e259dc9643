"""All verdicts in tables: every claim where it belongs, several rows read together, nothing left out, words escaped."""

import csv
import json
import re
from base64 import b64decode
from html import unescape
from io import StringIO
from itertools import product

import pytest
from bs4 import BeautifulSoup

from nearlinear import show
from nearlinear.errors import InputError
from nearlinear.results.claims import VERDICTS, claims
from nearlinear.show.verdict_sources import COLUMNS, as_csv, as_json
from nearlinear.show.verdict_table import NOBODY_YET, in_short
from nearlinear.show.verdict_topics import TOPICS, Topic
from nearlinear.show.verdict_words import (
    GROUPS,
    NOT_YET,
    PAPERS,
    PARTS,
    SIGNS,
    STANDINGS,
    Chapter,
    Judged,
    by_standing,
    disagreeing,
    group_of,
    judged,
    part_of,
    sizes,
    standing,
    standings,
)
from tests.show import verdicts_made as made

CHAPTERS = made.chapters()
HOSTILE = "<script>alert('x')</script>"


def rows_of(html: str) -> list[list[str]]:
    """The words of every cell of the body of the one table."""
    (table,) = BeautifulSoup(html, "html.parser").find_all("table")
    return [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in table.tbody("tr")]


def test_every_claim_stands_in_the_table_of_its_paper_in_order():
    for paper, letter, n in (("2405.12250", "L", 22), ("2311.01906", "S", 27)):
        found = [cells[0].split()[0] for cells in rows_of(show.verdict_table(CHAPTERS, paper).html)]
        assert list(dict.fromkeys(found)) == [f"{letter}{i}" for i in range(1, n + 1)]
        twice = {id for id in found if found.count(id) > 1}
        assert twice == ({"L1"} if letter == "L" else {"S2", "S8"})
    with pytest.raises(InputError, match=r"no claims of a paper '1706\.03762': choose one of 2405\.12250, 2311"):
        show.verdict_table(CHAPTERS, "1706.03762")


def test_each_row_names_its_chapter_and_its_verdict():
    rows = rows_of(show.verdict_table(CHAPTERS, "2311.01906").html)
    of = {id: [cells[1] for cells in rows if cells[0].split()[0] == id] for id in ("S2", "S8", "S1")}
    assert of["S2"] == [f"● reproduced repeat it {made.row('S2').command} chapter {n}" for n in (2, 11)]
    signs = [verdict.split(" repeat it")[0] for verdict in of["S8"]]
    assert signs == ["– untestable here", "○ not at this size", "✕ contradicted"]
    assert of["S8"][-1].endswith("all rows together: ✕ contradicted")
    assert "together" not in of["S8"][0] + of["S2"][-1]
    assert of["S1"] == [f"? {NOT_YET}"]


def test_a_claim_that_nobody_has_run_says_so_and_what_it_takes():
    rows = rows_of(show.verdict_table(CHAPTERS, "2405.12250").html)
    (cells,) = [cells for cells in rows if cells[0].startswith("L7 ")]
    assert cells[2:] == ["+0.004 … +0.382", NOBODY_YET, "To be controlled: shuffled labels; continued LM; seeds."]


def test_a_link_leads_to_the_page_of_the_chapter():
    html = show.verdict_table(CHAPTERS, "2405.12250").html
    links = {link["href"]: link.get_text() for link in BeautifulSoup(html, "html.parser").find_all("a")}
    assert links == {"01_first.html": "chapter 1", "02_second.html": "chapter 2"}
    with pytest.raises(InputError, match="write its number, _ and its name"):
        Chapter("javascript:alert(1)")


@pytest.mark.parametrize("paper", PAPERS)
def test_words_are_escaped(paper):
    hostile = made.row("L1" if paper == "2405.12250" else "S1", what=HOSTILE, controls=HOSTILE, command=HOSTILE)
    said = (hostile, made.answer("B1", said=HOSTILE, ours=HOSTILE, controls=HOSTILE, command=HOSTILE))
    planted = [Chapter("01_a", said), Chapter("02_b", missing=HOSTILE)]
    for shown in (
        show.verdict_table(planted, paper), show.question_table(planted), show.how_judged(planted),
        show.what_stands(planted), show.verdict_downloads(planted), show.what_is_needed(planted),
    ):  # fmt: skip
        assert "<script" not in shown.html


def test_rows_that_agree_give_their_verdict_and_others_are_never_a_reproduction():
    def of(*verdicts):
        return standing([Judged(CHAPTERS[0], made.row("L1", verdict)) for verdict in verdicts])

    assert of() == NOT_YET
    for verdict in VERDICTS:
        assert of(verdict) == of(verdict, verdict) == verdict
        assert of(verdict, "untestable here") == of("untestable here", verdict) == verdict
    for pair in product(set(VERDICTS) - {"untestable here"}, repeat=2):
        together = of(*pair)
        assert together == of(*pair[::-1])
        if pair[0] != pair[1]:
            assert together == ("partly" if {"reproduced", "partly"} & {*pair} else "contradicted")


def test_planted_chapters_give_the_planted_standings():
    assert standings(CHAPTERS) == {c.id: made.PLANTED.get(c.id, NOT_YET) for c in claims()}
    assert disagreeing(CHAPTERS) == ["L1", "S8"]
    assert [[each.chapter.name for each in judged(CHAPTERS)[id]] for id in ("L1", "S2", "L2")] == [
        ["01_first", "02_second"], ["02_second", "11_later"], [],
    ]  # fmt: skip
    assert by_standing([])[NOT_YET] == [c.id for c in claims()]


def test_each_claim_is_in_one_part_and_each_standing_in_one_group():
    assert sorted(id for of in PARTS.values() for id in of) == sorted(c.id for c in claims())
    assert sorted(each for of in GROUPS.values() for each in of) == sorted(STANDINGS)
    assert len({*SIGNS.values()}) == len(SIGNS) == len(STANDINGS) == 6
    assert (part_of("S10"), group_of("partly"), group_of(NOT_YET)) == ("norms", "stands in part", "is open")


def test_what_stands_is_counted_and_listed():
    assert in_short(CHAPTERS) == (
        "The two papers make 49 claims; 5 of them have been run here, with 9 verdicts in 4 chapters. 2 stand, 1 stands "
        "in part, 1 falls, and 45 are open (1 untestable here, 44 not judged yet)."
    )
    words = BeautifulSoup(show.what_stands(CHAPTERS).html, "html.parser").get_text(" ", strip=True)
    assert "What stands : L3, S2 " in words
    assert "What falls : S8 " in words
    assert "S12 throughput against Pre-LN (untestable here, chapter 14 )" in words
    assert "None stands, none stands in part, none falls, and 49 are open" in in_short([])
    assert "What falls</b>: nothing" in show.what_stands([]).html


def test_the_numbers_of_the_page_are_counts():
    found = {f.name: f.value for f in show.verdict_findings(CHAPTERS)}
    assert found == {
        "claims": 49, "claims-judged": 5, "rows-judged": 9, "claims-disagreed": 2, "claims-reproduced": 2,
        "claims-partly": 1, "claims-not-at-this-size": 0, "claims-contradicted": 1, "claims-untestable-here": 1,
        "claims-not-judged-yet": 44, "questions-open": 3,
    }  # fmt: skip
    assert sum(found[f"claims-{each.replace(' ', '-')}"] for each in STANDINGS) == len(claims())


def test_our_questions_are_all_there():
    rows = rows_of(show.question_table(CHAPTERS).html)
    assert [cells[0].split()[0] for cells in rows] == ["B1", "B2", "B3", "B4"]
    assert rows[0][1:] == ["yes, by far repeat it nearlinear results chapter 14", "0.5 and 0.4", "three seeds"]
    assert [cells[1:] for cells in rows[1:]] == [["not asked yet", NOBODY_YET, "—"]] * 3


def test_each_chapter_says_what_it_rests_on():
    rows = rows_of(show.how_judged(CHAPTERS).html)
    assert [cells[0] for cells in rows] == [f"chapter {n}" for n in (1, 2, 3, 11, 14)]
    assert rows[0][1:6] == ["smollm2-135m: 3 blocks, d = 12 (1 result)", "wikipedia-sample", "0", "cpu", "2026-11-22"]
    assert rows[0][6] == "abc1234 (an earlier version of the library)"
    assert rows[1][1] == "computed where it is shown, from no stored result"
    assert rows[2][1] == "no recorded run was made from these parameters"
    assert sizes(CHAPTERS) == "smollm2-135m: 3 blocks, d = 12 · random weights: 3 blocks, d = 12"


def test_the_downloads_hold_every_row():
    links = BeautifulSoup(show.verdict_downloads(CHAPTERS).html, "html.parser").find_all("a")
    texts = {link["download"]: b64decode(link["href"].partition("base64,")[2]).decode() for link in links}
    assert texts == {"nearlinear-verdicts.csv": as_csv(CHAPTERS), "nearlinear-verdicts.json": as_json(CHAPTERS)}
    lines = list(csv.DictReader(StringIO(as_csv(CHAPTERS))))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == 49 + 4  # four claims more than once: L1 and S2 twice, S8 three times
    assert [line["verdict"] for line in lines if line["claim"] == "S8"] == [
        "untestable here", "not at this size", "contradicted",
    ]  # fmt: skip
    assert {line["verdict"] for line in lines if line["standing"] == NOT_YET} == {""}
    read = json.loads(as_json(CHAPTERS))
    assert [len(entry["rows"]) for entry in read["claims"]].count(0) == 44
    assert [entry["answers"] for entry in read["questions"]][1:] == [[], [], []]
    assert read["questions"][0]["answers"][0]["chapter"] == "14_last"


def test_a_sentence_is_withdrawn_when_its_verdicts_change():
    topic = Topic("a thing", {"L1": "partly", "L3": "reproduced"}, "a sentence about it.")
    assert "A thing</b>: a sentence about it. (L1, L3)" in show.what_is_needed(CHAPTERS, (topic,)).html
    changed = [*CHAPTERS, Chapter("15_new", (made.row("L3", "contradicted"),))]
    words = unescape(re.sub("<[^>]+>", "", show.what_is_needed(changed, (topic,)).html))
    assert "a sentence about it" not in words
    assert "written for other verdicts than these: L1 partly, L3 partly." in words
    assert len(TOPICS) == len({each.about for each in TOPICS})
    with pytest.raises(ValueError, match="no standing 'true'"):
        Topic("a thing", {"L1": "true"}, "")
    with pytest.raises(InputError, match="there is no claim 'L99'"):
        Topic("a thing", {"L99": "partly"}, "")
