"""What jobs do, besides the command line: the same work, with a note of each thing that is computed."""

import json
from pathlib import Path

from nearlinear.cli import main


def noted(path: str, module, name: str, of) -> None:
    """From now on, a line in the file `path` for each call of a function."""
    plain = getattr(module, name)

    def told(*arguments, **options):
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(of(*arguments))}\n")
        return plain(*arguments, **options)

    setattr(module, name, told)


def notes(path: Path) -> list:
    """What was noted since the last time it was asked."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [json.loads(line) for line in lines]


def training(arguments: list) -> int:
    """`nearlinear train` that writes a checkpoint at every stop, and notes every step."""
    from nearlinear.edit import checkpoint
    from nearlinear.train.loop import Work

    file, *call = arguments
    checkpoint.SECONDS = 0.0
    noted(file, Work, "step", lambda _self, k: k)
    return main(call)


def distilling(arguments: list) -> int:
    """`nearlinear prune` that writes a checkpoint after every step of distillation."""
    from nearlinear.edit import checkpoint

    checkpoint.SECONDS = 0.0
    return main(arguments)


def studying(arguments: list) -> int:
    """A small study of pruning from the cache, as a chapter asks for it; notes every loss that is measured."""
    from nearlinear.edit.study import Work, pruning_study
    from nearlinear.results.pruning import PruningSpec

    file, corpus, out = arguments
    noted(file, Work, "_measure", lambda _self, how, layers: f"{how} {' '.join(map(str, layers))}")
    spec = PruningSpec(model="tiny-llama", corpus=corpus, orders=("score",), count=2, greedy=1, context=64, n_fit=768,
                       n_choose=256, n_evaluate=256)  # fmt: skip
    Path(out).write_text(pruning_study(spec, mode="recompute", device="cpu").to_json(), encoding="utf-8")
    return 0


def keeping(arguments: list) -> int:
    """A result with two files by way of the cache; notes that it was computed."""
    from nearlinear.results.profile_spec import laptop_spec
    from nearlinear.results.store import load_or_run
    from nearlinear.results.types import LinearityProfile
    from tests.show import synthetic

    file, out = arguments

    def run(_spec):
        with open(file, "a", encoding="utf-8") as noting:
            noting.write('"run"\n')
        return [synthetic.profile(L=3), synthetic.tokens_needed(L=3)]

    found = load_or_run(laptop_spec("tiny-llama"), run, LinearityProfile)
    Path(out).write_text(found.to_json(), encoding="utf-8")
    return 0


def unpacking(arguments: list) -> int:
    """A folder of files into the cache."""
    from nearlinear.inputs.cache import keep_folder, scratch_folder

    (target,) = map(Path, arguments)
    with scratch_folder(target) as folder:
        (folder / "model").mkdir()
        for name in "abc":
            (folder / "model" / name).write_text(name * 100, encoding="utf-8")
        keep_folder(folder / "model", target)
    return 0


CHAPTERS = ["01_one", "02_two", "03_three"]


def executing(arguments: list) -> int:
    """Three notebooks as the book runs them, but papermill copies them in place of running them."""
    import nbformat

    from tools import run_notebooks
    from tools.profiles import Run

    file, executed, sources = arguments
    for name in CHAPTERS:
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), f"{sources}/{name}.ipynb")

    def execute(run, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(run.notebook.read_bytes())
        return {"seconds": 1.0, "peak_memory_gb": 1.0}

    run_notebooks.EXECUTED = Path(executed)
    run_notebooks.plan = lambda _profile: [Run(Path(sources) / f"{name}.ipynb", (), {}) for name in CHAPTERS]
    run_notebooks.library_digest = lambda: "library"
    run_notebooks.device = lambda: "cpu"
    run_notebooks.execute = execute
    noted(file, run_notebooks, "execute", lambda run, _target: run.name)
    return run_notebooks.reported(lambda: run_notebooks.run_all("small"))


def publishing(arguments: list) -> int:
    """New pages in the place of old ones, as the book does it: what an earlier build left is cleared first."""
    import shutil

    from tools.build_book import publish

    (folder,) = map(Path, arguments)
    for place, pages in ((folder / "_build/html", "12"), (folder / "new/_build/html", "34")):
        if place == folder / "new/_build/html":
            shutil.rmtree(folder / "new", ignore_errors=True)
        if not place.exists():
            place.mkdir(parents=True)
            for page in pages:
                (place / f"{page}.html").touch()
    publish(folder / "new/_build/html", folder / "_build/html")
    return 0


def unpacking_in_one_sentence(arguments: list) -> int:
    """The same, where an error is said as the command line says it."""
    import sys

    from nearlinear.errors import NearlinearError

    try:
        return unpacking(arguments)
    except NearlinearError as error:
        print(f"nearlinear: {error}", file=sys.stderr)
        return 2
