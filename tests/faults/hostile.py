"""What somebody might put into a file that others are to open: any JSON, and any damage to bytes."""

import json
from copy import deepcopy

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from tools.profiles import ROOT

set_hypothesis_home_dir(ROOT / "build/hypothesis")  # what it remembers of unicode: not in the checkout

FIXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def bounded(examples: int) -> settings:
    """The same few examples on every machine, however slow it is."""
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=FIXED)


HUGE = st.sampled_from([0, -1, 1, 2, 10**6, 10**9, 2**31, 2**63, 2**70, 0.5, 1e308, float("inf"), float("nan")])
LETTERS = st.text(st.characters(codec="utf-8"), max_size=20)
WORDS = (
    st.sampled_from(["", "../../etc/passwd", "/etc/passwd", "<script>", "\x1b[2J", "\0", "os.system", "nan"]) | LETTERS
)
PLAIN = st.none() | st.booleans() | HUGE | WORDS
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3))


@st.composite
def changed(draw, valid: dict) -> dict:
    """A valid object with one to three values, anywhere in it, replaced or removed."""
    found = deepcopy(valid)
    for _ in range(draw(st.integers(1, 3))):
        place, key = found, None
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            if not len(keys):
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or draw(st.booleans()):
                break
            place = place[key]
        if key is None or not len(place):
            continue
        if isinstance(place, dict) and draw(st.integers(0, 4)) == 0:
            del place[key]
        else:
            place[key] = draw(JSON)
    return found


@st.composite
def damaged(draw, valid: bytes) -> bytes:
    """A file cut short, with some bytes changed, or with some put between."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(0, 8))):
        place = draw(st.integers(0, min(len(content), 4096) - 1))  # what is counted and named stands in front
        content[place] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(content)))
        content[place:place] = draw(st.binary(max_size=16))
    return bytes(content[: draw(st.integers(1, len(content)))] if draw(st.booleans()) else content)


def dumped(value: object) -> str:
    """JSON as Python writes it, NaN and infinity included."""
    return json.dumps(value)
