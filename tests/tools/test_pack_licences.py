"""A package is passed on only under a licence that is known to allow it."""

import pytest
from packaging.metadata import parse_email

from nearlinear.errors import InputError
from tools.pack_licences import check, licence, may_be_passed_on


def package(*lines, name="some"):
    return parse_email("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1", *lines, "", ""]))[0]


APPROVED = "Classifier: License :: OSI Approved"


@pytest.mark.parametrize(
    ("lines", "said", "free"),
    [
        (("License-Expression: MIT",), "MIT", True),
        (("License-Expression: (MIT OR Apache-2.0) AND PSF-2.0",), "(MIT OR Apache-2.0) AND PSF-2.0", True),
        (("License-Expression: Apache-2.0 WITH LLVM-exception",), "Apache-2.0 WITH LLVM-exception", True),
        (("License-Expression: MIT AND GPL-3.0-only",), "MIT AND GPL-3.0-only", False),
        (("License-Expression: LicenseRef-Proprietary",), "LicenseRef-Proprietary", False),
        ((f"{APPROVED} :: BSD License", "License: a long text"), "BSD-3-Clause", True),
        ((f"{APPROVED} :: MIT License", "Classifier: License :: Other/Proprietary License"),
         "MIT AND Other/Proprietary License", False),
        ((APPROVED, "License: Apache 2.0"), "Apache-2.0", True),
        (("License: Copyright, all rights reserved",), "Copyright, all rights reserved", False),
        ((), "not stated", False),
    ],
)  # fmt: skip
def test_a_licence_is_read_and_judged(lines, said, free):
    assert licence(package(*lines)) == said
    assert may_be_passed_on(said) == free


def test_those_that_may_not_be_passed_on_are_named():
    good, bad = package("License-Expression: MIT"), package("License-Expression: LicenseRef-NVIDIA", name="cuda-thing")
    check([good])
    with pytest.raises(InputError, match=r"has cuda-thing \(LicenseRef-NVIDIA\): read it"):
        check([good, bad])


def test_what_a_person_has_read_stands():
    check([package(name="docutils")])
