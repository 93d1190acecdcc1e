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

import numpy as np
import torch

from ftb.bench.clock import median_seconds
from ftb.render.base import resolve_rasterizer, view_vertices
from ftb.types import Camera, Mesh

BLENDER_SAMPLES = 16
LIGHT_DIRECTION = (0.5, 0.6, 0.62)


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


def mitsuba_path_tracer(scene: Scene) -> float:
    """Mitsuba 3, LLVM, direct light of one sun and a constant sky, one sample a pixel."""
    mi: Any = importlib.import_module("mitsuba")
    mi.set_variant("llvm_ad_rgb")
    shape = mi.Mesh("mesh", scene.mesh.vertices.shape[1], len(scene.mesh.faces))
    params = mi.traverse(shape)
    params["vertex_positions"] = scene.mesh.vertices[0].flatten().tolist()
    params["faces"] = scene.mesh.faces.flatten().tolist()
    params.update()
    to_world = torch.linalg.inv(scene.camera.cam_from_world[0].double()).numpy()
    # Mitsuba's camera looks along +Z and has +X to the left.
    turned = to_world @ np.diag([-1.0, 1.0, -1.0, 1.0])
    degrees = 2.0 * float(np.degrees(np.arctan(float(scene.camera.half_width[0]))))
    film = {"type": "hdrfilm", "width": scene.size, "height": scene.size}
    sensor = {"type": "perspective", "fov": degrees, "to_world": mi.ScalarTransform4f(turned), "film": film}
    loaded = mi.load_dict(
        {
            "type": "scene",
            "integrator": {"type": "direct"},
            "sensor": sensor,
            "sky": {"type": "constant"},
            "sun": {"type": "directional", "direction": [-value for value in LIGHT_DIRECTION]},
            "shape": shape,
        }
    )
    return median_seconds(lambda: np.asarray(mi.render(loaded, spp=1)), seconds=3.0)


def blender_cycles(scene: Scene) -> float:
    """Blender Cycles on the CPU at 16 samples a pixel, one sun and a grey world."""
    bpy: Any = importlib.import_module("bpy")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    data = bpy.data.meshes.new("head")
    data.from_pydata(scene.mesh.vertices[0].tolist(), [], scene.mesh.faces.tolist())
    stage = bpy.context.scene
    stage.collection.objects.link(bpy.data.objects.new("head", data))
    eye = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    eye.data.angle = 2.0 * float(torch.atan(scene.camera.half_width[0]))
    eye.matrix_world = torch.linalg.inv(scene.camera.cam_from_world[0].double()).tolist()
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", type="SUN"))
    stage.collection.objects.link(eye)
    stage.collection.objects.link(sun)
    stage.camera, stage.world = eye, bpy.data.worlds.new("world")
    stage.render.engine, stage.cycles.samples = "CYCLES", BLENDER_SAMPLES
    stage.render.resolution_x = stage.render.resolution_y = scene.size
    return median_seconds(lambda: bpy.ops.render.render(), seconds=5.0, least=2)


PATH_TRACERS = {
    "Mitsuba 3, direct, 1 sample": Other(package="mitsuba", measure=mitsuba_path_tracer),
    "Blender Cycles, 16 samples": Other(package="bpy", measure=blender_cycles),
}
