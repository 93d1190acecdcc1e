"""`ftb info`: what this installation would use, and why."""

from __future__ import annotations

import importlib.metadata
import os
import platform

import torch

import ftb
from ftb.assets_path import assets_path
from ftb.config import preset_names
from ftb.errors import one_line
from ftb.render.base import RASTERIZERS, resolve_rasterizer

PACKAGES = ("torch", "warp-lang", "trimesh", "numpy", "OpenEXR", "pytorch3d")


def describe() -> str:
    """Lines for the user: versions, devices, renderers, assets and weights, presets, cache folders."""
    sections = {
        "versions": _versions(),
        "devices": _devices(),
        "renderers": _renderers(),
        "assets": _assets(),
        "presets": [f"--config {name}" for name in preset_names()],
        "caches": _caches(),
    }
    lines = []
    for heading, items in sections.items():
        lines += [heading, *(f"  {item}" for item in items), ""]
    return "\n".join(lines).rstrip()


def _versions() -> list[str]:
    lines = [f"ftb {ftb.__version__}, Python {platform.python_version()}, {platform.platform()}"]
    for name in PACKAGES:
        try:
            lines.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{name}: not installed")
    return lines


def _devices() -> list[str]:
    lines = [f"cpu: {os.cpu_count()} cores, {torch.get_num_threads()} threads in torch"]
    for number in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(number).total_memory / 2**30
        lines.append(f"cuda:{number}: {torch.cuda.get_device_name(number)}, {memory:.0f} GiB")
    if not torch.cuda.is_available():
        built = "this torch is a CPU build" if torch.version.cuda is None else "no usable GPU or driver"
        lines.append(f"cuda: none ({built})")
    chosen = "cuda" if torch.cuda.is_available() else "cpu"
    return [*lines, f"--device auto would use {chosen}"]


def _renderers() -> list[str]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    lines = []
    for name, (_, _, _, hint) in RASTERIZERS.items():
        try:
            resolve_rasterizer(name, device)
            lines.append(f"{name}: usable on {device}")
        except OSError as error:
            lines.append(f"{name}: {one_line(error)}")
        except (ValueError, ImportError, RuntimeError) as error:
            reason = one_line(error)
            lines.append(f"{name}: {reason}" + ("" if hint in reason else f"; {hint}"))
    try:
        return [*lines, f"--renderer auto would use {resolve_rasterizer('auto', device).name}"]
    except OSError:
        return [*lines, "--renderer auto would fail for that"]


def _assets() -> list[str]:
    folder = assets_path()
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    weights = sorted(path.name for path in folder.glob("weights/*.safetensors"))
    shipped = ", ".join(weights) if weights else "none ship with this version; train, then use --checkpoint"
    return [f"{folder}: {len(files)} files, {size:.1f} MiB", f"weights: {shipped}"]


def _caches() -> list[str]:
    from warp import config as warp_config  # slow to import, and only this needs it

    kernels = warp_config.kernel_cache_dir or "not decided yet, no kernel was built in this process"
    return [f"kernels (warp): {kernels}"]
