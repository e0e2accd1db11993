"""Errors that users meet. Each message says what was wrong, what was expected, and the next step."""

from __future__ import annotations


class DistilError(Exception):
    """Base of every error that is the user's to mend; the command line prints it as one line."""


class TaskError(DistilError, ValueError):
    """A task or a file of tasks is malformed."""


class NotFoundError(DistilError, KeyError):
    """A name is in no registry."""

    def __str__(self) -> str:  # KeyError would show the repr
        return str(self.args[0]) if self.args else ""


class ConfigError(DistilError, ValueError):
    """An option, or a combination of options, cannot work."""


class VerifierError(DistilError, RuntimeError):
    """A verifier broke its contract: it raised, or returned something that is not an `Outcome`."""


def told(error: BaseException) -> str:
    """The message of an exception of code that is not ours: never raises, whatever its ``__str__`` does."""
    try:
        return str.__str__(str(error))  # a str, and no class derived from it
    except BaseException:
        return "(its message could not be read)"
