"""The style is one, readable, and leaves nothing behind."""

import subprocess
import sys

import matplotlib as mpl
import pytest

from nearlinear.show import style
from tests.show.contrast import contrast

NO_TORCH = """
import sys
sys.path.insert(0, sys.argv[1])
import matplotlib as mpl
before = dict(mpl.rcParams)
import synthetic
from nearlinear import show
assert dict(mpl.rcParams) == before, "importing show changed rcParams"
show.block_picker([synthetic.profile(L=3), synthetic.twin(L=3)])
show.update_picker(synthetic.profile(L=3))
show.histogram_picker(synthetic.token_errors(L=3, windows=4))
show.token_map_picker(synthetic.token_errors(L=3, windows=4))
show.scores_by_block(synthetic.profile(L=3)).svg()
assert "torch" not in sys.modules, "show has loaded torch"
"""


def test_show_and_every_picker_need_no_torch(request):
    command = [sys.executable, "-W", "error", "-c", NO_TORCH, str(request.path.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_use_sets_the_style_and_takes_it_back():
    before = dict(mpl.rcParams)
    with style.use():
        assert mpl.rcParams["font.family"] == [style.FONT]
        assert mpl.rcParams["axes.facecolor"] == style.PANEL
    assert dict(mpl.rcParams) == before


def test_use_takes_the_style_back_after_an_error():
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), style.use():
        raise ZeroDivisionError
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("colour", [*style.COLOURS.values(), *style.MODEL_COLOURS])
def test_lines_stand_out_from_the_panel(colour):
    assert contrast(colour, style.PANEL) >= 3


@pytest.mark.parametrize("colour", [style.INK, style.FAINT, style.WARNING])
def test_words_stand_out_from_the_panel(colour):
    assert contrast(colour, style.PANEL) >= 4.5


def test_contrast_knows_black_on_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_long_subtitles_break_between_their_parts():
    parts = [f"model-{i}: 22,080 tokens, n/d = 38.3" for i in range(6)]
    lines = style._lines(" · ".join(parts))
    assert [part for line in lines for part in line.replace("\N{NO-BREAK SPACE}", " ").split(" · ")] == parts
    assert all(len(line) <= 112 for line in lines)
