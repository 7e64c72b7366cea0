"""The errors a caller may want to handle separately; every message says what to do."""

from __future__ import annotations


class ContextError(ValueError):
    """A region has less known picture around it than the method needs."""

    @classmethod
    def of(cls, method: str, lack: str) -> ContextError:
        """The error of a method that says what is lacking, with the way out."""
        return cls(f"{method}: {lack}: pass fallback=True (--fallback) for a plain fill")


class MissingExtraError(ImportError):
    """A method needs packages that were not installed; the message names the extra."""


class InpaintWarning(UserWarning):
    """The call works, but probably not as it was meant (an inverted mask, say)."""
