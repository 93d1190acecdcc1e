"""The fixed mesh of every procedural head: which MakeHuman faces are kept, refined, split and unwrapped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from source import Source

# Metres in the base mesh's frame, whose eyes are at y = 0.728, z = 0.125.
CHEST_Y, SHOULDER_X = 0.40, 0.27  # what a head-and-shoulders framing can show
SOCKET_Z = 0.117  # eye-socket faces behind this lie behind the eyeball
COARSE_EDGE, COARSE_Y = 0.0105, 0.650  # scalp quads longer than this are split in four

CHARTS = ("head", "mouth", "torso", "socket", "teeth", "tongue", "lash", "eye", "curtain")
PARTS = {
    "helper-upper-teeth": "teeth",
    "helper-lower-teeth": "teeth",
    "helper-tongue": "tongue",
    "helper-l-eyelashes-2": "lash",
    "helper-r-eyelashes-2": "lash",
}


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Faces over corners. base (Vb,) base-mesh index of each basis vertex; extra (Vs, 12) basis vertices
    and extra_weight (Vs, 12) whose sum is each added vertex; lash_root (L, 2) basis vertices of lashes and
    the skin vertices they grow from; corner_vertex (V,) welded index, corner_uv (V, 2) MakeHuman uv,
    corner_chart (V,) number in CHARTS; faces (F, 3) corners; guide_eyes (2, 72) basis vertices of the
    eyes, −X first."""

    base: np.ndarray
    extra: np.ndarray
    extra_weight: np.ndarray
    lash_root: np.ndarray
    corner_vertex: np.ndarray
    corner_uv: np.ndarray
    corner_chart: np.ndarray
    faces: np.ndarray
    guide_eyes: np.ndarray


def _charts_of_body(source: Source, quads: np.ndarray, uv_quads: np.ndarray) -> np.ndarray:
    """Chart number of each body quad, from where MakeHuman's layout puts it."""
    uv = source.uvs[uv_quads].mean(axis=1)
    chart = np.full(len(quads), CHARTS.index("torso"))
    chart[uv[:, 0] > 0.641] = CHARTS.index("head")
    chart[(uv[:, 0] > 0.641) & (uv[:, 1] < 0.14)] = CHARTS.index("mouth")
    chart[uv[:, 0] < 0.115] = CHARTS.index("socket")
    return chart


def _gather_quads(source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kept quads (Q, 4), their uv quads (Q, 4), chart (Q,)."""
    quads, uv_quads = source.quads["body"], source.uv_quads["body"]
    points = source.vertices[quads]
    chart = _charts_of_body(source, quads, uv_quads)
    keep = (points[..., 1].min(axis=1) > CHEST_Y) & (np.abs(points[..., 0]).max(axis=1) < SHOULDER_X)
    keep &= (chart != CHARTS.index("socket")) | (points[..., 2].max(axis=1) > SOCKET_Z)
    parts = [(quads[keep], uv_quads[keep], chart[keep])]
    for group, name in PARTS.items():
        part = source.quads[group]
        parts.append((part, source.uv_quads[group], np.full(len(part), CHARTS.index(name))))
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _coarse(source: Source, quads: np.ndarray, chart: np.ndarray) -> np.ndarray:
    points = source.vertices[quads]
    longest = np.linalg.norm(points - np.roll(points, 1, axis=1), axis=2).max(axis=1)
    return (
        (chart == CHARTS.index("head"))
        & (longest > COARSE_EDGE)
        & (points[..., 1].mean(axis=1) > COARSE_Y)
        & (points[..., 2].mean(axis=1) < 0.145)
    )


class _Refiner:
    """Weights of added points: midpoints of edges on a cubic through the edge's row, centres as Coons
    patches.

    A straight mean would leave every scalp faceted against the background.
    """

    def __init__(self, quads: np.ndarray, split: set[frozenset]) -> None:
        self.split = split
        self.faces_of: dict[frozenset, set[int]] = {}
        self.neighbours: dict[int, set[int]] = {}
        for index, quad in enumerate(quads.tolist()):
            for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
                self.faces_of.setdefault(frozenset((a, b)), set()).add(index)
                self.neighbours.setdefault(a, set()).add(b)
                self.neighbours.setdefault(b, set()).add(a)

    def _beyond(self, a: int, b: int) -> int | None:
        """The vertex that continues the edge b–a past a on a regular grid."""
        faces = self.faces_of[frozenset((a, b))]
        onward = [c for c in self.neighbours[a] if c != b and not self.faces_of[frozenset((a, c))] & faces]
        return onward[0] if len(onward) == 1 else None

    def middle(self, a: int, b: int) -> dict[int, float]:
        """Vertex weights of the middle of an edge."""
        before, after = self._beyond(a, b), self._beyond(b, a)
        if frozenset((a, b)) not in self.split or before is None or after is None:
            return {a: 0.5, b: 0.5}
        return {a: 9 / 16, b: 9 / 16, before: -1 / 16, after: -1 / 16}

    def centre(self, quad: list[int]) -> dict[int, float]:
        """Vertex weights of the middle of a quad: half its edges' middles' sum less a quarter of its
        corners'."""
        weights: dict[int, float] = dict.fromkeys(quad, -0.25)
        for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
            for vertex, weight in self.middle(a, b).items():
                weights[vertex] = weights.get(vertex, 0.0) + 0.5 * weight
        return weights


class _Builder:
    """Collects corners (vertex, uv, chart) and added vertices while quads are cut into triangles."""

    def __init__(self, source: Source, base: np.ndarray, refiner: _Refiner) -> None:
        self.source = source
        self.refiner = refiner
        self.weights: list[dict[int, float]] = []
        self.number = {int(vertex): index for index, vertex in enumerate(base)}
        self.extra: dict[tuple[int, ...], int] = {}
        self.corners: dict[tuple, int] = {}
        self.rows: list[tuple[int, np.ndarray, int]] = []
        self.faces: list[tuple[int, int, int]] = []

    def corner(self, vertices: list[int], uvs: list[int], chart: int) -> int:
        """Corner at the mean of one, two or four base vertices and of their uvs."""
        key = tuple(sorted(self.number[int(vertex)] for vertex in vertices))
        if len(key) == 1:
            welded = key[0]
        elif key in self.extra:
            welded = len(self.number) + self.extra[key]
        else:
            self.extra[key] = len(self.extra)
            welded = len(self.number) + self.extra[key]
            point = [int(vertex) for vertex in vertices]
            self.weights.append(self.refiner.middle(*point) if len(key) == 2 else self.refiner.centre(point))
        full = (welded, tuple(sorted(int(uv) for uv in uvs)), chart)
        if full not in self.corners:
            self.corners[full] = len(self.rows)
            self.rows.append((welded, self.source.uvs[list(full[1])].mean(axis=0), chart))
        return self.corners[full]

    def add_quad(self, quad: np.ndarray, uv: np.ndarray, chart: int, split: list[bool], whole: bool) -> None:
        """Two triangles, four quads, or a fan about the centre where only some edges are split."""
        corner = [self.corner([quad[i]], [uv[i]], chart) for i in range(4)]
        if not any(split):
            self.faces += [(corner[0], corner[1], corner[2]), (corner[0], corner[2], corner[3])]
            return
        middle = [
            self.corner([quad[i], quad[(i + 1) % 4]], [uv[i], uv[(i + 1) % 4]], chart) if split[i] else None
            for i in range(4)
        ]
        centre = self.corner(list(quad), list(uv), chart)
        for i in range(4):
            if whole:
                before = middle[i - 1]
                self.faces += [(corner[i], middle[i], centre), (corner[i], centre, before)]
            elif middle[i] is None:
                self.faces.append((corner[i], corner[(i + 1) % 4], centre))
            else:
                self.faces += [(corner[i], middle[i], centre), (middle[i], corner[(i + 1) % 4], centre)]


def _padded(builder: _Builder) -> tuple[np.ndarray, np.ndarray]:
    """(Vs, 12) basis vertices and weights, padded with weight 0."""
    index = np.zeros((len(builder.weights), 12), dtype=np.int64)
    weight = np.zeros((len(builder.weights), 12))
    for row, weights in enumerate(builder.weights):
        for column, (vertex, share) in enumerate(sorted(weights.items())):
            index[row, column], weight[row, column] = builder.number[vertex], share
    return index, weight


def _lash_roots(source: Source, base: np.ndarray) -> np.ndarray:
    """(L, 2) each lash vertex and the nearest vertex of the body, as basis vertices."""
    lashes = np.unique(
        np.concatenate([source.quads[group].ravel() for group, name in PARTS.items() if name == "lash"])
    )
    body = base[np.isin(base, source.quads["body"])]
    gap = np.linalg.norm(source.vertices[lashes][:, None] - source.vertices[body][None], axis=2)
    return np.stack([np.searchsorted(base, lashes), np.searchsorted(base, body[gap.argmin(axis=1)])], axis=1)


def build_topology(source: Source) -> Topology:
    """Select, refine the scalp once, split at uv seams; every array in a fixed order."""
    quads, uv_quads, chart = _gather_quads(source)
    eyes = [np.unique(source.quads[group]) for group in ("helper-r-eye", "helper-l-eye")]
    base = np.unique(np.concatenate([quads.ravel(), *eyes]))
    coarse = _coarse(source, quads, chart)
    split_edges = {
        frozenset((int(quad[i]), int(quad[(i + 1) % 4]))) for quad in quads[coarse] for i in range(4)
    }
    builder = _Builder(source, base, _Refiner(quads, split_edges))
    for quad, uv, number, whole in zip(quads, uv_quads, chart, coarse, strict=True):
        split = [frozenset((int(quad[i]), int(quad[(i + 1) % 4]))) in split_edges for i in range(4)]
        builder.add_quad(quad, uv, int(number), split, bool(whole))
    extra, extra_weight = _padded(builder)
    return Topology(
        base=base,
        extra=extra,
        extra_weight=extra_weight,
        lash_root=_lash_roots(source, base),
        corner_vertex=np.array([row[0] for row in builder.rows]),
        corner_uv=np.stack([row[1] for row in builder.rows]),
        corner_chart=np.array([row[2] for row in builder.rows]),
        faces=np.array(builder.faces),
        guide_eyes=np.stack([np.searchsorted(base, eye) for eye in eyes]),
    )
