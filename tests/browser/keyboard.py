"""Pickers as somebody without a mouse meets them: Tab to each control, move it, and read what is shown then."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from playwright.sync_api import Page, TimeoutError

from tests.browser.visit import PICKER

MOST_TABS = 500
NAMED = r"\b(?:block|question|seed|look|claim) {0}\b|\b{0} blocks?\b"

# The control that has the focus: its kind, value and highest value; nothing where the focus is elsewhere or was before.
FOCUSED = """picker => {
  const element = document.activeElement, output = element.closest(picker);
  const kind = element.matches(".noUi-handle") ? "slider"
    : element.matches("input[type=number]") ? "number" : element.matches("select") ? "dropdown" : null;
  if (!output || !kind) return null;
  const again = "reached" in element.dataset;
  element.dataset.reached = "yes";
  if (kind === "slider") return {kind, again, value: +element.ariaValueNow, highest: +element.ariaValueMax};
  if (kind === "number") return {kind, again, value: +element.value, highest: +element.max};
  return {kind, again, value: element.selectedIndex, highest: element.length - 1,
          names: [...element.options].map(option => option.text.replaceAll("\\u00a0", " "))};
}"""

# What the picker that has the focus shows: the words of its pictures that can be seen, and where its controls stand.
SHOWN = """picker => {
  const output = document.activeElement.closest(picker), seen = element => element.offsetParent !== null;
  const all = selector => [...output.querySelectorAll(selector)].filter(seen);
  return {
    words: all(".nl-frame > [role]").map(element => element.ariaLabel),
    drawings: all(".nl-frame > [role]").map(element => element.innerHTML),
    sliders: all(".noUi-handle").map(element => +element.ariaValueNow),
    numbers: all("input[type=number]").map(element => +element.value),
    counts: all(".noUi-handle").map(element => element.ariaLabel),
  };
}"""

NOT_REACHED = """picker => [...document.querySelectorAll(picker)].flatMap(
  output => [...output.querySelectorAll(".noUi-handle, input[type=number], select")]
    .filter(element => element.offsetParent !== null && !("reached" in element.dataset))
    .map(element => element.outerHTML.slice(0, 120)))"""


@dataclass(frozen=True)
class Control:
    kind: str
    value: int
    highest: int
    again: bool
    names: tuple[str, ...] = ()

    @property
    def other(self) -> int:
        """The next value, or the one before the last."""
        return self.value + 1 if self.value < self.highest else self.value - 1

    def move(self, page: Page) -> None:
        if self.kind == "number":
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.type(str(self.other))
            page.keyboard.press("Enter")
        else:
            forward, back = {"slider": ("ArrowRight", "ArrowLeft"), "dropdown": ("ArrowDown", "ArrowUp")}[self.kind]
            page.keyboard.press(forward if self.other > self.value else back)


@dataclass(frozen=True)
class Shown:
    words: list[str]
    drawings: list[str]
    sliders: list[int]
    numbers: list[int]
    counts: list[str]  # what each slider counts, by its label


def shown(page: Page) -> Shown:
    return Shown(**page.evaluate(SHOWN, PICKER))


def controls(page: Page) -> Iterator[Control]:
    """Each control of each picker as Tab comes to it, from the top of the page to its end."""
    for _ in range(MOST_TABS if page.locator(PICKER).count() else 0):
        page.keyboard.press("Tab")
        if found := page.evaluate(FOCUSED, PICKER):
            control = Control(**found)
            if control.again:
                return
            yield control


def wait_for_change(page: Page, before: Shown, patience: float) -> Shown:
    """What is shown when the words have changed, or when `patience` (milliseconds) is at its end."""
    changed = f"([picker, words]) => JSON.stringify(({SHOWN})(picker).words) !== JSON.stringify(words)"
    with suppress(TimeoutError):
        page.wait_for_function(changed, arg=[PICKER, before.words], timeout=patience)
    return shown(page)


def move(page: Page, control: Control, patience: float = 10_000) -> list[str]:
    """Move the control that has the focus; one line for each way in which the picker does not follow."""
    before = shown(page)
    control.move(page)
    after = wait_for_change(page, before, patience)
    block, name = control.other, ""
    if control.kind == "dropdown":
        kept = before if before.counts == after.counts else after  # blocks are one thing, how many of them another
        block, name = kept.sliders[0], control.names[control.other]
    told = [
        (len(after.words) == 1, f"{len(after.words)} pictures are seen"),
        (after.words != before.words, "the words stay the same"),
        (after.drawings != before.drawings, "the picture stays the same"),
        (after.sliders == after.numbers == [block], f"slider {after.sliders}, number box {after.numbers}"),
        (bool(re.search(NAMED.format(block), " ".join(after.words), re.IGNORECASE)), f"{block} is not named"),
        (name in " ".join(after.words), f"{name} is not named"),
    ]
    return [f"{control.kind} to {control.other}: {problem}: {after.words}" for holds, problem in told if not holds]
