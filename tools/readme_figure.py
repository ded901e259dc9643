"""Draw the figure of the README from the recorded results: book/_static/first-look.png."""

from nearlinear import show
from nearlinear.results.profile_spec import laptop_spec
from nearlinear.results.store import recorded, replacing
from nearlinear.results.types import LinearityProfile
from tools.profiles import ROOT

PICTURE = ROOT / "book/_static/first-look.png"


def main() -> None:
    """The controls figure of chapter 1, as recorded."""
    model, twin = (recorded(laptop_spec("smollm2-135m", random_seed=seed), LinearityProfile) for seed in (None, 0))
    with replacing(PICTURE) as temporary:
        temporary.write_bytes(show.controls(model, twins=[twin]).png())


if __name__ == "__main__":
    main()
