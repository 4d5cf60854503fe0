"""Brings a data set from a store to a folder on this machine."""

from pathlib import Path

from somtom.pipelines.mirror import WORK, is_as_stored, stamp
from somtom.pipelines.output import OutputError
from somtom.pipelines.store_lock import LOCKS
from somtom.schemas.folder import CONFIG, META
from somtom.sources.files import is_remote
from somtom.sources.stores import check_uri
from somtom.transforms.store import Store


def fetch_data_set(uri: str, folder: Path) -> tuple[int, int]:
    """Fetch what is not in the folder yet, or of another size or time; returns files and bytes fetched.

    Files of the folder that the store does not hold are left as they are.

    Raises:
        OutputError: `uri` is no URI, holds no data set, or a run is working on it.
    """
    if not is_remote(uri):
        raise OutputError(f"{uri}: is no URI of a store, such as s3://bucket/folder")
    check_uri(uri)
    store = Store(uri.rstrip("/"))
    stored = store.names()
    if f"{META}/{CONFIG}" not in stored:
        raise OutputError(f"{store.uri}: holds no data set ({META}/{CONFIG} is missing)")
    if any(name.startswith(f"{LOCKS}/") for name in stored):
        raise OutputError(f"{store.uri}: a run is working on it, or died; run its build to the end first")
    wanted = [
        name
        for name, one in sorted(stored.items())
        if not name.startswith(f"{WORK}/") and not is_as_stored(folder / name, one)
    ]
    store.fetch_all(wanted, folder)
    for name in wanted:
        stamp(folder / name, stored[name])
    return len(wanted), sum(stored[name].size_bytes for name in wanted)
