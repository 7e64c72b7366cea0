"""The errors a caller may want to handle separately; every message says what to do."""

from __future__ import annotations


class ContextError(ValueError):
    """A region has less known picture around it than the method needs."""

    @classmethod
    def of(cls, method: str, lack: str) -> ContextError:
        """The error of a method that says what is lacking, with the way out."""
        return cls(f"{method}: {lack}: pass fallback=True (--fallback) for a plain fill")


class LargeFindError(ValueError):
    """So much of a picture passes for damage that nothing is repaired before somebody has looked at it."""


class MissingExtraError(ImportError):
    """A method needs packages that were not installed; the message names the extra."""


class InpaintWarning(UserWarning):
    """The call works, but probably not as it was meant (an inverted mask, say)."""

    kind = ""  # what is wrong in a few words, where a run over many files may count it: "the mask ..."


class EmptyMaskWarning(InpaintWarning):
    """No pixel is hole, so nothing is filled."""

    kind = "marks nothing"


class LargeMaskWarning(InpaintWarning):
    """More than half of the picture is hole."""

    kind = "hides more than half of the picture"


class InvertedMaskWarning(LargeMaskWarning):
    """More than half of the picture is hole, its border among it: the mask may mark what to keep."""

    kind = "looks inverted"


class LabelMaskWarning(InpaintWarning):
    """A mask holds 0 and one other, low value, which is taken for the hole's label."""

    kind = "was taken for a label"


class MissingPixelsWarning(InpaintWarning):
    """A mask leaves pixels that have the file's value for missing ones, and they were taken as they are."""

    kind = "leaves pixels that the file calls missing"


class StretchedMaskWarning(InpaintWarning):
    """A mask has been scaled to a picture of other proportions."""

    kind = "was stretched to other proportions"


class LargeFindWarning(InpaintWarning):
    """So much of a picture passes for damage that it is probably what the picture shows: nothing of it is proposed."""

    kind = "found would hide too much of the picture, and was not used"
