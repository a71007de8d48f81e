"""Runs the published Python client against a running service: every read that the service offers, blocking and
asynchronous, with the error cases, and prints one line a check.

The expected values are the accounts of the development chain, whose addresses are public knowledge, and what the
service's plain REST answers say. Exits with 1 when any check failed.
"""

import argparse
import asyncio
import contextlib
import importlib.metadata
import inspect
import json
import sys
import traceback
import urllib.request

from pylon_client.artanis import (
    AsyncConfig,
    AsyncPylonClient,
    Config,
    PylonBadGateway,
    PylonClient,
    PylonForbidden,
    PylonMisconfigured,
    PylonNotFound,
    PylonRequestException,
    PylonTimeout,
    PylonTimeoutException,
)
from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_attempt

# The development accounts //Alice, //Bob, //Charlie and //Dave.
VALIDATORS = {
    "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
    "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
    "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
    "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy",
}
EVE = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"
NO_BLOCK = 4_000_000_000

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--down-url", required=True, help="a service whose chain is unreachable")
parser.add_argument("--open-access-token", default="my_open_access_token")
parser.add_argument("--identity", default="sn1")
parser.add_argument("--identity-token", default="my_secret_token")
parser.add_argument("--neurons", default="1:256,2:64,3:32,4:16", help="netuid:count of the subnets")
options = parser.parse_args()
NEURONS = {int(k): int(v) for k, v in (pair.split(":") for pair in options.neurons.split(","))}

VERSION = importlib.metadata.version("bittensor-pylon-client")
LOGS_IN = VERSION.startswith("1.")  # up to 1.9 a client logs in and sends no Authorization header


def rest(path):
    request = urllib.request.Request(options.url + path)
    request.add_header("Authorization", "Bearer " + options.open_access_token)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def make(kind, address=None, attempts=1, **fields):
    """A client of one kind with the full configuration, where fields overrides a part of it."""
    retrying, config, client = (
        (Retrying, Config, PylonClient) if kind == "sync" else (AsyncRetrying, AsyncConfig, AsyncPylonClient)
    )
    settings = {
        "address": address or options.url,
        "open_access_token": options.open_access_token,
        "identity_name": options.identity,
        "identity_token": options.identity_token,
        "retry": retrying(stop=stop_after_attempt(attempts), retry=retry_if_exception_type(PylonRequestException)),
        "timeout": PylonTimeout(read=20.0),
    }
    settings.update(fields)
    return client(config(**settings))


@contextlib.asynccontextmanager
async def opened(client):
    if hasattr(client, "__aenter__"):
        async with client as c:
            yield c
    else:
        with client as c:
            yield c


async def call(method, *args):
    """Calls a method of either kind of client."""
    result = method(*args)
    return await result if inspect.isawaitable(result) else result


def same(name, got, want):
    if got != want:
        raise AssertionError(f"{name}: got {got!r}, want {want!r}")


def check_neurons(answer, netuid):
    same("number of neurons", len(answer.neurons), NEURONS[netuid])
    same("uid order", [n.uid for n in answer.neurons.values()], list(range(NEURONS[netuid])))
    same("keys", [k for k, n in answer.neurons.items() if k != n.hotkey], [])
    same("permits", {n.hotkey for n in answer.neurons.values() if n.validator_permit}, VALIDATORS)
    for neuron in answer.neurons.values():
        for share in ("rank", "incentive", "consensus", "trust", "validator_trust", "dividends"):
            if not 0 <= getattr(neuron, share) <= 1:
                raise AssertionError(f"{share} of uid {neuron.uid} is {getattr(neuron, share)}")
    if not any(n.axon_info.is_serving for n in answer.neurons.values()):
        raise AssertionError("no neuron serves an axon")
    if answer.block.number <= 0 or len(answer.block.hash) != 66:
        raise AssertionError(f"block is {answer.block}")


def check_validators(answer):
    same("validators", {n.hotkey for n in answer.validators}, VALIDATORS)
    totals = [n.stakes.total for n in answer.validators]
    same("order by stake", totals, sorted(totals, reverse=True))


def check_against_rest(answer, netuid):
    """The client's numbers are those of the plain answer for the same block."""
    raw = rest(f"/api/v1/subnet/{netuid}/block/{answer.block.number}/neurons")
    same("hotkeys", list(raw["neurons"]), list(answer.neurons))
    for hotkey, neuron in answer.neurons.items():
        want = raw["neurons"][hotkey]
        dumped = json.loads(neuron.model_dump_json())
        for field, value in want.items():
            same(f"{hotkey}.{field}", dumped[field], value)


async def reads(kind, namespace_name):
    async with opened(make(kind)) as client:
        namespace = getattr(client, namespace_name)
        api, own = namespace.open_access, namespace.identity

        info = await call(api.get_latest_block_info)
        same("block info", (info.number > 0, len(info.hash), info.timestamp > 0), (True, 66, True))
        if not LOGS_IN and namespace_name == "unstable" or namespace_name == "v1":
            await call(own.get_latest_block_info)

        for netuid in NEURONS:
            latest = await call(api.get_latest_neurons, netuid)
            check_neurons(latest, netuid)
        latest = await call(api.get_latest_neurons, 1)
        check_against_rest(latest, 1)
        check_neurons(await call(api.get_neurons, 1, latest.block.number), 1)
        at = await call(api.get_neurons, 1, latest.block.number)
        same("block asked for", at.block.number, latest.block.number)
        same("block hash", at.block.hash, latest.block.hash)
        same("same block, same neurons", at.neurons, latest.neurons)
        check_neurons(await call(api.get_recent_neurons, 1), 1)
        check_validators(await call(api.get_latest_validators, 1))
        check_validators(await call(api.get_validators, 1, latest.block.number))

        check_neurons(await call(own.get_latest_neurons), 1)
        check_neurons(await call(own.get_neurons, latest.block.number), 1)
        check_neurons(await call(own.get_recent_neurons), 1)
        check_validators(await call(own.get_latest_validators))
        check_validators(await call(own.get_validators, latest.block.number))


async def expect(error, awaitable_call, status=None, detail=None):
    try:
        await awaitable_call
    except error as e:
        if type(e) is not error:
            raise AssertionError(f"got {type(e).__name__} ({e}), want exactly {error.__name__}") from e
        if status is not None:
            same("status", e.status_code, status)
        if detail is not None and detail not in str(e.detail):
            raise AssertionError(f"detail is {e.detail!r}, want {detail!r}") from e
        return
    raise AssertionError(f"no {error.__name__}")


async def errors(kind, namespace_name):
    async with opened(make(kind)) as client:
        api = getattr(client, namespace_name).open_access
        own = getattr(client, namespace_name).identity
        missing = f"Block {NO_BLOCK} not found."
        await expect(PylonNotFound, call(api.get_neurons, 1, NO_BLOCK), 404, missing)
        await expect(PylonNotFound, call(api.get_validators, 1, NO_BLOCK), 404, missing)
        await expect(PylonNotFound, call(own.get_neurons, NO_BLOCK), 404, missing)
        await expect(PylonNotFound, call(api.get_latest_neurons, 999), 404)
        from pylon_client.artanis import PylonResponseException

        # A subnet that the service does not keep recent objects of.
        await expect(PylonResponseException, call(api.get_recent_neurons, 0), 503, "Recent neurons data")

    async with opened(make(kind, open_access_token=None)) as client:
        try:
            await call(getattr(client, namespace_name).open_access.get_latest_neurons, 1)
            raise AssertionError("open access without a token did not fail")
        except PylonMisconfigured:
            pass

    if not LOGS_IN:
        async with opened(make(kind, open_access_token="wrong", identity_token="wrong")) as client:
            namespace = getattr(client, namespace_name)
            denied = "Invalid authorization token"
            await expect(PylonForbidden, call(namespace.open_access.get_latest_neurons, 1), 403, denied)
            await expect(PylonForbidden, call(namespace.identity.get_latest_neurons), 403, denied)
        async with opened(make(kind, identity_name="nobody")) as client:
            try:
                await call(getattr(client, namespace_name).identity.get_latest_neurons)
                raise AssertionError("an unknown identity did not fail")
            except PylonMisconfigured:
                pass
    else:
        async with opened(make(kind, identity_name="nobody")) as client:
            own = getattr(client, namespace_name).identity
            await expect(PylonNotFound, call(own.get_latest_neurons), 404, "Identity 'nobody' not found")

    # The chain behind this service does not answer; the service itself does, and says which call failed.
    async with opened(make(kind, address=options.down_url)) as client:
        api = getattr(client, namespace_name).open_access
        await expect(PylonBadGateway, call(api.get_latest_neurons, 1), 502, " failed on ws://127.0.0.1:")

    # No time at all: the service's own 504 or the client's timer, in either case the client's timeout error.
    async with opened(make(kind, timeout=PylonTimeout(read=0.000001))) as client:
        api = getattr(client, namespace_name).open_access
        await expect(PylonTimeoutException, call(api.get_neurons, 1, 1))

    # Nothing listens there.
    async with opened(make(kind, address="http://127.0.0.1:9", attempts=2)) as client:
        api = getattr(client, namespace_name).open_access
        await expect(PylonRequestException, call(api.get_latest_neurons, 1))


async def parallel(kind, namespace_name):
    """Many calls at once share one client."""
    async with opened(make(kind)) as client:
        api = getattr(client, namespace_name).open_access
        if kind == "async":
            answers = await asyncio.gather(*(api.get_latest_neurons(1) for _ in range(32)))
        else:
            answers = await asyncio.gather(*(asyncio.to_thread(api.get_latest_neurons, 1) for _ in range(32)))
        for answer in answers:
            check_neurons(answer, 1)


async def main():
    failed = 0
    passed = 0
    for suite in (reads, errors, parallel):
        for kind in ("sync", "async"):
            for namespace_name in ("v1", "unstable"):
                name = f"{VERSION} {kind} {namespace_name} {suite.__name__}"
                try:
                    await suite(kind, namespace_name)
                    passed += 1
                    print(f"ok   {name}", flush=True)
                except Exception:
                    failed += 1
                    print(f"FAIL {name}", flush=True)
                    traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
