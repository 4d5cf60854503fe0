"""Asks a trained model about one picture; what it says is told in pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.evaluation import device_of
from somtom.pipelines.question import TASKS, PredictRequest, ask
from somtom.pipelines.show_answers import Canvas, draw_said
from somtom.schemas.answers import Action, Point, dequantise
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.sample import Sample
from somtom.trainer.answer_kinds import MARKS, ROBOT, TRACES, parse_answer
from somtom.trainer.checkpoint import load_model
from somtom.trainer.speaker import Speaker

ENDINGS = (".png", ".jpg", ".jpeg")
_MOST = 1024  # ids of an answer


@dataclass(frozen=True)
class Prediction:
    """What the model says.

    Args:
        sample: the question as a data set would hold it, its last answer empty.
        kind, text: the answer as it is said.
        said: what it means, None where it cannot be read.
        source_size: width and height of the picture as it came.
    """

    sample: Sample
    kind: str
    text: str
    said: Any
    source_size: tuple[int, int]

    def as_dict(self) -> dict[str, Any]:
        """The plain tree that is written as JSON; every place in pixels of the picture as it came."""
        record = self.sample.record
        shrunk = np.array(self.source_size) / (record["width"], record["height"])
        marks = [
            (mark["id"], (np.array([mark["x"], mark["y"]]) + 0.5) * shrunk - 0.5) for mark in record["marks"]
        ]
        return {
            "question": record["conversations"][-2]["value"].replace("<image>", "").strip(),
            "answer": self.text,
            "readable": self.said is not None,
            "marks": [{"mark": number, **_xy(place)} for number, place in marks],
            "said": None if self.said is None else self._meaning(),
        }

    def _meaning(self) -> Any:
        def placed(point: Point) -> dict[str, float]:
            return _xy(dequantise(point, *self.source_size))

        if isinstance(self.said, Action):
            words = {"action": self.said.kind, "argument": self.said.argument}
            place = {} if self.said.mark is None else {"mark": self.said.mark, **placed(self.said.point)}
            return {name: value for name, value in words.items() if value} | place
        if self.kind == MARKS:
            return [{"mark": number, **placed(point)} for number, point in self.said.items()]
        if self.kind == TRACES:
            several = self.said.items() if isinstance(self.said, dict) else enumerate(self.said)
            named = isinstance(self.said, dict)
            return [
                {
                    **({"mark": number} if named else {}),
                    "trace": [list(placed(one).values()) for one in trace],
                }
                for number, trace in several
            ]
        return self.said.tolist() if self.kind == ROBOT else self.said


def _xy(place: NDArray[np.float64]) -> dict[str, float]:
    return {"x": round(float(place[0]), 1), "y": round(float(place[1]), 1)}


def predict(request: PredictRequest, checkpoint: Path, device: str, output: Path | None) -> Prediction:
    """Ask the model of a checkpoint, and draw what it says on the marked picture if `output` is given.

    Raises:
        ConfigError: the request contradicts itself or the picture, or there is no such device.
        DataError: a picture or the checkpoint cannot be read.
    """
    if output is not None and output.suffix.lower() not in ENDINGS:
        raise ConfigError(f"{output}: the picture's name must end in {', '.join(ENDINGS)}")
    sample, source_size = ask(request)
    model, vocabulary, settings = load_model(checkpoint)
    model.to(device_of(device)).eval()
    kind, text = (
        TASKS[request.task].kind,
        Speaker(model, vocabulary, settings.data).answer_last(sample, _MOST),
    )
    try:
        said = parse_answer(kind, text) if text else None
    except ValueError:
        said = None
    if output is not None:
        record = sample.record
        canvas = Canvas(decode_jpeg(sample.marked_jpeg), (record["width"], record["height"]))
        if said is not None:
            draw_said(canvas, record, kind, said)
        output.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(canvas.image).save(output)
    return Prediction(sample, kind, text, said, source_size)
