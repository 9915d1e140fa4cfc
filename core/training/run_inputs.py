"""The inputs of a run: request, text, tokenizer and configuration. run.json stores them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from ..errors import ModelError, TextError, TrainingError, UsageError
from ..file_io import require_writable
from ..inference.library import find_model, path_for_new_model
from ..inference.model_file import ModelFile, open_model_file
from ..text.corpus import Corpus, require_enough
from ..text.split import Split
from ..text.tokenizer import CharTokenizer, Tokenizer, from_header
from .advice import choose_parent
from .calibration import measure_speeds
from .corpus_cache import load_corpus, load_tokens, prune_cache
from .distributed import ProcessGroup
from .request import TrainRequest, request_from_json, request_to_json
from .run_dir import RunDir, require_no_unfinished_run, resolve_paths
from .style_labels import merge_style_names
from .tokenizer_training import build_tokenizer
from .train_config import (
    UNLIMITED_SPEEDS,
    TrainConfig,
    config_from_json,
    config_to_json,
    make_config,
    make_finetune_config,
    require_batch_fits,
)


@dataclass(frozen=True, slots=True)
class RunInputs:
    """Everything that determines a run, apart from the weights of a model to fine-tune.

    ``notes`` are messages about choices that were made for the user, one line each. run.json does not have them.
    """

    request: TrainRequest
    corpus: Corpus
    tokenizer: Tokenizer
    config: TrainConfig
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON values of run.json. The text is represented by its hash."""
        return {
            "wish": request_to_json(self.request),
            "sha256": self.corpus.sha256,
            "tokenizer": self.tokenizer.header(),
            "recipe": config_to_json(self.config),
        }


def prepare_inputs(
    request: TrainRequest, run_dir: RunDir, group: ProcessGroup, on_progress: Callable[[float], object]
) -> RunInputs:
    """Return the inputs of a new run. Raises TextError, ModelError, UsageError or StorageError if it cannot start.

    ``on_progress`` is called with the share of the text tokenized, 0 to 1.
    """
    _require_no_shape(request)
    model_path = path_for_new_model(request.name, request.replace)
    if request.keep == "last":
        path_for_new_model(request.beside_name, request.replace)
    require_no_unfinished_run(request.name, request.replace)
    require_writable(model_path.parent)
    require_writable(run_dir.path.parent)
    request = resolve_paths(_spread_items(request), run_dir)
    prune_cache()
    corpus = load_corpus(request.files, request.read_options)
    require_enough(corpus)
    _require_labels(request, corpus)
    request, notes = choose_parent(request, corpus)
    parent = open_parent(request)
    tokenizer = _choose_tokenizer(request, corpus, parent)
    styles = merge_style_names(parent, corpus.label_names)
    config = _choose_config(request, tokenizer, len(load_tokens(corpus, tokenizer, on_progress)), parent, group)
    config = replace(config, styles=styles)
    return RunInputs(request, corpus, tokenizer, config, notes)


def _spread_items(request: TrainRequest) -> TrainRequest:
    """Return the request with a split that keeps equal items together, if it is for a list. Its order means nothing."""
    is_list = request.read_options.item_end
    return replace(request, split=Split.parse(request.split).spread()) if is_list else request


def load_inputs(run_dir: RunDir) -> RunInputs:
    """Return the inputs that run.json describes. Raises TrainingError if it is damaged, or if the text has changed."""
    metadata = run_dir.read_metadata()
    try:
        request, tokenizer, config = _parse_metadata(metadata)
    except ValueError as error:
        raise TrainingError(run_dir.describe_damage(error)) from None
    for file in request.files:
        _require_regular_file(file)
    corpus = load_corpus(request.files, request.read_options)
    if corpus.sha256 != metadata.get("sha256"):
        raise TrainingError(
            f"{corpus.name} has changed since the run {run_dir.name!r} started; restore it, or start again with"
            " --replace"
        )
    require_enough(corpus)
    if not set(corpus.label_names) <= set(config.styles):
        raise TrainingError(run_dir.describe_damage(ValueError("it lacks the labels of its text")))
    return RunInputs(replace(request, name=run_dir.name), corpus, tokenizer, config)


def _require_labels(request: TrainRequest, corpus: Corpus) -> None:
    """Raise UsageError if labels are asked for and the text has none."""
    if request.read_options.label and not corpus.label_names:
        hint = "; --label-column names a column or field that does" if request.read_options.label == "author" else ""
        raise UsageError(f"{corpus.name} does not say the {request.read_options.label} of any text{hint}")


def _parse_metadata(metadata: dict[str, Any]) -> tuple[TrainRequest, Tokenizer, TrainConfig]:
    """Return the request, the tokenizer and the configuration in run.json. Raises ValueError if it is damaged."""
    request, config = request_from_json(metadata.get("wish")), config_from_json(metadata.get("recipe"))
    try:
        tokenizer = from_header(metadata.get("tokenizer"))
    except (ModelError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not request.files or tokenizer.size != config.architecture.vocabulary:
        raise ValueError("it names no files, or its tokenizer and its vocabulary differ in size")
    return request, tokenizer, config


def _require_regular_file(file: str) -> None:
    """Raise TextError unless ``file`` is the path of a file. Reading a device or a pipe might never end."""
    try:
        is_file = Path(file).is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        raise TextError(f"there is no text file {file!r}")


def open_parent(request: TrainRequest) -> ModelFile | None:
    """Open the model to fine-tune; None without --from. Raises ModelError, or UsageError for other --tokens."""
    if request.parent is None:
        return None
    file = open_model_file(find_model(request.parent).path)
    kind = file.tokenizer.kind
    if request.tokens not in (None, kind):
        raise UsageError(
            f"{request.parent} was trained on {kind} tokens and cannot continue with {request.tokens} tokens:"
            " leave out --tokens or --from"
        )
    return file


def _require_no_shape(request: TrainRequest) -> None:
    """Raise UsageError if the request asks for a shape that the model to fine-tune determines."""
    if request.parent and (request.size or request.layers or request.width):
        raise UsageError("--size, --layers and --width cannot be used with --from")


def _choose_tokenizer(request: TrainRequest, corpus: Corpus, parent: ModelFile | None) -> Tokenizer:
    if parent and not isinstance(parent.tokenizer, CharTokenizer):
        return parent.tokenizer
    if parent and isinstance(parent.tokenizer, CharTokenizer):
        tokenizer: Tokenizer = parent.tokenizer.extended(corpus.text, request.min_count)
    else:
        tokenizer = build_tokenizer(corpus, request.tokens or "char", request.vocabulary_size, request.min_count)
    if tokenizer.size - (tokenizer.stand_in is not None) < 2:
        raise UsageError(f"no character occurs {request.min_count:,} times; use a smaller --min-count")
    return tokenizer


def _choose_config(
    request: TrainRequest, tokenizer: Tokenizer, tokens: int, parent: ModelFile | None, group: ProcessGroup
) -> TrainConfig:
    """Return the configuration, by the speed of this machine if the time is limited.

    Raises UsageError if the text or the number of processes does not allow the batch.
    """
    if parent:
        architecture = replace(parent.architecture, vocabulary=tokenizer.size)
        config = make_finetune_config(architecture, tokens, request, group.world_size)
    else:
        speeds = measure_speeds(tokenizer.size, group) if request.minutes < inf else UNLIMITED_SPEEDS
        config = make_config(tokenizer.size, tokens, request, group.world_size, speeds)
    group.rows(config.batch_size)  # raises UsageError if it cannot be divided
    require_batch_fits(config, tokens)
    return config
