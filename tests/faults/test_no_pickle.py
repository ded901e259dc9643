"""Nothing is unpickled and no code is made of data: not in the source, and not while commands run.

While they run, the audit hook of `injected.no_pickle` ends every job of these tests that unpickles a class.
"""

import ast
import pickle
from pathlib import Path

import pytest

from tools.profiles import ROOT

MODULES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile"}
LOADS = {("torch", "load"), ("np", "load"), ("numpy", "load"), ("yaml", "load"), ("yaml", "unsafe_load"),
         ("yaml", "full_load"), ("os", "system"), ("pickle", "loads")}  # fmt: skip

SWITCHES = {"allow_pickle", "trust_remote_code", "shell"}


def is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def wrong(source: str) -> list[str]:
    """What of a source could run what a file says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            found.append(node.module)
        elif isinstance(node, ast.Call):
            of = node.func
            if isinstance(of, ast.Name) and of.id in CALLS:
                found.append(of.id)
            if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name) and (of.value.id, of.attr) in LOADS:
                found.append(f"{of.value.id}.{of.attr}")
            found += [f"{word.arg}=True" for word in node.keywords if word.arg in SWITCHES and is_true(word.value)]
    return found


@pytest.mark.parametrize("folder", ["lib", "tools"])
def test_the_source_reads_no_pickle_and_runs_no_text(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert len(files) > 10
    assert {str(path.relative_to(ROOT)): found for path in files if (found := wrong(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize("line", ["import pickle", "from dill import loads", "eval(x)", "torch.load(f)", "yaml.load(f)",
                                  "np.load(f, allow_pickle=True)", "f(trust_remote_code=True)"])  # fmt: skip
def test_the_search_finds_what_it_is_for(line):
    assert wrong(line)


def unpickling(_arguments: list) -> int:
    pickle.loads(pickle.dumps(Path("x")))
    return 0


def test_a_job_that_unpickles_is_ended(jobs):
    ended = jobs.run(target="tests.faults.test_no_pickle:unpickling")
    assert ended.code == 99
    assert "unpickled ('pathlib'" in ended.err
