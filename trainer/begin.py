"""What a new run begins with: its vocabulary and the model's first weights."""

from collections.abc import Iterator
from pathlib import Path

from somtom.schemas.reasons import DataError
from somtom.trainer.checkpoint import load_model
from somtom.trainer.model import Magma, image_size_of
from somtom.trainer.pretrained import model_config
from somtom.trainer.samples import Samples
from somtom.trainer.settings import ModelSettings
from somtom.trainer.tokens import Vocabulary, load_tokenizer, make_vocabulary, train_vocabulary

TEXTS_OF = 20_000  # samples whose texts a tokenizer is trained on at the most, taken evenly from all


def begin(settings: ModelSettings, samples: Samples, seed: int) -> tuple[Magma, Vocabulary]:
    """Make the vocabulary and the model of a new run; the same settings, samples and seed give the same.

    With `start` both are those of another run, whatever that learnt from; only its model must be the same.

    Raises:
        DataError: a pretrained part, its tokenizer or the other run is not there or does not fit.
    """
    if settings.start:
        model, vocabulary, before = load_model(Path(settings.start))
        shapes = [(one.preset, image_size_of(one)) for one in (before.model, settings)]
        if shapes[0] != shapes[1]:
            raise DataError(
                "unsupported",
                f"model.start = {settings.start!r}: is {shapes[0][0]} for pictures of {shapes[0][1]} px, not "
                f"{shapes[1][0]} for {shapes[1][1]}: set model.preset and model.image_size to its own",
            )
        return model, vocabulary
    if settings.preset == "base":
        known = model_config(Path(settings.decoder), "model.decoder").get("vocab_size", 0)
        tokenizer = load_tokenizer(Path(settings.tokenizer or settings.decoder))
        vocabulary = make_vocabulary(tokenizer, settings.mark_tokens, known)
    else:
        vocabulary = train_vocabulary(texts_of(samples), settings.vocabulary, settings.mark_tokens)
    return Magma.from_settings(settings, vocabulary, seed), vocabulary


def texts_of(samples: Samples) -> Iterator[str]:
    """Every turn of the samples, or of TEXTS_OF of them."""
    count = min(len(samples), TEXTS_OF)
    for number in range(count):
        record = samples.read_record(number * len(samples) // count)
        yield from (turn["value"] for turn in record["conversations"])
