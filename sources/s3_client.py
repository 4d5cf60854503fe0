"""Beam's client of S3, mended: one a process, with time-outs, and errors that say what to do.

Beam 2.77 makes a new client for every call, sets no time-outs, tries for ten minutes in silence where
credentials are missing or nothing answers, and logs the traceback of an upload that fails as nobody's.
"""

import errno
import functools
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from apache_beam.io.aws import s3io
from apache_beam.io.aws.clients.s3 import boto3_client
from apache_beam.io.aws.clients.s3.messages import S3ClientError
from apache_beam.options.pipeline_options import PipelineOptions, S3Options
from apache_beam.utils.retry import PermanentException

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 20
TRIES = 4  # of one request, backing off: too many requests, 5xx, time-outs
CONNECTIONS = 32


class StoreFailed(PermanentException, OSError):  # type: ignore[misc] # Beam's class counts as Any
    """What S3 answered, as an error of the operating system that Beam does not try again."""


def mend_s3() -> None:
    """Let Beam make clients of this kind; without boto3 nothing is changed, and Beam says what is missing."""
    if boto3_client.boto3 is not None:
        boto3_client.Client = SteadyClient
        boto3_client.get_http_error_code = _status_of
        s3io.logging = SimpleNamespace(**{**vars(logging), **_methods(logging.getLogger(s3io.__name__))})


def _methods(logger: logging.Logger) -> dict[str, Callable[..., None]]:
    return {name: getattr(logger, name) for name in ("debug", "info", "error", "log")}


def _status_of(error: object) -> int | None:
    """The status of the answer, if there was one; Beam's own fails where a connection timed out."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return None
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return int(status) if status is not None else None


class SteadyClient:
    """Stands in for Beam's client: the same calls, the same answers."""

    def __init__(self, options: Any) -> None:
        if not isinstance(options, PipelineOptions):
            options = PipelineOptions.from_dictionary(dict(options or {}))
        s3 = options.view_as(S3Options)
        self.client = _boto3_client(
            region_name=s3.s3_region_name,
            api_version=s3.s3_api_version,
            use_ssl=not s3.s3_disable_ssl,
            verify=s3.s3_verify,
            endpoint_url=s3.s3_endpoint_url,
            aws_access_key_id=s3.s3_access_key_id,
            aws_secret_access_key=s3.s3_secret_access_key,
            aws_session_token=s3.s3_session_token,
        )
        # Its constructor would make a client of its own.
        self._beam = _BEAM_CLIENT.__new__(_BEAM_CLIENT)
        self._beam.client = self.client

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        return functools.partial(_answer, getattr(self._beam, name))

    def get_range(self, request: Any, start: int, end: int) -> bytes:
        """Read bytes of an object, the last one excluded, by a request of its own: threads may share us."""
        return bytes(_answer(self._read, request, start, end))

    def _read(self, request: Any, start: int, end: int) -> bytes:
        answer = self.client.get_object(
            Bucket=request.bucket, Key=request.object, Range=f"bytes={start}-{end - 1}"
        )
        return bytes(answer["Body"].read())

    def complete_multipart_upload(self, request: Any) -> None:
        """End an upload; Beam sends no part for an empty object, which S3 refuses."""
        if request.parts:
            _answer(self._beam.complete_multipart_upload, request)
            return
        place = {"Bucket": request.bucket, "Key": request.object}
        self.client.abort_multipart_upload(UploadId=request.upload_id, **place)
        self.client.put_object(Body=b"", **place)


_BEAM_CLIENT = boto3_client.Client


@functools.lru_cache(maxsize=8)
def _boto3_client(**arguments: Any) -> Any:
    from botocore.config import Config

    patience = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        max_pool_connections=CONNECTIONS,
    )
    return boto3_client.boto3.session.Session().client("s3", config=patience, **arguments)


def _answer(call: Callable[..., Any], request: Any, *rest: Any) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call(request, *rest)
    except (S3ClientError, BotoCoreError, ClientError) as error:
        cause = error.__context__ if isinstance(error, S3ClientError) else error
        status = _status_of(cause) or getattr(error, "code", None)
        if status == 404 and isinstance(error, S3ClientError) and not _lacks_bucket(cause):
            raise  # Beam knows what that means
        number, why = _explain(cause, status)
        place = f"s3://{request.bucket}/{getattr(request, 'object', None) or getattr(request, 'prefix', '')}"
        raise StoreFailed(number, why, place) from error


def _lacks_bucket(cause: object) -> bool:
    response = getattr(cause, "response", None)
    return isinstance(response, dict) and response.get("Error", {}).get("Code") == "NoSuchBucket"


def _explain(cause: BaseException | None, status: int | None) -> tuple[int, str]:
    """Number and words of an error of the operating system; no colon in them, since logs are read by it."""
    from botocore import exceptions

    if isinstance(cause, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return (
            errno.EACCES,
            "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or run `aws configure`",
        )
    if isinstance(cause, exceptions.HTTPClientError):
        return errno.ETIMEDOUT, f"the store does not answer ({type(cause).__name__} in {TRIES} tries)"
    if _lacks_bucket(cause):
        return errno.ENOENT, "there is no such bucket"
    if status in (401, 403):
        return errno.EACCES, f"the store refuses (status {status}); are these the right credentials?"
    words = " ".join(str(cause).replace(":", ",").split())
    return errno.EIO, f"the store failed ({words})"


def abort_uploads(uri: str, options: Any) -> int:
    """Abort the uploads below a `s3://` URI that were begun and never ended; they are invisible, and cost.

    Call it only when nobody writes there. Returns how many.
    """
    client = SteadyClient(options).client
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    place = {"Bucket": bucket, "Prefix": prefix.rstrip("/") + "/"}

    def abort(_: object) -> int:
        pages = client.get_paginator("list_multipart_uploads").paginate(**place)
        uploads = [upload for page in pages for upload in page.get("Uploads", ())]
        for one in uploads:
            client.abort_multipart_upload(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])
        return len(uploads)

    return int(_answer(abort, SimpleNamespace(bucket=bucket, object=prefix)))
