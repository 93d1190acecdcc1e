"""Blender: a script that lights the open scene, to be run in its text editor; nothing beside it is needed."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from string import Template

import numpy as np

from ftb.interop.atomic import write_atomically
from ftb.interop.key_lights import key_lights
from ftb.scene.lighting_mix import to_envmap
from ftb.types import Lighting

# Of the environment within the script: smooth where it comes from harmonics.
MOST_HEIGHT, HARMONICS_HEIGHT = 256, 64
_LINE = 100

_SCRIPT = Template('''"""Light estimated by Face to Ball, for Blender 3.4 or newer: run it in the Text Editor.

It replaces the scene's world, and adds a sun for each key light. The light is relative to the camera, as it
was in the photograph: with FOLLOW_CAMERA it is turned to where the scene's camera looks now; run the script
again after turning the camera. Without a camera, "towards the camera" is -Y (front view, numpad 1).
A diffuse surface that looks as it did in the photograph needs the view transform "Standard".
"""

import base64
import math
import struct
import zlib

import bpy
from mathutils import Matrix, Vector

FOLLOW_CAMERA = True
STRENGTH = 1.0

# direction towards the light (camera: +X right, +Y up, +Z to the camera), W/m2, colour, angle in degrees
KEYS = $keys
HEIGHT = $height
ENVIRONMENT = """
$environment
"""

FRONT = Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))


def turn_of(scene):
    """From the photograph's camera frame to Blender's world."""
    if FOLLOW_CAMERA and scene.camera is not None:
        return scene.camera.matrix_world.to_3x3().normalized()
    return FRONT


def environment_image():
    halves = zlib.decompress(base64.b64decode(ENVIRONMENT))
    values = struct.unpack("<%de" % (len(halves) // 2), halves)  # red, green, blue by row from the top
    pixels = []
    for row in reversed(range(HEIGHT)):  # Blender's first row is the lowest
        for first in range(6 * HEIGHT * row, 6 * HEIGHT * (row + 1), 3):
            pixels.extend(values[first : first + 3] + (1.0,))
    old = bpy.data.images.get("ftb environment")
    if old is not None:
        bpy.data.images.remove(old)
    image = bpy.data.images.new("ftb environment", 2 * HEIGHT, HEIGHT, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"  # scene-linear Rec. 709 as it is
    image.pixels.foreach_set(pixels)
    image.pack()
    return image


def set_world(scene, turn):
    world = bpy.data.worlds.get("ftb light") or bpy.data.worlds.new("ftb light")
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()
    kinds = ("TexCoord", "Mapping", "TexEnvironment", "Background", "OutputWorld")
    coordinates, mapping, texture, background, output = (nodes.new("ShaderNode" + kind) for kind in kinds)
    for number, node in enumerate((coordinates, mapping, texture, background, output)):
        node.location = (250 * number, 0)
    # The map is laid out as OpenEXR's latlong: its centre looks along our +Z, Blender's along its +X.
    laid = Matrix(((0, 0, 1), (1, 0, 0), (0, 1, 0))) @ turn.transposed()
    mapping.vector_type = "POINT"
    mapping.inputs["Rotation"].default_value = laid.to_euler("XYZ")
    texture.image = environment_image()
    background.inputs["Strength"].default_value = STRENGTH
    links.new(coordinates.outputs["Generated"], mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
    links.new(texture.outputs["Color"], background.inputs["Color"])
    links.new(background.outputs["Background"], output.inputs["Surface"])
    scene.world = world


def set_suns(scene, turn):
    for old in [thing for thing in bpy.data.objects if thing.name.startswith("ftb key")]:
        bpy.data.objects.remove(old)
    for number, (direction, strength, color, angle) in enumerate(KEYS, start=1):
        lamp = bpy.data.lights.new("ftb key %d" % number, "SUN")
        lamp.energy, lamp.color, lamp.angle = STRENGTH * strength, color, math.radians(angle)
        sun = bpy.data.objects.new("ftb key %d" % number, lamp)
        towards = turn @ Vector(direction)
        sun.rotation_euler = towards.to_track_quat("Z", "Y").to_euler()  # a sun shines along its -Z
        sun.location = 5.0 * towards
        scene.collection.objects.link(sun)


turn = turn_of(bpy.context.scene)
set_world(bpy.context.scene, turn)
set_suns(bpy.context.scene, turn)
''')


def write_blender(path: Path, lighting: Lighting) -> None:
    """Write an unbatched lighting as a Python script for Blender, environment and key lights within."""
    text = script(lighting)
    write_atomically(path, lambda temporary: _write(temporary, text))


def script(lighting: Lighting) -> str:
    """The text of the script."""
    height = HARMONICS_HEIGHT
    if lighting.environment is not None:
        height = min(int(lighting.environment.shape[-3]), MOST_HEIGHT)
    environment = to_envmap(lighting, height, keys=False).detach().cpu().numpy()
    halves = environment.clip(0.0, 65504.0).astype("<f2")
    encoded = base64.b64encode(zlib.compress(halves.tobytes(), 9)).decode("ascii")
    keys = [
        [_rounded(key.direction), _rounded((key.irradiance,))[0], _rounded(key.color_linear), key.angle_deg]
        for key in key_lights(lighting)
    ]
    lines = (encoded[first : first + _LINE] for first in range(0, len(encoded), _LINE))
    return _SCRIPT.substitute(keys=json.dumps(keys), height=height, environment="\n".join(lines))


def _rounded(values: tuple[float, ...]) -> list[float]:
    return [float(np.format_float_positional(value, precision=8, trim="-")) for value in values]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
