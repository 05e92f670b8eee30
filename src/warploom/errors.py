"""Every exception Warploom raises on purpose.

    WarploomError
    ├── InputError              what the user gave cannot be used: one clear line, exit code 2
    │   ├── ProblemError        a problem file or name
    │   ├── SourceError         a candidate's source: evolve block, signature, TUNE line
    │   ├── ConfigError         an option or key
    │   ├── ToolchainError      a compiler or package that is absent
    │   ├── JournalError        a run directory: missing, in use, unwritable, corrupt
    │   └── ModelError          a language model that no request can reach: key, name, address
    ├── NotApplicable           a move has no such site in this source
    ├── NothingToPropose        a proposer has no new candidate for this request
    │   └── BudgetSpent         and will have none: a cap on tokens, dollars or requests is reached
    └── ReferenceFailed         the trusted PyTorch process could not do its part
        └── WrongReference      since the problem's reference is mistaken; a ProblemError too

A candidate that fails is not an exception: it is a :class:`warploom.values.outcome.Failed`.
"""

from __future__ import annotations


class WarploomError(Exception):
    """Base of all of them."""


class InputError(WarploomError):
    """What the user gave cannot be used. The message says what, where and how to mend it."""


class ProblemError(InputError):
    """A problem file or problem name cannot be used."""


class SourceError(InputError):
    """A candidate's source breaks a rule that can be read off the text alone."""


class ConfigError(InputError):
    """An option or configuration key is unknown or out of range."""


class ToolchainError(InputError):
    """A compiler or package that the target needs is absent."""


class JournalError(InputError):
    """A run directory cannot be used: missing, already in use, unwritable or corrupt."""


class ModelError(InputError):
    """A language model cannot be used: a wrong key, an unknown name, no server. Never holds the key."""


class NotApplicable(WarploomError):  # noqa: N818 - a signal between moves and search, not a fault
    """A move cannot be made at this site with these parameters."""


class NothingToPropose(WarploomError):  # noqa: N818 - as above
    """A proposer has no new candidate for this request."""


class BudgetSpent(NothingToPropose):
    """A cap leaves no room for one more request to a model: a normal end. The message says which."""


class ReferenceFailed(WarploomError):  # noqa: N818 - reads as what happened
    """The trusted PyTorch process could not compute or time the reference."""


class WrongReference(ProblemError, ReferenceFailed):  # noqa: N818 - as above
    """A problem's reference raises, or does not return what the problem declares."""
