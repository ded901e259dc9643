"""Figures, tables and verdicts of the counts: they say what the formulas say, and name the sizes."""

import subprocess
import sys
from dataclasses import replace

import pytest

from nearlinear import show
from nearlinear.results.counting import BIG, MADE, ceiling, parameters
from nearlinear.results.sizes import DECODER, ENCODER, PAPER_MODELS, Sizes
from nearlinear.show.counting import PARTS, TABLE_1, TABLE_1_T, less, millions
from nearlinear.show.counting_tables import _product
from nearlinear.show.counting_verdicts import as_printed, from_rounded
from tests.show.test_figures import curve, texts

COUNTED = {name: {block: parameters(block, sizes) for block in MADE} for name, sizes in PAPER_MODELS.items()}
WRONG = {name: of_model | {"sas": of_model["sas"] + 1} for name, of_model in COUNTED.items()}


def cells(html: str) -> str:
    import re

    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_bars_are_the_parts_and_their_sum_is_beside_them():
    shown = show.parameters_by_block(PAPER_MODELS)
    axes = [ax for ax in shown.figure.findobj(lambda a: hasattr(a, "patches")) if len(ax.patches) > 8]
    for ax, sizes in zip(axes, PAPER_MODELS.values(), strict=True):
        widths = [bar.get_width() * 1e6 for bar in ax.patches]
        wanted = [parameters(block, sizes, (kind,)) for block in MADE for kind, _ in PARTS.values()]
        assert widths == pytest.approx(wanted)
    for said in ("166.6M", "145.9M", "−12.4 %", "119.5M", "101.3M", "−15.3 %"):
        assert said in texts(shown)
        assert said in shown.alt
        assert said in shown.caption
    for name in PAPER_MODELS:
        assert all(name in words for words in (texts(shown), shown.alt, shown.caption))


def test_curves_are_the_ceilings_and_the_papers_speeds_stand_beside_them():
    shown = show.ceilings(PAPER_MODELS, "BERT encoder", contexts=(16, 1024))
    for name, sizes in PAPER_MODELS.items():
        assert curve(shown, name) == pytest.approx([ceiling("sas", sizes, T) for T in (16, 1024)])
    deep = curve(shown, "CodeParrot decoder, deeper without end")
    assert (deep > curve(shown, "CodeParrot decoder")).all()
    assert deep[0] == pytest.approx(1.2, abs=1e-3)
    points = [li.get_xdata()[0] for ax in shown.figure.findobj(lambda a: hasattr(a, "get_lines"))
              for li in ax.get_lines() if li.get_marker() == "D"]  # fmt: skip
    assert points == list(TABLE_1.values())
    assert "SAS-P, no norm 1.20" in shown.alt


def test_tables_say_the_counts():
    table = cells(show.counts_table(PAPER_MODELS, COUNTED).html)
    for name, sizes in PAPER_MODELS.items():
        for block in MADE:
            small = parameters(block, sizes) - parameters(block, sizes, BIG)
            assert f"{name} {parameters(block, sizes, BIG):,} {less(block, sizes)} {small:,} " in table
    assert "145,973,658 145,973,658" in table
    assert "145,973,659" in cells(show.counts_table(PAPER_MODELS, WRONG).html)


def test_a_formula_is_shown_part_by_part():
    table = cells(show.formula_table("sas", "CodeParrot decoder", DECODER).html)
    assert "queries and keys 2 L d² 21,233,664" in table
    assert "gains a head 3 L h 648" in table
    assert "together 145,973,658" in table
    assert "head, where it is not tied" not in table
    own = cells(show.formula_table("sas", "own", replace(DECODER, tied=False)).html)
    assert "head, where it is not tied U d 38,400,000" in own


def test_a_product_is_written_with_powers():
    from nearlinear.results.counting import Term

    assert _product(Term("", "mlp", 2, "Ldd")) == "2 L d²"
    assert _product(Term("", "mlp", 1, "Lgd")) == "L g d"


def test_costs_have_a_cache_in_a_decoder_alone():
    decoder = cells(show.costs_table("CodeParrot decoder", DECODER, (128, 2048)).html)
    assert "2,048 388 347 1,165 1,041 1.119 113.2 56.6" in decoder
    assert "226.5" in cells(show.costs_table("CodeParrot decoder", DECODER, (2048,), width=4).html)
    assert "cache" not in cells(show.costs_table("BERT encoder", ENCODER, (128,)).html)


def test_speeds_stand_beside_what_arithmetic_allows():
    table = cells(show.speeds_table("BERT encoder", ENCODER).html)
    assert "parallel 1.05 1.00 1.00 arithmetic is the same" in table
    assert "SAS 1.09 1.22 1.21 42 %" in table


def test_the_claims_are_judged_by_rule():
    parameters_row, speed = show.counting_rows(DECODER, ENCODER, COUNTED)
    assert (parameters_row.claim, parameters_row.verdict) == ("S11", "reproduced")
    assert parameters_row.number == "166.6M → 145.9M (−12.4 %); 119.5M → 101.3M (−15.3 %)"
    assert "12.6 % and 15.8 %" in parameters_row.controls
    assert "for 16 of 16 models" in parameters_row.controls
    assert (speed.claim, speed.number, speed.verdict) == ("S12", "1.21", "untestable here")
    assert "42 %, 75 %, 94 %" in speed.controls


def test_other_counts_are_not_the_papers():
    narrow = replace(DECODER, f=768)
    assert show.counting_rows(narrow, ENCODER, COUNTED)[0].verdict == "partly"
    assert show.counting_rows(narrow, replace(ENCODER, L=2), COUNTED)[0].verdict == "contradicted"
    assert "for 14 of 16 models" in show.counting_rows(DECODER, ENCODER, WRONG)[0].controls
    assert as_printed(DECODER, 167, 146, 13)
    assert not as_printed(DECODER, 167, 146, 12)


@pytest.mark.parametrize("row", show.counting_rows(DECODER, ENCODER, COUNTED), ids=lambda row: row.claim)
def test_the_command_gives_the_number(row):
    code = row.command.removeprefix('python -c "').removesuffix('"')
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    given = f"−{100 * float(said):.1f} %" if row.claim == "S11" else f"{float(said):.2f}"
    assert given in row.number


def test_findings_are_the_numbers():
    found = {f.name: f.value for f in show.counting_findings(PAPER_MODELS, COUNTED)}
    assert found["saved-decoder"] == pytest.approx(12.392, abs=1e-3)
    assert found["saved-encoder"] == pytest.approx(15.296, abs=1e-3)
    assert (found["saved-decoder-rounded"], found["saved-encoder-rounded"]) == pytest.approx((2100 / 167, 1900 / 120))
    assert (found["ceiling-decoder"], found["ceiling-encoder"]) == pytest.approx((1.1422, 1.2220), abs=1e-4)
    assert found["share-sas"] == pytest.approx(9 / (ceiling("sas", ENCODER, TABLE_1_T) - 1))
    assert (found["count-models"], found["count-different"], found["count-shaping"]) == (16, 0, 36)
    assert found["cache-full"] == 2 * found["cache-half"] == pytest.approx(2 * 18 * 768 * 1024 * 2 / 1e6)
    wrong = {f.name: f.value for f in show.counting_findings(PAPER_MODELS, WRONG)}
    assert wrong["count-different"] == 2


def test_numbers_in_words():
    assert (millions(166_588_416), millions(1.2e9)) == ("166.6M", "1,200.0M")
    assert (less("sas", DECODER), less("parallel", DECODER)) == ("−12.4 %", "±0.0 %")
    assert from_rounded(120, 101) == pytest.approx(15.83, abs=0.01)
    assert (
        show.described("tiny", Sizes(L=2, d=8, h=2, V=9)) == "tiny: 2 blocks, 8 wide, MLP of width 32, vocabulary of 9"
    )
