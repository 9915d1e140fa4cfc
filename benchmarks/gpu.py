"""Check, measure and use one GPU: training on it agrees with the CPU, its speed beside cuDNN's, a model of English.

``benchmarks/gpu.sh`` runs it. It needs torch, numpy, safetensors and click, and no network. With ``--device cpu`` and
``--small`` every line runs without a GPU, in tiny sizes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from afterglow.core.training.corpus_cache import load_corpus
from afterglow.core.training.run_dir import RunDir, resolve_paths

from benchmarks.gpu_checks import check_training
from benchmarks.gpu_english import EnglishPlan, train_english
from benchmarks.gpu_speed import Shape, measure_speed, peak_flops

ROOT = Path(__file__).parent.parent

RESERVED_MINUTES = 1.0
"""Minutes for what training does besides steps: writing tokens before, evaluating after."""


MIN_MINUTES = 0.001
"""Least minutes of training, if the other stages have taken all."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured and trained: texts, shapes, streams in a batch, and the side of the matrix product."""

    speed: tuple[Shape, ...] = (Shape(2, 512), Shape(3, 1024))
    rows: tuple[int, ...] = (64, 256)
    check: Shape = Shape(2, 256)
    check_chars: int = 300_000
    check_steps: int = 60
    matrix: int = 8192


SMALL = Sizes((Shape(1, 16),), (4,), Shape(1, 16), 6_000, 40, 64)
"""Sizes with which every line runs in seconds on a CPU."""


@dataclass(slots=True)
class Report:
    """Results by stage, and the messages of checks that failed. Saved after each stage."""

    path: Path
    stages: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def run(self, name: str, stage: Callable[[], Any]) -> None:
        """Run a stage, print and save its result. An error is printed and saved, and the next stage runs."""
        start = time.monotonic()
        try:
            result = stage()
        except Exception as error:  # the time on the machine is short: what can still be measured is
            result = {"error": f"{type(error).__name__}: {error}"}
        self.failures += [f"{name}: {text}" for key, text in result.items() if key in ("error", "failed") and text]
        self.stages[name] = {**result, "seconds": round(time.monotonic() - start, 1)}
        print(f"{name}: {json.dumps(self.stages[name])}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"stages": self.stages, "failures": self.failures}, indent=1))


def find_texts(name: str) -> Path:
    """Return the path of a text in shared/data, inside the checkout or beside it."""
    folders = [folder / "shared" / "data" for folder in (ROOT, ROOT.parent, ROOT.parent.parent)]
    found = next((folder / name for folder in folders if (folder / name).exists()), None)
    if found is None:
        raise FileNotFoundError(f"there is no {name} in {', '.join(map(str, folders))}; name it with --texts")
    return found


def main() -> None:
    """Run all stages. Exit with 1 if one failed."""
    options = parse_options()
    start = time.monotonic()
    device = torch.device(options.device)
    sizes = SMALL if options.small else Sizes()
    report = Report(options.out / "report.json")
    report.run("machine", partial(describe_machine, device, sizes.matrix))
    report.run("training", partial(check_small_model, device, options, sizes))
    for shape in sizes.speed:
        report.run(f"speed {shape}", partial(measure_speed, shape, sizes.rows, device, sizes.matrix))
    report.run("texts", partial(read_texts, options))
    minutes = options.minutes - (time.monotonic() - start) / 60 - (0 if options.small else RESERVED_MINUTES)
    report.run("english", partial(train_on_english, device, options, max(MIN_MINUTES, minutes)))
    for failure in report.failures:
        print(f"FAILED {failure}")
    sys.exit(bool(report.failures))


def parse_options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, or cpu for a try without a GPU")
    parser.add_argument("--minutes", type=float, default=8.0, help="minutes for everything")
    parser.add_argument("--out", type=Path, default=Path("build/gpu"), help="folder for the report and the model")
    parser.add_argument("--texts", type=Path, help="folder of English texts, or a text")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--batch", type=int, default=256, help="streams in a batch")
    parser.add_argument("--rate", type=float, help="peak learning rate (default: by size)")
    parser.add_argument("--weights", type=Path, help="weights.safetensors of an earlier run to go on from")
    parser.add_argument("--small", action="store_true", help="tiny sizes: every line runs in seconds on a CPU")
    return parser.parse_args()


def check_small_model(device: torch.device, options: argparse.Namespace, sizes: Sizes) -> dict[str, Any]:
    """Return how training on the device differs from the CPU's, on the beginning of tiny Shakespeare."""
    path = options.texts if options.texts and options.texts.is_file() else find_texts("tinyshakespeare.txt")
    return check_training(device, path.read_text("utf-8")[: sizes.check_chars], sizes.check, sizes.check_steps)


def read_texts(options: argparse.Namespace) -> dict[str, Any]:
    """Read the texts into the cache, so that the time for training is known before it begins."""
    request = plan_english(options, minutes=1.0).request()
    corpus = load_corpus(resolve_paths(request, RunDir(request.name)).files, request.read_options)
    return {"characters": len(corpus.text), "different": len(corpus.counts), "labels": len(corpus.label_names)}


def plan_english(options: argparse.Namespace, minutes: float) -> EnglishPlan:
    """Return what the command line asks for."""
    texts, shape = options.texts or find_texts("english"), Shape(options.layers, options.width)
    return EnglishPlan(texts, shape, minutes, options.batch, options.rate, options.weights)


def train_on_english(device: torch.device, options: argparse.Namespace, minutes: float) -> dict[str, Any]:
    """Return the losses of the model that is trained on the texts in ``minutes``."""
    return train_english(plan_english(options, minutes), options.out, device)


def describe_machine(device: torch.device, matrix: int) -> dict[str, Any]:
    """Return the names and versions of what is measured, and its best speed in bfloat16."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    cudnn = torch.backends.cudnn.version() if device.type == "cuda" else None
    teraflops = round(peak_flops(device, matrix) / 1e12, 3)
    return {"card": name, "torch": torch.__version__, "cudnn": cudnn, "bf16_teraflops": teraflops}


if __name__ == "__main__":
    main()
