"""The page: started, used by mouse and keyboard, photographed, and asked for what is none of its business."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ftb import demo
from ftb.demo import MOST_MEGABYTES, DemoOptions, example_portrait, serve, turned_light
from ftb.estimation.estimator import Estimator
from ftb.interop.lighting_json import read_lighting_file
from ftb.scene.lighting_ops import angle_deg
from ftb.types import Lighting
from tests.browser.chromium import chromium, free_port
from tests.tiny import tiny_checkpoint

LIMIT = MOST_MEGABYTES * 2**20
DESK, PHONE = {"width": 1200, "height": 1000}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def address(checkpoint: Path) -> Iterator[str]:
    with served_page(checkpoint) as place:
        yield place


@contextmanager
def served_page(checkpoint: Path) -> Iterator[str]:
    """The page on a free port; gives its address."""
    pytest.importorskip("gradio", reason="needs gradio: pip install 'face-to-ball[demo]'")
    port = free_port()
    page = serve(DemoOptions(checkpoint=checkpoint, port=port, device="cpu"), wait=False)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        page.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    program = chromium()
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    film = tmp_path_factory.mktemp("film") / "face_on_the_left.mjpeg"
    # the portrait as a camera without end would show it
    frame = Image.open(example_portrait()).crop((0, 0, 512, 384)).resize((640, 480))
    frame.save(film, "JPEG")
    film.write_bytes(30 * film.read_bytes())
    camera = ("device-for-media-stream", "ui-for-media-stream", f"file-for-fake-video-capture={film}")
    flags = [f"--use-{'' if 'file' in name else 'fake-'}{name}" for name in camera]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=["--no-sandbox", *flags])
        yield opened
        opened.close()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_example_is_answered(
    address: str, browser: Any, viewport: dict[str, int], tmp_path: Path
) -> None:
    page = browser.new_page(viewport=viewport)
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url))
    page.goto(address)
    page.click("#example")
    page.wait_for_selector("svg.compass", timeout=60_000)
    assert "directionality" in page.inner_text("#words")
    assert re.search(r"light|direction", page.get_attribute("svg.compass", "aria-label"))
    page.wait_for_function("document.querySelectorAll('img[alt*=ball]').length == 4")
    # nothing is wider than the screen, and nothing comes from anywhere else
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert [url for url in elsewhere if not url.startswith((address, "data:", "blob:"))] == []
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert np.asarray(Image.open(tmp_path / "page.png")).std() > 20.0
    page.close()


def test_by_keyboard(address: str, checkpoint: Path, browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport=DESK)
    page.goto(address)
    page.set_input_files("input[type=file]", str(example_portrait()))
    page.wait_for_selector("svg.compass", timeout=60_000)
    before = page.get_attribute("svg.compass", "aria-label")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.id || document.activeElement.type")
        reached.add(focused)
        if focused.startswith("range"):
            break
    assert {"estimate", "example", "radio", focused} <= reached
    assert focused.startswith("range")
    for _ in range(12):  # steps of five degrees
        page.keyboard.press("ArrowRight")
    label = "document.querySelector('svg.compass').getAttribute('aria-label')"
    page.wait_for_function(f"text => {label} != text", arg=before)
    assert_files_turn_by(60.0, page, checkpoint, tmp_path)
    page.close()


def test_files_written_slowly_are_of_the_last_turn(
    checkpoint: Path, browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    turned_twice = threading.Event()

    def slowly(given: Any, degrees: float) -> list[str] | None:
        asked.append(degrees)
        if len(asked) == 1:
            turned_twice.wait(60.0)
        return written(given, degrees)

    written = demo._turned_files
    monkeypatch.setattr(demo, "_turned_files", slowly)
    with served_page(checkpoint) as address:
        page = browser.new_page(viewport=DESK)
        page.goto(address)
        page.click("#example")
        page.wait_for_selector("svg.compass", timeout=60_000)
        page.wait_for_selector("a[href*='lighting.json']", timeout=60_000)
        label = page.get_attribute("svg.compass", "aria-label")
        page.focus("input[type=range]")
        for _ in range(2):  # the second while the files of the first are being written
            page.keyboard.press("ArrowRight")
            changed = "text => document.querySelector('svg.compass').getAttribute('aria-label') !== text"
            page.wait_for_function(changed, arg=label, timeout=60_000)
            label = page.get_attribute("svg.compass", "aria-label")
        page.wait_for_timeout(1000)
        turned_twice.set()
        assert_files_turn_by(10.0, page, checkpoint, tmp_path)
        assert asked == [5.0, 10.0]
        page.close()


def test_files_that_cannot_be_written_are_taken_away_and_told(
    checkpoint: Path, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(given: Any, degrees: float) -> list[str]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/lighting.json")

    monkeypatch.setattr(demo, "_turned_files", full_disk)
    with served_page(checkpoint) as address:
        page = browser.new_page(viewport=DESK)
        page.goto(address)
        page.click("#example")
        page.wait_for_selector("a[href*='lighting.json']", timeout=60_000)
        page.focus("input[type=range]")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(
            "text=The files could not be written: No space left on device.", timeout=60_000
        )
        page.wait_for_selector("a[href*='lighting.json']", state="detached", timeout=60_000)
        assert "/somewhere" not in page.content()
        page.close()


def assert_files_turn_by(degrees: float, page: Any, checkpoint: Path, folder: Path) -> None:
    """The page's files are soon of the example's light turned so far, and not of a step before."""
    light = Estimator.load(checkpoint, device="cpu").estimate(example_portrait())
    expected = turned_light(light, degrees).key_dirs[0]
    for _ in range(60):  # written a moment after the pictures, on a busy machine those of other steps first
        turned = downloaded_light(page, folder / "lighting.json")
        if float(angle_deg(turned.key_dirs[0], expected)) < 1.0:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"the files have {turned.key_dirs[0].tolist()}, not {expected.tolist()}")


def downloaded_light(page: Any, place: Path) -> Lighting:
    """What the page's lighting.json holds now, saved at `place`."""
    with page.expect_download() as waiting:
        page.locator("a[href*='lighting.json']").first.click()
    waiting.value.save_as(place)
    return read_lighting_file(place)[0]


def test_the_camera_is_no_mirror(address: str, browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport=DESK, permissions=["camera"])
    page.goto(address)
    page.click("[aria-label='Capture from camera']")
    page.click("text=Click to Access Webcam")
    page.wait_for_function("document.querySelector('video')?.videoWidth == 640", timeout=60_000)
    page.click("[aria-label='capture photo']")
    page.wait_for_selector("a[href*='lighting.json']", timeout=60_000)
    downloaded_light(page, tmp_path / "lighting.json")
    left, _, width, _ = read_lighting_file(tmp_path / "lighting.json")[1].faces[0].box
    assert left + 0.5 * width < 310.0  # as in the portrait; its mirror image has it at 360
    page.close()


def test_what_is_no_photograph_is_said(
    address: str, browser: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (300, 300), (90, 90, 90)).save(grey)
    page = browser.new_page(viewport=DESK)
    page.goto(address)
    page.click("#example")
    page.wait_for_function("document.querySelectorAll('img[alt*=ball]').length == 4", timeout=60_000)
    page.set_input_files("input[type=file]", str(grey))
    page.wait_for_selector("text=No face found", timeout=60_000)
    # in the page's words, and nothing is left that seems to be its answer
    page.wait_for_function("document.querySelectorAll('img[alt*=ball], svg.compass').length == 0")
    assert page.query_selector("a[href*='lighting.json']") is None
    assert "--crop" not in page.content()
    assert str(tmp_path) not in page.content()
    assert "Traceback" not in "".join(capfd.readouterr())
    page.close()


def test_what_is_no_picture_at_all_is_said(
    address: str, browser: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "note.png").write_text("not a picture")
    page = browser.new_page(viewport=DESK)
    page.goto(address)
    page.set_input_files("input[type=file]", str(tmp_path / "note.png"))
    page.wait_for_selector("text=Expected a picture such as JPEG or PNG, got something else", timeout=60_000)
    assert "Traceback" not in "".join(capfd.readouterr())
    page.close()


@pytest.mark.parametrize("kind", ["deep.png", "print.jpg", "cut_out.png"])
def test_the_file_itself_is_read_not_a_converted_one(
    address: str, checkpoint: Path, browser: Any, tmp_path: Path, kind: str
) -> None:
    portrait = Image.open(example_portrait())
    alpha = Image.fromarray(np.full((512, 512), 150, dtype=np.uint8))
    kinds = {
        "deep.png": lambda: Image.fromarray(np.asarray(portrait.convert("L")).astype(np.uint16) * 257),
        "print.jpg": lambda: portrait.convert("CMYK"),
        "cut_out.png": lambda: Image.merge("RGBA", (*portrait.split(), alpha)),
    }
    kinds[kind]().save(tmp_path / kind)
    page = browser.new_page(viewport=DESK)
    page.goto(address)
    page.set_input_files("input[type=file]", str(tmp_path / kind))
    page.wait_for_selector("a[href*='lighting.json']", timeout=60_000)
    told = downloaded_light(page, tmp_path / "lighting.json")
    light = Estimator.load(checkpoint, device="cpu").estimate(tmp_path / kind)
    torch.testing.assert_close(told.sh_coeffs, light.sh_coeffs)
    notes = read_lighting_file(tmp_path / "lighting.json")[1]
    assert notes.provenance["photo"] == kind
    page.close()


def padded_portrait(path: Path, size: int) -> Path:
    """A portrait that every reader takes, so many bytes long."""
    portrait = example_portrait().read_bytes()
    path.write_bytes(portrait + bytes(size - len(portrait)))
    return path


def test_a_photograph_above_the_limit_is_refused_on_the_page(
    address: str, browser: Any, tmp_path: Path
) -> None:
    page = browser.new_page(viewport=DESK)
    page.goto(address)
    page.wait_for_selector(f"text=at most {MOST_MEGABYTES} MB", timeout=60_000)
    page.set_input_files("input[type=file]", str(padded_portrait(tmp_path / "large.jpg", LIMIT + 1)))
    page.wait_for_selector("text=exceed the maximum allowed size", timeout=60_000)
    assert page.query_selector("svg.compass") is None
    # and the page goes on: what is just within the limit is answered
    page.set_input_files("input[type=file]", str(padded_portrait(tmp_path / "fits.jpg", LIMIT - 1)))
    page.wait_for_selector("svg.compass", timeout=60_000)
    page.close()


def uploaded(address: str, content: bytes) -> int:
    """The status of an upload without a page."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    request = urllib.request.Request(f"{address}/gradio_api/upload", head + content + b"\r\n--x--\r\n")
    request.add_header("Content-Type", "multipart/form-data; boundary=x")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_an_upload_above_the_limit_is_refused_without_the_page(address: str) -> None:
    assert uploaded(address, bytes(1000)) == 200
    assert uploaded(address, bytes(LIMIT + 1)) == 413


@pytest.mark.parametrize("path", ["/etc/passwd", str(Path(__file__).resolve()), "../../../../etc/passwd"])
def test_it_serves_nothing_but_its_own_outputs(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{address}/gradio_api/file={path}", timeout=10)
    assert caught.value.code in (403, 404)
    with urllib.request.urlopen(f"{address}/gradio_api/info", timeout=10) as answer:
        assert json.load(answer)["named_endpoints"] == {}
