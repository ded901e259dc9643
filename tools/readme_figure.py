"""Draw the figure of the README from the recorded results: book/_static/first-look.png."""

from nearlinear import show
from nearlinear.results.profile_spec import long_specs
from nearlinear.results.store import recorded, replacing
from nearlinear.results.types import LinearityProfile
from tools.profiles import ROOT

PICTURE = ROOT / "book/_static/first-look.png"


def main() -> None:
    """The controls of chapter 1 on its largest run."""
    model, *twins = (recorded(spec, LinearityProfile) for spec in long_specs("smollm2-135m"))
    with replacing(PICTURE) as temporary:
        temporary.write_bytes(show.controls(model, twins=twins).png())


if __name__ == "__main__":
    main()
