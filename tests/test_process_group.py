"""The group of processes that train one model: what each gets from the others, and which device it has."""

from __future__ import annotations

import multiprocessing
import os
import socket
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest
from afterglow.core.errors import TrainingError, UsageError

torch = pytest.importorskip("torch")

from afterglow.core.training.distributed import SINGLE_PROCESS, ProcessGroup, init_distributed  # noqa: E402

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = 60
"""Seconds in which a group has to answer."""

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes of the group are forked")


@pytest.fixture(autouse=True)
def no_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def in_group(work: Callable[[ProcessGroup], object], size: int = 2) -> list[object]:
    """Return the results of ``work`` in each process of a group, by rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context, pipes, processes = multiprocessing.get_context("fork"), [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads: the child uses one of its own
        for rank in range(size):
            ours, theirs = context.Pipe(duplex=False)
            processes.append(context.Process(target=_join_and_work, args=(rank, size, port, work, theirs)))
            processes[-1].start()
            theirs.close()
            pipes.append(ours)
    try:
        return [pipe.recv() if pipe.poll(PATIENCE) else "silent" for pipe in pipes]
    finally:
        for process in processes:
            process.kill()
            process.join()


def _join_and_work(rank: int, size: int, port: int, work: Callable[[ProcessGroup], object], result: Connection) -> None:
    torch.set_num_threads(1)
    os.environ |= dict(zip(VARIABLES, map(str, (rank, size, rank, "127.0.0.1", port)), strict=True))
    group = init_distributed("cpu")
    found = work(group)
    group.close()
    group.close()  # the second time does nothing
    result.send((found, torch.distributed.is_initialized()))


@forks
def test_what_steers_a_run_is_the_same_in_every_process() -> None:
    def exchange(group: ProcessGroup) -> object:
        SINGLE_PROCESS.close()  # one process alone leaves no group, though torch has one
        mine = float(group.rank + 1)
        return {
            "who": (group.rank, group.world_size, group.device.type, group.is_main, group.rows(4)),
            "mean": group.mean(mine),
            "broadcast": group.broadcast(mine * 10),
            "any": [group.any(group.rank == 1), group.any(True), group.any(False)],
            "rows": group.gather(torch.full((1, 2), mine, requires_grad=True)).tolist(),
            "columns": group.gather(torch.tensor([[mine, 9.0], [mine, 8.0]]).T, dim=1).tolist(),
        }

    (first, open_first), (second, open_second) = in_group(exchange)  # type: ignore[misc]
    assert first.pop("who") == (0, 2, "cpu", True, slice(0, 2))
    assert second.pop("who") == (1, 2, "cpu", False, slice(2, 4))
    assert first == second
    assert first == {
        "mean": 1.5,
        "broadcast": 10.0,
        "any": [True, True, False],
        "rows": [[1.0, 1.0], [2.0, 2.0]],
        "columns": [[1.0, 1.0, 2.0, 2.0], [9.0, 8.0, 9.0, 8.0]],
    }
    assert not open_first, "the group is left"
    assert not open_second


@forks
def test_gradients_are_averaged_over_the_processes() -> None:
    def gradient(group: ProcessGroup) -> object:
        model = torch.nn.Linear(1, 1, bias=False)
        wrapped = group.wrap_model(model)
        wrapped(torch.tensor([[float(group.rank + 1)]])).sum().backward()
        return model.weight.grad.tolist()

    assert in_group(gradient) == [([[1.5]], False)] * 2


def test_a_process_alone_has_nobody_to_ask() -> None:
    model, numbers = torch.nn.Linear(1, 1), torch.tensor([[1.0, 2.0]], requires_grad=True)
    group = init_distributed("cpu")
    assert group == SINGLE_PROCESS == ProcessGroup(0, 1, torch.device("cpu"))
    assert group.is_main
    assert (group.mean(2.5), group.broadcast(2.5), group.any(True), group.any(False)) == (2.5, 2.5, True, False)
    assert group.wrap_model(model) is model
    gathered = group.gather(numbers.T)
    assert (gathered.tolist(), gathered.requires_grad, gathered.is_contiguous()) == ([[1.0], [2.0]], False, True)
    group.close()


@pytest.mark.parametrize(("rank", "rows"), [(0, slice(0, 2)), (1, slice(2, 4)), (2, slice(4, 6))])
def test_every_process_has_its_own_rows(rank: int, rows: slice) -> None:
    assert ProcessGroup(rank, 3).rows(6) == rows


def test_rows_that_cannot_be_divided_are_refused() -> None:
    with pytest.raises(UsageError, match="7 streams cannot be divided evenly among 3 processes"):
        ProcessGroup(0, 3).rows(7)


@pytest.mark.parametrize(
    "error", [RuntimeError("[gloo/transport] Connection closed by peer"), torch.distributed.DistError("gone")], ids=repr
)
def test_the_end_of_another_process_says_how_to_go_on(error: RuntimeError) -> None:
    with pytest.raises(TrainingError, match=r"another training process exited; .*--resume mine"):  # noqa: SIM117
        with SINGLE_PROCESS.peer_failures_as_errors("mine"):
            raise error


def test_another_error_stays_what_it_is() -> None:
    error = RuntimeError("shapes cannot be multiplied")
    with pytest.raises(RuntimeError) as caught, SINGLE_PROCESS.peer_failures_as_errors("mine"):
        raise error
    assert caught.value is error
    with SINGLE_PROCESS.peer_failures_as_errors("mine"):
        pass


def test_processes_that_cannot_meet_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="the 2 processes cannot reach each other: ") as caught:
        init_distributed("cpu")
    assert "\n" not in str(caught.value)


# Devices, on a machine that may have none: what torch says of them is given.


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], list[int]]:
    """A function that gives the machine cuda GPUs and perhaps an mps one. It returns the list of those made current."""
    current: list[int] = []

    def give(cuda: int, mps: bool) -> list[int]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "set_device", current.append)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        return current

    return give


@pytest.mark.parametrize(
    ("cuda", "mps", "asked", "device"),
    [
        (0, False, "auto", "cpu"),
        (0, True, "auto", "mps"),
        (1, True, "auto", "cuda:0"),
        (2, False, "cpu", "cpu"),
        (2, True, "mps", "mps"),
        (2, True, "cuda", "cuda:0"),
    ],
)
def test_the_fastest_device_is_chosen_or_the_one_asked_for(
    gpus: Callable[[int, bool], list[int]], cuda: int, mps: bool, asked: str, device: str
) -> None:
    with warnings.catch_warnings():
        current = gpus(cuda, mps)
        assert str(init_distributed(asked).device) == device
    assert current == ([0] if device == "cuda:0" else [])


def test_every_process_of_a_machine_has_a_gpu_of_its_own(
    gpus: Callable[[int, bool], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    current = gpus(2, False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with warnings.catch_warnings():
        assert str(init_distributed("cuda").device) == "cuda:1"
        warnings.warn("RNN module weights are not part of single contiguous chunk of memory", stacklevel=1)
    assert current == [1]
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UsageError, match="torch finds 2 cuda GPUs here"):
        init_distributed("cuda")


@pytest.mark.parametrize(("asked", "said"), [("cuda", "no cuda GPU"), ("mps", "no mps GPU")])
def test_a_device_that_is_not_there_is_refused(gpus: Callable[[int, bool], list[int]], asked: str, said: str) -> None:
    gpus(0, False)
    with pytest.raises(UsageError, match=f"torch finds {said} here"):
        init_distributed(asked)


def test_gpus_that_torch_cannot_use_do_not_count(
    gpus: Callable[[int, bool], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(2, False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="torch finds no cuda GPU here"):
        init_distributed("cuda")


def test_an_mps_gpu_is_not_shared(gpus: Callable[[int, bool], list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(0, True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="several processes cannot share an mps GPU"):
        init_distributed("auto")
