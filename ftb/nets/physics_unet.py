"""The physics-guided U-Net, after Nestmeyer et al. (CVPR 2020).

Stage A: one encoder; albedo and normals by a grouped decoder; light from the bottleneck; physics turns
them into a diffuse face and a diffuse ball. Stage B, knowing all of that: visibility and what is not
diffuse, on the face and on the ball. Unlike the paper's, the light is estimated and not given, and
visibility is a fraction of irradiance and not a bit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftb.nets import physics
from ftb.nets.blocks import initialise
from ftb.nets.config import NetworkConfig
from ftb.nets.decoders import BallDecoder, GroupedDecoder, StageB
from ftb.nets.encoders import build_encoder
from ftb.nets.exposure import entered
from ftb.nets.light_fit import LightFit
from ftb.nets.lighting_head import LightingHead
from ftb.render.ball import render_ball
from ftb.scene import lighting_ops
from ftb.types import LightAnswer, Lighting, Prediction

# keeps sigmoid away from 0 and 1 by more than float32 can tell, so that log and its gradient stay finite
_LOGIT_LIMIT = 12.0


class PhysicsUNet(nn.Module):
    """Photographs (B, 3, H, W) in sRGB, [0, 1], H and W multiples of 16 -> `Prediction`.

    The prediction's fields mean what those of `Pair` mean: `residual_linear` is the face's radiance
    minus visibility · albedo/π · irradiance of the order-2 `total_sh`. Inside, every photograph has one
    exposure (`nets.exposure`), so that the answer only scales with the photograph's. What `NetworkConfig`
    leaves out is None in the prediction, or 0 key lights, and has no weights.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.lighting = LightingHead(config)
        self.stage_a = GroupedDecoder(config)
        self.light_fit = LightFit(config) if config.light_fit else None
        self.stage_b = StageB(config) if config.visibility or config.residual else None
        self.ball = BallDecoder(config) if config.residual else None
        normals, disc = physics.ball_geometry(config.ball_size)
        self.register_buffer("ball_normals", normals, persistent=False)
        self.register_buffer("ball_disc", disc, persistent=False)
        initialise(self, torch.Generator().manual_seed(config.init_seed))
        self._start()

    def _start(self) -> None:
        """Begin with the mean light, normals towards the camera and no residuals."""
        self.lighting.start()
        with torch.no_grad():
            for part in (self.stage_a, self.stage_b, self.ball):
                if part is not None:
                    part.exit.weight.mul_(0.1)

    def forward(self, photo_srgb: Tensor, landmarks: Tensor | None = None) -> Prediction:
        """Photographs (B, 3, H, W), encoded, [0, 1], and for a network with landmarks these (B, 5, 2), as in
        `Pair` -> everything known about their light."""
        photo, gain = entered(photo_srgb)
        maps = self._maps(photo, landmarks)
        albedo, normals = self.stage_a(maps, photo.shape[-2:])
        fit = self.light_fit(maps, photo, albedo, normals) if self.light_fit is not None else None
        lighting, direction_error_deg, hidden = self.lighting(maps[-1], photo, fit)
        diffuse, logits, rest = self._face((photo, albedo, normals), lighting, maps, hidden)
        ball_rest = None if self.ball is None else self.ball(hidden, self._ball_knowledge(lighting))
        with _full_precision(photo):
            visibility = None if logits is None else torch.sigmoid(logits.clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT))
            level, residual = physics.light_level(lighting).detach(), None
            if rest is not None:
                # stage B answers relative to the exact cosine of the key light; the field refers to order 2
                exact = (diffuse if visibility is None else visibility[..., None] * diffuse) + level * rest
                residual = exact - lighting_ops.face_radiance(lighting, normals, albedo, visibility)
            # from here on in the photograph's own exposure
            dimming = (1.0 / gain)[:, None, None, None]
            lighting = lighting_ops.scaled(lighting, 1.0 / gain)
            ball = self._ball(lighting, None if ball_rest is None else dimming * level * ball_rest)
        return Prediction(
            lighting=lighting,
            ball_linear=ball,
            direction_error_deg=direction_error_deg,
            normals=normals,
            albedo_linear=albedo,
            visibility=visibility,
            residual_linear=None if residual is None else dimming * residual,
        )

    def light_only(self, photo_srgb: Tensor, landmarks: Tensor | None = None) -> LightAnswer:
        """As `forward`, the light alone: without stage B and the ball, and without stage A where no light is
        fitted to it."""
        photo, gain = entered(photo_srgb)
        maps, fit = self._maps(photo, landmarks), None
        if self.light_fit is not None:
            fit = self.light_fit(maps, photo, *self.stage_a(maps, photo.shape[-2:]))
        lighting, direction_error_deg, _ = self.lighting(maps[-1], photo, fit)
        scaled = lighting_ops.scaled(lighting, 1.0 / gain)
        return LightAnswer(lighting=scaled, direction_error_deg=direction_error_deg)

    def _maps(self, photo: Tensor, landmarks: Tensor | None) -> list[Tensor]:
        return self.encoder(photo, landmarks) if self.config.landmarks else self.encoder(photo)

    def _face(
        self, seen: tuple[Tensor, Tensor, Tensor], lighting: Lighting, maps: list[Tensor], hidden: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Of photograph, albedo and normals: diffuse radiance (B, h, w, 3), and what stage B answers."""
        if self.stage_b is None:
            return None, None, None
        photo, albedo, normals = seen
        with _full_precision(photo):
            irradiance = physics.irradiance_image(lighting, normals)
            diffuse = physics.diffuse_radiance(albedo, irradiance)
        condition = self._condition(photo, albedo, normals, irradiance, diffuse)
        return diffuse, *self.stage_b(condition, maps, hidden)

    def _condition(self, photo: Tensor, *fields: Tensor) -> Tensor:
        """The photograph at output resolution and channel-last fields of stage A: (B, 15, h, w)."""
        stride = self.config.output_stride
        pooled = functional.avg_pool2d(photo, stride) if stride > 1 else photo
        albedo, normals, irradiance, diffuse = fields
        compressed = (torch.log1p(irradiance.clamp_min(0.0)), torch.log1p(diffuse.clamp_min(0.0)))
        joined = torch.cat([albedo, normals, *compressed], dim=-1).permute(0, 3, 1, 2)
        return torch.cat([pooled, joined], dim=1).contiguous(memory_format=torch.channels_last)

    def _ball_knowledge(self, lighting: Lighting) -> Tensor:
        """Diffuse ball relative to the light, cosines to key light and half vector: (B, 5, S, S)."""
        with _full_precision(lighting.sh_coeffs):
            level = physics.light_level(lighting)
            diffuse = physics.diffuse_ball(lighting, self.ball_normals, self.ball_disc)
            # (B, 3): of the key light, or of all light where none is told apart
            toward = lighting.key_dirs[:, 0] if self.config.key_light else lighting_ops.dominant(lighting)[0]
            half = functional.normalize(toward + toward.new_tensor([0.0, 0.0, 1.0]), dim=-1, eps=1e-3)
            cosines = torch.einsum("hwc,bkc->bhwk", self.ball_normals, torch.stack([toward, half], dim=1))
            relative = diffuse / (physics.BALL_ALBEDO * level + 1e-4)  # eps: light of a black photograph
            joined = torch.cat([relative, cosines], dim=-1).permute(0, 3, 1, 2)
        return joined.contiguous(memory_format=torch.channels_last)

    def _ball(self, lighting: Lighting, rest: Tensor | None) -> Tensor:
        """Diffuse ball plus `rest` of the same scale (B, S, S, 3), above 0 on the disc and 0 around it.

        Without a rest the rendering of the light, its reflections included.
        """
        if rest is None:
            return render_ball(lighting, "gray", self.config.ball_size)
        diffuse = physics.diffuse_ball(lighting, self.ball_normals, self.ball_disc)
        total = diffuse + physics.BALL_ALBEDO * rest
        return physics.smooth_positive(total) * self.ball_disc[..., None]


def _full_precision(like: Tensor) -> torch.autocast:
    """Physics stays float32 under the trainer's autocast: radiance spans more digits than bfloat16 has."""
    return torch.autocast(like.device.type, enabled=False)
