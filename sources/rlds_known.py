"""What is known of published RLDS data sets and does not stand in them."""

from collections.abc import Mapping
from typing import TypeVar

DEFAULT_HZ = 10.0
# Control steps a second by the beginning of the data set's name, as their publishers give them: RLDS itself
# has no times. Collected in RoboticsDiffusionTransformer (thu-ml), configs/dataset_control_freq.json;
# LIBERO's is that of its simulator.
CONTROL_HZ = {
    "austin_": 20.0,
    "bc_z": 10.0,
    "berkeley_autolab_ur5": 5.0,
    "berkeley_cable_routing": 10.0,
    "berkeley_fanuc": 10.0,
    "bridge": 5.0,
    "droid": 15.0,
    "fmb": 10.0,
    "fractal": 3.0,
    "furniture_bench": 10.0,
    "jaco_play": 10.0,
    "kuka": 10.0,
    "language_table": 10.0,
    "libero": 20.0,
    "roboturk": 10.0,
    "stanford_hydra": 10.0,
    "taco_play": 15.0,
    "toto": 30.0,
    "utaustin_mutex": 20.0,
    "viola": 20.0,
}
# Meaning of an action that is one unnamed vector, likewise.
ACTION_NAMES = {"bridge": ("x", "y", "z", "roll", "pitch", "yaw", "gripper")}

Value = TypeVar("Value")


def by_name(table: Mapping[str, Value], name: str) -> Value | None:
    """Look a data set up in one of the tables.

    >>> by_name(CONTROL_HZ, "bridge_dataset"), by_name(CONTROL_HZ, "mine")
    (5.0, None)
    """
    return next((value for start, value in table.items() if name.startswith(start)), None)
