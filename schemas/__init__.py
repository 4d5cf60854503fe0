"""What flows through the pipeline and what is written: types, fields, keys, tar and tables.

Importing this package costs NumPy and nothing else, and so does reading a finished data set by `iterate`.
"""

from somtom.schemas.reader import iterate, list_splits
from somtom.schemas.reasons import DataError
from somtom.schemas.typed_sample import Picture, TypedSample

__all__ = ["DataError", "Picture", "TypedSample", "iterate", "list_splits"]
