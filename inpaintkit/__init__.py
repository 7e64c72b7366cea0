"""Repair the masked part of a picture without a trained model.

>>> import inpaintkit
>>> inpaintkit.inpaint(image, mask)  # doctest: +SKIP

What the package offers is listed in ``__init__.pyi``, and loaded on first use: ``import inpaintkit`` itself costs
nothing.
"""

from __future__ import annotations

from pathlib import Path

import lazy_loader

__version__ = "0.1.0"

if not (Path(__file__).parent / "classic").is_dir():
    # A checkout: classic, prior and benchmarks stand beside this folder instead of in it.
    __path__.append(str(Path(__file__).parent.parent))

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
