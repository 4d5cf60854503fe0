"""The shapes of the models that are made here; `base` takes both of its halves from disk."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """One shape.

    Args:
        image_size: pixels of the square that pictures are scaled into.
        encoder: fields of `ConvNextV2Config`. The features' stride is 4 * 2 ** (stages - 1) pixels.
        decoder: fields of `LlamaConfig`, without those that the vocabulary decides.
    """

    image_size: int
    encoder: dict[str, Any]
    decoder: dict[str, Any]


MADE: dict[str, Preset] = {
    # 3 stages: stride 16. A map of 14 x 14 costs little, and 256 bins of coordinates can be read off it.
    "nano": Preset(
        224,
        {"hidden_sizes": [32, 64, 128], "depths": [1, 1, 2], "initializer_range": 0.15},
        {
            "hidden_size": 128,
            "intermediate_size": 352,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 8192,
            # With 0.02, meant for wide models, attention begins flat, and all learns slowly; and what is
            # looked for in a picture is far off in the row: positions turn slowly (docs/trainer.md).
            "initializer_range": 0.12,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
        },
    ),
    # ConvNeXt V2 tiny without its last stage, and a decoder of the shape of the 135 M SmolLM2, wider.
    "small": Preset(
        384,
        {"hidden_sizes": [96, 192, 384], "depths": [3, 3, 12]},
        {
            "hidden_size": 768,
            "intermediate_size": 2048,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 4,
            "max_position_embeddings": 8192,
        },
    ),
}
BASE_IMAGE_SIZE = 512  # of pictures for a pretrained encoder, whose four stages have stride 32
