"""The benchmarks: every implementation and every idle object can be made, and the tables show all results."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from afterglow.core.errors import TextError
from afterglow.core.model import Model, load
from afterglow.core.text.copy_detection import copied_run_lengths, indexed_run_lengths
from afterglow.core.text.corpus import read_corpora, read_corpus
from afterglow.core.text.formats import ReadOptions

sys.path.append(str(Path(__file__).parent.parent))
pytest.importorskip("benchmarks", reason="the benchmarks are not here: this is no checkout")

from benchmarks import reindex, serving, tables
from benchmarks.attribution import Classifier, known_share
from benchmarks.implementations import IMPLEMENTATIONS
from benchmarks.labelled_list import KINDS, make_names
from benchmarks.results import Results


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_every_implementation_draws_tokens(name: str, tiny: Model) -> None:
    if "torch" in name:
        pytest.importorskip("afterglow.core.training.model")
    assert IMPLEMENTATIONS[name](tiny, 2)(3) > 0


@pytest.mark.parametrize("kind", serving.PARKED_KINDS)
def test_every_idle_object_can_be_made(kind: str, tiny: Model) -> None:
    assert serving.PARKED_KINDS[kind](tiny)(1)


def test_the_tables_show_every_result() -> None:
    results: Results = {
        "model": "2 x 512 over 65 tokens",
        "machine": "2 x CPU",
        "rounds": 7,
        "rows": (1, 8),
        "seconds_per_token": {"afterglow": [0.00002, 0.00001]},
        "ratios": {"afterglow": [1.0, 1.1]},
        "processes": {"afterglow": {"seconds": 0.31, "peak_bytes": 82e6}},
        "roofline": {"1 row": {"seconds": 22e-6, "least": 20e-6}},
        "gaps": {"median_ms": 2.7, "p99_ms": 7.1, "others_per_second": 23_450},
        "lens": 7_765,
        "terminal": [{"what": "first paint", "figure": 463, "unit": "ms", "target": 700}],
        "learning": {"rows": (32, 128), "speeds": {"afterglow": [14_300, 12_100]}, "shares": [0.79, 0.67]},
        "parked": {"a stream": 8_500},
    }
    figures = ("50,000", "100,000", "1.1", "0.31", "82", "1.10 x 20", "2.7 ms", "7.1 ms", "23,450", "7,765", "463 ms")
    for page in (tables.as_text(results), tables.as_page(results, "make bench")):
        for figure in (*figures, "14,300", "79%", "8.5 KB", "2 x 512"):
            assert figure in page


def test_a_text_is_attributed_to_the_author_who_writes_like_it() -> None:
    lamp = (Path(__file__).parent / "data" / "lamp.txt").read_text("utf-8")
    texts = {"writer": lamp, "backwards": lamp[::-1], "loud": lamp.upper()}
    classifier = Classifier({author: text[:4000] for author, text in texts.items()})
    pieces = {author: [text[start : start + 500] for start in (4000, 4500)] for author, text in texts.items()}
    assert classifier.confusion(pieces).tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    swapped = {"writer": pieces["loud"], "backwards": [], "loud": pieces["writer"][:1]}
    assert classifier.confusion(swapped).tolist() == [[0, 0, 2], [0, 0, 0], [1, 0, 0]]


def test_words_are_known_in_any_case_and_the_last_of_a_text_does_not_count() -> None:
    known = known_share(
        {"a": ["The lamp is glip and cu"], "b": ["Lamp xyzzy t"]}, {"the", "lamp", "is", "and", "keeper"}
    )
    assert known == 5 / 7


def test_made_names_are_different_and_of_every_kind() -> None:
    names = make_names(300)
    assert len(dict(names)) == 300
    assert {kind for _, kind in names} == set(KINDS)
    assert make_names(300) == names


def test_the_code_of_the_book_and_afterglow_are_judged_on_the_same_characters(tiny: Model) -> None:
    pytest.importorskip("afterglow.core.training.model")
    from benchmarks import chapter9

    corpus = read_corpora([str(Path(__file__).parent / "data" / "lamp.txt")], ReadOptions(lower=True))
    texts = chapter9.split(corpus)
    _, targets = chapter9.windows_of(texts.held_out, 1)
    assert len(targets) == len(chapter9.surprise_after_window(tiny, corpus))
    characters = sorted(corpus.counts)
    (start, end), *_ = corpus.parts.test
    assert "".join(characters[n] for n in targets.tolist()) == corpus.text[start + chapter9.WINDOW : end]
    assert sum(map(len, texts.train)) == start


def test_a_model_gets_a_new_index_and_figures_on_copies_and_stays_the_same(tiny: Model, tmp_path: Path) -> None:
    text, path = Path(__file__).parent / "data" / "lamp.txt", tmp_path / "mine.safetensors"
    corpus = read_corpus(text)
    card = replace(tiny.file.card, corpus_sha256=corpus.sha256, characters=len(corpus.text), made="2026-11-01")
    replace(tiny.file, card=card).save(path)
    path.chmod(0o640)
    assert reindex.reindex(str(path), str(text)).startswith(f"{path}: copied 0.")
    model = load(str(path))
    assert model.file.sha256 == tiny.file.sha256
    assert path.stat().st_mode & 0o777 == 0o640
    card, index = model.file.card, model.file.index
    assert card.made == "2026-11-01"
    assert index
    assert index.prints.nbytes + index.starts.nbytes <= 0.15 * sum(each.nbytes for each in model.file.tensors.values())
    unseen = [copied_run_lengths(part.text, corpus.train_text) > 0 for part in corpus.test]
    assert card.unseen_in_runs_of_16 == round(sum(map(sum, unseen)) / sum(map(len, unseen)), 4)
    sample = model.generate("\n", length=4000, temperature=0.8, rng=1, stop=())
    exact, noticed = copied_run_lengths(sample, corpus.train_text), indexed_run_lengths(sample, index)
    assert card.copied_in_runs_of_16 == round(float((exact > 0).mean()), 4)
    assert card.noticed_by_index == round((noticed > 0).sum() / (exact > 0).sum(), 4)
    with pytest.raises(TextError, match="is not the text that"):
        reindex.reindex(str(path), __file__)
