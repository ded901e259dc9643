"""The colours of the figures are told apart by readers with any kind of colour vision."""

from itertools import combinations

import numpy as np
import pytest

from nearlinear.show import style

# Linear RGB as seen without one kind of cone: Machado, Oliveira and Fernandes (2009), table 1, severity 1.
SEEN_BY = {
    "all": np.eye(3),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopes": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = XYZ.sum(1)
APART = 8
"""Least distance in CIE L*a*b*; 2.3 is just noticed, side by side."""

SETS = {"roles": tuple(style.COLOURS.values()), "models": style.MODEL_COLOURS}


def lab(colour: str, seen: np.ndarray) -> np.ndarray:
    """(3,) L*, a*, b* of a colour as it is seen."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in XYZ @ (seen @ linear).clip(0, 1) / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str, reader: str) -> float:
    return float(np.linalg.norm(lab(one, SEEN_BY[reader]) - lab(other, SEEN_BY[reader])))


@pytest.mark.parametrize("reader", SEEN_BY)
@pytest.mark.parametrize("colours", SETS)
def test_any_two_colours_of_a_set_are_told_apart(colours, reader):
    close = [pair for pair in combinations(SETS[colours], 2) if distance(*pair, reader) < APART]
    assert close == []


def test_the_distance_knows_black_from_white_and_red_from_green():
    assert distance("#000000", "#ffffff", "all") == pytest.approx(100, abs=0.1)
    assert distance("#d55e00", "#b87a00", "all") > 20
    assert distance("#d55e00", "#b87a00", "deuteranopes") < 2
