"""Two drawings for the prose pages: the stream of states that blocks write into, and the sums a score is made of."""

from . import svg
from .style import BLUE, FAINT, GRID, INK, PANEL

STREAM_WORDS = (
    "A drawing. A token's state runs down a line, from the embedding to the next token's probabilities. Beside it runs "
    "a line for each earlier token. At each block a branch leaves the line; the block reads the state X and, by "
    "attention, the earlier tokens, and adds its update Δ back to the line. What runs on is Y = X + Δ."
)
SUMS_WORDS = (
    "A drawing in four steps. A text is cut into windows. They run through the model once, and hooks hand over the "
    "states before and after each block. Of these only sums are kept: the number of tokens, the sums of states and of "
    "updates, and two square matrices of their products. From the sums come the best affine map, both scores, and the "
    "map that can stand in the block's place. States are not kept."
)

_TINT = "#dcebf7"
"""A light blue, for what a block does."""


def stream() -> str:
    """The residual stream of one token, 440 wide: a skip past every block, an update from each."""
    lines = [svg.line(x, 44, x, 396, GRID, 3) for x in (40, 62, 84)]
    main = svg.line(120, 44, 120, 396, INK, 3)
    words = [
        svg.text(62, 22, "earlier", "middle", colour=FAINT),
        svg.text(62, 35, "tokens", "middle", colour=FAINT),
        svg.text(120, 22, "this", "middle"),
        svg.text(120, 35, "token", "middle"),
        svg.text(136, 61, "X", size=14, colour=BLUE),
        svg.text(152, 61, "state 0, its embedding", colour=FAINT),
        svg.text(136, 178, "Y = X + Δ", size=14, colour=BLUE),
        svg.text(212, 178, "state 1", colour=FAINT),
        svg.text(136, 288, "…", size=16, colour=FAINT),
        svg.text(136, 392, "state L, then the final norm", colour=FAINT),
        svg.text(120, 416, "how likely each next token is", "middle"),
        "<path d='M115 394l5 9l5 -9z'/>",
    ]
    blocks = [_block(72, "block 0", lettered=True), _block(194, "block 1"), _block(302, "block L − 1")]
    return _whole(440, 426, [*lines, main, *blocks, *words], "The stream of states", STREAM_WORDS)


def _block(y: float, name: str, *, lettered: bool = False) -> str:
    """A branch that leaves the stream at `y`, a box that writes an update, and the sum where it comes back."""
    box = f"<rect x='196' y='{y + 10:g}' width='216' height='44' rx='4' fill='{_TINT}' stroke='{INK}'/>"
    away = f"<path d='M120 {y:g}H304V{y + 9:g}' fill='none' stroke='{INK}'/>"
    back = (
        f"<path d='M304 {y + 54:g}V{y + 72:g}H130' fill='none' stroke='{BLUE if lettered else INK}' stroke-width='2'/>"
    )
    heads = f"<path d='M300 {y + 3:g}l4 7l4 -7z'/><path d='M137 {y + 68:g}l-7 4l7 4z'/>"
    total = f"<circle cx='120' cy='{y + 72:g}' r='8' fill='{PANEL}' stroke='{INK}' stroke-width='1.4'/>"
    plus = f"<path d='M116 {y + 72:g}h8M120 {y + 68:g}v8' stroke='{INK}' stroke-width='1.4'/>"
    reads = f"<path d='M40 {y + 32:g}H194M62 {y + 32:g}h0M84 {y + 32:g}h0' stroke='{FAINT}' stroke-dasharray='3 3'/>"
    dots = "".join(f"<circle cx='{x}' cy='{y + 32:g}' r='2.5' fill='{FAINT}'/>" for x in (40, 62, 84))
    words = svg.text(304, y + 28, name, "middle") + svg.text(
        304, y + 44, "attention, which reads the others; MLP", "middle", 10, FAINT
    )
    delta = svg.text(316, y + 68, "Δ, the update", colour=BLUE, size=12) if lettered else ""
    return away + reads + dots + box + back + heads + total + plus + words + delta


def sums() -> str:
    """From text to scores by way of a few sums, 440 wide."""
    steps = [
        _step(8, "text", ("windows of tokens; whole documents", "are held out"), 44),
        _step(84, "model", ("one pass; hooks see each block's states", "before, x, and after, x + δ, of a batch"), 44),
        _step(
            160, "sums", ("n,  Σ x,  Σ δ,  Σ ‖δ‖²:  a few numbers", "Σ x xᵀ,  Σ x δᵀ:  d × d, whatever n is"), 44, _TINT
        ),
        _step(236, "solve", ("the best map of the update:  δ ≈ Aᵀx + b", "both scores, in sample and held out"), 44),
    ]
    arrows = [
        f"<path d='M64 {y}v24' stroke='{INK}' stroke-width='1.4'/><path d='M60 {y + 22}l4 8l4 -8z'/>"
        for y in (52, 128, 204)
    ]
    aside = svg.text(76, 144, "states are forgotten after every batch", size=10, colour=FAINT)
    return _whole(440, 288, [*steps, *arrows, aside], "From text to scores", SUMS_WORDS)


def _step(y: float, name: str, words: tuple[str, str], height: float, fill: str = PANEL) -> str:
    box = f"<rect x='8' y='{y:g}' width='424' height='{height:g}' rx='4' fill='{fill}' stroke='{INK}'/>"
    first, second = (svg.text(84, y + 18 + 16 * k, line, size=12) for k, line in enumerate(words))
    return box + svg.text(20, y + 26, name, size=13, colour=BLUE) + first + second


def _whole(width: int, height: int, parts: list[str], title: str, words: str) -> str:
    """A picture of its own file, on a light ground, so that a dark page changes nothing."""
    size = f"xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
    font = f"font-family='{svg.FONTS}' font-size='11' fill='{INK}' role='img'"
    ground = f"<rect width='{width}' height='{height}' rx='6' fill='{PANEL}'/>"
    return f"<svg {size} {font}><title>{title}</title><desc>{words}</desc>{ground}{''.join(parts)}</svg>"
