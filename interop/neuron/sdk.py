"""Loads the SDK so that it works with no network, no wallet files and no torch."""

import importlib.machinery
import os
import sys
import types
import typing

os.environ.setdefault("BT_NO_PARSE_CLI_ARGS", "1")
sys.argv = sys.argv[:1]


def _torch() -> types.ModuleType:
    # The SDK looks at torch's dtypes even when all tensors are NumPy's.
    module = types.ModuleType("torch")
    module.__spec__ = importlib.machinery.ModuleSpec("torch", None)
    for name in "float16 float32 float64 uint8 int16 int8 int32 int64 bool".split():
        setattr(module, name, "torch." + name)
    module.dtype = type("dtype", (), {})
    module.Tensor = type("Tensor", (), {})
    return module


sys.modules["torch"] = _torch()

import bittensor  # noqa: E402
import bittensor.utils.networking  # noqa: E402
from bittensor.core.axon import Axon  # noqa: E402, F401
from bittensor.core.dendrite import Dendrite  # noqa: E402, F401
from bittensor.core.stream import StreamingSynapse  # noqa: E402, F401
from bittensor.core.synapse import Synapse  # noqa: E402, F401
from bittensor.core.tensor import Tensor, tensor  # noqa: E402, F401
from bittensor_wallet import Keypair  # noqa: E402

bittensor.utils.networking.get_external_ip = lambda: "198.51.100.7"


def results() -> typing.TextIO:
    """Standard output, for nobody else from now on: a line that the SDK logs could come in the middle of a result."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return out


def key(uri: str) -> Keypair:
    return Keypair.create_from_uri(uri)


def wallet(uri: str) -> types.SimpleNamespace:
    """As much of a wallet as an axon uses."""
    return types.SimpleNamespace(hotkey=key(uri), coldkeypub=key("//Eve"))
