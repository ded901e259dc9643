"""What somebody's own code looks like to a type checker: mypy reads this file, and nothing runs it.

A line with `type: ignore` is a mistake that mypy must see; where it no longer does, it says that the remark is unused.
"""

from pathlib import Path
from typing import assert_type

import torch

import nearlinear
from nearlinear import SimplifiedConfig, SimplifiedForCausalLM, study
from nearlinear.results.profile_spec import ProfileSpec, laptop_spec
from nearlinear.results.provenance import Provenance
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile

score = nearlinear.linearity_score(torch.ones(40, 2), torch.ones(40, 2))
assert_type(score, float)

spec = laptop_spec("smollm2-135m", n_fit=8)
assert_type(spec, ProfileSpec)
profile = study.linearity_profile(spec, device="cpu")
assert_type(profile, LinearityProfile)
assert_type(profile.provenance, Provenance)
assert_type(LinearityProfile.load(Path("result.json")), LinearityProfile)
assert_type(study.token_errors([spec]), list[TokenErrors])

model = SimplifiedForCausalLM(SimplifiedConfig(block="sas-p", num_hidden_layers=6, hidden_size=384))
assert_type(model, SimplifiedForCausalLM)

print(score.shape)  # type: ignore[attr-defined]
laptop_spec("smollm2-135m", n_fit="eight")  # type: ignore[arg-type]
study.linearity_profile("smollm2-135m")  # type: ignore[arg-type]
print(profile.provenance.sead)  # type: ignore[attr-defined]
SimplifiedConfig(block="sas-p", hidden_size="wide")  # type: ignore[arg-type]
