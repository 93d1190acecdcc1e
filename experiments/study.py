"""Carry out a study: train each choice, judge all on the same test, write metrics, curves and pictures.

    python -m experiments.study experiments/1_direct_vs_physics --data runs/splits/standard --photos FILE.npz
    python -m experiments.study experiments/[1-8]_*

Run it in the root of the repository. --data is a frozen split with a test part; without it, the 2,000 test
pairs of the preset `standard`, rendered once into runs/splits/standard.

The reference gets all of its seeds; another choice gets a second and a third only while its direction error
differs from the reference's by less than the seeds do. Killed and started again it goes on where it was; a
run that fails is named at the end, and the others are carried out. Studies may run side by side: a run that
several ask for is trained once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.study_judge import Benchmark, Judge, predicted_balls
from experiments.study_pictures import training_loss, write_curves, write_grid
from experiments.study_plan import Run, Study, Variant, plan_run, read_study
from experiments.study_train import carry_out, standard_test
from experiments.table import DIRECTION, write_table
from experiments.verdicts import compare
from ftb.checkpoint import write_atomically

SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for. out: where results go; overrides: settings on top of every variant's."""

    folder: Path
    out: Path
    test: Benchmark
    seeds: int
    overrides: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Progress:
    """What has been found so far: runs and their judgement by choice, and what failed."""

    runs: dict[str, list[tuple[Run, dict[str, Any]]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, list[float]]:
        """The direction errors of each choice that has any."""
        return {
            name: [found["test"][DIRECTION] for _, found in runs] for name, runs in self.runs.items() if runs
        }


def say(text: str) -> None:
    """One line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def carry_out_study(asked: Asked, study: Study, judge: Judge) -> Progress:
    """Train and judge; writes metrics.json after every run, so that nothing is lost."""
    progress = Progress()
    most = asked.seeds or max(study.seeds, study.reference_seeds)
    progress.runs = {variant.name: [] for variant in study.variants}
    reference = study.variant(study.reference)
    order = [(variant, 0) for variant in study.variants]
    order += [(reference, seed) for seed in range(1, min(study.reference_seeds, most))]
    others = [variant for variant in study.variants if variant is not reference]
    order += [(variant, seed) for seed in range(1, min(study.seeds, most)) for variant in others]
    for variant, seed in order:
        if variant.name in progress.failed or _needless(progress, study, variant, seed):
            continue
        _one(asked, study, judge, progress, (variant, seed))
    return progress


def _needless(progress: Progress, study: Study, variant: Variant, seed: int) -> bool:
    """Whether another seed of a choice would only confirm a difference."""
    values = progress.values()
    if seed < study.least_seeds or variant.name == study.reference or study.reference not in values:
        return False
    return compare(values, study.reference, variant.name).settled


def _one(asked: Asked, study: Study, judge: Judge, progress: Progress, chosen: tuple[Variant, int]) -> None:
    variant, seed = chosen
    try:
        run = plan_run(asked.folder, variant, seed, asked.overrides)
        carry_out(run, say)
        found = judge.judged(run, study.gap)
    except (ValueError, RuntimeError, OSError) as error:
        progress.failed[variant.name] = " ".join(str(error).split())
        say(f"failed: {variant.name}, seed {seed}: {progress.failed[variant.name]}")
    else:
        progress.runs[variant.name].append((run, found))
        say(f"{variant.name}, seed {seed}: direction error {found['test'][DIRECTION]:.1f}°")
    write_metrics(asked, study, judge, progress)


def write_metrics(asked: Asked, study: Study, judge: Judge, progress: Progress) -> None:
    """metrics.json of the study."""
    config = plan_run(asked.folder, study.variant(study.reference), 0, asked.overrides).config
    steps, batch = config.train.steps, config.stream.batch_size
    document = {
        "question": study.question,
        "reference": study.reference,
        "budget": {
            "samples": steps * batch,
            "steps": steps,
            "batch": batch,
            "pixels": config.stream.image_size,
        },
        "set": list(asked.overrides),
        "test": judge.about,
        "baselines": {"frontal": judge.baseline(config)},
        "variants": {
            variant.name: {
                "settings": list(variant.settings),
                "split": variant.split,
                "failed": progress.failed.get(variant.name),
                "runs": [_told(run, found) for run, found in progress.runs[variant.name]],
            }
            for variant in study.variants
        },
    }
    write_atomically(asked.out / "metrics.json", (json.dumps(document, indent=1) + "\n").encode())


def _told(run: Run, found: dict[str, Any]) -> dict[str, Any]:
    trained = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))["train"]
    return {"seed": run.seed, "run": run.folder.name, "train": trained, **found}


def write_pictures(asked: Asked, study: Study, judge: Judge, progress: Progress) -> None:
    """curves.png and grid.png of what was finished."""
    runs = {name: found for name, found in progress.runs.items() if found}
    if not runs:
        return
    curves = {name: [{"curve": found["curve"]} for _, found in some] for name, some in runs.items()}
    losses = {
        name: [training_loss(run.folder, run.config.stream.batch_size) for run, _ in some[:1]]
        for name, some in runs.items()
    }
    write_curves(asked.out / "curves.png", curves, losses)
    first = {name: some[0][0] for name, some in runs.items()}
    pair = judge.shown(next(iter(first.values())).config, SHOWN)
    write_grid(
        asked.out / "grid.png", pair, {name: predicted_balls(run, pair) for name, run in first.items()}
    )


def whole_study(asked: Asked, judge: Judge) -> dict[str, str]:
    """Train, judge, write, draw; what failed, by choice."""
    study = read_study(asked.folder)
    say(f"{asked.folder}: {study.question}")
    progress = carry_out_study(asked, study, judge)
    if asked.out.resolve().parent == Path(__file__).resolve().parent:
        write_table()
    write_pictures(asked, study, judge, progress)
    return {f"{asked.folder}: {name}": reason for name, reason in progress.failed.items()}


def main() -> None:
    """One study or several; exit code 1 where a run failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, help="a frozen split; without it, the test of `standard`")
    parser.add_argument("--photos", type=Path, help="as of experiments/evaluate_yaleb.py")
    parser.add_argument("--limit", type=int, default=0, help="only so many test pairs")
    parser.add_argument("--seeds", type=int, default=0, help="at most so many")
    parser.add_argument("--out", type=Path, help="where results go, a folder each; else beside study.toml")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    if importlib.util.find_spec("matplotlib") is None:  # said now, and not after hours of training
        parser.error("curves need matplotlib: pip install -e '.[experiments]'")
    failed: dict[str, str] = {}
    try:
        data = options.data or standard_test(say)
        test = Benchmark(data=data, photos=options.photos, limit=options.limit)
        judge = Judge(test, say)
        for folder in options.folders:
            out = options.out / folder.name if options.out else folder
            out.mkdir(parents=True, exist_ok=True)
            asked = Asked(
                folder=folder, out=out, test=test, seeds=options.seeds, overrides=tuple(options.overrides)
            )
            failed |= whole_study(asked, judge)
    except KeyboardInterrupt:
        say("stopped; the same command goes on")
        sys.exit(130)
    except (ValueError, OSError, RuntimeError) as error:
        parser.error(" ".join(str(error).split()))
    for name, reason in failed.items():
        say(f"failed: {name}: {reason}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
