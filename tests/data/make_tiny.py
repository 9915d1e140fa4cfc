"""Train the tiny model that the tests play: python tests/data/make_tiny.py (20 s; needs the train extra)."""

from pathlib import Path

from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import Architecture
from afterglow.core.text.corpus import read_corpus
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer
from afterglow.core.training.convert import to_model_file
from afterglow.core.training.sizes import Dropout
from afterglow.core.training.train_config import TrainConfig
from afterglow.core.training.trainer import Trainer

HERE = Path(__file__).parent


def main() -> None:
    corpus = read_corpus(HERE / "lamp.txt")
    for tokenizer in (CharTokenizer.from_text(corpus.text), ByteTokenizer()):
        shape = Architecture(tokenizer.size, 16, 2, 48)
        recipe = TrainConfig(shape, Dropout(), epochs=120, batch_size=8, seq_len=48, learning_rate=1e-2, evaluations=10)
        trainer = Trainer(recipe, tokenizer.encode(corpus.text), [tokenizer.encode(part.text) for part in corpus.valid])
        for _ in trainer.run():
            pass
        card = Card(corpus.name, corpus.sha256, len(corpus.text), settings={"temperature": 0.8}, licence="MIT")
        to_model_file(trainer.result(), tokenizer, card).save(HERE / f"tiny-{tokenizer.kind}.safetensors")


if __name__ == "__main__":
    main()
