"""Renderers of others, measured where they are installed: the same mesh, camera and number of pixels."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import torch

from ftb.bench.clock import median_seconds
from ftb.render.base import resolve_rasterizer, view_vertices
from ftb.types import Camera, Mesh


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One mesh, one pinhole camera, size × size pixels."""

    mesh: Mesh
    camera: Camera
    size: int


@dataclass(frozen=True, kw_only=True)
class Other:
    """A renderer of others: the package it is in, and a function of a module that tells seconds a picture."""

    package: str
    measure: Callable[[Scene], float]

    def installed(self) -> bool:
        """Whether its package is there."""
        return importlib.util.find_spec(self.package) is not None

    def seconds(self, scene: Scene) -> float:
        """Seconds a picture, from a process of its own: some end the whole program where they fail.

        Raises what the measure raises, and OSError where its process ends.
        """
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, initializer=_silence) as pool:
            try:
                return pool.submit(_measured, self.measure, scene).result()
            except BrokenProcessPool:
                raise OSError(f"{self.package} ended its process") from None


def _silence() -> None:
    """Renderers print while they work."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)


def _measured(measure: Callable[[Scene], float], scene: Scene) -> float:
    with torch.inference_mode():
        return measure(scene)


def pytorch3d_rasterizer(scene: Scene) -> float:
    """PyTorch3D's naive rasterizer on the CPU, through our adapter."""
    rasterizer = resolve_rasterizer("pytorch3d")
    return median_seconds(
        lambda: rasterizer.rasterize(scene.mesh, scene.camera, scene.size), seconds=2.0, least=2
    )


def drtk_rasterizer(scene: Scene) -> float:
    """Meta's DRTK on the CPU; its vertices are pixel coordinates and depth."""
    drtk: Any = importlib.import_module("drtk")
    seen = view_vertices(scene.mesh.vertices, scene.camera)
    scale = 0.5 * scene.size / scene.camera.half_width[:, None]
    flat = (
        torch.tensor([1.0, -1.0]) * seen[..., :2] / seen[..., 2:] * scale[..., None] + 0.5 * scene.size - 0.5
    )
    placed = torch.cat([flat, seen[..., 2:]], dim=-1).contiguous()
    faces = scene.mesh.faces.to(torch.int32).contiguous()
    return median_seconds(lambda: drtk.rasterize(placed, faces, scene.size, scene.size), seconds=1.0)


RASTERIZERS_OF_OTHERS = {
    "PyTorch3D": Other(package="pytorch3d", measure=pytorch3d_rasterizer),
    "DRTK": Other(package="drtk", measure=drtk_rasterizer),
}
