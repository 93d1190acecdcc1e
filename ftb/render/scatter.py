"""Light that enters skin and leaves it some millimetres on: key lights' shadows have soft edges, in red most.

As d'Eon and Luebke (2007, "Advanced Techniques for Realistic Real-Time Skin Rendering"), but in the picture
instead of the texture, and with one Gaussian a colour. What the environment sends varies over centimetres and
is left alone. Hair, eyes and cloth of a head scatter as its skin does. Off unless `SceneConfig.scatter_mm`
says how far.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from ftb.maths import brdf
from ftb.render.shade import Shaded
from ftb.types import Lighting

# In pixels: narrower Gaussians change nothing that is seen; wider ones are made on a coarser grid.
LEAST_DEVIATION = 0.3
MOST_DEVIATION = 2.0
REACH = 3.0  # standard deviations


def scatter_keys(shaded: Shaded, lighting: Lighting, spread: Tensor | None) -> Shaded:
    """Scatter what key lights bring to S pictures, in place: `shaded.radiance_linear` alone. Gives `shaded`
    back, without what was metered of it.

    spread (S, 3): standard deviation of the Gaussian of each colour, in widths of the picture; 0 for none;
    None for none at all. It is read on the host: on a GPU that waits for the device.
    """
    if spread is None:
        return shaded
    size = shaded.mask.shape[-1]
    deviations = (spread * size).tolist()  # pixels
    powers = lighting.key_irradiance.amax(-1).tolist()
    planes = shaded.radiance_linear.permute(0, 3, 1, 2)
    for sample, (wide, power) in enumerate(zip(deviations, powers, strict=True)):
        if max(power) <= 0.0 or max(wide) < LEAST_DEVIATION:
            continue
        arriving = _from_keys(shaded[sample], lighting[sample], power)
        mask = shaded.mask[sample]
        albedo = brdf.lambert(shaded.albedo_linear[sample]).permute(2, 0, 1)
        for colour, deviation in enumerate(wide):
            if deviation >= LEAST_DEVIATION:
                change = spread_over(arriving[colour][None], mask, deviation)[0].sub_(arriving[colour])
                plane = planes[sample, colour]
                plane.addcmul_(albedo[colour], change.mul_(mask)).clamp_min_(0.0)
    return replace(shaded, metered=None)


def _from_keys(shaded: Shaded, lighting: Lighting, power: list[float]) -> Tensor:
    """Irradiance (3, H, W) of the key lights of one picture, shadows included."""
    keys = [number for number, most in enumerate(power) if most > 0.0]
    normals = shaded.normals.permute(2, 0, 1).flatten(1)  # (3, P)
    cosines = (lighting.key_dirs[keys] @ normals).clamp_min_(0.0)
    assert shaded.light_visibility is not None
    cosines *= shaded.light_visibility.permute(2, 0, 1)[keys].flatten(1)
    return (lighting.key_irradiance[keys].T @ cosines).unflatten(1, shaded.mask.shape)


def spread_over(values: Tensor, mask: Tensor, deviation: float) -> Tensor:
    """Weighted means of C values (C, H, W) where a mask (H, W) is, by a Gaussian of `deviation` pixels.

    Wide ones are computed on a grid of 2ⁿ pixels and interpolated: a few hundredths of the contrast off at
    worst, a few thousandths mostly.
    """
    step = 1
    while deviation > MOST_DEVIATION * step and mask.shape[-1] % (2 * step) == 0:
        step *= 2
    both = torch.cat([values * mask, mask[None]])[None]
    if step > 1:
        # Averages and interpolation widen, too.
        widened = (step * step - 1) / 12.0 + step * step / 6.0
        deviation = max(deviation * deviation - widened, 0.0) ** 0.5
        both = functional.avg_pool2d(both, step)
    both = _gaussian(both, deviation / step)
    if step > 1:
        both = functional.interpolate(both, scale_factor=float(step), mode="bilinear", align_corners=False)
    return both[0, :-1] / both[0, -1:].clamp_min(1e-6)


def _gaussian(planes: Tensor, deviation: float) -> Tensor:
    """Of (1, C, H, W); 0 beyond the rim."""
    reach = max(1, int(REACH * deviation + 0.5))
    places = torch.arange(-reach, reach + 1, device=planes.device, dtype=planes.dtype)
    kernel = torch.exp(-0.5 * (places / max(deviation, 1e-3)).square())
    kernel = (kernel / kernel.sum()).expand(planes.shape[1], 1, -1)
    rows = functional.conv2d(planes, kernel[:, :, None], padding=(0, reach), groups=planes.shape[1])
    return functional.conv2d(rows, kernel[..., None], padding=(reach, 0), groups=planes.shape[1])
