"""The processes that train one model together, and the device that each computes on.

Started by ``torchrun``, which says in the environment how many there are. Each reads its own rows of every batch; the
gradients are averaged by torch's DistributedDataParallel. Whatever steers the run (losses, clocks, Ctrl-C) is agreed on
here, so that all take the same steps. Only the first writes and speaks.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import TrainingError, UsageError

DEVICES = ("auto", "cpu", "cuda", "mps")

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process among ``size`` ones, the ``rank``-th from 0. Everything here has to be called by all of them."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default=CPU)

    @property
    def is_main(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """Which streams of a batch are this process's; raises UsageError where they cannot be shared out evenly."""
        if batch % self.world_size:
            raise UsageError(
                f"{batch} streams cannot be shared evenly by {self.world_size} processes: "
                f"take a number that divides {batch}"
            )
        return slice(self.rank * batch // self.world_size, (self.rank + 1) * batch // self.world_size)

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """The model as it is to be called in training: its gradients come out averaged over all processes."""
        return nn.parallel.DistributedDataParallel(model) if self.world_size > 1 else model

    def mean(self, value: float) -> float:
        """The mean of everybody's value."""
        return self._all_reduce_sum([value])[0] / self.world_size if self.world_size > 1 else value

    def any(self, flag: bool) -> bool:
        """Whether it is so for anybody."""
        return self._all_reduce_sum([float(flag)])[0] > 0 if self.world_size > 1 else flag

    def broadcast(self, value: float) -> float:
        """The first one's value."""
        return self._all_reduce_sum([value if self.is_main else 0.0])[0] if self.world_size > 1 else value

    def gather(self, tensor: Tensor, dim: int = 0) -> Tensor:
        """Everybody's tensor of one shape, in order of rank, joined on the CPU."""
        tensor = tensor.detach().cpu().contiguous()
        if self.world_size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.world_size)]
        dist.all_gather(parts, tensor)
        return torch.cat(parts, dim)

    @contextmanager
    def peer_failures_as_errors(self, run_name: str) -> Iterator[None]:
        """Where another process has ended, raise a TrainingError that says how to go on with the run of that name."""
        try:
            yield
        except RuntimeError as error:
            if not isinstance(error, dist.DistError) and "gloo" not in str(error):
                raise
            raise TrainingError(
                f"another process of the run has ended; start all of them again, with --resume {run_name} for the text"
            ) from error

    def close(self) -> None:
        """Part from the others; the first goes on alone."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def _all_reduce_sum(self, values: Sequence[float]) -> list[float]:
        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums)
        return sums.tolist()


SINGLE_PROCESS = ProcessGroup()


def init_distributed(device: str = "auto") -> ProcessGroup:
    """This process's group, as torchrun's environment tells; alone without one. Raises UsageError or TrainingError."""
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    place = _pick_device(device, int(os.environ.get("LOCAL_RANK", 0)))
    if size == 1:
        return ProcessGroup(device=place)
    if place.type == "mps":
        raise UsageError("several processes cannot train on one mps GPU: leave torchrun out, or take --device cpu")
    try:
        # What is agreed on lies on the CPU, also where the gradients lie on a GPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the {size} processes do not find each other: {str(error).splitlines()[0]}") from error
    return ProcessGroup(rank, size, place)


def _pick_device(name: str, local_rank: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "mps" and not torch.backends.mps.is_available():
        raise UsageError("torch finds no mps GPU here; leave --device out, and it takes what there is")
    if name != "cuda":
        return torch.device(name)
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if local_rank >= there:
        found = f"{there} cuda GPUs" if there else "no cuda GPU"
        raise UsageError(f"torch finds {found} here; leave --device out, or start fewer processes")
    torch.cuda.set_device(local_rank)
    # Weight drop hands cuDNN new recurrent weights in every step; that they are then compacted is known.
    warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
    return torch.device("cuda", local_rank)
