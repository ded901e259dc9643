"""The picker of changed blocks: every set is on the page, numbers and texts are the studies', nothing is HTML."""

import math
import re
from html import unescape

import ipywidgets as widgets
import numpy as np
import pytest
from ipywidgets import embed

from nearlinear.results.continuations import Continuation, Continuations, Continued
from nearlinear.results.pruning import Changed, PruningCurve, PruningStudy
from nearlinear.show import picker as module
from nearlinear.show.changed_drawings import strip
from nearlinear.show.changed_frames import Pruned, dense_frame, greedy_frame, readable, single_frame
from nearlinear.show.picker import BUDGET, weight
from nearlinear.show.pruning_picker import pruning_picker
from tests.show import synthetic

PROMPTS = ("The history of the city begins", "When I opened the door", "The capital of France is")
DENSE = (" with the Phoenicians, who founded it.", ", I was going to be a part of this.", " Paris.\n\nThe answer is 2.")
EVIL = "<script>alert('x')</script>&\x00\x1c\ufffd\u202e\nnext"


def changed(layers: tuple[int, ...], nats: float) -> Changed:
    return Changed(layers=layers, perplexity=20 * np.exp(nats), difference=nats, interval=(nats - 0.1, nats + 0.2))


def study(L: int = 6, k: int = 3, *, greedy: bool = True, sha: str = "a" * 64) -> PruningStudy:
    """Block l costs 0.1 (l + 1) when it is removed, a tenth of it when replaced. The greedy order is 4, 1, 0, ..."""
    order = (4, 1, 0, *range(5, L))[:k]
    steps = [tuple(sorted(order[: i + 1])) for i in range(k)]
    share = {"remove": 0.1, "replace": 0.01}
    return PruningStudy(
        L=L,
        d=64,
        context=256,
        n_fit=32768,
        n_choose=4096,
        n_evaluate=4096,
        n_documents=16,
        dense_perplexity=20.0,
        ridge=(0.0,) * L,
        measures=(),
        single={how: tuple(changed((layer,), s * (layer + 1)) for layer in range(L)) for how, s in share.items()},
        curves=tuple(
            PruningCurve(
                order="greedy" if greedy else "last",
                how=how,
                steps=tuple(changed(layers, s * sum(la + 1 for la in layers)) for layers in steps),
            )
            for how, s in share.items()
        ),
        provenance=synthetic.provenance(L=L, d=64).model_copy(update={"windows_sha256": sha}),
    )


def continuations(study: PruningStudy, then: str = " the Roman Empire", n: int = 32) -> Continuations:
    """The first text stays as it is, the second leaves it after 3 tokens, the third at once."""
    sets = [(how, one.layers) for how, each in study.single.items() for one in each]
    sets += [(curve.how, step.layers) for curve in study.curves for step in curve.steps]
    dense = tuple(Continuation(same=text, then="", n_same=n, n_tokens=n) for text in DENSE)
    later = Continuation(same=", I was", then=then, n_same=3, n_tokens=n)
    never = Continuation(same="", then=then, n_same=0, n_tokens=n)
    return Continuations(
        L=study.L,
        n_new=n,
        prompts=PROMPTS,
        dense=dense,
        changed=tuple(
            Continued(how=how, layers=layers, texts=(dense[0], later, never)) for how, layers in dict.fromkeys(sets)
        ),
        provenance=study.provenance,
    )


def pruned(then: str = " the Roman Empire", **options) -> Pruned:
    one = study(**options)
    return Pruned(continuations(one, then), (one,))


def all_of(picker, kind) -> list:
    """Every widget of a kind inside a picker, each once."""
    found, todo = {}, [picker]
    while todo:
        widget = todo.pop(0)
        todo += getattr(widget, "children", ())
        if isinstance(widget, kind):
            found[widget.model_id] = widget
    return list(found.values())


def alts(picker) -> list[str]:
    return [
        unescape(found[1])
        for w in all_of(picker, widgets.HTML)
        if (found := re.search("aria-label='([^']+)'", w.value))
    ]


def words(html: str) -> str:
    """What is left of HTML when its tags are gone."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", html)).split())


def test_every_set_of_blocks_is_on_the_page_once():
    one = study(L=6, k=3)
    picker = pruning_picker(continuations(one), one)
    found = alts(picker)
    assert len(found) == len(set(found)) == 1 + 2 * (6 + 3)
    assert sum("unchanged: perplexity" in alt for alt in found) == 1
    for way in ("removed", "replaced by a line"):
        assert sum(f"one block {way}, block 5" in alt for alt in found) == 1
        assert sum(f"3 blocks {way} in the greedy order (4, 1, 0)" in alt for alt in found) == 1


def test_a_model_of_thirty_blocks_is_light_enough():
    one = study(L=30, k=12)
    assert weight(pruning_picker(continuations(one, "x" * 160), one)) < 0.65 * BUDGET


def test_the_controls_choose_in_the_browser():
    one = study(L=6, k=3)
    picker = pruning_picker(continuations(one), one, name="Mine", block=2, count=9)
    how, which = all_of(picker, widgets.Dropdown)
    assert (how.options, how.value) == (("unchanged", "removed", "replaced by a line"), "replaced by a line")
    assert which.options == ("one block", "the greedy order")
    assert [(s.value, s.min, s.max) for s in all_of(picker, widgets.IntSlider)] == [(2, 0, 5), (3, 0, 3)]
    controls = all_of(picker, (widgets.Dropdown, widgets.IntSlider, widgets.BoundedIntText))
    labels = [control.description for control in controls]
    assert len(set(labels)) == len(labels) == 6
    links = [s for s in embed.dependency_state([picker]).values() if s["model_name"] == "LinkModel"]
    assert len(links) == 2 + 1 + 2 + 4  # slider and box; how; which, of either way; slider and frames, of either way


def test_no_block_of_the_greedy_order_is_the_model_as_it_is():
    one = study(L=6, k=3)
    stacks = all_of(pruning_picker(continuations(one), one), widgets.Stack)
    dense = stacks[0].children[0]
    assert sum(stack.children[0] is dense and len(stack.children) == 4 for stack in stacks) == 2


def test_without_a_greedy_study_there_are_single_blocks_alone():
    one = study(greedy=False)
    picker = pruning_picker(continuations(one), one)
    assert len(all_of(picker, widgets.Dropdown)) == 1
    assert len(alts(picker)) == 1 + 2 * 6


def test_without_stack_the_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    one = study(L=6, k=3)
    picker = pruning_picker(continuations(one), one)
    how, which = all_of(picker, widgets.Dropdown)
    (block,) = all_of(picker, widgets.IntSlider)

    def shown() -> str:
        (alt,) = alts(picker)
        return alt.split(":")[0].removeprefix("smollm2-135m ")

    assert shown() == "with one block replaced by a line, block 0"
    block.value = 3
    assert shown() == "with one block replaced by a line, block 3"
    how.value = "removed"
    assert shown() == "with one block removed, block 3"
    which.value = "the greedy order"
    assert shown() == "with 3 blocks removed in the greedy order (4, 1, 0)"
    (count,) = all_of(picker, widgets.IntSlider)
    count.value = 0
    assert shown() == "unchanged"
    how.value = "unchanged"
    assert shown() == "unchanged"


def test_a_frame_says_what_its_blocks_cost():
    frame = single_frame(pruned(), "remove", 4)
    low, high = 20 * np.exp([0.4, 0.7])
    assert "Block 4 removed" in words(frame.html)
    assert f"Perplexity 33.0 [{low:.1f}, {high:.1f}], unchanged 20.0" in words(frame.html)
    assert "added log-loss 0.500 [0.400, 0.700] nats a token" in words(frame.html)
    assert f"perplexity 33.0 [{low:.1f}, {high:.1f}], unchanged 20.0" in frame.alt


def test_a_frame_marks_and_says_where_a_text_leaves_the_dense_one():
    html = single_frame(pruned(), "replace", 0).html
    assert (
        re.findall("<mark>(.*?)</mark>", html)
        == ["<span class='nl-sr'> (different from here:) </span> the Roman Empire"] * 2
    )
    told = words(html)
    assert f"{PROMPTS[0]} {DENSE[0].strip()} Word for word what the unchanged model writes." in told
    assert "When I opened the door , I was (different from here:) the Roman Empire The same for 3 of 32 tokens" in told
    assert "unchanged, it goes on: … going to be a part of this." in told
    assert "The same for 0 of 32 tokens; unchanged, it goes on: … Paris.↵↵The answer is 2." in told


def test_the_unchanged_model_has_its_texts_and_no_marks():
    frame = dense_frame(pruned())
    assert "Perplexity 20.0 ." in words(frame.html)
    assert all(readable(text) in frame.html for text in DENSE)
    assert "mark" not in frame.html


def test_changed_blocks_are_told_by_their_shape():
    def outlines(how, layers) -> tuple[int, int, int]:
        """Blocks that stand, broken boxes, and strokes inside the boxes."""
        parts = strip(30, how, layers)
        strokes = sum(len(re.findall("l[0-9.]+ -?32", part)) for part in parts)
        return parts[1].count("z"), sum("stroke-dasharray" in part for part in parts), strokes

    stand = outlines("remove", ())[0]
    assert outlines("remove", (3, 4)) == (stand * 28 // 30, 2, 4)
    assert outlines("replace", (3, 4)) == (stand * 28 // 30, 0, 2)


def test_the_number_of_a_block_changed_alone_is_there():
    for block in range(30):
        assert any(f">{block}</text>" in part for part in strip(30, "remove", (block,)))


def test_greedy_frames_name_the_blocks_in_their_order():
    frame = greedy_frame(pruned(), "replace", 2)
    assert "2 blocks replaced by a line , in the greedy order 4, 1" in words(frame.html).replace("line,", "line ,")
    assert "1 block replaced by a line in the greedy order (4)" in greedy_frame(pruned(), "replace", 1).alt


def test_what_a_model_writes_is_never_html():
    html = single_frame(pruned(EVIL), "remove", 0).html
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;���" in html
    assert all(sign not in html for sign in "\x00\x1c\u202e\n")
    assert "↵next" in html


def test_prompts_and_model_names_are_never_html():
    one = study()
    evil = one.model_copy(update={"provenance": synthetic.provenance("<script>'x'", L=6, d=64)})
    written = continuations(evil).model_copy(update={"prompts": (EVIL,) * 3})
    html = " ".join(w.value for w in all_of(pruning_picker(written, evil), widgets.HTML))
    assert "<script" not in html


@pytest.mark.parametrize(("text", "shown"), [("a\r\nb\tc", "a↵b c"), ("\u00a0é 日本", "\u00a0é 日本"), ("\ue000", "�")])
def test_readable_keeps_what_can_be_read(text, shown):
    assert readable(text) == shown


def test_nothing_after_the_shared_part_still_has_a_mark():
    assert "(different from here:) </span>∅</mark>" in single_frame(pruned(""), "remove", 0).html


@pytest.mark.parametrize("nats", [math.nan, 12.0, 900.0])
def test_a_model_that_broke_has_a_frame(nats):
    one = study()
    with np.errstate(over="ignore"):
        broken = Changed(layers=(2,), perplexity=20 * np.exp(nats), difference=nats, interval=(nats, nats))
    single = one.single | {"remove": (*one.single["remove"][:2], broken, *one.single["remove"][3:])}
    there = Pruned(continuations(one), (one.model_copy(update={"single": single}),))
    html = single_frame(there, "remove", 2).html
    assert "nan" not in words(html).lower()
    assert ("no answer" in html) == math.isnan(nats)
    assert ("→" in html) == (not math.isnan(nats))


def test_studies_of_other_texts_are_refused():
    with pytest.raises(ValueError, match="give the studies of the model and the texts that the continuations are of"):
        pruning_picker(continuations(study()), study(sha="b" * 64))
    with pytest.raises(ValueError, match="give the studies of the model"):
        pruning_picker(continuations(study()))


def test_a_set_that_no_study_measured_is_refused():
    one = study()
    greedy_alone = one.model_copy(update={"single": {"remove": (), "replace": ()}})
    with pytest.raises(ValueError, match="no study says what block 0 removed costs: give the study of single blocks"):
        pruning_picker(continuations(one), greedy_alone)


def test_a_heavy_picker_is_refused():
    one = study(L=30)
    with pytest.raises(ValueError, match=r"'Layers' weighs [\d,]+ bytes, more than 800,000"):
        pruning_picker(continuations(one, "x" * 6000), one)
