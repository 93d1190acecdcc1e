"""`ftb.Estimator`: a trained network that answers for photographs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self, TypeVar, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ftb.assets_path import assets_path
from ftb.checkpoint import load_network
from ftb.data.face_crop import FaceCrop, crop_face, crop_middle
from ftb.data.face_doubts import widened_error_deg
from ftb.data.face_landmarks import landmarks_in
from ftb.data.faces import Face, find_faces, refine_face
from ftb.data.photos import Photo, open_photo, photo_from_array
from ftb.estimation.combine import combine_lights, combined_error_deg
from ftb.estimation.mirror import light_both_ways, predict_both_ways
from ftb.scene.framing import CROP_OVER_EYES_TO_MOUTH
from ftb.scene.lighting_mix import rotate
from ftb.training.parallel import resolve_device
from ftb.types import LightAnswer, Lighting, Prediction, concatenate

Answer = TypeVar("Answer", Prediction, LightAnswer)
Source = str | Path | np.ndarray | Tensor | Image.Image
CROPS = ("face", "none")
# Squares that go through the network at a time, and faces of one photograph that are asked at most.
BATCH, MOST_FACES = 16, 16


@dataclass(frozen=True, kw_only=True)
class FaceEstimate:
    """The answer for one face, in the photograph's frame, and the crop it was given for.

    expected_error_deg: the network's own expectation of the error of its dominant direction, widened by what
    its crop gives reason to doubt; angle_deg: between its dominant direction and that of the whole answer.
    """

    crop: FaceCrop
    lighting: Lighting
    expected_error_deg: float | None
    angle_deg: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Light (unbatched) of one photograph, in its own camera frame, and the faces that tell it.

    expected_error_deg: of the dominant direction. faces_found: how many there are in the photograph.
    """

    lighting: Lighting
    faces: tuple[FaceEstimate, ...]
    expected_error_deg: float | None
    photo: Photo
    faces_found: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the answer less certain, face by face."""
        several = len(self.faces) > 1
        return tuple(
            f"face {number}: {warning}" if several else warning
            for number, face in enumerate(self.faces, start=1)
            for warning in face.crop.warnings
        )


class Estimator:
    """A trained network that answers for photographs; safe to share between threads."""

    def __init__(
        self,
        network: nn.Module,
        image_size: int,
        device: torch.device,
        weights: Path | None = None,
        landmarks: bool = False,
    ) -> None:
        self._network = network
        self._landmarks = landmarks
        self.image_size = image_size
        self._device = device
        self._weights = weights

    @classmethod
    def load(cls, checkpoint: str | Path | None = None, *, device: str = "auto") -> Self:
        """From a run's model.safetensors, or from the weights that ship with the package."""
        path = _shipped_weights() if checkpoint is None else Path(checkpoint)
        place = resolve_device(device)
        network, config = load_network(path, place)
        return cls(network, config.stream.image_size, place, path, config.net.landmarks)

    @property
    def reads_landmarks(self) -> bool:
        """Whether the network wants to know where eyes, nose and mouth are."""
        return self._landmarks

    @cached_property
    def weights_sha256(self) -> str | None:
        """The digest of the file that the network came from."""
        if self._weights is None:
            return None
        with self._weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @overload
    def estimate(self, photo: Source, *, crop: str = "face", face: str | int = "largest") -> Lighting: ...

    @overload
    def estimate(
        self, photo: Sequence[Source], *, crop: str = "face", face: str | int = "largest"
    ) -> list[Lighting]: ...

    def estimate(
        self, photo: Source | Sequence[Source], *, crop: str = "face", face: str | int = "largest"
    ) -> Lighting | list[Lighting]:
        """The light (unbatched) on the face in a photograph, in the photograph's camera frame.

        photo: a file, or a picture (H, W, 3) of bytes or sRGB-encoded numbers in [0, 1], or a list of such,
        which gives a list. crop: "face" finds the face, "none" takes the whole of a picture that is a
        portrait already (of one longer than 5:4 the middle square). face: "largest", "all" (joined into one
        light), or a number from the left, from 1.
        """
        if isinstance(photo, Source):
            return self.estimate_fully(photo, crop=crop, face=face).lighting
        return [self.estimate_fully(item, crop=crop, face=face).lighting for item in photo]

    def estimate_fully(self, photo: Source, *, crop: str = "face", face: str | int = "largest") -> Estimate:
        """As `estimate` for one photograph, with crops and expected errors."""
        opened, crops, found = self.framed(photo, crop=crop, face=face)
        return joined(opened, crops, self.answer(crops), found)

    def framed(
        self, photo: Source, *, crop: str = "face", face: str | int = "largest"
    ) -> tuple[Photo, list[FaceCrop], int]:
        """A photograph read, its squares for the network, and how many faces it has; asks no network."""
        if crop not in CROPS:
            raise ValueError(f"--crop: expected one of {', '.join(CROPS)}, got {crop!r}")
        opened = _opened(photo)
        where = f"{photo}: " if isinstance(photo, str | Path) else "photo: "
        try:
            if crop == "none":
                return opened, [crop_middle(opened, self.image_size)], 0
            faces = find_faces(opened.pixels_u8)
            chosen = choose_faces(faces, face)
            if opened.scale > 1.0 and isinstance(photo, str | Path):
                opened, chosen = _closer(Path(photo), opened, chosen, self.image_size)
            return opened, list(_cropped(opened, chosen, self.image_size)), len(faces)
        except ValueError as error:
            raise ValueError(f"{where}{error}") from None

    @torch.no_grad()
    def answer(self, crops: Sequence[FaceCrop]) -> LightAnswer:
        """The light of `predict`, for framed faces; nothing else is computed."""
        squares = torch.stack([crop.crop_srgb for crop in crops])
        landmarks = None
        if self._landmarks:
            places = [landmarks_in(c.crop_srgb) if c.landmarks is None else c.landmarks for c in crops]
            landmarks = torch.stack(places)
        return self._in_batches(partial(light_both_ways, self._network.light_only), squares, landmarks)

    @torch.no_grad()
    def predict(self, crops_srgb: Tensor, landmarks: Tensor | None = None) -> Prediction:
        """The network's whole answer, on the CPU, for squares (B, S, S, 3) of its input size: the mean over
        each square and its mirror image.

        landmarks (B, 5, 2), as in `Pair`: only a network that reads them looks at them, and where they are
        not given, for faces in the squares itself.
        """
        if self._landmarks and landmarks is None:
            landmarks = torch.stack([landmarks_in(square) for square in crops_srgb])
        return self._in_batches(partial(predict_both_ways, self._network), crops_srgb, landmarks)

    def _in_batches(self, ask: Callable[..., Answer], crops_srgb: Tensor, landmarks: Tensor | None) -> Answer:
        """What `ask` answers for squares, on the CPU; landmarks only for a network that reads them."""
        parts = []
        for first in range(0, len(crops_srgb), BATCH):
            batch = slice(first, first + BATCH)
            photos = crops_srgb[batch].permute(0, 3, 1, 2).to(self._device)
            places = landmarks[batch].to(self._device) if landmarks is not None and self._landmarks else None
            parts.append(ask(photos, places).to("cpu"))
        return parts[0] if len(parts) == 1 else concatenate(parts)


def joined(photo: Photo, crops: Sequence[FaceCrop], prediction: LightAnswer, faces_found: int) -> Estimate:
    """The answers (one a crop) turned from the crops' frames into the photograph's, and made one."""
    own_errors = prediction.direction_error_deg
    faces = [
        FaceEstimate(
            crop=crop,
            lighting=rotate(prediction.lighting[number], crop.photo_from_crop),
            expected_error_deg=widened_error_deg(
                None if own_errors is None else float(own_errors[number]), crop.doubts
            ),
        )
        for number, crop in enumerate(crops)
    ]
    if len(faces) == 1:
        lighting, error = faces[0].lighting, faces[0].expected_error_deg
    else:
        own = [face.expected_error_deg for face in faces]
        lighting, angles = combine_lights([face.lighting for face in faces], own)
        error = combined_error_deg(own, angles)
        faces = [replace(face, angle_deg=angle) for face, angle in zip(faces, angles, strict=True)]
    return Estimate(
        lighting=lighting,
        faces=tuple(faces),
        expected_error_deg=error,
        photo=photo,
        faces_found=faces_found,
    )


def choose_faces(faces: Sequence[Face], face: str | int) -> list[Face]:
    """The faces (from left to right) that `largest`, `all` or a number from 1 means; ValueError for none."""
    if not faces:
        raise ValueError("no face found; if the picture is one, use --crop none")
    if face == "all":
        largest = sorted(range(len(faces)), key=lambda place: faces[place].size, reverse=True)[:MOST_FACES]
        return [faces[place] for place in sorted(largest)]  # numbered as N is
    if face == "largest":
        return [max(faces, key=lambda one: one.size)]
    if not str(face).isdecimal() or int(face) < 1:
        raise ValueError(f"--face: expected largest, all or a number from 1, got {face!r}")
    if int(face) > len(faces):
        raise ValueError(f"--face {face}: found only {len(faces)}, counted from the left")
    return [faces[int(face) - 1]]


def _cropped(photo: Photo, faces: Sequence[Face], size: int) -> Iterator[FaceCrop]:
    """Crops of the faces; of several, those that cannot be used are left out, unless that leaves none."""
    first_problem: ValueError | None = None
    some = False
    for face in faces:
        try:
            yield crop_face(photo, refine_face(photo.pixels_u8, face), size)
            some = True
        except ValueError as error:
            first_problem = first_problem or error
    if not some and first_problem is not None:
        raise first_problem


def _closer(path: Path, photo: Photo, faces: list[Face], size: int) -> tuple[Photo, list[Face]]:
    """Read again, at up to four times the size, where a chosen face has too few pixels for the network."""
    needed = size / (CROP_OVER_EYES_TO_MOUTH * min(face.size for face in faces))
    if needed <= 1.0:
        return photo, faces
    longer = max(photo.pixels_u8.shape[:2])
    again = open_photo(path, int(min(needed, photo.scale, 4.0) * longer))
    grown = max(again.pixels_u8.shape[:2]) / longer
    return again, [replace(face, box=face.box * grown, landmarks=face.landmarks * grown) for face in faces]


def _opened(photo: Source) -> Photo:
    return open_photo(Path(photo)) if isinstance(photo, str | Path) else photo_from_array(photo)


def _shipped_weights() -> Path:
    weights = sorted(assets_path().glob("weights/*.safetensors"))
    if not weights:
        raise ValueError("checkpoint: no weights ship with this version; name the model.safetensors of a run")
    return weights[0]
