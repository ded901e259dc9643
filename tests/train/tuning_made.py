"""Small specifications of finetuning, and pairs that can be told apart, for the tests of it."""

from nearlinear.evaluate.preferences import Pair, PreferenceCard, PreferenceSet
from nearlinear.results.training import Recipe
from nearlinear.results.tuning import Labels, Preferences, TrainedHere, TuneSpec

from .drift_made import drift

FILM = Labels(task="animals")
SHUFFLED = Labels(task="animals", labels="shuffled")
REWARDS = Preferences(pairs="letters")


def tune(learns=FILM, *, family: str = "llama", **fields) -> TuneSpec:
    """20 steps of 8 texts on a model of two blocks. `fields`: of Recipe or of TuneSpec, by name."""
    recipe = {"steps": 20, "batch": 8, "lr": 3e-3, "warm_up": 0.1}
    recipe |= {name: value for name, value in fields.items() if name in Recipe.model_fields}
    rest = {name: value for name, value in fields.items() if name not in Recipe.model_fields}
    model = TrainedHere(spec=drift(family, steps=8, halvings=1))
    words = {"model": model, "T": 32, "every": 5, "halvings": 2, "n_choose": 20, "n_test": 40}
    return TuneSpec(**words | rest, learns=learns, recipe=Recipe(**recipe))


def pairs(n: int, first: int = 0) -> tuple[Pair, ...]:
    """The chosen text ends in z, the rejected one in q; lengths differ from pair to pair, and within."""
    return tuple(
        Pair(f"{'say ' * (k % 4)}{k} zz", f"{'say ' * (k % 3)}{k} q", group=str(k)) for k in range(first, first + n)
    )


def letters(train=None) -> PreferenceSet:
    card = PreferenceCard("", "", "", "planted", lambda seed: ())
    return PreferenceSet("letters", card, pairs(80) if train is None else train, pairs(30, 100), pairs(40, 200))
