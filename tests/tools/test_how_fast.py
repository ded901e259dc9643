"""The page on speed tells every record in words, judges every aim as the benchmark does, and says what is missing."""

import json
import re

import pytest

from tools import how_fast
from tools.how_fast import RECORDS, TOLD, aims, cell, on_gpu, page, records, sections, told, verdict


def planted(*ratios, question="Ours | against <theirs>", device="cpu", clean=True) -> dict:
    machine = {"device": device, "processor": "A chip", "cores": 4, "threads": 1}
    made = {"machine": machine, "created": "2026-01-02T03:04:05", "clean": clean, "seconds": 7.0}
    made |= {"versions": {"torch": "2.13.0"}, "command": "planted.py"}
    keys = ("what", "median", "low", "high", "at_most", "at_least")
    return {
        "benchmark": "planted",
        "question": question,
        "ratios": [dict(zip(keys, ratio, strict=True)) for ratio in ratios],
        "details": {},
        "settings": {},
        "provenance": made,
    }


GOOD = ("time: theirs / ours", 3.0, 2.5, 3.5, None, 2.0)
TIGHT = ("memory: ours / theirs", 0.9, 0.8, 1.2, 1.0, None)
BAD = ("cost: ours / nothing", 1.5, 1.4, 1.6, 1.25, None)
PLAIN = ("time: theirs / fast", 1.07, 1.0, 1.1, None, None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(how_fast, "RECORDS", tmp_path)
    (tmp_path / "gpu").mkdir()
    return tmp_path


def keep(folder, name, record) -> None:
    (folder / f"{name}.json").write_text(json.dumps(record))


def test_every_record_is_on_the_page_with_its_machine_and_day():
    text = page()
    for name, record in records(RECORDS).items():
        assert cell(record["question"]) in text, name
        assert f"`{record['provenance']['command']}`" in text
        assert record["provenance"]["created"][:10] in text
    assert text.count("AMD EPYC, 2 cores") == len(records(RECORDS))


def test_every_record_has_words_and_all_words_a_record_or_a_gpu_to_wait_for():
    found = records(RECORDS)
    assert all(told(name, record) in TOLD.values() for name, record in found.items())
    unused = [begin for begin in TOLD if not any(name.startswith(begin) for name in found)]
    assert unused == ["ladder"]


def test_every_ratio_is_told_or_shown_by_the_chapter_that_is_named():
    text = page()
    for name, record in records(RECORDS).items():
        if not told(name, record).page:
            assert all(f"| {cell(r['what'])} | **{r['median']:.2f}**" in text for r in record["ratios"]), name


def test_chapters_that_are_named_are_there():
    for words in TOLD.values():
        assert not words.page or (how_fast.ROOT / f"{words.page[1:]}.ipynb").exists()


@pytest.mark.parametrize(
    ("ratio", "said"), [(GOOD, "met in every round"), (TIGHT, "met by the median"), (BAD, "missed")]
)
def test_an_aim_is_judged_by_median_and_rounds(ratio, said):
    (found,) = how_fast.ratios_of(planted(ratio))
    assert verdict(found) == said


def test_aims_are_counted(folder):
    keep(folder, "one", planted(GOOD, PLAIN))
    keep(folder, "two", planted(BAD))
    text = aims(records(folder))
    assert text.startswith("Of 2 aims, 1 is met.")
    assert "| cost: ours / nothing | ≤ 1.25 | **1.50** | 1.40 to 1.60 | missed |" in text
    assert "theirs / fast" not in text


def test_an_unknown_record_is_told_in_its_own_question(folder):
    keep(folder, "new", planted(PLAIN, clean=False))
    (text,) = sections(records(folder))
    assert "**Ours \\| against \\<theirs\\>.**" in text
    assert (
        "*A chip, 4 cores, 1 thread, torch 2.13.0; 2026-01-02, in 7 s, with changes that were not committed.*" in text
    )


def test_many_ratios_are_summed_up_and_folded(folder):
    many = [(f"T = {i}, time: a / b (ceiling {i})", 1 + i / 10, 1.0, 2.0, None, None) for i in range(8)]
    keep(folder, "many", planted(*many))
    (text,) = sections(records(folder))
    assert "8 ratios, from 1.00 (T = 0, time: a / b) to 1.70 (T = 7, time: a / b)." in text
    inside = re.search(r":::\{dropdown\} Every ratio\n(.*?)\n:::", text, re.S)[1]
    assert len(inside.splitlines()) == 2 + len(many)


def test_what_a_gpu_measured_is_shown_here_and_not_said_to_be_in_a_chapter(folder):
    keep(folder / "gpu", "blocks_train_18x768", planted(PLAIN, device="NVIDIA H200"))
    keep(folder, "blocks_train_18x768", planted(PLAIN))
    (text,) = sections(records(folder))
    assert text.count("09_counting") == 1
    assert text.count("| time: theirs / fast | **1.07** |") == 1
    assert "NVIDIA H200, A chip" in text


def test_what_waits_for_a_gpu_is_listed_until_it_is_recorded(folder):
    queue = [how_fast.Entry("first", "", 5, "first.json"), how_fast.Entry("tests", "", 0.5, "tests.xml")]
    assert on_gpu(queue, folder).startswith("2 of 2 measurements that need a GPU have no record yet")
    (folder / "gpu/tests.xml").touch()
    text = on_gpu(queue, folder)
    assert text.startswith("1 of 2 ")
    assert "| tests | 0.5 | there |" in text
    assert "| first | 5 | none yet |" in text
    (folder / "gpu/first.json").touch()
    assert "has been measured" in on_gpu(queue, folder)


def test_a_record_that_is_none_stops_the_build_but_for_what_a_gpu_trained(folder):
    (folder / "gpu/training_core_0.json").write_text("{}")
    assert records(folder) == {}
    (folder / "broken.json").write_text("{}")
    with pytest.raises(ValueError, match=r"broken\.json is no record of a benchmark"):
        records(folder)


def test_rows_have_the_cells_of_their_head():
    for block in re.split(r"\n(?!\|)", page()):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1
