"""Errors a user can act on: each message is one clear sentence that says what to do."""


class NearlinearError(Exception):
    """Base of every error we raise on purpose; the command line prints it and exits with code 2."""


class InputError(NearlinearError, ValueError):
    """Something given to us cannot be used: a name, a file, a text, a parameter."""


class UnsupportedModel(InputError):
    """The model loads, but has no list of blocks that we can find."""


class NotEnoughTokens(InputError):
    """The text is too short for the width of the model."""


class NoNetwork(NearlinearError):
    """Something has to be downloaded and no network answers."""


class OutOfMemory(NearlinearError):
    """A model, or one window of text with it, does not fit into the memory of the device."""


class BrokenFile(InputError):
    """A file is truncated, or its sha256 is not the one we know."""


def is_failure(error: BaseException) -> bool:
    """Whether something has failed, and nobody asked to stop. A library in Rust panics outside Python's `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
