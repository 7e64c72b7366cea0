"""What tests of the page in a browser share: what it knows, what the server has of it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from inpaintkit.benchmarks.studies._browser import Page, Server


def current(page: Page) -> dict:
    """The photo as the page knows it."""
    return page.part("bus", "({...part.app.photo})")


def painted(page: Page, server: Server, layer: str = "mask") -> np.ndarray:
    """What is painted, as the server has it."""
    page.idle()
    data = server.get(f"photos/{current(page)['id']}/download?what=mask&layer={layer}")
    return np.asarray(Image.open(io.BytesIO(data))) > 0


def picture(page: Page, server: Server) -> np.ndarray:
    """The picture as it is now, in a lossless format."""
    page.idle()
    return shown_pixels(server.get(f"photos/{current(page)['id']}/download?what=picture&format=png"))


def shown_pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))
