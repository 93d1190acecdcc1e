"""Run by Blender: light the scene by the script, render a matte ball under the camera, write an EXR.

blender -b --factory-startup -P blender_ball.py -- SCRIPT OUT.exr PITCH ROLL YAW
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
from mathutils import Euler, Vector

script, out, *angles = sys.argv[sys.argv.index("--") + 1 :]
for thing in list(bpy.data.objects):
    bpy.data.objects.remove(thing)
scene = bpy.context.scene

bpy.ops.mesh.primitive_uv_sphere_add(segments=256, ring_count=128, radius=1.0)
bpy.ops.object.shade_smooth()
material = bpy.data.materials.new("matte")
material.use_nodes = True
nodes = material.node_tree.nodes
nodes.clear()
diffuse, output = nodes.new("ShaderNodeBsdfDiffuse"), nodes.new("ShaderNodeOutputMaterial")
diffuse.inputs["Color"].default_value = (0.18, 0.18, 0.18, 1.0)
material.node_tree.links.new(diffuse.outputs[0], output.inputs[0])
bpy.context.object.data.materials.append(material)

camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
camera.data.type, camera.data.ortho_scale = "ORTHO", 2.0
camera.rotation_euler = Euler([float(angle) for angle in angles])
camera.location = camera.rotation_euler.to_matrix() @ Vector((0.0, 0.0, 5.0))
scene.collection.objects.link(camera)
scene.camera = camera
bpy.context.view_layer.update()

for _ in range(2):  # running it again replaces what it made
    exec(compile(Path(script).read_text(encoding="utf-8"), script, "exec"))
assert sum(thing.type == "LIGHT" for thing in bpy.data.objects) == 2

scene.render.engine, scene.cycles.device, scene.cycles.samples = "CYCLES", "CPU", 128
scene.cycles.use_denoising, scene.cycles.max_bounces, scene.cycles.filter_width = False, 1, 0.01
scene.render.resolution_x = scene.render.resolution_y = 48
scene.render.threads_mode, scene.render.threads = "FIXED", 1
scene.render.image_settings.file_format, scene.render.image_settings.color_depth = "OPEN_EXR", "32"
scene.render.filepath = out
bpy.ops.render.render(write_still=True)
