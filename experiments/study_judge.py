"""The same test for every run: pairs of a frozen split, and real photographs of known light.

What was found is kept beside the run, with what it was found on, and asked again only where that changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from experiments.evaluate_yaleb import evaluate
from experiments.study_plan import Run
from experiments.study_train import relit_split
from ftb.checkpoint import write_atomically
from ftb.config import Config
from ftb.data.frozen import FrozenSettings, FrozenSplit, FrozenStream
from ftb.data.frozen_manifest import MANIFEST, file_sha256
from ftb.estimation.estimator import Estimator
from ftb.metrics.ball import ball_rmse
from ftb.metrics.baselines import frontal_light
from ftb.metrics.direction import direction_error_deg, true_directionality
from ftb.metrics.disc import shown
from ftb.metrics.ssim import ssim
from ftb.training.streams import Streams
from ftb.types import Pair, Prediction, concatenate

# Below this directionality light comes from everywhere, and the error of its direction means little.
LEAST_DIRECTIONALITY = 0.3
# Pairs behind a point of a curve; in the sets that a gap is drawn between.
CURVE_PAIRS = 400
CPU = torch.device("cpu")

NEW, RELIT, SEEN = "new heads, new lights", "known heads, new lights", "trained on"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What all runs of all studies are judged on. data: a frozen split; limit: of its test pairs."""

    data: Path
    photos: Path | None = None
    limit: int = 0

    def about(self) -> dict[str, Any]:
        """Which pairs and photographs these are, for metrics.json."""
        samples = len(FrozenSplit(self.data).part("test"))
        return {
            "manifest_sha256": file_sha256(self.data / MANIFEST),
            "samples": min(samples, self.limit) if self.limit else samples,
            "photos_sha256": file_sha256(self.photos) if self.photos else None,
        }


class Judge:
    """Judges checkpoints; decodes each set of pairs once."""

    def __init__(self, test: Benchmark, say: Callable[[str], None]) -> None:
        self.test = test
        self.about = test.about()
        self._say = say
        self._sets: dict[str, list[Pair]] = {}

    def judged(self, run: Run, gap: bool) -> dict[str, Any]:
        """test, photos, curve of a finished run; kept in its judged.json."""
        path = run.folder / "judged.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        split = {key: self.about[key] for key in ("manifest_sha256", "samples")}
        wanted: dict[str, tuple[Any, Callable[[], Any]]] = {
            "test": (split, lambda: self._test(run)),
            "curve": ({**split, "gap": gap}, lambda: self._curve(run, gap)),
        }
        if self.test.photos:
            wanted["photos"] = (self.about["photos_sha256"], lambda: self._photos(run))
        for name, (on, measure) in wanted.items():
            if known.get(name, {}).get("on") != on:
                self._say(f"judging {run.variant.name}, seed {run.seed}: {name}")
                known[name] = {"on": on, "found": measure()}
                write_atomically(path, (json.dumps(known, indent=1) + "\n").encode())
        return {name: known[name]["found"] if name in known else None for name in ("test", "curve", "photos")}

    def baseline(self, config: Config) -> dict[str, float]:
        """Always answering with light from the camera."""
        return measured(frontal_light, self._new(config))

    def shown(self, config: Config, count: int) -> Pair:
        """`count` test pairs spread over the test."""
        pairs = self._new(config)
        size, last = len(pairs[0].index), sum(len(pair.index) for pair in pairs) - 1
        chosen = [divmod(int(number), size) for number in torch.linspace(0, last, count)]
        return concatenate([pairs[batch][row : row + 1] for batch, row in chosen])

    def _test(self, run: Run) -> dict[str, float]:
        return measured(_network(run.folder / "model.safetensors"), self._new(run.config))

    def _photos(self, run: Run) -> dict[str, Any]:
        assert self.test.photos is not None
        estimator = Estimator.load(run.folder / "model.safetensors", device="cpu")
        return evaluate(estimator.predict, self.test.photos, estimator.image_size)["all"]

    def _curve(self, run: Run, gap: bool) -> dict[str, list[dict[str, float]]]:
        few = -(-CURVE_PAIRS // run.config.stream.batch_size)
        sets = {NEW: self._new(run.config)[:few]}
        if gap:
            sets |= self._known(run)
        points: dict[str, list[dict[str, float]]] = {name: [] for name in sets}
        for path in sorted((run.folder / "kept").glob("*.safetensors")):
            network, samples = _network(path), int(path.stem) * run.config.stream.batch_size
            for name, pairs in sets.items():
                points[name].append({"samples": samples, **measured(network, pairs)})
        return points

    def _new(self, config: Config) -> list[Pair]:
        batches = -(-self.about["samples"] // config.stream.batch_size)
        key = f"test {config.stream.image_size} {config.stream.ball_size} {config.stream.batch_size}"
        pairs = self._kept(key, lambda: _frozen(config, self.test.data, "test", batches))
        beyond = sum(len(pair.index) for pair in pairs) - self.about["samples"]
        return pairs if beyond <= 0 else [*pairs[:-1], pairs[-1][:-beyond]]

    def _known(self, run: Run) -> dict[str, list[Pair]]:
        config, size = run.config, run.config.stream.image_size
        if not config.data.split:
            few = -(-CURVE_PAIRS // config.stream.batch_size)
            return {SEEN: self._kept(f"seen {run.folder.name}", lambda: _rendered(config, few))}
        split = Path(config.data.split)
        relit = relit_split(run.variant.split, size, self._say)
        return {
            SEEN: self._kept(f"seen {split}", lambda: _frozen(config, split, "train", None)),
            RELIT: self._kept(f"relit {split}", lambda: _frozen(config, relit, "train", None)),
        }

    def _kept(self, key: str, make: Callable[[], Iterator[Pair]]) -> list[Pair]:
        if key not in self._sets:
            self._say(f"reading pairs: {key}")
            self._sets[key] = [_slim(pair) for pair in make()]
        return self._sets[key]


def _frozen(config: Config, split: Path, part: str, batches: int | None) -> Iterator[Pair]:
    settings = FrozenSettings(directory=split, part=part, shuffled=False)
    count = -(-len(FrozenSplit(split).part(part)) // config.stream.batch_size)
    with FrozenStream(config.stream, settings=settings, device=CPU) as stream:
        yield from stream.batches(start=0, count=count if batches is None else min(batches, count))


def _rendered(config: Config, batches: int) -> Iterator[Pair]:
    with Streams(config, CPU).open("train") as stream:
        yield from stream.batches(start=0, count=batches)


def _slim(pair: Pair) -> Pair:
    """Without the face's maps, which no test of light needs and which take most of the memory."""
    none = pair.mask[:, :1, :1]
    empty = none[..., None].expand(-1, 1, 1, 3)
    maps = {"normals": empty, "albedo_linear": empty, "residual_linear": empty}
    return Pair(**{**vars(pair), **maps, "mask": none, "visibility": none}).map(torch.clone)


def _network(path: Path) -> Callable[[Pair], Prediction]:
    """As a user asks it: the mean over each photograph and its mirror image."""
    estimator = Estimator.load(path, device="cpu")
    return lambda pair: estimator.predict(pair.photo_srgb, pair.landmarks)


def predicted_balls(run: Run, pair: Pair) -> Tensor:
    """Balls (B, S, S, 3), linear, of a finished run."""
    return _network(run.folder / "model.safetensors")(pair).ball_linear


@torch.no_grad()
def measured(answer: Callable[[Pair], Prediction], pairs: list[Pair]) -> dict[str, float]:
    """Means over pairs; of the direction error over those whose light has a direction, and its median."""
    directions, rmses, similarities = [], [], []
    for pair in pairs:
        prediction = answer(pair)
        directed = true_directionality(pair.lighting) >= LEAST_DIRECTIONALITY
        directions.append(direction_error_deg(prediction.lighting, pair.lighting)[directed])
        rmses.append(ball_rmse(prediction.ball_linear, pair.ball_linear))
        similarities.append(ssim(shown(prediction.ball_linear), shown(pair.ball_linear)))
    errors = torch.cat(directions).numpy()
    return {
        "direction_error_deg": float(np.mean(errors)),
        "direction_error_median_deg": float(np.median(errors)),
        "ball_rmse": float(torch.cat(rmses).mean()),
        "ball_ssim": float(torch.cat(similarities).mean()),
    }
