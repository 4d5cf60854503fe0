"""What a run on Spark needs to be told: where jar and master are, and who the workers are."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from somtom.pipelines.beam_options import is_given, value_of, values_of, with_default
from somtom.pipelines.config_rules import ConfigError

JAR = "SOMTOM_SPARK_JOB_SERVER_JAR"
ENVIRONMENTS = ("LOOPBACK", "EXTERNAL", "DOCKER", "PROCESS")


def complete_for_spark(arguments: Sequence[str]) -> list[str]:
    """Check options for Spark and fill in what can be known.

    The jar is named by --spark_job_server_jar or the environment's SOMTOM_SPARK_JOB_SERVER_JAR: Beam would
    download it otherwise. It is not needed where a job server runs already (--job_endpoint).

    Raises:
        ConfigError: something is wrong or missing.
    """
    arguments = list(arguments)
    if is_given(arguments, "job_endpoint"):
        _check_workers(arguments, "--job_endpoint")
        return arguments
    arguments = with_default(arguments, "spark_job_server_jar", os.environ.get(JAR, ""))
    jar = value_of(arguments, "spark_job_server_jar")
    if not jar:
        raise ConfigError(
            f"--runner spark: give -- --spark_job_server_jar=PATH, or set {JAR} (`make spark-job-server` "
            "fetches it), or name a job server that runs: --job_endpoint=HOST:PORT"
        )
    if "://" not in jar and not Path(jar).is_file():
        raise ConfigError(f"{jar}: is no file; `make spark-job-server` fetches Beam's Spark job server")
    if is_given(arguments, "spark_submit_uber_jar"):
        url = value_of(arguments, "spark_rest_url")
        if not re.match(r"https?://[^/:]+:\d+/?$", url):
            raise ConfigError(
                "--spark_submit_uber_jar needs --spark_rest_url=http://MASTER:6066 of a master with "
                f"spark.master.rest.enabled=true, not {url!r}"
            )
        _check_workers(arguments, "--spark_submit_uber_jar")
        return arguments
    arguments = with_default(arguments, "spark_master_url", "local[*]")
    master = value_of(arguments, "spark_master_url")
    if re.fullmatch(r"local(\[(\*|\d+)(,\s*\d+)?\])?", master):
        return with_default(arguments, "environment_type", "LOOPBACK")
    if not re.match(r"(spark|k8s|mesos)://.|yarn$", master):
        raise ConfigError(
            f"--spark_master_url={master}: is no master; write local[*], local[4], spark://HOST:7077, "
            "yarn or k8s://..."
        )
    _check_workers(arguments, f"--spark_master_url={master}")
    return arguments


def _check_workers(arguments: Sequence[str], cause: str) -> None:
    """On a cluster the executors must be told what Python workers to use."""
    kind = value_of(arguments, "environment_type").upper()
    if kind not in ENVIRONMENTS:
        said = f"not {kind!r}" if kind else "one of"
        raise ConfigError(
            f"{cause}: executors need Python workers: --environment_type must be EXTERNAL (with "
            "--environment_config=localhost:50000, where `somtom worker-pool` listens on each machine) or "
            f"DOCKER (with --environment_config=IMAGE), {said} {', '.join(ENVIRONMENTS)}"
        )
    told = is_given(arguments, "environment_config") or values_of(
        arguments, "environment_option", "environment_options"
    )
    if kind in ("EXTERNAL", "DOCKER") and not told:
        example = "localhost:50000" if kind == "EXTERNAL" else "REGISTRY/somtom:TAG"
        raise ConfigError(f"--environment_type={kind} needs --environment_config={example}")
