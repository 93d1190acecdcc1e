"""An estimate in words and notes: what the program prints and writes beside the light."""

from __future__ import annotations

import math
from typing import Any

import torch

import ftb
from ftb.data.photos import DEFAULT_FOCAL_35MM
from ftb.estimation.estimator import Estimate, FaceEstimate
from ftb.interop.lighting_notes import FaceNote, LightingNotes
from ftb.scene.lighting_ops import dominant
from ftb.types import Lighting

# Below this directionality no direction is meaningful.
LEAST_DIRECTIONALITY = 0.1


def describe_light(lighting: Lighting, expected_error_deg: float | None = None) -> str:
    """Where the light comes from, in words: degrees off the camera's axis, to which side, how sure."""
    direction, directionality = dominant(lighting)
    azimuth, elevation = azimuth_elevation_deg(direction.tolist())
    side, rise = "right" if azimuth >= 0 else "left", "up" if elevation >= 0 else "down"
    sure = "" if expected_error_deg is None else f", ± {expected_error_deg:.0f}°"
    if float(directionality) < LEAST_DIRECTIONALITY:
        return f"even light, no direction stands out; directionality {float(directionality):.2f}"
    text = f"light from {abs(azimuth):.0f}° {side}, {abs(elevation):.0f}° {rise}{sure}"
    return f"{text}; directionality {float(directionality):.2f}"


def describe_faces(estimate: Estimate) -> str:
    """How many of the faces tell the light, and how far they disagree; nothing where there is only one."""
    used, found = len(estimate.faces), estimate.faces_found
    count = f"{used} of {found} faces" if found > used else f"{used} faces"
    if used > 1:
        return f"{count}, up to {max(face.angle_deg for face in estimate.faces):.0f}° apart"
    return count if found > 1 else ""


def azimuth_elevation_deg(direction: list[float]) -> tuple[float, float]:
    """Azimuth (0 towards the camera, 90 image right, ±180 behind) and elevation (90 up), degrees."""
    x, y, z = direction
    return math.degrees(math.atan2(x, z)), math.degrees(math.asin(max(-1.0, min(1.0, y))))


def notes_of(estimate: Estimate, name: str, weights_sha256: str | None) -> LightingNotes:
    """What `lighting.json` says beside the light."""
    focal = estimate.photo.focal_35mm
    provenance = {
        "photo": name,
        "program": f"ftb {ftb.__version__}, torch {torch.__version__}",
        "crop": "face" if estimate.faces[0].crop.face is not None else "none",
        "focal_length_35mm": f"{focal:g}, EXIF" if focal else f"{DEFAULT_FOCAL_35MM:g}, assumed",
    }
    if weights_sha256 is not None:
        provenance["weights_sha256"] = weights_sha256
    return LightingNotes(
        direction_error_deg=estimate.expected_error_deg,
        warnings=estimate.warnings,
        faces=tuple(_note(face, estimate.photo.scale) for face in estimate.faces),
        provenance=provenance,
    )


def _note(face: FaceEstimate, scale: float) -> FaceNote:
    crop = face.crop
    left, top = (value - 0.5 * crop.side_px for value in crop.centre_px)
    box = (left, top, crop.side_px, crop.side_px)
    return FaceNote(
        box=tuple(round(float(value) * scale, 1) for value in box),  # type: ignore[arg-type]
        roll_deg=round(crop.roll_deg, 2),
        off_axis_deg=round(crop.off_axis_deg, 2),
        direction_error_deg=face.expected_error_deg,
        disagreement_deg=round(face.angle_deg, 2),
    )


def summary(estimate: Estimate) -> dict[str, Any]:
    """A row of `--jsonl`: the light and how sure it is, as plain data."""
    light = estimate.lighting
    direction, directionality = dominant(light)
    azimuth, elevation = azimuth_elevation_deg(direction.tolist())
    return {
        "direction": direction.tolist(),
        "azimuth_deg": azimuth,
        "elevation_deg": elevation,
        "directionality": float(directionality),
        "expected_error_deg": estimate.expected_error_deg,
        "faces_found": estimate.faces_found,
        "faces_used": len(estimate.faces),
        "faces_disagree_deg": max(face.angle_deg for face in estimate.faces),
        "warnings": list(estimate.warnings),
        "sh_coeffs": light.sh_coeffs.tolist(),
        "key_dirs": light.key_dirs.tolist(),
        "key_irradiance": light.key_irradiance.tolist(),
        "key_angular_radius": light.key_angular_radius.tolist(),
    }
