"""A picker of changed blocks: choose a way and the blocks, read the perplexity and what the model writes then."""

import ipywidgets as widgets

from nearlinear.results.continuations import Continuations
from nearlinear.results.pruning import How, PruningStudy

from .changed_frames import DONE, Pruned, dense_frame, greedy_frame, legend, single_frame
from .picker import _chosen, _drawn, _refuse_heavy, _wide

SETS = ("one block", "the greedy order")
"""What can be chosen to be changed."""


def pruning_picker(
    continuations: Continuations, *studies: PruningStudy, name: str = "Layers", block: int = 0, count: int = 4
) -> widgets.VBox:
    """Unchanged, removed or replaced; one block, or the first few of the greedy order. Every frame is on the page.

    `studies`: of the same model and texts, with every block alone and, if there is to be one, the greedy order. It
    opens at block number `block`, replaced, and the greedy order at `count` blocks.
    Raises ValueError for studies of something else or with a set missing, and for a picker heavier than BUDGET;
    KeyError where the continuations lack a set.
    """
    pruned = Pruned(continuations, studies)
    (dense,) = _drawn([dense_frame(pruned)])
    one = _number_controls(f"{name}: block", f"{name}: block number", pruned.L - 1, block)
    many = _number_controls(f"{name}: how many", f"{name}: how many blocks", pruned.n_greedy, count)
    which = widgets.Dropdown(options=SETS, index=0, description=f"{name}: which", **_wide())

    def page(how: How) -> widgets.Widget:
        alone = [single_frame(pruned, how, layer) for layer in range(pruned.L)]
        single = _under(one, _drawn(alone))
        if not pruned.n_greedy:
            return single
        steps = [greedy_frame(pruned, how, k) for k in range(1, pruned.n_greedy + 1)]
        sets = [single, _under(many, [dense, *_drawn(steps)])]  # none changed: the model as it is
        return widgets.VBox([which, _chosen(which, "index", sets)])

    way = widgets.Dropdown(options=("unchanged", *DONE.values()), index=2, description=f"{name}: how", **_wide())
    pages = [dense, *map(page, DONE)]
    whole = widgets.VBox([way, _chosen(way, "index", pages), widgets.HTML(legend(pruned))])
    _refuse_heavy(whole, name)
    return whole


Controls = tuple[widgets.IntSlider, widgets.HBox]


def _number_controls(slider_label: str, box_label: str, most: int, start: int) -> Controls:
    """A slider from 0 to `most`, and a number box that follows it as it follows the box."""
    start = min(start, most)
    slider = widgets.IntSlider(start, 0, most, description=slider_label, readout=False, **_wide("20rem"))
    box = widgets.BoundedIntText(start, 0, most, description=box_label, **_wide("16rem"))
    slider.link = widgets.jslink((slider, "value"), (box, "value"))
    return slider, widgets.HBox([slider, box], layout=widgets.Layout(flex_flow="row wrap", width="100%"))


def _under(controls: Controls, frames: list[widgets.Widget]) -> widgets.VBox:
    slider, row = controls
    return widgets.VBox([row, _chosen(slider, "value", frames)])
