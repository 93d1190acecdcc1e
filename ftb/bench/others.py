"""Renderers of others, measured where they are installed: the same mesh, camera and number of pixels.

Each measure answers seconds a picture, or None where its package cannot be imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
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


def optional(name: str) -> ModuleType | None:
    """A module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def pytorch3d_rasterizer(scene: Scene) -> float | None:
    """PyTorch3D's naive rasterizer on the CPU, through our adapter."""
    if optional("pytorch3d") is None:
        return None
    rasterizer = resolve_rasterizer("pytorch3d")
    return median_seconds(
        lambda: rasterizer.rasterize(scene.mesh, scene.camera, scene.size), seconds=2.0, least=2
    )


def drtk_rasterizer(scene: Scene) -> float | None:
    """Meta's DRTK on the CPU; its vertices are pixel coordinates and depth."""
    drtk: Any = optional("drtk")
    if drtk is None:
        return None
    seen = view_vertices(scene.mesh.vertices, scene.camera)
    scale = 0.5 * scene.size / scene.camera.half_width[:, None]
    flat = (
        torch.tensor([1.0, -1.0]) * seen[..., :2] / seen[..., 2:] * scale[..., None] + 0.5 * scene.size - 0.5
    )
    placed = torch.cat([flat, seen[..., 2:]], dim=-1).contiguous()
    faces = scene.mesh.faces.to(torch.int32).contiguous()
    return median_seconds(lambda: drtk.rasterize(placed, faces, scene.size, scene.size), seconds=1.0)


RASTERIZERS_OF_OTHERS: dict[str, Callable[[Scene], float | None]] = {
    "PyTorch3D": pytorch3d_rasterizer,
    "DRTK": drtk_rasterizer,
}


def mitsuba_path_tracer(scene: Scene) -> float | None:
    """Mitsuba 3, LLVM, direct light of one sun and a constant sky, one sample a pixel."""
    mi: Any = optional("mitsuba")
    if mi is None:
        return None
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


def blender_cycles(scene: Scene) -> float | None:
    """Blender Cycles on the CPU at 16 samples a pixel, one sun and a grey world."""
    bpy: Any = optional("bpy")
    if bpy is None:
        return None
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


PATH_TRACERS: dict[str, Callable[[Scene], float | None]] = {
    "Mitsuba 3, direct, 1 sample": mitsuba_path_tracer,
    "Blender Cycles, 16 samples": blender_cycles,
}
