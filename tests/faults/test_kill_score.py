"""kill -9 at any moment of scoring: the old file or the new one, never half of one."""

import json

from nearlinear.results.types import LinearityProfile
from tests.faults.jobs import some

SCORE = ("score", "--model", "tiny-llama", "--tokens", "1024", "--context", "64")


def test_scores_are_there_whole_or_not_at_all(jobs, text):
    out = jobs.folder / "scores.json"
    call = (*SCORE, "--text", text, "--json", str(out))
    first = jobs.run(*call)
    assert first.code == 0, first.err
    whole = out.read_text()
    out.write_text("old")
    for at in some(first.moments, 12):
        assert jobs.run(*call, what="kill", at=at).killed
        assert out.read_text() == "old" or LinearityProfile.from_json(out.read_text()), at
    again = jobs.run(*call)
    assert again.code == 0
    assert scores(out.read_text()) == scores(whole)


def scores(text: str) -> dict:
    """All but when and how fast."""
    found = json.loads(text)
    return {name: value for name, value in found.items() if name != "provenance"}
