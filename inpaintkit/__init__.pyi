from .api import inpaint, variants
from .box import Box
from .errors import ContextError, InpaintWarning, MissingExtraError
from .files import load, read, read_mask, write
from .find import FindInfo, find_mask
from .find.pieces import Found
from .info import Filled, FilledRegion, Info
from .method import Method
from .overlay import Overlay, OverlayInfo, RemovalInfo, estimate_overlay, remove_overlay
from .problem import Problem, Step
from .registry import methods, register, unregister

__version__: str
__all__ = [
    "Box",
    "ContextError",
    "Filled",
    "FilledRegion",
    "FindInfo",
    "Found",
    "Info",
    "InpaintWarning",
    "Method",
    "MissingExtraError",
    "Overlay",
    "OverlayInfo",
    "Problem",
    "RemovalInfo",
    "Step",
    "estimate_overlay",
    "find_mask",
    "inpaint",
    "load",
    "methods",
    "read",
    "read_mask",
    "register",
    "remove_overlay",
    "unregister",
    "variants",
    "write",
]
