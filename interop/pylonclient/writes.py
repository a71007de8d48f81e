"""Writes with a published Python client to a running development service, in every namespace, blocking and asynchronous:
weights, their status, commitments and revealed commitments. The client must accept each answer. What has come onto the
chain is read back: weights by polkadot-js, commitments by the service.

Some releases have methods without an address in version 1 of the API: these die inside the client, and are left out.
"""

import argparse
import asyncio
import importlib.metadata
import inspect
import json
import subprocess
import sys
import time
import traceback
import urllib.request

from pylon_client.artanis import AsyncConfig, AsyncPylonClient, Config, PylonClient, PylonTimeout

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--chain", required=True, help="address of the chain")
parser.add_argument("--script", required=True, help="weights.mjs")
parser.add_argument("--modules", required=True, help="folder with polkadot-js")
parser.add_argument("--identity", default="sn1")
parser.add_argument("--identity-token", default="my_secret_token")
options = parser.parse_args()

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
PATIENCE = 60
VERSION = importlib.metadata.version("bittensor-pylon-client")
RELEASE = tuple(int(part) for part in VERSION.split("."))


def rest(path):
    request = urllib.request.Request(f"{options.url}/api/_unstable/identity/{options.identity}/subnet/1/{path}")
    request.add_header("Authorization", "Bearer " + options.identity_token)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def newest(kind):
    """The newest intent of a kind, once it has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        intent = rest(f"intents?kind={kind}&limit=1")["intents"][0]
        if intent.get("ended_at"):
            return intent
        if time.monotonic() > deadline:
            raise AssertionError(f"it does not end: {intent}")
        time.sleep(0.1)


def read_back(weights):
    """What polkadot-js finds on the chain is what was handed over."""
    largest = max(weights.values())
    names = {BOB: "//Bob", CHARLIE: "//Charlie"}
    expected = {names[hotkey]: round(weight / largest * 65535) for hotkey, weight in weights.items()}
    command = ["node", options.script, options.modules, options.chain, "1", "0", "//Alice", json.dumps(expected)]
    subprocess.run(command, check=True, timeout=PATIENCE, stdout=sys.stdout, stderr=sys.stderr)


def make(kind):
    config, client = (Config, PylonClient) if kind == "sync" else (AsyncConfig, AsyncPylonClient)
    return client(config(
        address=options.url, identity_name=options.identity, identity_token=options.identity_token,
        open_access_token="my_open_access_token", timeout=PylonTimeout(read=float(PATIENCE)),
    ))


async def settled(result):
    return await result if inspect.isawaitable(result) else result


async def writes(kind, namespace, number):
    client = make(kind)
    await settled(client.open())
    try:
        await write(getattr(client, namespace).identity, namespace, number)
    finally:
        await settled(client.close())


async def write(own, namespace, number):
    weights = {BOB: 1.0, CHARLIE: 1.0 / (number + 2)}
    await settled(own.put_weights(weights))
    intent = newest("weights")
    if intent["state"] == "expired":  # the epoch was about to end
        await settled(own.put_weights(weights))
        intent = newest("weights")
    if intent["state"] != "finalized":
        raise AssertionError(f"weights: {intent}")
    read_back(weights)

    if hasattr(own, "get_weights_status") and namespace == "unstable":
        at = intent["start_block"]
        if not (await settled(own.get_weights_status(at))).weights_submitted:
            raise AssertionError(f"status at block {at} says that nothing was submitted")
        if (await settled(own.get_weights_status(at, 1))).weights_submitted:
            raise AssertionError("status says that something was submitted for another mechanism")

    data = f"data {VERSION} {namespace} {number}".encode()
    await settled(own.set_commitment(data))
    told = (await settled(own.get_own_commitment())).model_dump(mode="json")
    if "0x" + data.hex() not in json.dumps(told):
        raise AssertionError(f"commitment read back: {told}")

    if namespace == "unstable" or RELEASE >= (2, 0, 0):  # 1.9 has no address for it in version 1
        answer = await settled(own.set_revealed_commitment(f"text {VERSION} {number}", 30))
        if answer.reveal_round != newest("revealed_commitment")["reveal_round"]:
            raise AssertionError(f"round {answer.reveal_round}")


async def main():
    failed = 0
    number = 0
    for kind in ("sync", "async"):
        for namespace in ("v1", "unstable"):
            name = f"{VERSION} {kind} {namespace} writes"
            try:
                await writes(kind, namespace, number)
                print(f"ok   {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}", flush=True)
                traceback.print_exc(file=sys.stdout)
            number += 1
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
