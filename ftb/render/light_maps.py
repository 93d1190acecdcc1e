"""Light seen by direction only: irradiance and glossy maps of an environment, by one constant matrix.

Both are linear in the environment and depend on nothing else, so the matrix is made once for each height
of map and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ftb.kernels.starting import Packed, spared
from ftb.maths import brdf, envmap
from ftb.maths.shapes import expect_shape
from ftb.render.ball_transport import constant
from ftb.render.light_map_rows import filtered_by_rows, tables_of
from ftb.types import Lighting, TensorData

MAP_HEIGHT = 16
# α of the prefiltered maps; level 0 is the environment itself.
GLOSS_ALPHAS = (0.1, 0.25, 0.5)


@dataclass(frozen=True, kw_only=True)
class LightMaps(TensorData):
    """irradiance (S, 16, 32, 3): E(n), unshadowed; glossy (S, 3, 16, 32, 3): radiance averaged over the
    GGX lobe of each of GLOSS_ALPHAS; mirror (S, H, 2H, 3): the environment."""

    irradiance: Tensor
    glossy: Tensor
    mirror: Tensor


def light_maps(lighting: Lighting) -> LightMaps:
    """Filter the environments of S lightings; key lights are not part of it. Does not: give gradients."""
    if lighting.environment is None:
        raise ValueError("lighting.environment: expected (S, H, 2H, 3), got None")
    environment = lighting.environment.float()
    height = expect_shape(environment, "S H 2H 3", name="lighting.environment")["H"]
    if height % MAP_HEIGHT == 0 and environment.is_cpu:
        irradiance, glossy = filtered_by_rows(environment, _row_tables(height))
    else:
        filtered = filtered_by_frequency if height % MAP_HEIGHT == 0 else filtered_by_matrix
        maps = filtered(environment)
        irradiance, glossy = spared(maps[:, 0]), spared(maps[:, 1:])
    return LightMaps(irradiance=irradiance, glossy=glossy, mirror=environment.contiguous())


def filtered_by_matrix(environment: Tensor) -> Tensor:
    """Irradiance and gloss levels (S, 4, 16, 32, 3) of maps (S, H, 2H, 3)."""
    samples, height, width = environment.shape[:3]
    matrix = _filter_matrix(height, str(environment.device))  # (4·512, H·2H)
    columns = environment.permute(1, 2, 0, 3).reshape(height * width, -1)
    maps = (matrix @ columns).reshape(1 + len(GLOSS_ALPHAS), MAP_HEIGHT, 2 * MAP_HEIGHT, samples, 3)
    return maps.permute(3, 0, 1, 2, 4).contiguous()


def filtered_by_frequency(environment: Tensor) -> Tensor:
    """As `filtered_by_matrix`: turned about the vertical axis the matrix stays the same, and so it does in a
    mirror. Along a row it is therefore a product by frequency, of cosines and sines alike."""
    samples, height, width = environment.shape[:3]
    of_frequency, waves, turned_waves = _filter_waves(height, str(environment.device))
    rows = environment.permute(1, 2, 0, 3).reshape(height, width, -1)  # (H, W, S·3)
    parts = (waves @ rows).unflatten(1, (2, -1))  # (H, 2, F, S·3): cosines and sines of F = H + 1 frequencies
    columns = parts.permute(2, 0, 1, 3).flatten(2)  # (F, H, 2·S·3)
    filtered = torch.bmm(of_frequency, columns).unflatten(2, (2, -1))  # (F, 4·16, 2, S·3)
    maps = turned_waves @ filtered.permute(2, 0, 1, 3).flatten(0, 1).flatten(1)  # (32, 4·16·S·3)
    return maps.unflatten(1, (-1, MAP_HEIGHT, samples, 3)).permute(3, 1, 2, 0, 4)


@constant
def _row_tables(height: int) -> Packed:
    return tables_of(*_filter_waves(height, "cpu"))


@lru_cache(maxsize=8)
def _filter_waves(height: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """By frequency along a row, what each row of a filtered map takes from each row of the map: (H + 1, 4·16,
    H). Cosines, then sines, of all frequencies at the map's texels (2H + 2, 2H) and at those of a filtered
    map (32, 2H + 2)."""
    width = 2 * height
    matrix = _filter_matrix(height, "cpu").unflatten(0, (-1, MAP_HEIGHT, 2 * MAP_HEIGHT))[:, :, 0]
    first = matrix.unflatten(-1, (height, width)).flatten(0, 1).double()  # (4·16, H, W): of the first texel
    frequencies = torch.arange(height + 1, dtype=torch.float64)[:, None]

    def waves(texels: int) -> tuple[Tensor, Tensor]:
        places = torch.arange(texels, dtype=torch.float64) + 0.5
        angles = frequencies * (places * (2.0 * torch.pi / texels))
        return angles.cos(), angles.sin()

    places = torch.arange(width, dtype=torch.float64) + 0.5
    away = places * (2.0 * torch.pi / width) - torch.pi / (2 * MAP_HEIGHT)
    of_frequency = torch.einsum("rhd,kd->krh", first, torch.cos(frequencies * away)) * (2.0 / width)
    of_frequency[[0, height]] *= 0.5
    map_waves, turned_waves = torch.cat(waves(width)), torch.cat(waves(2 * MAP_HEIGHT)).T
    return tuple(table.float().contiguous().to(device) for table in (of_frequency, map_waves, turned_waves))


@lru_cache(maxsize=8)
def _filter_matrix(height: int, device: str) -> Tensor:
    directions = envmap.directions(MAP_HEIGHT, dtype=torch.float64).reshape(-1, 1, 3)  # (512, 1, 3)
    lights = envmap.directions(height, dtype=torch.float64).reshape(1, -1, 3)
    weights = envmap.solid_angles(height, dtype=torch.float64).reshape(1, -1)
    cosines = (directions * lights).sum(-1).clamp_min(0.0)  # (512, T)
    # Normalised by the discrete sum, so that a white environment gives π exactly.
    irradiance = cosines * weights
    irradiance = irradiance * (torch.pi / irradiance.sum(-1, keepdim=True))
    rows = [irradiance]
    half_cosine = ((1.0 + (directions * lights).sum(-1)) * 0.5).clamp_min(0.0).sqrt()
    for alpha in GLOSS_ALPHAS:
        # View along the normal (Karis 2013, "Real Shading in Unreal Engine 4", split sum).
        lobe = (
            brdf.ggx_distribution(half_cosine, torch.tensor(alpha, dtype=torch.float64)) * cosines * weights
        )
        rows.append(lobe / lobe.sum(-1, keepdim=True))
    return torch.cat(rows).float().to(device)
