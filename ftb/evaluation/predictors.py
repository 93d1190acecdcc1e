"""Who is judged: a network, or what a network has to beat. Each is made anew in every process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ftb.estimation.estimator import Estimator
from ftb.metrics.baselines import MeanLight, frontal_light
from ftb.metrics.normals_fit import fit_lighting
from ftb.render.ball import render_ball
from ftb.render.base import interpolate, resolve_rasterizer
from ftb.scene.heads_frozen import FrozenHeads
from ftb.scene.sampler import sample_camera
from ftb.scene.scene_config import FramingConfig
from ftb.types import Camera, LightAnswer, Lighting, Pair, Prediction, TensorData, stack

IMAGE_SIZE = 128
BALL_SIZE = 64
TEMPLATE_HEAD = 4
# The network's word stands for the weights that ship with the package.
SHIPPED = "shipped weights"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Who is to be judged. kind: a key of `KINDS`; checkpoint: of a network, None for the shipped weights;
    mean: of the training part, for the kind that answers with it."""

    name: str
    kind: str
    checkpoint: Path | None = None
    mean: MeanLight | None = None


@dataclass(frozen=True, kw_only=True)
class KnownFaces(TensorData):
    """What is known of B faces: photo_srgb (B, H, W, 3), encoded; mask (B, H, W); normals (B, H, W, 3);
    landmarks (B, 5, 2) as in `Pair`, or None in splits that do not hold them."""

    photo_srgb: Tensor
    mask: Tensor
    normals: Tensor
    landmarks: Tensor | None = None


class Predictor(ABC):
    """Answers for photographs. needs_normals: whether it only answers where the truth is known."""

    image_size = IMAGE_SIZE
    needs_normals = False

    @abstractmethod
    def answer(self, photos_srgb: Tensor, faces: KnownFaces | None) -> Prediction:
        """For squares (B, S, S, 3) of `image_size`; `faces` is the truth, which only baselines look at, but
        for the landmarks: those are a detector's, or as one would mark them."""


class _Network(Predictor):
    def __init__(self, candidate: Candidate, device: str) -> None:
        self._estimator = Estimator.load(candidate.checkpoint, device=device)
        self.image_size = self._estimator.image_size

    def answer(self, photos_srgb: Tensor, faces: KnownFaces | None) -> Prediction:
        return self._estimator.predict(photos_srgb, None if faces is None else faces.landmarks)


class _Mean(Predictor):
    def __init__(self, candidate: Candidate, device: str) -> None:
        if candidate.mean is None:
            raise ValueError(
                "--baseline mean: expected a split with a train part, whose mean it answers with"
            )
        self._mean = candidate.mean

    def answer(self, photos_srgb: Tensor, faces: KnownFaces | None) -> Prediction:
        return self._mean.predict(_blank(len(photos_srgb)))


class _Frontal(Predictor):
    def __init__(self, candidate: Candidate, device: str) -> None:
        pass

    def answer(self, photos_srgb: Tensor, faces: KnownFaces | None) -> Prediction:
        return frontal_light(_blank(len(photos_srgb)))


class _TrueNormalsFit(Predictor):
    needs_normals = True

    def __init__(self, candidate: Candidate, device: str) -> None:
        pass

    def answer(self, photos_srgb: Tensor, faces: KnownFaces | None) -> Prediction:
        assert faces is not None
        return _with_ball(fit_lighting(faces.photo_srgb, faces.normals, faces.mask))


class _TemplateFit(Predictor):
    """The normals of one head that looks at the camera, framed as faces are for the network."""

    def __init__(self, candidate: Candidate, device: str) -> None:
        self._normals, self._mask = template_normals(IMAGE_SIZE)

    def answer(self, photos_srgb: Tensor, faces: KnownFaces | None) -> Prediction:
        return _with_ball(fit_lighting(photos_srgb, self._normals, self._mask))


KINDS: dict[str, Callable[[Candidate, str], Predictor]] = {
    "network": _Network,
    "mean": _Mean,
    "frontal": _Frontal,
    "normals-fit": _TrueNormalsFit,
    "normals-fit-template": _TemplateFit,
}


def make_predictor(candidate: Candidate, device: str) -> Predictor:
    """Load or build the one that is to be judged."""
    return KINDS[candidate.kind](candidate, device)


def _with_ball(lighting: Lighting) -> Prediction:
    return Prediction(lighting=lighting, ball_linear=render_ball(lighting, "gray", BALL_SIZE))


def _blank(count: int) -> Pair:
    """A pair of which only the number of samples and the size of the ball matter."""
    picture = torch.zeros(count, 1, 1, 3)
    lighting = Lighting(
        sh_coeffs=torch.zeros(count, 9, 3),
        key_dirs=torch.zeros(count, 1, 3),
        key_irradiance=torch.zeros(count, 1, 3),
        key_angular_radius=torch.zeros(count, 1),
    )
    return Pair(
        photo_srgb=picture,
        mask=picture[..., 0],
        normals=picture,
        albedo_linear=picture,
        visibility=picture[..., 0],
        residual_linear=picture,
        ball_linear=torch.zeros(count, BALL_SIZE, BALL_SIZE, 3),
        lighting=lighting,
        index=torch.arange(count),
    )


def template_normals(size: int) -> tuple[Tensor, Tensor]:
    """Unit normals (1, S, S, 3) and mask (1, S, S) of one head of those that ship, seen from the front."""
    head = FrozenHeads().at(TEMPLATE_HEAD)
    framing = FramingConfig(
        yaw=0.0, pitch=0.0, roll=0.0, detected=1.0, jitter=0.0, shift=0.0, distance=(1.0, 1.0)
    )
    camera: Camera = stack([sample_camera(framing, head, generator=torch.Generator().manual_seed(0))])
    fragments = resolve_rasterizer("auto", torch.device("cpu")).rasterize(head.mesh, camera, size)
    normals = interpolate(fragments, head.mesh.faces, head.mesh.normals)
    mask = (fragments.pix_to_face >= 0).float()
    return torch.nn.functional.normalize(normals, dim=-1) * mask[..., None], mask


class AsNetwork(nn.Module):
    """A predictor in the shape of a network, for the way that photographs take to one."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self._predictor = predictor

    def forward(self, photos_srgb: Tensor) -> Prediction:
        """(B, 3, S, S) in [0, 1]."""
        return self._predictor.answer(photos_srgb.permute(0, 2, 3, 1), None)

    def light_only(self, photos_srgb: Tensor) -> LightAnswer:
        """As `forward`, the light alone."""
        whole = self(photos_srgb)
        return LightAnswer(lighting=whole.lighting, direction_error_deg=whole.direction_error_deg)


def grey_ball(lighting: Lighting, size: int) -> Tensor:
    """The gray ball (B, S, S, 3), linear, of lights: what `ball_rmse` is about."""
    return render_ball(lighting, "gray", size)


def mean_of(pairs: list[Lighting]) -> MeanLight:
    """The mean light of unbatched lights."""
    mean = MeanLight()
    for first in range(0, len(pairs), 64):
        lighting: Lighting = stack(pairs[first : first + 64])
        blank = _blank(len(lighting.key_dirs))
        mean.add(Pair(**{**vars(blank), "lighting": lighting, "ball_linear": grey_ball(lighting, BALL_SIZE)}))
    return mean
