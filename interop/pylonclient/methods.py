"""Calls every method of a published Python client, in every namespace, blocking and asynchronous, against a running
development service: so that it succeeds, and so that it fails in the way that the release's users know. Prints a JSON
object for each call.

Arguments are chosen by the names of the parameters, so that a method needs no word here to be called.
"""

import argparse
import asyncio
import importlib
import importlib.metadata
import inspect
import itertools
import json
import urllib.request
import warnings

from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_attempt

warnings.simplefilter("ignore")  # deprecated names still have to work
for name in ("pylon_client.artanis", "pylon_client.v1", "pylon.v1"):
    try:
        client_package = importlib.import_module(name)
        break
    except ImportError:
        continue
exceptions = importlib.import_module(client_package.__name__.split(".")[0] + "._internal.common.exceptions") if not hasattr(
    client_package, "PylonRequestException"
) else client_package

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
options = parser.parse_args()

VERSION = importlib.metadata.version("bittensor-pylon-client")
RELEASE = tuple(int(part) for part in VERSION.split("."))
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"  # the identity
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
MINER = "5Cyn2nMWaEMfx9WfobdMoteKoPF7hwP4Gw5MHBznqWFkisrK"  # has a certificate
NOBODY = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"
CONTRACT = "0x0000000000000000000000000000000000000801"
NO_BLOCK = 4_000_000_000
NEURONS, PERMITS = 16, 4


def rest(path):
    request = urllib.request.Request(options.url + path)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


NUMBERS = itertools.count(1)  # equal commitments within a short time are one
NEWEST = rest("/api/v1/block/latest")["number"]


def check(method, answer):
    """What the answer must have beside having been accepted by the client's own types."""
    if method in ("get_neurons", "get_latest_neurons", "get_recent_neurons"):
        assert len(answer.neurons) == NEURONS, len(answer.neurons)
        assert [n.uid for n in answer.neurons.values()] == list(range(NEURONS)), "uid order"
    elif method in ("get_validators", "get_latest_validators"):
        assert len(answer.validators) == PERMITS, len(answer.validators)
    elif method == "get_commitments":
        assert ALICE in answer.commitments, answer
    elif method == "get_latest_block_info":
        assert answer.number >= NEWEST and len(answer.hash) == 66, answer
    elif method == "get_extrinsic":
        assert answer.block_number == NEWEST and answer.call.call_module == "Timestamp", answer
    elif method in ("get_prices", "get_latest_prices"):
        assert len(answer.prices) >= 4, answer
    elif method == "get_certificate":
        assert len(answer.public_key) == 64, answer
    else:
        assert answer is not None, "no answer"


def arguments(method, failing):
    """The arguments for a call that succeeds, or one that fails. None when nothing can be asked for in a wrong way."""
    values = {
        "netuid": 1,
        "block_number": NO_BLOCK if failing else NEWEST,
        "extrinsic_index": 0,
        "hotkey": NOBODY if failing else (MINER if method.__name__ == "get_certificate" else ALICE),
        "contract_address": "nonsense" if failing else CONTRACT,
        "from_block": 0,
        "to_block": 10,
        "abi": [],
        "weights": {} if failing else {BOB: 1.0},
        "commitment": "zz" if failing else f"{next(NUMBERS):08x}",
    }
    telling = {"block_number", "hotkey", "contract_address", "weights", "commitment"}
    parameters = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty]
    if failing and not telling & {p.name for p in parameters}:
        return None
    if failing and method.__name__ == "set_revealed_commitment":
        return None  # any text is one
    if failing and method.__name__ == "get_weights_status":
        return [NO_BLOCK]
    return [values[p.name] for p in parameters]


def expected(method, error):
    """Whether a call that had to fail failed as it should."""
    if method in ("put_weights", "set_commitment"):
        return type(error).__name__ == "ValidationError"  # the client's own; nothing was sent
    wanted = "PylonResponseException"
    if RELEASE >= (1, 5) and method != "get_evm_logs":
        wanted = "PylonNotFound"
    return type(error).__name__ == wanted


def make(kind, **fields):
    sync = kind == "sync"
    retrying = Retrying if sync else AsyncRetrying
    config = (client_package.Config if sync else client_package.AsyncConfig)(**{
        "address": options.url, "open_access_token": "my_open_access_token",
        "identity_name": "sn1", "identity_token": "my_secret_token",
        "retry": retrying(stop=stop_after_attempt(1), retry=retry_if_exception_type(exceptions.PylonRequestException)),
        **fields,
    })
    return (client_package.PylonClient if sync else client_package.AsyncPylonClient)(config)


def report(kind, namespace, method, case, problem=None, own=False):
    print(json.dumps({
        "version": VERSION, "kind": kind, "namespace": namespace, "method": method, "case": case,
        "problem": problem, "own": own,
    }))


def place(client, namespace):
    for name in namespace.split("."):
        client = getattr(client, name)
    return client


def is_method(api, name):
    return name.startswith(("get_", "put_", "set_")) and callable(inspect.getattr_static(type(api), name, None))


def turn(name):
    """Plain commitments first: they are what is read."""
    return name != "set_commitment", name


async def call(method, args):
    answer = method(*args)
    return await answer if inspect.isawaitable(answer) else answer


def reason(error):
    return f"{type(error).__name__}: {str(error)[:200]}"


async def run(kind, revealing):
    """Calls all methods but the one that sets revealed commitments, which take the place of plain ones, or that one."""
    client, dead = make(kind), make(kind, address="http://127.0.0.1:1")
    for opened in (client, dead):
        result = opened.open()
        if inspect.isawaitable(result):
            await result
    namespaces = [f"{v}.{a}" for v in ("v1", "unstable") for a in ("identity", "open_access")]
    if not hasattr(client, "v1"):
        namespaces = ["identity", "open_access"]
    for namespace in namespaces:
        api, deaf = place(client, namespace), place(dead, namespace)
        for name in sorted((n for n in dir(type(api)) if is_method(api, n)), key=turn):
            if (name == "set_revealed_commitment") != revealing:
                continue
            method = getattr(api, name)
            try:
                check(name, await call(method, arguments(method, False)))
                report(kind, namespace, name, "success")
            except Exception as error:
                # The request never left the client when it dies of its own code.
                report(kind, namespace, name, "success", reason(error), isinstance(error, AttributeError))
            args = arguments(method, True)
            if args is not None:
                try:
                    await call(method, args)
                    report(kind, namespace, name, "failure", "no error")
                except Exception as error:
                    report(kind, namespace, name, "failure",
                           None if expected(name, error) else reason(error), isinstance(error, AttributeError))
            try:
                await call(getattr(deaf, name), arguments(method, False))
                report(kind, namespace, name, "no service", "no error")
            except exceptions.PylonRequestException:
                report(kind, namespace, name, "no service")
            except Exception as error:
                report(kind, namespace, name, "no service", reason(error), isinstance(error, AttributeError))
    for opened in (client, dead):
        result = opened.close()
        if inspect.isawaitable(result):
            await result


for revealing in (False, True):
    for kind in ("sync", "async"):
        asyncio.run(run(kind, revealing))
