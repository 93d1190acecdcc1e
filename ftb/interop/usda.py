"""USD: a dome light and distant lights (UsdLux), as text, with the dome's map beside it.

Our camera frame is a stage with +Y up whose camera looks along −Z; the dome's map is oriented as OpenEXR's
latlong, which UsdLux takes over unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ftb.interop.atomic import write_atomically
from ftb.interop.hdr import write_environment
from ftb.interop.key_lights import KeyLight, frame_of, key_lights
from ftb.scene.lighting_mix import to_envmap
from ftb.types import Lighting

_HEADER = """#usda 1.0
(
    defaultPrim = "Light"
    doc = "Light estimated by Face to Ball, in the camera's frame: the camera looks along -Z, +Y is up."
    metersPerUnit = 1
    upAxis = "Y"
)

def Xform "Light"
{
"""


def write_usda(path: Path, lighting: Lighting, height: int) -> None:
    """Write an unbatched lighting as FILE.usda and FILE_dome.exr, which it refers to.

    The dome excludes the key lights. Each key is a `DistantLight` with `normalize`: its intensity is its
    irradiance, whatever its angle.
    """
    texture = path.with_name(f"{path.stem}_dome.exr")
    lamps = "\n".join(_lamp(number, key) for number, key in enumerate(key_lights(lighting), start=1))
    text = f"{_HEADER}{_dome(texture.name)}{lamps}}}\n"
    write_environment(texture, to_envmap(lighting, height, keys=False).clamp_min(0.0))
    write_atomically(path, lambda temporary: _write(temporary, text))


def _dome(texture: str) -> str:
    quote = "@@@" if "@" in texture else "@"
    texture = texture.replace("@@@", r"\@@@")  # as USD writes these three within such quotes
    return f"""    def DomeLight "Environment"
    {{
        float inputs:intensity = 1
        asset inputs:texture:file = {quote}./{texture}{quote}
        token inputs:texture:format = "latlong"
    }}

"""


def _lamp(number: int, key: KeyLight) -> str:
    rows = [*((*axis, 0.0) for axis in frame_of(key.direction)), (0.0, 0.0, 0.0, 1.0)]
    matrix = ", ".join(_vector(row) for row in rows)
    return f"""    def DistantLight "Key{number}"
    {{
        float inputs:angle = {key.angle_deg:.9g}
        color3f inputs:color = {_vector(key.color_linear)}
        float inputs:intensity = {key.irradiance:.9g}
        bool inputs:normalize = 1
        matrix4d xformOp:transform = ( {matrix} )
        uniform token[] xformOpOrder = ["xformOp:transform"]
    }}
"""


def _vector(values: tuple[float, ...]) -> str:
    return f"({', '.join(_numbers(values))})"


def _numbers(values: tuple[float, ...]) -> Iterator[str]:
    for value in values:
        yield f"{value:.9g}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
