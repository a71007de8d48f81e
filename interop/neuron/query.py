"""Sends messages with a dendrite of //Alice, as lines of JSON on standard input say, and prints what came back."""

import asyncio
import json
import sys
import time

import numpy

import messages
import sdk
from bittensor.core.chain_data import AxonInfo


results = sdk.results()

HOUR = 3600 * 10**9


class Meddling(sdk.Dendrite):
    """A dendrite that does something wrong after it has signed."""

    wrong = ""
    nonce = None

    def preprocess_synapse_for_request(self, target, synapse, timeout=12.0):
        if self.wrong in ("key", "stranger"):
            keypair, self.keypair = self.keypair, Forger(self.keypair) if self.wrong == "key" else sdk.key("//Eve")
            try:
                return super().preprocess_synapse_for_request(target, synapse, timeout)
            finally:
                self.keypair = keypair
        if self.wrong in ("remember", "replay", "past", "future"):
            real = time.time_ns
            now = real()
            if self.wrong == "remember":
                Meddling.nonce = now
            at = {"past": now - 2 * HOUR, "future": now + 2 * HOUR}.get(self.wrong, Meddling.nonce)
            time.time_ns = lambda: at
            known = self.uuid
            if self.wrong in ("past", "future"):
                self.uuid = self.wrong  # of whom the axon has no nonce yet
            try:
                return super().preprocess_synapse_for_request(target, synapse, timeout)
            finally:
                time.time_ns, self.uuid = real, known
        out = super().preprocess_synapse_for_request(target, synapse, timeout)
        if self.wrong == "unsigned":
            out.dendrite.signature = None
        if self.wrong == "garbage":
            out.dendrite.signature = "0xzz"
        return out


class Forger:
    """Says that it is somebody, and signs as somebody else."""

    def __init__(self, keypair):
        self.ss58_address = keypair.ss58_address

    def sign(self, message):
        return sdk.key("//Eve").sign(message)


class Tampered(messages.Hooked):
    """Hooked, but the body changes after its hash was made."""

    def model_dump(self, *args, **kwargs):
        out = super().model_dump(*args, **kwargs)
        if self.tampering and sys._getframe(1).f_code.co_name == "call":
            out["how"] = "changed"
        return out

    @property
    def tampering(self):
        return True


Tampered.__name__ = "Hooked"

dendrite = Meddling(wallet=sdk.key("//Alice"))


def build(order):
    values = order["values"]
    if order["class"] == "Tensors":
        values = {"t": sdk.tensor(numpy.array(values["list"], dtype=values["dtype"]).reshape(values["shape"]))}
    if order["class"] == "Containers":
        values = dict(values)
        values["by_int"] = {int(k): v for k, v in values.get("by_int", {}).items()}
        values["pair"] = tuple(values.get("pair", ()))
    if order["class"] == "Models":
        values = {
            "one": messages.Inner(**values["one"]) if values.get("one") else None,
            "many": [messages.Inner(**m) for m in values.get("many", [])],
        }
    if order.get("wrong") == "body":
        return Tampered(**values)
    if order["class"] == "Synapse":
        return sdk.Synapse()
    return getattr(messages, order["class"])(**values)


async def run(order):
    target = AxonInfo(
        version=10002000, ip="127.0.0.1", port=order["port"], ip_type=4, hotkey=order["hotkey"], coldkey="", protocol=4,
        placeholder1=0, placeholder2=0,
    )
    message = build(order)
    dendrite.wrong = order.get("wrong", "")
    started = time.perf_counter()
    pieces = []
    if isinstance(message, sdk.StreamingSynapse):
        stream = await dendrite.forward(target, message, timeout=order.get("timeout", 12.0), deserialize=False, streaming=True)
        answer = None
        async for item in stream:
            if isinstance(item, str):
                pieces.append(item)
            else:
                answer = item
    else:
        answer = await dendrite.forward(target, message, timeout=order.get("timeout", 12.0), deserialize=False)
    out = answer.model_dump(mode="json")
    if order["class"] == "Tensors" and answer.doubled is not None:
        out["doubled_list"] = answer.doubled.deserialize().tolist()
        out["doubled_dtype"] = str(answer.doubled.deserialize().dtype)
    return {
        "answer": out, "pieces": "".join(pieces), "success": answer.is_success, "blacklist": answer.is_blacklist,
        "timeout": answer.is_timeout, "unverified": answer.failed_verification, "seconds": time.perf_counter() - started,
    }


async def main():
    print("ready", file=results, flush=True)
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            break
        try:
            result = await run(json.loads(line))
        except Exception as e:  # what a caller of the SDK would see
            result = {"error": f"{type(e).__name__}: {e}"}
        print("result", json.dumps(result), file=results, flush=True)
    await dendrite.aclose_session()


asyncio.run(main())
