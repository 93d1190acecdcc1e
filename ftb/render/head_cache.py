"""What is computed once for a head, or for a topology, and kept while its pictures are made."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.maths import rotation
from ftb.maths.random import generator_for
from ftb.render.antialias import Outlines, mesh_edges
from ftb.render.base import Rasterizer
from ftb.render.sitting import Sitting
from ftb.render.sky import Receivers, SkyTransfer, choose_receivers, needed_receivers, sky_transfer
from ftb.scene.heads import Head, HeadSource
from ftb.scene.scene_config import SceneConfig
from ftb.types import Camera, Fragments, TensorData

# Yaw and pitch from which a head is looked at, to see whether its back faces show; half the width of these
# pictures in distances between eyes and mouth; how many pixels may show otherwise.
LOOKS_DEG = ((0.0, 0.0), (35.0, 0.0), (-35.0, 0.0), (20.0, 20.0), (-20.0, -20.0))
LOOK_WIDTH = 1.5
LOOK_SIZE = 128
LOOK_TOLERANCE = 2e-3


class HeadCache:
    """What is computed once for a head, or for a topology: receivers, sky transfer, edges, whether its
    back faces show.

    Heads that come back under their names keep all of it. Procedural heads come once each: they share the
    receivers of one template head, never of whichever came first, or a pixel would depend on which worker
    drew it; and their rays are cast for what the pictures show only.
    """

    def __init__(
        self, config: SceneConfig, source: HeadSource, rasterizer: Rasterizer, keep: int = 64
    ) -> None:
        self._config = config
        self._rasterizer = rasterizer
        self._keep = keep
        self._known: dict[str, _KnownHead] = {}
        self._template: _KnownHead | None = None
        self.directions = config.sky_directions
        self.recurring = source.recurring
        if not source.recurring:
            self._template = self._look_at(source.head(generator_for(0, "template", 0, "head")))

    def front_only(self, sitting: Sitting) -> bool:
        """Whether back faces need not be drawn."""
        return self._known_of(sitting).front_only

    def transfer(self, sitting: Sitting, used: Tensor) -> SkyTransfer:
        """Cast the rays of these heads, or recall what they answered; on their device.

        used (S, V) uint8: vertices that the pictures show; of procedural heads, others stay in the dark.
        """
        known, mesh = self._known_of(sitting), sitting.mesh
        if known.transfer is not None:
            return known.transfer
        needed = needed_receivers(known.receivers, used, len(mesh.vertices))
        return sky_transfer(mesh, known.receivers, directions=self.directions, needed=needed)

    def outlines(self, sitting: Sitting, fragments: Fragments, planes: Tensor) -> list[Outlines]:
        """Where to look for edges that want softening: all in one, or none if they do not. planes: as of
        `faces.face_planes`."""
        if not self._config.antialias:
            return []
        known, mesh = self._known_of(sitting), sitting.mesh
        found = Outlines(
            mesh=mesh,
            edges=known.edges,
            planes=planes,
            camera=sitting.camera,
            depth=fragments.depth,
            culled=known.front_only,
        )
        return [found]

    def _known_of(self, sitting: Sitting) -> _KnownHead:
        """What is known of these heads, on their device."""
        if self._template is None:
            assert sitting.head is not None  # recurring heads sit alone
            return self._of(sitting.head)
        device = sitting.mesh.vertices.device
        if self._template.edges.device != device:  # once: copies wait for the device
            self._template = self._template.to(device)
        return self._template

    def _of(self, head: Head) -> _KnownHead:
        if head.name not in self._known:
            if len(self._known) >= self._keep:
                self._known.pop(next(iter(self._known)))
            known = self._look_at(head)
            transfer = sky_transfer(head.mesh, known.receivers, directions=self.directions)
            self._known[head.name] = dataclasses.replace(known, transfer=transfer)
        return self._known[head.name]

    def _look_at(self, head: Head) -> _KnownHead:
        receivers = choose_receivers(head.mesh, self._config.sky_receivers)
        front_only = shows_front_only(head, self._rasterizer)
        return _KnownHead(receivers=receivers, front_only=front_only, edges=mesh_edges(head.mesh))


@dataclass(frozen=True, kw_only=True)
class _KnownHead(TensorData):
    """One head, or all of one topology (whose transfer differs)."""

    receivers: Receivers
    front_only: bool
    edges: Tensor
    transfer: SkyTransfer | None = None


def shows_front_only(head: Head, rasterizer: Rasterizer) -> bool:
    """Whether back faces do not show where a photograph looks: at the face, from its front and sides."""
    mesh, marks = head.mesh, head.landmarks
    device = mesh.vertices.device
    eyes, mouth = marks[:2].mean(0), marks[3:].mean(0)
    angles = torch.deg2rad(torch.tensor(LOOKS_DEG, device=device))  # (L, 2)
    towards = torch.stack(
        [
            angles[:, 0].sin() * angles[:, 1].cos(),
            angles[:, 1].sin(),
            angles[:, 0].cos() * angles[:, 1].cos(),
        ],
        dim=-1,
    )
    centre, up = ((eyes + mouth) * 0.5).to(towards), torch.tensor([0.0, 1.0, 0.0], device=device)
    whole = torch.ones(len(towards), device=device)
    camera = Camera(
        cam_from_world=torch.stack([rotation.look_at(centre + view, centre, up) for view in towards]),
        half_width=whole * LOOK_WIDTH * float((eyes - mouth).norm()),
        near=whole * 0.01,
        orthographic=True,
    )
    seen = rasterizer.rasterize(mesh, camera, LOOK_SIZE).pix_to_face
    front = rasterizer.rasterize(mesh, camera, LOOK_SIZE, cull_backfaces=True).pix_to_face
    return float((seen != front).sum()) <= LOOK_TOLERANCE * float((seen >= 0).sum())
