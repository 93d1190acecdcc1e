"""Soft edges by Warp kernels: a pass over faces, one over edges, two over pixels; CPU and CUDA, no gradients.

`ftb.render.antialias` is the readable twin.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.starting import Packed, floats, launch, packed
from ftb.maths.shapes import expect_shape
from ftb.render import antialias_kernel
from ftb.render.antialias import Outlines


def soften(linear: Tensor, outlines: Outlines) -> None:
    """Soften the edges of pictures (S, 3, H, H) in place, H a multiple of 16.

    The result of a picture does not depend on the others.
    """
    samples, size = expect_shape(linear, "S 3 H H", name="linear")["S"], linear.shape[-1]
    device = linear.device
    marks = torch.zeros(samples, 2, size, size, dtype=torch.int32, device=device)
    views, planes, heads = views_of(outlines), floats(outlines.planes), len(outlines.mesh.vertices)
    fronts = torch.empty(samples * (len(planes) // heads), dtype=torch.uint8, device=device)
    launch(antialias_kernel.mark_fronts, len(fronts), [views, heads, planes, fronts], device)
    shape = [heads, outlines.edges, fronts, floats(outlines.mesh.vertices)]
    inputs = [views, *shape, floats(outlines.depth), marks]
    launch(antialias_kernel.mark_outlines, samples * len(outlines.edges), inputs, device)
    rows = linear.numel() // 48
    touched = torch.empty(rows, dtype=torch.uint8, device=device)
    mixed = torch.empty_like(linear)
    launch(antialias_kernel.mix, rows, [size, 16, marks, marks, linear, mixed, touched], device)
    launch(antialias_kernel.put_back, rows, [size * size // 16, touched, mixed, linear], device)


def views_of(outlines: Outlines) -> Packed:
    """Their cameras, as kernels read them."""
    camera = outlines.camera
    rotations, moves = camera.cam_from_world[:, :3, :3].float(), camera.cam_from_world[:, :3, 3].float()
    if camera.orthographic:
        eyes = torch.nn.functional.pad(rotations[:, 2], (0, 1))
    else:
        place = -(rotations.transpose(-1, -2) @ moves[..., None])[..., 0]
        eyes = torch.nn.functional.pad(place, (0, 1), value=1.0)
    return packed(
        antialias_kernel.Views,
        size=outlines.depth.shape[-1],
        orthographic=camera.orthographic,
        culled=outlines.culled,
        half_width=floats(camera.half_width),
        near=floats(camera.near),
        rotations=floats(rotations),
        translations=floats(moves),
        eyes=floats(eyes),
    )
