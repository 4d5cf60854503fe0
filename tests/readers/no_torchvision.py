"""An empty torchvision: streaming imports it for data sets of its own; its wheels fit one build of torch."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

for name in (
    "torchvision",
    "torchvision.datasets",
    "torchvision.transforms",
    "torchvision.transforms.functional",
):
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__spec__ = ModuleSpec(name, None)
sys.modules["torchvision.datasets"].VisionDataset = object
sys.modules["torchvision.transforms.functional"].to_tensor = None
