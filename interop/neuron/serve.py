"""Serves every message on an axon of //Bob until standard input ends."""

import asyncio
import socket
import sys
import time
import typing

import numpy
from bittensor.core.errors import SynapseException

import messages
import sdk

results = sdk.results()
port = int(sys.stdin.readline())
axon = sdk.Axon(wallet=sdk.wallet("//Bob"), port=port, external_ip="127.0.0.1")


def record(m, *fields) -> str:
    """Python's text of what arrived, and who is said to have sent it."""
    dump = m.model_dump()
    return ";".join(str(dump[f]) for f in fields)


def numbers(synapse: messages.Numbers) -> messages.Numbers:
    synapse.seen = record(synapse, "a", "b", "flag", "c", "big", "floats")
    synapse.c = synapse.a + 1
    return synapse


def texts(synapse: messages.Texts) -> messages.Texts:
    synapse.seen = record(synapse, "s", "strs")
    synapse.strs = list(reversed(synapse.strs))
    return synapse


async def containers(synapse: messages.Containers) -> messages.Containers:
    synapse.seen = record(synapse, "d", "by_int", "pair", "anything")
    return synapse


def models(synapse: messages.Models) -> messages.Models:
    synapse.seen = record(synapse, "one", "many")
    synapse.many = [messages.Inner(id=7, label="it's", score=1e16)]
    return synapse


def tensors(synapse: messages.Tensors) -> messages.Tensors:
    array = synapse.t.deserialize()
    synapse.seen = f"{array.dtype};{list(array.shape)};{array.tolist()}"
    synapse.doubled = sdk.tensor(numpy.asarray(array * 2 if array.dtype != bool else ~array, dtype=array.dtype))
    return synapse


async def hooked(synapse: messages.Hooked) -> messages.Hooked:
    if synapse.how == "raise":
        raise ValueError("a secret")
    if synapse.how == "status":
        synapse.axon.status_code = 404
        synapse.axon.status_message = "nothing there"
    if synapse.how == "conflict":
        synapse.axon.status_code = 409
        raise SynapseException("Conflicting request", synapse)
    if synapse.how == "slow":
        await asyncio.sleep(30)
    synapse.seen = synapse.how
    return synapse


def refused(synapse: messages.Refused) -> messages.Refused:
    return synapse


def refuse(synapse: messages.Refused) -> typing.Tuple[bool, str]:
    return True, "no stake"


def guarded(synapse: messages.Guarded) -> messages.Guarded:
    synapse.seen = "in"
    return synapse


def guard(synapse: messages.Guarded) -> None:
    if not synapse.dendrite.uuid or synapse.dendrite.hotkey != sdk.key("//Alice").ss58_address:
        raise ValueError("you are not Alice")


def prioritized(synapse: messages.Prioritized) -> messages.Prioritized:
    synapse.seen = "served"
    return synapse


def priority(synapse: messages.Prioritized) -> float:
    if synapse.timeout == 3.0:
        raise asyncio.TimeoutError
    return 3.5


def streamed(synapse: messages.Streamed):
    words = synapse.prompt.split()

    async def stream(send):
        for word in words:
            await send({"type": "http.response.body", "body": (word + " ").encode(), "more_body": True})
            await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return synapse.create_streaming_response(stream)


axon.attach(numbers).attach(texts).attach(containers).attach(models).attach(tensors).attach(hooked)
axon.attach(refused, blacklist_fn=refuse).attach(guarded, verify_fn=guard).attach(prioritized, priority_fn=priority)
axon.attach(streamed)
axon.start()
for _ in range(500):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        time.sleep(0.05)
print("ready", axon.wallet.hotkey.ss58_address, file=results, flush=True)
sys.stdin.read()
axon.stop()
