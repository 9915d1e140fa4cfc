"""Data-parallel training: the group of processes that train one model, and the device of each.

``torchrun`` starts the processes and sets RANK and WORLD_SIZE. Each process reads its own rows of every batch, and
torch's DistributedDataParallel averages the gradients. The values that steer the run (losses, clocks, Ctrl-C) are
exchanged here, so that all processes take the same steps. Only rank 0 writes files and prints.
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

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process, number ``rank`` of ``world_size``, from 0.

    All processes must call the collective methods: ``mean``, ``any``, ``broadcast``, ``gather`` and ``close``.
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default=CPU)

    @property
    def is_main(self) -> bool:
        """True for rank 0, which writes files and prints."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice:
        """Return this process's rows of a batch. Raises UsageError if they cannot be divided evenly."""
        if batch_size % self.world_size:
            raise UsageError(
                f"{batch_size} streams cannot be divided evenly among {self.world_size} processes: "
                f"start a number of processes that divides {batch_size}"
            )
        return slice(self.rank * batch_size // self.world_size, (self.rank + 1) * batch_size // self.world_size)

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Return the model to call in training, which averages gradients over all processes."""
        return nn.parallel.DistributedDataParallel(model) if self.world_size > 1 else model

    def mean(self, value: float) -> float:
        """Return the mean of the processes' values."""
        return self._all_reduce_sum([value])[0] / self.world_size if self.world_size > 1 else value

    def any(self, flag: bool) -> bool:
        """Return True if ``flag`` is True in any process."""
        return self._all_reduce_sum([float(flag)])[0] > 0 if self.world_size > 1 else flag

    def broadcast(self, value: float) -> float:
        """Return rank 0's value."""
        return self._all_reduce_sum([value if self.is_main else 0.0])[0] if self.world_size > 1 else value

    def gather(self, tensor: Tensor, dim: int = 0) -> Tensor:
        """Return the processes' tensors, all of one shape, concatenated along ``dim`` by rank, on the CPU."""
        tensor = tensor.detach().cpu().contiguous()
        if self.world_size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.world_size)]
        dist.all_gather(parts, tensor)
        return torch.cat(parts, dim)

    @contextmanager
    def peer_failures_as_errors(self, run_name: str) -> Iterator[None]:
        """Raise TrainingError from a ``with`` block, with the way to resume the run, if another process has exited."""
        try:
            yield
        except RuntimeError as error:
            if not isinstance(error, dist.DistError) and "gloo" not in str(error):
                raise
            raise TrainingError(
                f"another training process exited; restart all of them with --resume {run_name} instead of the text"
            ) from error

    def close(self) -> None:
        """Leave the group. Rank 0 continues alone."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def _all_reduce_sum(self, values: Sequence[float]) -> list[float]:
        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums)
        return sums.tolist()


SINGLE_PROCESS = ProcessGroup()
"""The group of a run without torchrun, on the CPU."""


def init_distributed(device: str = "auto") -> ProcessGroup:
    """Join the group that torchrun's environment describes, or a group of one without torchrun.

    ``device`` is auto, cpu, cuda or mps. Raises UsageError if this machine lacks it, TrainingError if the
    processes cannot reach each other.
    """
    rank = int(os.environ.get("RANK", 0))
    world_size = int(os.environ.get("WORLD_SIZE", 1))
    chosen = _pick_device(device, int(os.environ.get("LOCAL_RANK", 0)))
    if world_size == 1:
        return ProcessGroup(device=chosen)
    if chosen.type == "mps":
        raise UsageError("several processes cannot share an mps GPU: train without torchrun, or with --device cpu")
    try:
        # Gradients may be on a GPU. The values exchanged here are on the CPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f"the {world_size} processes cannot reach each other: {reason}") from error
    return ProcessGroup(rank, world_size, chosen)


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _pick_device(name: str, local_rank: int) -> torch.device:
    if name == "auto":
        name = _best_device()
    if name == "mps" and not torch.backends.mps.is_available():
        raise UsageError("torch finds no mps GPU here; leave --device out to use what there is")
    if name != "cuda":
        return torch.device(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if local_rank >= count:
        gpus = f"{count} cuda GPUs" if count else "no cuda GPU"
        raise UsageError(f"torch finds {gpus} here; leave --device out, or start fewer processes")
    torch.cuda.set_device(local_rank)
    # Weight drop gives cuDNN new recurrent weights in every step. That cuDNN compacts them each time is expected.
    warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
    return torch.device("cuda", local_rank)
