"""Magma in small: a ConvNeXt V2 encoder, a projector and a Llama-style decoder under one next-token loss."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ConvNextV2Config, ConvNextV2Model, LlamaConfig, LlamaForCausalLM

from somtom.schemas.pieces import BINS
from somtom.trainer.batch import IGNORED, Batch
from somtom.trainer.presets import BASE_IMAGE_SIZE, MADE
from somtom.trainer.pretrained import load_part
from somtom.trainer.settings import ModelSettings
from somtom.trainer.tokens import Vocabulary

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as the pretrained encoders want it
OCTAVES = 8  # waves of a place in its picture: 1, 2, 4 .. 128 half periods over its width
COARSE = 5  # the slowest ones, which neighbouring bins share


class Projector(nn.Module):
    """Features of the encoder's cells, and where each lies in its picture, to what the decoder reads."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.rise = nn.Linear(features, hidden)
        self.place = nn.Linear(4 * OCTAVES, hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, features: Tensor, places: Tensor) -> Tensor:
        """(M, features) and (M, 2) to (M, hidden)."""
        waves = self.place(waves_of(places).to(features.dtype))
        out: Tensor = self.out(functional.gelu(self.rise(self.norm(features)) + waves)) + waves
        return out


def waves_of(places: Tensor) -> Tensor:
    """Sines and cosines of (..., C) places, 0 to 1, at doubling frequencies: (..., C * 2 * OCTAVES)."""
    turns = places.float()[..., None] * (math.pi * 2.0 ** torch.arange(OCTAVES, device=places.device))
    return torch.cat([turns.sin(), turns.cos()], dim=-1).flatten(-2)


class Magma(nn.Module):
    """The whole model.

    `encoder` and `decoder` are the `transformers` classes and load with their `from_pretrained`.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: ConvNextV2Model,
        decoder: LlamaForCausalLM,
        image: int,
        image_size: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder.to(memory_format=torch.channels_last)
        self.decoder = decoder
        self.projector = Projector(encoder.config.hidden_sizes[-1], decoder.config.hidden_size)
        self.image, self.image_size = image, image_size
        # The mean over the picture is for classifying: no gradient ever reaches it.
        self.encoder.layernorm.requires_grad_(False)
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    @classmethod
    def from_settings(cls, settings: ModelSettings, vocabulary: Vocabulary, seed: int = 0) -> "Magma":
        """Make the model with first weights drawn from the seed, or, for `base`, from two local folders.

        Raises:
            DataError: `missing`, `unreadable`: a folder of pretrained weights.
        """
        torch.manual_seed(seed)
        if settings.preset == "base":
            encoder = load_part(ConvNextV2Model, settings.encoder, "model.encoder")
            decoder = load_part(LlamaForCausalLM, settings.decoder, "model.decoder")
            decoder.resize_token_embeddings(vocabulary.size, mean_resizing=False)
        else:
            preset = MADE[settings.preset]
            sizes = {"num_stages": len(preset.encoder["depths"]), "image_size": preset.image_size}
            encoder = ConvNextV2Model(ConvNextV2Config(**preset.encoder, **sizes))
            ids = {"bos_token_id": None, "eos_token_id": vocabulary.end, "pad_token_id": vocabulary.pad}
            decoder = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary.size, **ids, **preset.decoder))
        model = cls(encoder, decoder, vocabulary.image, image_size_of(settings))
        model._order_bins(vocabulary)
        return model

    @torch.no_grad()
    def _order_bins(self, vocabulary: Vocabulary) -> None:
        """Let neighbouring bins begin alike: waves of the bin's place, mixed, as large as other rows."""
        tables = [self.decoder.get_input_embeddings().weight]
        if not self.decoder.config.tie_word_embeddings:
            tables.append(self.decoder.get_output_embeddings().weight)
        waves = waves_of((torch.arange(BINS)[:, None] + 0.5) / BINS)
        waves = torch.cat([waves[:, :COARSE], waves[:, OCTAVES : OCTAVES + COARSE]], dim=1)
        for table in tables:
            for first in (vocabulary.first_bin, vocabulary.first_action):
                mix = torch.randn(waves.shape[1], table.shape[1]) / math.sqrt(waves.shape[1] / 2)
                scale = table[: vocabulary.base].float().std()
                table[first : first + BINS] = (waves @ mix * scale).to(table.dtype)

    def cells_a_side(self) -> int:
        """G: the encoder cuts a picture into G x G cells."""
        return self.image_size // stride_of(self.encoder.config)

    def forward(self, batch: Batch) -> Tensor:
        """Sum of the losses, in nats, over the tokens that are learnt.

        A batch without rows gives 0 with a gradient of 0 for every weight, so that a rank without samples
        takes part in the exchange of gradients.
        """
        if not len(batch.ids):
            return torch.stack(
                [weight.sum() * 0 for weight in self.parameters() if weight.requires_grad]
            ).sum()
        hidden = self.decoder.model(
            inputs_embeds=self.embed(batch),
            attention_mask=None if batch.segments is None else block_causal(batch.segments),
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state  # (B, L, D)
        learnt = batch.labels != IGNORED
        logits = self.decoder.lm_head(hidden[learnt])  # only where something is learnt: (K, ids)
        return functional.cross_entropy(logits.float(), batch.labels[learnt], reduction="sum")

    def embed(self, batch: Batch) -> Tensor:
        """What the decoder reads, (B, L, D): the ids' embeddings, with pictures' cells at the <image> ids."""
        embedded: Tensor = self.decoder.get_input_embeddings()(batch.ids)
        shown = self.see(batch.pixels, batch.cells, batch.places)
        return embedded.masked_scatter((batch.ids == self.image)[..., None], shown.to(embedded.dtype))

    def see(self, pixels: Tensor, cells: Tensor, places: Tensor) -> Tensor:
        """The shown cells of the pictures as the decoder reads them: (M, D); arguments as in `Batch`."""
        scaled = (pixels.float() - self.mean) / self.std
        scaled = scaled.contiguous(memory_format=torch.channels_last)
        features = self.encoder(scaled).last_hidden_state  # (N, F, G, G)
        flat = features.permute(0, 2, 3, 1).flatten(0, 2)[cells]  # (M, F)
        seen: Tensor = self.projector(flat, places)
        return seen


def block_causal(segments: Tensor) -> Tensor:
    """Which positions each position sees, (B, 1, L, L) bool: the earlier ones of its own sample, and itself.

    A position that only fills up its row sees itself alone: a row of a mask without any would give NaN.
    """
    length = segments.shape[1]
    same = (segments[:, None, :] == segments[:, :, None]) & (segments != 0)[:, None, :]
    earlier = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    itself = torch.eye(length, dtype=torch.bool, device=segments.device)
    return ((same & earlier) | itself)[:, None]


def image_size_of(settings: ModelSettings) -> int:
    """Pixels of the square that pictures are scaled into."""
    return settings.image_size or (
        MADE[settings.preset].image_size if settings.preset in MADE else BASE_IMAGE_SIZE
    )


def stride_of(config: ConvNextV2Config) -> int:
    """Pixels between the encoder's cells."""
    return int(config.patch_size * 2 ** (len(config.depths) - 1))
