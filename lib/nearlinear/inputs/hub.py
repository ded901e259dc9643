"""Models of the Hugging Face hub, by id and revision: fetched where there is a network, else read from its cache."""

import re
from pathlib import Path

from nearlinear.errors import InputError, NoNetwork

from .weights import Weights, folder_weights

HUB_ID = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
SKIPPED = ("*/*", "consolidated*")
"""Other people's formats of the same weights: what lies in sub-folders, and Mistral's own file."""

TIMEOUT = 5.0
"""Seconds to wait for an answer: someone without a network must hear so at once."""


def is_hub_id(name: str) -> bool:
    return HUB_ID.fullmatch(name) is not None


def hub_weights(name: str, *, trust_remote_code: bool = False) -> Weights:
    """A model by "org/name" or "org/name@revision". Raises NoNetwork, InputError (unknown, gated, no safetensors)."""
    match = HUB_ID.fullmatch(name)
    id, revision = match["id"], match["revision"]
    folder = _snapshot(id, revision, FILES + (("*.py",) if trust_remote_code else ()))
    return folder_weights(folder, id, revision=folder.name)


def _snapshot(id: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    """The folder of one commit in the hub's cache, which is named after that commit."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    wanted = {"allow_patterns": list(patterns), "ignore_patterns": list(SKIPPED)}
    try:
        return Path(snapshot_download(id, revision=revision, etag_timeout=TIMEOUT, **wanted))
    except LocalEntryNotFoundError as error:
        raise no_network(id) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise InputError(
            f"no model {id!r}: no such folder, and the Hugging Face hub has no open model so named"
        ) from error
    except HfHubHTTPError as error:
        raise InputError(f"the Hugging Face hub does not give {id!r} at revision {revision or 'main'!r}") from error
    except Exception as error:  # a proxy that refuses, a certificate, a line that breaks: each library names it anew
        raise no_network(id) from error


def check_dataset(id: str) -> None:
    """Ask the hub whether it has a data set, because the library for data sets tries a dead line for half a minute.

    Asks nothing where HF_HUB_OFFLINE is set: then only the local cache is read. Raises NoNetwork, InputError.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    if constants.HF_HUB_OFFLINE:
        return
    try:
        HfApi().dataset_info(id, timeout=TIMEOUT)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise InputError(f"no data set {id!r}: no such folder, and the Hugging Face hub has none so named") from error
    except HfHubHTTPError:
        return  # the hub answers; what it objects to, loading will say
    except Exception as error:
        raise no_network(id) from error


def no_network(id: str) -> NoNetwork:
    return NoNetwork(
        f"the Hugging Face hub does not answer, and {id!r} is not at hand: connect to a network "
        "(or set HF_HUB_OFFLINE=1 if it was loaded here before)"
    )
