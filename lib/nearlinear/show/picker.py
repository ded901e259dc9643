"""Pickers that work on a static page: every frame is on the page already, and links in the browser choose one.

No kernel, no network: a Dropdown for models, a slider and a number box for blocks (from 0), `Stack` and `jslink`. Where
ipywidgets is 7 (Colab), which has no `Stack`, a kernel is at hand and changes the child of a box instead.
"""

import json
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
from ipywidgets import embed

from nearlinear.results.pruning import PruningStudy
from nearlinear.results.tokens import TokenErrors

from .block_frames import score_frames, update_frames
from .damage_frames import damage_frames
from .error_frames import histogram_frames
from .frames import Frame
from .scores import Profiles, as_tuple
from .tokenmap import token_map_frame
from .words import model_name

BUDGET = 800_000
"""Bytes of widget state a picker may put on a page."""


def block_picker(profiles: Profiles, name: str = "Score") -> widgets.VBox:
    """Every block's score under every control, next to the whole profile with this block marked."""
    return layer_picker({model_name(p.provenance): score_frames(p) for p in as_tuple(profiles)}, name=name)


def update_picker(profiles: Profiles, name: str = "Update score") -> widgets.VBox:
    """The same for the score of the update, with the size of the update in words."""
    return layer_picker({model_name(p.provenance): update_frames(p) for p in as_tuple(profiles)}, name=name)


def damage_picker(study: PruningStudy, name: str = "Damage") -> widgets.VBox:
    """What each block costs to change, next to its place by every measure."""
    return layer_picker({model_name(study.provenance): damage_frames(study)}, name=name)


def histogram_picker(errors: TokenErrors | Sequence[TokenErrors], name: str = "Errors") -> widgets.VBox:
    """The histogram of per-token errors, block by block."""
    return layer_picker({model_name(e.provenance): histogram_frames(e) for e in _several(errors)}, name=name)


def token_map_picker(
    errors: TokenErrors | Sequence[TokenErrors], passage: int = 0, name: str = "Token map"
) -> widgets.VBox:
    """One passage coloured by error, block by block."""
    frames = {model_name(e.provenance): [token_map_frame(e, b, passage) for b in range(e.L)] for e in _several(errors)}
    return layer_picker(frames, name=name)


def _several(errors: TokenErrors | Sequence[TokenErrors]) -> Sequence[TokenErrors]:
    return [errors] if isinstance(errors, TokenErrors) else errors


def layer_picker(frames: Mapping[str, Sequence[Frame]], *, name: str, start: int = 0) -> widgets.VBox:
    """One frame at a time, by model and block. `name` begins every label, so that labels are unique on a page.

    Models of the same depth share their controls: changing the model keeps the block. Raises ValueError when there is
    nothing to show, or when the picker is heavier than BUDGET.
    """
    if not frames or not all(frames.values()):
        raise ValueError(f"the picker {name!r} has nothing to show: give at least one frame for each model")
    controls = {depth: _block_controls(depth, name, start) for depth in sorted({len(f) for f in frames.values()})}
    pages = []
    for of_model in frames.values():
        slider, row = controls[len(of_model)]
        pages.append(widgets.VBox([row, _chosen(slider, "value", _drawn(of_model))]))
    picker = pages[0] if len(pages) == 1 else _by_model(list(frames), pages, name)
    _refuse_heavy(picker, name)
    return picker


def _drawn(frames: Sequence[Frame]) -> list[widgets.HTML]:
    full = widgets.Layout(width="100%")
    return [widgets.HTML(frame.html, layout=full) for frame in frames]


def _by_model(models: Sequence[str], pages: Sequence[widgets.Widget], name: str) -> widgets.VBox:
    choice = widgets.Dropdown(options=models, index=0, description=f"{name}: model", **_wide())
    return widgets.VBox([choice, _chosen(choice, "index", pages)])


def _block_controls(depth: int, name: str, start: int) -> tuple[widgets.IntSlider, widgets.HBox]:
    """A slider and a number box that follow each other."""
    block = min(start, depth - 1)
    slider = widgets.IntSlider(block, 0, depth - 1, description=f"{name}: block", readout=False, **_wide("20rem"))
    box = widgets.BoundedIntText(block, 0, depth - 1, description=f"{name}: block number", **_wide("16rem"))
    slider.link = widgets.jslink((slider, "value"), (box, "value"))
    return slider, widgets.HBox([slider, box], layout=widgets.Layout(flex_flow="row wrap", width="100%"))


def _wide(width: str = "24rem") -> dict:
    """Room for the whole label, and never wider than a phone."""
    return {"style": {"description_width": "initial"}, "layout": widgets.Layout(width=width, max_width="98%")}


def _chosen(control: widgets.Widget, trait: str, children: Sequence[widgets.Widget]) -> widgets.Widget:
    """The child that the control points at."""
    if not hasattr(widgets, "Stack"):
        return _chosen_by_kernel(control, trait, children)
    stack = widgets.Stack(children, selected_index=getattr(control, trait))
    stack.link = widgets.jslink((control, trait), (stack, "selected_index"))  # kept: a lost link would not be saved
    return stack


def _chosen_by_kernel(control: widgets.Widget, trait: str, children: Sequence[widgets.Widget]) -> widgets.VBox:
    box = widgets.VBox([children[getattr(control, trait)]])

    def show(change) -> None:
        box.children = (children[change["new"]],)

    control.observe(show, trait)
    return box


def weight(picker: widgets.Widget) -> int:
    """Bytes of the picker's state, as a page carries it."""
    return len(json.dumps(embed.dependency_state([picker])))


def _refuse_heavy(picker: widgets.Widget, name: str) -> None:
    size = weight(picker)
    if size > BUDGET:
        raise ValueError(f"the picker {name!r} weighs {size:,} bytes, more than {BUDGET:,}: show fewer models in it")
