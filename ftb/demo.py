"""`ftb demo`: the page. A portrait in, its light as balls, compass and files for other programs."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from ftb.assets_path import assets_path
from ftb.estimation.compass import azimuth_text, compass_svg
from ftb.estimation.describe import describe_faces, describe_light, notes_of
from ftb.estimation.estimator import Estimate, Estimator
from ftb.estimation.pictures import ball_pictures
from ftb.interop.exporters import write_exports
from ftb.maths import rotation
from ftb.scene.lighting_mix import rotate
from ftb.types import Lighting

MOST_MEGABYTES = 40
BALL_SIZE, PHOTO_SIZE = 224, 640
# Files of a visitor are deleted after an hour, looked for every ten minutes.
_SWEEP = (600, 3600)
_FOLDER = "ftb-demo-"
_CSS = """
.compass { max-width: 300px; width: 100%; margin: auto; display: block; }
footer { display: none !important; }
"""
_INTRO = """# Face to Ball
One photo of a face in, the light that falls on it out. Nothing leaves the computer that runs this page.

What makes an answer doubtful is said beside it, and ± is the error to expect. A face half hidden by a hand, a
mask or hair may go unnoticed: choose one that shows all of itself."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Where the page is served and whose weights answer; `checkpoint` None stands for the shipped ones."""

    checkpoint: Path | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the page remembers of a visitor's last photograph."""

    estimate: Estimate
    name: str


def serve(options: DemoOptions, say: Callable[[str], object] = print, *, wait: bool = True) -> Any:
    """Start the page, `say` where it is, and with `wait` keep it up until Ctrl-C; returns gradio's
    application."""
    # Set before gradio is imported, which reads it once: the page tells nobody that it is used.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    gradio = _gradio()
    estimator = Estimator.load(options.checkpoint, device=options.device)
    page = build_page(gradio, estimator)
    page.queue(max_size=20, default_concurrency_limit=1)
    page.launch(
        server_name=options.host,
        server_port=options.port,
        share=False,
        max_file_size=f"{MOST_MEGABYTES}mb",
        footer_links=[],
        ssr_mode=False,
        strict_cors=True,
        css=_CSS,
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        prevent_thread_lock=True,
        quiet=True,
    )
    say(f"http://{options.host}:{options.port}  (Ctrl-C stops)")
    if wait:
        page.block_thread()
    return page


def _gradio() -> Any:
    try:
        import gradio
    except ImportError:
        raise ValueError("ftb demo: needs gradio; pip install 'face-to-ball[demo]'") from None
    return gradio


def build_page(gradio: Any, estimator: Estimator) -> Any:
    """The page's parts and what they do."""
    with gradio.Blocks(title="Face to Ball", delete_cache=_SWEEP, analytics_enabled=False) as page:
        gradio.Markdown(_INTRO)
        state = gradio.State(None)
        with gradio.Row():
            given = _inputs(gradio)
            told = _outputs(gradio)
        balls = _ball_row(gradio)
        turn = gradio.Slider(-180, 180, value=0, step=5, label="Turn the light (degrees, to the right)")
        files = gradio.File(label="Files for other programs", file_count="multiple", interactive=False)
        shown = [told["photo"], told["words"], told["compass"], *balls]
        answer = partial(_answered, estimator)

        def turned_files(known: Answer | None, degrees: float) -> list[str] | None:
            try:
                return _turned_files(known, degrees)
            except OSError as error:  # left to gradio, the page would keep the files of a turn before
                gradio.Warning(_unwritten(error))
                return None

        asked = [given["photo"], given["face"]]
        whole = [state, turn, files, *shown]
        given["estimate"].click(answer, asked, whole, api_visibility="private")
        given["photo"].input(answer, asked, whole, api_visibility="private")
        given["example"].click(_example_copy, None, given["photo"], api_visibility="private").then(
            answer, asked, whole, api_visibility="private"
        )
        looks = [told["words"], told["compass"], *balls]
        # "input" and not "release", which the keyboard does not give; of a quick series the last one counts,
        # for the files as well: gradio would drop the turn that comes while those of one before are written
        last: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
        turn.input(_turned, [state, turn], looks, **last).then(turned_files, [state, turn], files, **last)
    return page


def _inputs(gradio: Any) -> dict[str, Any]:
    with gradio.Column(min_width=280):
        label = f"Portrait, at most {MOST_MEGABYTES} MB"
        photo = gradio.Image(
            type="filepath",
            sources=["upload", "webcam"],
            # a mirrored portrait would have its light on the wrong side
            webcam_options=gradio.WebcamOptions(mirror=False),
            label=label,
            height=340,
        )
        # gradio would hand on a copy in 8 bits without profile, alpha and focal length, and knows no HEIC
        photo.preprocess = _uploaded
        face = gradio.Radio(
            [("largest face", "largest"), ("all faces", "all"), ("no search: the picture is a face", "none")],
            value="largest",
            label="Which face",
        )
        with gradio.Row():
            estimate = gradio.Button("Estimate the light", variant="primary", elem_id="estimate")
            example = gradio.Button("Try an example", elem_id="example")
    return {"photo": photo, "face": face, "estimate": estimate, "example": example}


def _uploaded(payload: Any) -> str | None:
    """Where the visitor's own file lies; gradio has made sure that it is one of its uploads."""
    return None if payload is None or payload.path is None else str(payload.path)


def _outputs(gradio: Any) -> dict[str, Any]:
    with gradio.Column(min_width=280):
        words = gradio.Markdown("Upload a portrait, take one, or try the example.", elem_id="words")
        compass = gradio.HTML("", label="Where the light comes from", elem_id="compass")
        photo = gradio.Image(
            label="Face found", interactive=False, height=300, buttons=[], alt_text="face found"
        )
    return {"photo": photo, "words": words, "compass": compass}


def _ball_row(gradio: Any) -> list[Any]:
    with gradio.Row():
        return [
            gradio.Image(
                label=f"{name} ball", interactive=False, min_width=150, buttons=["download"], format="png",
                alt_text=f"{name} ball in this light",
            )
            for name in ("matte", "gray", "silver", "mirror")
        ]  # fmt: skip


def example_portrait() -> Path:
    """The portrait that ships with the package."""
    return assets_path() / "examples" / "astronaut.jpg"


def _answered(estimator: Estimator, photo: str | None, face: str) -> list[Any]:
    """Everything of the page for one photograph: state, slider, files, pictures."""
    if photo is None:
        return _refused("Choose a photograph first.")
    try:
        chosen = {"crop": "none"} if face == "none" else {"face": face}
        estimate = estimator.estimate_fully(photo, **chosen)
    except (ValueError, OSError) as error:
        # the path of the upload is none of the visitor's business, nor is the command line
        reason = str(error).replace(f"{photo}: ", "").replace("use --crop none", "choose “no search”")
        return _refused(f"⚠ {reason[:1].upper()}{reason[1:]}.")
    given = Answer(estimate=estimate, name=f"{Path(photo).stem[:60]}{Path(photo).suffix}")
    notes = notes_of(estimate, given.name, estimator.weights_sha256)
    try:
        files = write_exports(estimate.lighting, _new_folder(), notes)
    except OSError as error:
        return _refused(f"⚠ {_unwritten(error)}")
    return [
        given,
        0,
        [str(path) for path in files],
        _marked_photo(estimate),
        *_told(given, estimate.lighting),
    ]


def _unwritten(error: OSError) -> str:
    """Without the path, which is none of the visitor's business."""
    return f"The files could not be written: {error.strerror or error}."


def _refused(words: str) -> list[Any]:
    """Everything of the page where there is no answer: nothing may seem to be one, or be left of the last."""
    return [None, 0, None, None, words, "", None, None, None, None]


def _told(given: Answer, lighting: Lighting) -> list[Any]:
    """Words, compass and balls of a light."""
    error = given.estimate.expected_error_deg
    words = f"**{describe_light(lighting, error).capitalize()}** ({azimuth_text(lighting)})"
    faces = describe_faces(given.estimate)
    words += f"\n\n{faces}." if faces else ""
    words += "".join(f"\n\n⚠ {warning}" for warning in given.estimate.warnings)
    return [words, compass_svg(lighting, error), *ball_pictures(lighting, BALL_SIZE).values()]


def _turned(given: Answer | None, degrees: float) -> list[Any]:
    if given is None:
        return ["Estimate a light first, then turn it.", "", None, None, None, None]
    return _told(given, turned_light(given.estimate.lighting, degrees))


def _turned_files(given: Answer | None, degrees: float) -> list[str] | None:
    if given is None:
        return None
    lighting = turned_light(given.estimate.lighting, degrees)
    return [str(path) for path in write_exports(lighting, _new_folder())]


def turned_light(lighting: Lighting, degrees: float) -> Lighting:
    """The light carried around the vertical: by 90° what came from the camera comes from image right."""
    axis = torch.tensor([0.0, 1.0, 0.0])
    return rotate(lighting, rotation.rotation_about_axis(axis, math.radians(degrees)))


def _example_copy() -> str:
    """The example among the page's own files: from elsewhere gradio serves nothing."""
    return str(shutil.copy(example_portrait(), _new_folder()))


def _new_folder() -> Path:
    """A folder for one answer's files; those of answers more than an hour old are deleted."""
    above = _own_folder()
    above.mkdir(mode=0o700, exist_ok=True)
    # also what pages left behind that could not end in peace
    for folder in (*above.iterdir(), *above.parent.glob(f"{_FOLDER}*")):
        with contextlib.suppress(FileNotFoundError):  # another page deletes it too
            if time.time() - folder.stat().st_mtime > _SWEEP[1]:
                shutil.rmtree(folder, ignore_errors=True)
    above.mkdir(mode=0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=above))


@lru_cache(maxsize=1)
def _own_folder() -> Path:
    """Of this process, until it ends."""
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _marked_photo(estimate: Estimate) -> np.ndarray:
    """The photograph, small, with the squares that were seen."""
    pixels = estimate.photo.pixels_u8
    picture = Image.fromarray(pixels)
    picture.thumbnail((PHOTO_SIZE, PHOTO_SIZE))
    scale = picture.width / pixels.shape[1]
    draw = ImageDraw.Draw(picture)
    for face in estimate.faces:
        x, y = (scale * value for value in face.crop.centre_px)
        half, roll = 0.5 * scale * face.crop.side_px, math.radians(face.crop.roll_deg)
        corners = []
        for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            turned = (math.cos(roll) * dx + math.sin(roll) * dy, math.cos(roll) * dy - math.sin(roll) * dx)
            corners.append((x + half * turned[0], y + half * turned[1]))
        draw.line([*corners, corners[0]], fill=(255, 190, 0), width=3, joint="curve")
    return np.asarray(picture)
