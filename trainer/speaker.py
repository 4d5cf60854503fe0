"""A trained model that reads samples, says its answers, and tells how likely the true ones were to it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from somtom.schemas.reasons import DataError
from somtom.schemas.sample import Sample
from somtom.trainer.collate import Example, make_example, stack_pictures
from somtom.trainer.generate import generate
from somtom.trainer.letterbox import View
from somtom.trainer.model import Magma, stride_of
from somtom.trainer.settings import DataSettings
from somtom.trainer.tokens import Vocabulary
from somtom.trainer.turns import Span


@dataclass(frozen=True)
class Heard:
    """A sample as the decoder reads it: (L, D) `embedded` stands for the example's L ids and pictures."""

    example: Example
    embedded: Tensor

    @property
    def answers(self) -> tuple[Span, ...]:
        """The spans of the answers, in order."""
        return tuple(span for span in self.example.turns.spans if span.kind)


class Speaker:
    """The model with what it reads by; it must be in its evaluation mode (`speaking`).

    `settings` are those that it learns with: they say what it is shown and asked. Questions are asked
    however long they are.
    """

    def __init__(self, model: Magma, vocabulary: Vocabulary, settings: DataSettings) -> None:
        self._model, self._vocabulary = model, vocabulary
        self._settings = replace(settings, max_tokens=0)
        self._view = View(model.image_size, stride_of(model.encoder.config))

    def example(self, sample: Sample) -> Example | None:
        """Decode and encode a sample; None where it has no question of a kind that the model learns.

        Raises:
            DataError: `bad_record`: a picture is damaged.
        """
        try:
            return make_example(sample, self._vocabulary, self._view, self._settings)
        except DataError as error:
            if error.reason != "unsupported":
                raise
            return None

    @torch.inference_mode()
    def read(self, examples: Sequence[Example]) -> list[Heard]:
        """Show the model the pictures, each once, and look the texts up."""
        device, lookup = self._model.mean.device, self._model.decoder.get_input_embeddings()
        stacked = stack_pictures([picture for one in examples for picture in one.pictures], self._view)
        counts = [sum(len(picture.cells) for picture in one.pictures) for one in examples]
        seen = self._model.see(*(part.to(device) for part in stacked)).split(counts)
        heard = []
        for example, cells in zip(examples, seen, strict=True):
            ids = torch.from_numpy(example.turns.ids).to(device)
            embedded = lookup(ids)
            embedded[ids == self._vocabulary.image] = cells.to(embedded.dtype)
            heard.append(Heard(example, embedded))
        return heard

    def answer(self, heard: Sequence[Heard], most: Sequence[Sequence[int]]) -> list[list[str]]:
        """Say an answer to each question, given the true answers to the ones before.

        Args:
            most: ids that each answer of each sample may have; 0 where it is not asked for. Such an answer is
                empty, and so is one that the decoder has no room for after its question.
        """
        room = int(self._model.decoder.config.max_position_embeddings)
        asked = [
            (number, place, one.embedded[: span.start + 1], allowed)
            for number, (one, each) in enumerate(zip(heard, most, strict=True))
            for place, (span, allowed) in enumerate(zip(one.answers, each, strict=True))
            if allowed and span.start + 1 + allowed <= room
        ]
        said = [[""] * len(one.answers) for one in heard]
        asked.sort(key=lambda one: (one[3], len(one[2])))  # what takes equally long stands together
        for start in range(0, len(asked), len(heard)):
            some = asked[start : start + len(heard)]
            prompts, allowed = [one[2] for one in some], [one[3] for one in some]
            answers = generate(self._model.decoder, prompts, self._vocabulary.end, allowed)
            for (number, place, _, _), ids in zip(some, answers, strict=True):
                said[number][place] = self._vocabulary.decode(ids)
        return said

    def answer_last(self, sample: Sample, most: int) -> str:
        """Say an answer of at most so many ids to the last question of a sample of any kind.

        Raises:
            DataError: `bad_record`: a picture is damaged.
        """
        settings = replace(self._settings, answers=())
        example = make_example(sample, self._vocabulary, self._view, settings)
        (heard,) = self.read([example])
        asked = len(heard.answers)
        return self.answer([heard], [[0] * (asked - 1) + [most]])[0][-1]

    @torch.inference_mode()
    def losses(self, heard: Sequence[Heard]) -> list[list[tuple[float, int]]]:
        """For each sample and each of its true answers: nats, summed over its tokens, and their number."""
        decoder = self._model.decoder  # its `forward`, as in `generate`
        rows = nn.utils.rnn.pad_sequence([one.embedded for one in heard], batch_first=True)
        hidden = decoder.model.forward(inputs_embeds=rows, use_cache=False).last_hidden_state  # (B, L, D)
        found = []
        for one, row in zip(heard, hidden, strict=True):
            of_answers = []
            for span in one.answers:
                ids = torch.from_numpy(one.example.turns.ids[span.start + 1 : span.stop]).to(row.device)
                logits = decoder.lm_head(row[span.start : span.stop - 1]).float()  # (tokens, ids)
                of_answers.append((float(functional.cross_entropy(logits, ids, reduction="sum")), len(ids)))
            found.append(of_answers)
        return found


@contextmanager
def speaking(model: nn.Module) -> Iterator[None]:
    """Put the model into its evaluation mode, and back as it was in the end."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
