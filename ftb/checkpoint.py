"""Checkpoints: named tensors plus one configuration in a single safetensors file, written atomically.

Everything that learning carries from step to step is in the file: weights, their moving average and the
optimizer's state. `last.safetensors` of a run holds all of it, `model.safetensors` the averaged weights only.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

import ftb
from ftb.config import Config, config_from_toml, config_to_toml
from ftb.nets.base import build_network

FORMAT = "ftb-checkpoint-1"
# A training saves every minute or so: a file is not replaced so often while it is read.
_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a checkpoint file holds: tensors by group ("model", "ema", "optimizer", or what else learns), and
    how they came about.

    step: optimizer steps done; world_size: processes that trained together, part of the sample order;
    seconds: time spent training so far, all runs together.
    """

    config: Config
    step: int
    groups: dict[str, dict[str, Tensor]]
    world_size: int = 1
    seconds: float = 0.0


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that a reader, or a crash, meets the old file or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        kept = "; the file that was there before is kept" if path.exists() else ""
        reason = error.strerror or errno.errorcode.get(error.errno or 0, "write failed")
        raise OSError(f"{path}: could not be written: {reason}{kept}") from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut, where the platform lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write one checkpoint file atomically; an OSError leaves the previous file as it was."""
    tensors = {
        f"{group}.{name}": tensor.detach().to("cpu").contiguous()
        for group, named in checkpoint.groups.items()
        for name, tensor in named.items()
    }
    versions = {"ftb": ftb.__version__, "torch": torch.__version__, "numpy": np.__version__}
    metadata = {
        "format": FORMAT,
        "config": config_to_toml(checkpoint.config),
        "step": str(checkpoint.step),
        "world_size": str(checkpoint.world_size),
        "seconds": repr(checkpoint.seconds),
        "versions": json.dumps({**versions, "python": platform.python_version()}),
    }
    write_atomically(path, to_bytes(tensors, metadata=metadata))


def read_checkpoint(path: Path, groups: tuple[str, ...] | None = None) -> Checkpoint:
    """Read a checkpoint onto the CPU; with `groups`, only those tensors. Runs no code from the file.

    A file that a training replaces meanwhile is read again: the library opens it twice, and header and
    tensors would be of two steps. FileNotFoundError if there is none, ValueError if it is not one of ftb's.
    """
    for _ in range(_ATTEMPTS - 1):
        before = _version(path)
        try:
            found = _read(path, groups)
        except ValueError:
            if _version(path) == before:
                raise
        else:
            if _version(path) == before:
                return found
    return _read(path, groups)


def _version(path: Path) -> tuple[int, int, int]:
    """What changes when a file is replaced."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such checkpoint; `ftb train` writes model.safetensors in its run"
        )
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path, groups: tuple[str, ...] | None) -> Checkpoint:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ValueError(
                    f"{path}: expected a checkpoint of ftb ({FORMAT}), got another safetensors file"
                )
            found: dict[str, dict[str, Tensor]] = {}
            for key in file.keys():
                group, _, name = key.partition(".")
                if groups is None or group in groups:
                    found.setdefault(group, {})[name] = file.get_tensor(key)
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path}: not a readable safetensors file: {error}") from error
    try:
        text, counts = metadata["config"], [int(metadata[key]) for key in ("step", "world_size")]
        seconds = float(metadata["seconds"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: a damaged checkpoint, its metadata lack or spoil {error}") from error
    config = config_from_toml(text, where=str(path))
    return Checkpoint(config=config, step=counts[0], groups=found, world_size=counts[1], seconds=seconds)


def load_network(path: Path, device: torch.device) -> tuple[nn.Module, Config]:
    """The network of a checkpoint with its averaged weights, in evaluation mode, and its configuration."""
    config = read_checkpoint(path, groups=()).config
    network = build_network(config.net)
    take_weights(network, path)
    return network.to(device).eval(), config


def take_weights(network: nn.Module, path: Path) -> None:
    """Give a network the averaged weights of a checkpoint; ValueError where they do not fit it."""
    try:
        network.load_state_dict(read_checkpoint(path, groups=("ema",)).groups.get("ema", {}))
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise ValueError(f"{path}: weights do not fit the network: {first}") from error
