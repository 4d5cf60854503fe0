"""What a run on Dataflow needs to be told, checked before a job is submitted and costs."""

import re
from collections.abc import Mapping, Sequence

from somtom.pipelines.beam_options import is_given, refuse_unknown, value_of, values_of, with_default
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.dataflow_machines import check_machine, read_accelerator

GPU_THREADS = 4  # of a worker's one process: while one is at the GPU, the others decode, label and write
ONE_PROCESS = "no_use_multiple_sdk_containers"

_NEEDED = {
    "project": (r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", "the project's id"),
    "region": (r"[a-z]+-[a-z]+\d+", 'a region, such as "europe-west4" (a zone is --worker_zone)'),
    "temp_location": (
        r"gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/.*)?",
        'a folder, such as "gs://BUCKET/temp"',
    ),
    "sdk_container_image": (r"[^\s]+[:@][^\s/]+", "the workers' image with its tag, see docker/Dockerfile"),
}
_OPTIONAL = {
    "staging_location": _NEEDED["temp_location"],
    "job_name": (r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "small letters, digits and hyphens, a letter first"),
}


def complete_for_dataflow(
    arguments: Sequence[str], hints: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Check options and resource hints for Dataflow and fill in what can be known; gives both.

    With an accelerator, each worker runs one process whose threads share the GPU and the model.

    Raises:
        ConfigError: something is wrong or missing.
    """
    refuse_unknown(arguments)
    for name, (pattern, meaning) in (_NEEDED | _OPTIONAL).items():
        value = value_of(arguments, name)
        if not (value or is_given(arguments, name)) and name in _NEEDED:
            raise ConfigError(f"--runner dataflow: give -- --{name}=..., {meaning}")
        if is_given(arguments, name) and not re.fullmatch(pattern, value):
            raise ConfigError(f"--{name}={value}: must be {meaning}")
    for machine in values_of(arguments, "machine_type", "worker_machine_type"):
        check_machine(machine)
    complete, told = list(arguments), dict(hints)
    if "min_ram" in told and not re.fullmatch(r"\d+(\.\d+)? ?([KMGT]i?)?B", told["min_ram"]):
        raise ConfigError(f'--min-ram {told["min_ram"]}: write it as "16GB"')
    services = [one for value in values_of(arguments, "dataflow_service_options") for one in value.split(",")]
    if any(one.startswith("worker_accelerator") for one in services):
        raise ConfigError(
            "--dataflow_service_options=worker_accelerator=...: would give scanning workers a GPU, too; "
            "write it as --accelerator TYPE in front of the --"
        )
    if told and is_given(arguments, "flexrs_goal"):
        raise ConfigError("--flexrs_goal: does not go with --accelerator and --min-ram")
    if "accelerator" in told:
        told["accelerator"] = str(read_accelerator(told["accelerator"]))
        if ONE_PROCESS not in values_of(arguments, "experiments", "experiment"):
            complete.append(f"--experiments={ONE_PROCESS}")
        complete = with_default(complete, "number_of_worker_harness_threads", str(GPU_THREADS))
    return with_default(complete, "staging_location", value_of(arguments, "temp_location")), told
