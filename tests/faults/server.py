"""A process with the library loaded, that forks for each job it is told of: a job can die, and costs no start.

A line of JSON asks, a line of JSON answers. {"start": {...}} answers with the number of the new process, {"wait": n}
with how it ended.
"""

import json
import os
import sys
import traceback
from importlib import import_module

from tests.faults.injected import Fault, inject, no_pickle


def warm() -> None:
    """Load what every job needs; nothing is computed, so that a fork finds no threads."""
    import torch

    torch.set_num_threads(1)
    for name in ("study", "cli", "edit.prune", "edit.export", "edit.study", "edit.card", "train.run", "train.save",
                 "train.kept", "train.yaml_specs", "train.stretches", "train.card", "recorded"):  # fmt: skip
        import_module(f"nearlinear.{name}")
    for name in ("tests.faults.work", "tests.show.synthetic", "tools.build_book", "nearlinear.report.files"):
        import_module(name)
    import_module("nearlinear.inputs.tiny").tiny_model("llama")


def start(job: dict) -> int:
    if child := os.fork():
        return child
    code = 70
    try:
        for fd, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
        os.environ.update(job["env"])
        os.chdir(job["cwd"])
        code = work(job)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def work(job: dict) -> int:
    module, _, name = job["target"].partition(":")
    function = getattr(import_module(module), name)
    no_pickle()
    fault = Fault(**job["fault"])
    inject(fault)
    answer = function(job["arguments"])
    os.write(os.open(job["moments"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), str(fault.count).encode())
    return answer if isinstance(answer, int) else 0


def main() -> None:
    warm()
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "start" in asked:
            answer = start(asked["start"])
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        print(json.dumps(answer), flush=True)
    os._exit(0)  # nothing to tidy up, and that takes torch seconds


if __name__ == "__main__":
    main()
