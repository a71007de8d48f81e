"""Calls functions of a package: a line of JSON for each call, and one for each answer. Bytes travel as {"hex": …}."""

import ctypes
import importlib
import json
import sys

package = importlib.import_module(sys.argv[1])
clock = ctypes.CDLL(None)
clock.set_clock.argtypes = [ctypes.c_longlong, ctypes.c_long]


def decode(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def encode(value):
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return {"hex": value.hex()} if isinstance(value, bytes) else value


for line in sys.stdin:
    call = json.loads(line)
    clock.set_clock(*divmod(call["now"], 10**9))
    try:
        answer = {"value": encode(getattr(package, call["function"])(*map(decode, call["args"])))}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
