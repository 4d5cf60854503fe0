"""The stores that Beam knows (s3://, gs://, hdfs://, ...), and what goes wrong there in plain words."""

import contextlib
import errno
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

# What a store's library raises that is no OSError; looked up once it is loaded.
_FOREIGN = (
    ("apache_beam.io.aws.clients.s3.messages", "S3ClientError"),
    ("google.api_core.exceptions", "GoogleAPIError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("hdfs.util", "HdfsError"),
)
# scheme -> the module that its file system needs, and how to get it
NEEDS = {
    "s3": ("boto3", 'pip install "somtom[aws]"'),
    "gs": ("google.cloud.storage", 'pip install "somtom[gcp]"'),
    "hdfs": ("hdfs", 'pip install "apache-beam[hadoop]"'),
}


def file_systems() -> Any:
    """Beam's file systems, imported only where something remote is touched."""
    from apache_beam.io.filesystems import FileSystems

    from somtom.sources.s3_client import mend_s3

    mend_s3()
    if FileSystems._pipeline_options is None:  # a pipeline sets them: its workers have them already
        set_store_options(())
    return FileSystems


def set_store_options(arguments: Sequence[str]) -> None:
    """Set Beam's options for stores in this process, such as `--s3_endpoint_url=...`."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(list(arguments)))


def abort_died_uploads(uri: str) -> int:
    """Take away what uploads that died have left below a URI, where a store keeps such for ever.

    Call it only when nobody writes there. Returns how many.

    Raises:
        OSError: the store failed.
    """
    if not uri.startswith("s3://"):
        return 0
    from somtom.sources.s3_client import abort_uploads

    with told_plainly(uri):
        return abort_uploads(uri, file_systems()._pipeline_options)


def check_uri(uri: str) -> None:
    """See that this process can reach stores of this kind at all.

    Raises:
        OSError: it cannot; why.
    """
    with told_plainly(uri):
        try:
            file_systems().get_filesystem(uri)
        except ValueError as error:
            words = str(error).replace(":", ",")
            raise OSError(errno.ENOSYS, f"this store cannot be used ({words})", uri) from error


def missing_package(uri: str) -> str:
    """How to get what the URI's file system needs, "" where it is there."""
    module, cure = NEEDS.get(uri.partition("://")[0], ("", ""))
    try:
        return "" if not module or importlib.util.find_spec(module) is not None else cure
    except ModuleNotFoundError:  # of a package within a package
        return cure


def check_credentials(uri: str) -> None:
    """See that an output has credentials, where a store's library would try without them for minutes.

    That is Google's. It asks whether this is a machine of Google's, which takes ten seconds where it is none.

    Raises:
        OSError: there are none.
    """
    if not uri.startswith("gs://") or os.environ.get("STORAGE_EMULATOR_HOST"):
        return
    from apache_beam.options.pipeline_options import GoogleCloudOptions

    if file_systems()._pipeline_options.view_as(GoogleCloudOptions).no_auth:
        return
    auth = importlib.import_module("google.auth")
    try:
        auth.default()
    except auth.exceptions.DefaultCredentialsError as error:
        cure = "run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS"
        raise OSError(errno.EACCES, f"no credentials; {cure}", uri) from error


@contextlib.contextmanager
def told_plainly(place: str) -> Iterator[None]:
    """Turn what a store raises into one plain OSError that names the place.

    Raises:
        OSError: with a number, words in one line, and the place.
    """
    if cure := missing_package(place):
        raise OSError(errno.ENOSYS, f"this store needs a package; {cure}", place)
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, *_foreign())):
            raise
        raise _plain(error, place) from error


def _foreign() -> tuple[type[Exception], ...]:
    return tuple(getattr(sys.modules[module], name) for module, name in _FOREIGN if module in sys.modules)


def _plain(error: Exception, place: str) -> OSError:
    """The innermost error: Beam wraps one into another, each with a table of the places concerned."""
    while details := getattr(error, "exception_details", None):
        inner = next(iter(details.values())) if isinstance(details, dict) else None
        if not isinstance(inner, Exception):
            break
        error = inner
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, error.strerror, error.filename or place)
    words = " ".join(str(error).replace(":", ",").split())
    return OSError(errno.EIO, f"the store failed ({type(error).__name__} {words})"[:500], place)
