"""Rasterization alone, of heads and of a sphere, against whoever is installed."""

from __future__ import annotations

from collections.abc import Callable

from ftb.bench.clock import Measurement, median_seconds
from ftb.bench.others import RASTERIZERS_OF_OTHERS, Other, Scene
from ftb.bench.scaling import cameras, sphere_mesh
from ftb.data.stream import available_cores
from ftb.render.base import resolve_rasterizer
from ftb.scene.heads_frozen import FrozenHeads

SIZE = 256


def scenes(quick: bool) -> dict[str, Scene]:
    """Two heads that ship with the package, and a sphere of as many triangles as a head."""
    size = 32 if quick else SIZE
    heads = FrozenHeads().loaded[: 1 if quick else 2]
    found = {f"head {head.name}": Scene(mesh=head.mesh, camera=cameras(1), size=size) for head in heads}
    return found | {"sphere": Scene(mesh=sphere_mesh(8 if quick else 47), camera=cameras(1), size=size)}


def rasterization(quick: bool) -> list[Measurement]:
    """Milliseconds a picture; for each comparator that is installed, how many times as long it takes."""
    cores = available_cores()
    one = resolve_rasterizer("auto")
    many = resolve_rasterizer("auto", threads=cores)
    lines, seconds = [], 0.0 if quick else 1.0
    for name, scene in scenes(quick).items():
        about = f"{scene.size}², {len(scene.mesh.faces):,} triangles"
        batch = cameras(16)
        alone = median_seconds(
            lambda scene=scene: one.rasterize(scene.mesh, scene.camera, scene.size), seconds=seconds
        )
        spread = _batched(many.rasterize, scene, batch, seconds)
        lines += [
            Measurement(name=f"{name}: {one.name}, one thread", value=alone * 1e3, unit="ms", note=about),
            Measurement(
                name=f"{name}: {one.name}, {cores} threads", value=spread * 1e3, unit="ms", note="batch of 16"
            ),
        ]
        for known, other in {} if quick else RASTERIZERS_OF_OTHERS.items():
            lines += compared(f"{name}: {known}", other, scene, spread)
    return lines


def _batched(rasterize: Callable[..., object], scene: Scene, camera: object, seconds: float) -> float:
    return median_seconds(lambda: rasterize(scene.mesh, camera, scene.size), seconds=seconds) / 16


def compared(name: str, other: Other, scene: Scene, ours: float) -> list[Measurement]:
    """A comparator's time and ratio; nothing where it is not installed, a note where it fails."""
    if not other.installed():
        return []
    try:
        spent = other.seconds(scene)
    except Exception as error:
        return [Measurement(name=name, value=float("nan"), unit="ms", note=f"failed: {error}".split("\n")[0])]
    return [
        Measurement(name=name, value=spent * 1e3, unit="ms"),
        Measurement(name=f"{name} over ours", value=spent / ours, unit="×", note="all cores both"),
    ]
