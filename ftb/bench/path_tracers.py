"""Path tracers of others, which render pairs: a head as the camera, the environment and the key light of each
picture would have it, and the ball in the same light. Their pictures are noisier than ours."""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ftb.bench.clock import median_seconds
from ftb.bench.others import Other, Scene
from ftb.data.stream_config import StreamConfig
from ftb.maths import rotation

BLENDER_SAMPLES = 16
SKY_ROWS = 32  # of the environments
SKIN, GREY, ROUGHNESS = (0.45, 0.3, 0.22), (0.18, 0.18, 0.18), 0.4
DISTANCE = 0.5  # metres from the camera to the head
BALL_DISTANCE, BALL_ANGLE = 3.0, 2.0 * math.asin(1.0 / 3.0)


def views() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Without end: a camera's place and axes in the world (4, 4), where the key light comes from (3,), and an
    environment (SKY_ROWS, 2 SKY_ROWS, 3), new ones for each pair."""
    generator = torch.Generator().manual_seed(0)
    up, centre = torch.tensor([0.0, 1.0, 0.0]), torch.zeros(3)
    for number in itertools.count():
        turn = torch.tensor(0.6 * math.sin(number))
        eye = DISTANCE * torch.stack([turn.sin(), torch.zeros(()), turn.cos()])
        to_world = torch.linalg.inv(rotation.look_at(eye, centre, up).double()).numpy()
        key = np.array([math.sin(2.0 * number), 0.6, 1.0 + math.cos(3.0 * number)])
        sky = torch.rand(SKY_ROWS, 2 * SKY_ROWS, 3, generator=generator).numpy()
        yield to_world, key / np.linalg.norm(key), sky


def mitsuba_path_tracer(scene: Scene) -> float:
    """Mitsuba 3, LLVM, direct light, one sample a pixel."""
    mi: Any = importlib.import_module("mitsuba")
    mi.set_variant("llvm_ad_rgb")
    head = _mitsuba_mesh(mi, scene)
    ball = {"type": "sphere", "bsdf": _mitsuba_material(GREY)}
    width = 2.0 * math.degrees(math.atan(float(scene.camera.half_width[0])))
    photo = _mitsuba_scene(mi, head, size=scene.size, degrees=width)
    reference = _mitsuba_scene(mi, ball, size=StreamConfig().ball_size, degrees=math.degrees(BALL_ANGLE))
    handles = [mi.traverse(photo), mi.traverse(reference)]
    ball_view = mi.ScalarTransform4f().look_at([0, 0, BALL_DISTANCE], [0, 0, 0], [0, 1, 0])
    drawn = views()

    def pair() -> None:
        to_world, key, sky = next(drawn)
        # Mitsuba's camera looks along +Z and has +X to the left.
        turned = mi.ScalarTransform4f(to_world @ np.diag([-1.0, 1.0, -1.0, 1.0]))
        shines = mi.ScalarTransform4f().look_at([0, 0, 0], (-key).tolist(), [0.1, 1, 0.2])
        for handle, camera in zip(handles, (turned, ball_view), strict=True):
            handle["sensor.to_world"] = camera
            handle["sun.to_world"] = shines
            # The map repeats its first column at its end.
            handle["sky.data"] = mi.TensorXf(np.concatenate([sky, sky[:, :1]], axis=1))
            handle.update()
        np.asarray(mi.render(photo, spp=1))
        np.asarray(mi.render(reference, spp=1))

    return median_seconds(pair, seconds=3.0)


def _mitsuba_material(rgb: tuple[float, float, float]) -> dict[str, Any]:
    colour = {"type": "rgb", "value": list(rgb)}
    return {"type": "roughplastic", "alpha": ROUGHNESS**2, "diffuse_reflectance": colour}


def _mitsuba_mesh(mi: Any, scene: Scene) -> Any:
    mesh = mi.Mesh("head", scene.mesh.vertices.shape[1], len(scene.mesh.faces))
    params = mi.traverse(mesh)
    params["vertex_positions"] = scene.mesh.vertices[0].flatten().tolist()
    params["faces"] = scene.mesh.faces.flatten().tolist()
    params.update()
    mesh.set_bsdf(mi.load_dict(_mitsuba_material(SKIN)))
    return mesh


def _mitsuba_scene(mi: Any, shape: Any, *, size: int, degrees: float) -> Any:
    film = {"type": "hdrfilm", "width": size, "height": size}
    sky = mi.Bitmap(np.ones((SKY_ROWS, 2 * SKY_ROWS, 3), dtype=np.float32))
    return mi.load_dict(
        {
            "type": "scene",
            "integrator": {"type": "direct"},
            "sensor": {"type": "perspective", "fov": degrees, "film": film},
            "sky": {"type": "envmap", "bitmap": sky},
            "sun": {"type": "directional", "direction": [0.0, 0.0, -1.0]},
            "shape": shape,
        }
    )


def blender_cycles(scene: Scene) -> float:
    """Blender Cycles on the CPU at 16 samples a pixel, not denoised."""
    bpy: Any = importlib.import_module("bpy")
    mathutils: Any = importlib.import_module("mathutils")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", type="SUN"))
    sun.rotation_mode = "QUATERNION"
    sky, world = _blender_sky(bpy)
    width = 2.0 * math.atan(float(scene.camera.half_width[0]))
    head = _blender_stage(bpy, _blender_mesh(bpy, scene), SKIN, size=scene.size, angle=width)
    ball = _blender_stage(bpy, _blender_ball(bpy), GREY, size=StreamConfig().ball_size, angle=BALL_ANGLE)
    for stage in (head, ball):
        stage.collection.objects.link(sun)
        stage.world = world
    drawn = views()

    def pair() -> None:
        to_world, key, pixels = next(drawn)
        head.camera.matrix_world = mathutils.Matrix(to_world.tolist())  # lists would be read as columns
        sun.rotation_quaternion = mathutils.Vector(key.tolist()).to_track_quat("Z", "Y")
        alpha = np.ones((*pixels.shape[:2], 1), dtype=np.float32)
        sky.pixels.foreach_set(np.concatenate([pixels, alpha], axis=-1).ravel())
        sky.update()
        for stage in (head, ball):
            bpy.ops.render.render(scene=stage.name)

    return median_seconds(pair, seconds=5.0, least=2)


def _blender_sky(bpy: Any) -> tuple[Any, Any]:
    """A picture to be filled, and the world that it surrounds."""
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    sky = bpy.data.images.new("sky", width=2 * SKY_ROWS, height=SKY_ROWS, float_buffer=True)
    texture = world.node_tree.nodes.new("ShaderNodeTexEnvironment")
    texture.image = sky
    world.node_tree.links.new(texture.outputs[0], world.node_tree.nodes["Background"].inputs[0])
    return sky, world


def _blender_mesh(bpy: Any, scene: Scene) -> Any:
    data = bpy.data.meshes.new("head")
    data.from_pydata(scene.mesh.vertices[0].tolist(), [], scene.mesh.faces.tolist())
    return bpy.data.objects.new("head", data)


def _blender_ball(bpy: Any) -> Any:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=94, ring_count=47, radius=1.0)
    ball = bpy.context.object
    bpy.context.scene.collection.objects.unlink(ball)
    return ball


def _blender_stage(bpy: Any, thing: Any, rgb: tuple[float, float, float], *, size: int, angle: float) -> Any:
    """A scene with one object and a camera in front of it."""
    stage = bpy.data.scenes.new(thing.name)
    thing.data.materials.append(_blender_material(bpy, rgb))
    eye = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    eye.data.angle = angle
    eye.location = (0.0, 0.0, BALL_DISTANCE)
    stage.collection.objects.link(thing)
    stage.collection.objects.link(eye)
    stage.camera = eye
    stage.render.engine, stage.cycles.samples = "CYCLES", BLENDER_SAMPLES
    stage.cycles.use_denoising = False
    stage.render.resolution_x = stage.render.resolution_y = size
    return stage


def _blender_material(bpy: Any, rgb: tuple[float, float, float]) -> Any:
    material = bpy.data.materials.new("material")
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*rgb, 1.0)
    shader.inputs["Roughness"].default_value = ROUGHNESS
    return material


PATH_TRACERS = {
    "Mitsuba 3, direct, 1 sample": Other(package="mitsuba", measure=mitsuba_path_tracer),
    "Blender Cycles, 16 samples": Other(package="bpy", measure=blender_cycles),
}
