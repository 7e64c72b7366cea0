"""What seen pixels say of those beneath an overlay: a linear equation for each channel, and how far to trust it.

All layers together make of a colour B what is seen, y = g (T B) + o + noise, channel by channel. T leaves the channels
as they are or, for a picture stored as JPEG, turns them into luma and colour differences: their noise differs, and they
see another opacity where they were stored at half the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Bool2, F64x2, F64x3, I64x1
from inpaintkit.overlay.model import Overlay
from inpaintkit.overlay.noise import Noise
from inpaintkit.problem import Mask

_CUT_OFF = 0.1  # of white: standard error of a colour that is cut off
_NOTHING = 1e-6  # a gain below which nothing shows through


@dataclass(frozen=True)
class Equations:
    """What n pixels say of the colours beneath.

    Attributes
    ----------
    right : float64 (n, C), y - o.
    gain : float64 (n, C), g.
    scatter : float64 (n, C, C), covariance of the noise and of what an error of the opacity makes of y.
    lost : bool (n, C), where a channel says nothing: it is saturated, or covered entirely.
    noise : what mixes the channels, T.
    """

    right: F64x2
    gain: F64x2
    scatter: F64x3
    lost: Bool2
    noise: Noise

    def of(self, which: Mask) -> Equations:
        """Those of some of the pixels, bool (n,)."""
        return replace(self, **{name: getattr(self, name)[which] for name in ("right", "gain", "scatter", "lost")})

    @property
    def errors(self) -> F64x2:
        """Variance of each channel of ``divided``, mixed; infinite where it is lost."""
        own = np.einsum("ncc->nc", self.scatter)
        return np.where(self.lost, np.inf, own / np.square(np.where(self.lost, 1, self.gain)))

    @property
    def uncertainty(self) -> F64x3:
        """Covariance of ``divided``, (n, C, C); 0 with a lost channel."""
        gain = np.where(self.lost, np.inf, self.gain)
        found: F64x3 = self.scatter / (gain[:, :, None] * gain[:, None, :])
        return found

    def divided(self) -> F64x2:
        """The colours that solve the equations, float64 (n, C), mixed; 0 where a channel is lost."""
        return np.where(self.lost, 0, self.right / np.where(self.lost, 1, self.gain))


def equations_of(
    colours: F64x2, overlay: Overlay, at: I64x1, noise: Noise, *, white: float, ends: tuple[float, float]
) -> Equations:
    """The equations of the pixels at the flat indices ``at``.

    Parameters
    ----------
    colours : float64 (n, C), what is seen, in the picture's units.
    white : through a layer of this colour that multiplies everything is seen.
    ends : where values end. Light that was added is lost from the upper one on; and luma and colour differences are not
        those that were stored where any colour is cut off. Infinite where values have no end.
    """
    gain, offset, errors = _composed(overlay, at, colours, white, chroma=False)
    right, cut_off = colours, np.zeros(gain.shape, np.bool_)
    if noise.mixes:
        bled, shift, others = _composed(overlay, at, colours, white, chroma=True)
        gain = np.stack([gain.mean(axis=1), *[bled.mean(axis=1)] * 2], axis=1)
        offset, errors = (_of_luma_and_chroma(one, other, noise) for one, other in ((offset, shift), (errors, others)))
        right = noise.mixed(colours)
        cut_off = (colours <= ends[0]) | (colours >= ends[1])
    scatter = np.einsum("lnc,lnd->ncd", errors, errors) + np.diag(np.square(noise.deviations))
    if cut_off.any():
        unknown = cut_off[:, None, :] * noise.mixing * (_CUT_OFF * white)
        scatter = scatter + unknown @ unknown.transpose(0, 2, 1)
    lost = gain < _NOTHING
    if not noise.mixes and any(layer.mode == "add" for layer in overlay.layers):
        lost = lost | (colours >= ends[1])
    return Equations(right - offset, gain, scatter, lost, noise)


def _of_luma_and_chroma(luma: NDArray[np.float64], chroma: NDArray[np.float64], noise: Noise) -> NDArray[np.float64]:
    """The first mixed channel of one and the others of the other."""
    return np.concatenate([(luma @ noise.mixing.T)[..., :1], (chroma @ noise.mixing.T)[..., 1:]], axis=-1)


def _composed(overlay: Overlay, at: I64x1, colours: F64x2, white: float, *, chroma: bool) -> tuple[F64x2, F64x2, F64x3]:
    """g and o of all layers together, (n, C), and what one standard error of each one's opacity changes, (L, n, C)."""
    gain, offset = np.ones_like(colours), np.zeros_like(colours)
    errors = []
    for layer in overlay.layers:
        seen = layer.opacity if layer.chroma is None or not chroma else layer.chroma
        a = seen.reshape(-1)[at].astype(np.float64)[:, None]
        colour = layer.colour if layer.colour.ndim == 1 else layer.colour.reshape(-1, layer.colour.shape[2])[at]
        beneath = (colours - offset) / np.maximum(gain, 0.1)  # near enough for the size of an error
        if layer.mode == "cover":
            own_gain, own_offset, slope = np.broadcast_to(1 - a, gain.shape), a * colour, colour - beneath
        elif layer.mode == "add":
            own_gain, own_offset, slope = np.ones_like(gain), a * colour, np.broadcast_to(colour, gain.shape)
        else:
            shade = 1 - colour / white
            own_gain, own_offset, slope = 1 - a * shade, np.zeros_like(gain), -beneath * shade
        if layer.deviation is not None:
            errors.append(gain * slope * layer.deviation.reshape(-1)[at, None])
        offset += gain * own_offset
        gain = gain * own_gain
    return gain, offset, np.stack(errors) if errors else np.zeros((0, *gain.shape))
