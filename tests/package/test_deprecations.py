"""Nothing that the library uses is on its way out, at the pinned versions.

In tests every warning is an error already. Here are the commands as a person starts them, where libraries warn while
they are imported, and say some things in their log only.
"""

import json
import os
import re
import subprocess
import sys

import pytest

RUN = """
import json, sys
from nearlinear.cli import main

for command in json.loads(sys.argv[1]):
    main(command)
"""
STRICT = [f"-Werror::{kind}" for kind in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")]
ON_ITS_WAY_OUT = re.compile(r"deprecat|will be removed|no longer supported|in a future (?:version|release)", re.I)
TEXT = "".join(f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars.\n" for i in range(1200))


def test_no_command_uses_what_will_be_removed(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    measured = ["--model", "tiny-llama", "--text", str(text), "--tokens", "1024", "--context", "64"]
    commands = [
        ["score", *measured],
        ["prune", *measured, "--layers", "1", "--how", "remove", "--plain", "--out", str(tmp_path / "pruned")],
        ["train", "--size", "quick", "--block", "sas-p", "--corpus", str(text), "--out", str(tmp_path / "trained")],
        ["score", "--model", str(tmp_path / "trained"), *measured[2:]],
    ]
    environment = os.environ | {"NEARLINEAR_CACHE": str(tmp_path / "cache"), "TRANSFORMERS_VERBOSITY": "info"}
    done = subprocess.run(
        [sys.executable, *STRICT, "-c", RUN, json.dumps(commands)], env=environment, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert ON_ITS_WAY_OUT.findall(done.stdout + done.stderr) == []
    assert (tmp_path / "trained/model.safetensors").exists()


@pytest.mark.parametrize(
    "said", ["`torch_dtype` is deprecated! Use `dtype`", "It will be removed in v6", "changes in a future version"]
)
def test_what_counts_as_a_warning(said):
    assert ON_ITS_WAY_OUT.search(said)
