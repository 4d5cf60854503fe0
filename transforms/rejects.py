"""What becomes of a clip that gives no sample."""

import logging

from somtom.schemas.books import LABEL
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Ref
from somtom.schemas.tracks_table import StoredClip


def crash() -> DataError:
    """Say of a clip that it killed its process too often."""
    return DataError("crashed", "the process died again and again while it worked on this clip; leave it out")


def rejected_clip(ref: Ref, error: DataError) -> StoredClip:
    """What is stored of a clip that cannot be used."""
    return StoredClip(ref, reject=reject_of(ref, error))


def reject_of(ref: Ref, error: DataError) -> Reject:
    """The reject of a clip that cannot be labelled."""
    logging.getLogger(__name__).info("%s %s: %s", ref.uri, ref.key, error.message)
    return Reject(ref.dataset, ref.uri, ref.key, LABEL, error.reason, error.message, ref.start_s)
