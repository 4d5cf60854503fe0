"""From a stored clip to a sample: everything that relabelling does again, by what the clip is."""

from collections.abc import Mapping

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.sample import Sample
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tracks_table import StoredClip
from somtom.transforms.filters import refuse_scores
from somtom.transforms.label_clip import label_clip
from somtom.transforms.label_pair import label_pair
from somtom.transforms.label_screen import label_screen


def label(clip: StoredClip, settings: BuildSettings, stats: Mapping[str, ActionStats]) -> Sample:
    """Make the sample of a clip whose pictures are given; `stats` holds each robot data set's actions.

    Raises:
        DataError: the clip is filtered.
    """
    sample = _label(clip, settings, stats)
    refuse_scores(sample.record["quality"], settings.filter)
    return sample


def _label(clip: StoredClip, settings: BuildSettings, stats: Mapping[str, ActionStats]) -> Sample:
    if clip.annotation.screen is not None:
        return label_screen(clip, settings)
    if clip.annotation.turns:
        return label_pair(clip, settings)
    return label_clip(clip, settings, stats.get(clip.ref.dataset))
