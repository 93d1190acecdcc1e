"""A source of pairs that meets what can go wrong in a process of its own."""

from __future__ import annotations

import multiprocessing.util
import os
import signal
from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

from ftb.types import Lighting, Pair

SAMPLES = 8


@dataclass
class Breaking(Dataset):
    """Answers with pairs, but for number 2, with which its process meets what `how` says.

    Nothing is rendered: what these processes do begins and ends quickly.
    """

    how: str

    def __getitem__(self, number: int) -> tuple[Pair, float]:
        if self.how == "ends badly":
            multiprocessing.util.Finalize(None, os.kill, (os.getpid(), signal.SIGKILL), exitpriority=0)
        elif number == 2:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "unwritable":
                raise OSError(28, "No space left on device", "/somewhere/file")
            raise ValueError("bust.ply: has no faces")
        return _pairs(number), 0.0


def _pairs(number: int) -> Pair:
    colours, values = torch.zeros(SAMPLES, 16, 16, 3), torch.zeros(SAMPLES, 16, 16)
    light = Lighting(
        sh_coeffs=torch.zeros(SAMPLES, 9, 3),
        key_dirs=torch.zeros(SAMPLES, 1, 3),
        key_irradiance=torch.zeros(SAMPLES, 1, 3),
        key_angular_radius=torch.zeros(SAMPLES, 1),
    )
    return Pair(
        photo_srgb=colours,
        mask=values,
        normals=colours.clone(),
        albedo_linear=colours.clone(),
        visibility=values.clone(),
        residual_linear=colours.clone(),
        ball_linear=colours.clone(),
        lighting=light,
        index=torch.arange(SAMPLES) + SAMPLES * number,
    )
