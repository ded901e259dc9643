"""The ladder from Pre-LN down to SAS-P without norm, and the two blocks beside it: what each step takes out, in words.

In an equation, [-…-] goes at this step and [+…+] comes.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One block of the ladder: its name in `SimplifiedConfig` and its class, what is done, and what it computes then.

    `goes`: the parts that go, in a few words, "" for none.
    """

    block: str
    cls: str
    title: str
    goes: str
    what: str
    equation: tuple[str, ...]


_NORM = "Y = Norm(X)"
_MLP = "X_out = X̂ + β_FF MLP(Norm(X̂))"

STEPS = (
    Step(
        "pre-ln",
        "PreLN",
        "Pre-LN",
        "",
        "The usual block: attention, then the MLP, each with a norm before it and a skip around it.",
        (_NORM, "X̂ = X + A Y W_V W_P", "X_out = X̂ + MLP(Norm(X̂))"),
    ),
    Step(
        "skipless",
        "Skipless",
        "skipless",
        "the skip around attention",
        "The skip around attention goes, and nothing is put right. "
        "Block after block replaces every token by means of others, until all are alike.",
        (_NORM, "X̂ = [-X +-] A Y W_V W_P", "X_out = X̂ + MLP(Norm(X̂))"),
    ),
    Step(
        "v-skipinit",
        "VSkipInit",
        "V-SkipInit",
        "the plain attention matrix",
        "Attention is shaped, αI + βA − γC, and starts as the identity, because W_Q = 0 makes A = C: each token keeps "
        "itself. W_V and W_P start as random rotations, and a gain below 1 holds the MLP back.",
        (
            _NORM,
            "X̂ = [-A-][+(αI + βA − γC)+] Y W_V W_P",
            "X_out = X̂ + [+β_FF+] MLP(Norm(X̂))",
        ),
    ),
    Step(
        "sas",
        "SAS",
        "SAS",
        "values and projection",
        "W_V and W_P go: both stay the identity. Only the first block of a model keeps a W_V.",
        (_NORM, "X̂ = (αI + βA − γC) Y [-W_V W_P-]", _MLP),
    ),
    Step(
        "sas-p",
        "SASP",
        "SAS-P",
        "the skip around the MLP, and its norm",
        "Both halves read the same normalised states, side by side. The skip around the MLP goes, and its norm. "
        "What passes the MLP by is αI, inside attention.",
        (_NORM, "X_out = [-X̂ +-] [+β_SA+] (αI + βA − γC) Y + β_FF MLP([-Norm(X̂)-][+Y+])"),
    ),
    Step(
        "sas-p-no-norm",
        "SASPNoNorm",
        "SAS-P without norm",
        "the last norm",
        "The last norm goes. As in the authors' code, the first block of a model keeps one.",
        ("Y = [-Norm(-]X[-)-]", "X_out = β_SA (αI + βA − γC) Y + β_FF MLP(Y)"),
    ),
    Step(
        "post-ln",
        "PostLN",
        "Post-LN",
        "nothing; the norms move",
        "Beside the ladder, the block of 2017: its norms stand behind the sums, on the path of the skips.",
        (
            "X̂ = [+Norm(+]X + A [-Y-][+X+] W_V W_P[+)+]",
            "X_out = [+Norm(+]X̂ + MLP([-Norm(-]X̂[-)-])[+)+]",
        ),
    ),
    Step(
        "parallel",
        "Parallel",
        "parallel",
        "a norm and a skip",
        "Beside the ladder: Pre-LN with both halves side by side. One norm serves both, one skip goes around both.",
        (_NORM, "X_out = X + A Y W_V W_P + MLP([-Norm(X̂)-][+Y+])"),
    ),
)
"""Six steps of the ladder, then the two blocks beside it."""

LADDER, BESIDE = STEPS[:6], STEPS[6:]


def step_of(block: str) -> Step:
    return next(step for step in STEPS if step.block == block)
