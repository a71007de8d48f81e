"""Calls every read method that a published Python client has, in every namespace, blocking and asynchronous, against a
running development service. The client must accept each answer, and tell what the plain REST answer tells.

Some releases have methods without an address in version 1 of the API: these die inside the client, and are named in
NO_ADDRESS. A method that dies otherwise, or one there that does not, fails the run. What a chain does not have (--absent)
must be an answer with that status.
"""

import argparse
import asyncio
import importlib.metadata
import inspect
import json
import sys
import urllib.request

from pylon_client.artanis import AsyncConfig, AsyncPylonClient, Config, PylonClient

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--open-access-token", default="my_open_access_token")
parser.add_argument("--identity", default="sn1")
parser.add_argument("--identity-token", default="my_secret_token")
parser.add_argument("--at", type=int, default=2, help="a block that stays, with a second extrinsic")
parser.add_argument("--certified", default="5Cyn2nMWaEMfx9WfobdMoteKoPF7hwP4Gw5MHBznqWFkisrK", help="a hotkey with a certificate")
parser.add_argument("--absent", default="", help="METHOD:STATUS, separated by commas: what this chain does not have")
parser.add_argument("--least", type=int, default=80, help="how many calls have to be answered")
options = parser.parse_args()
ABSENT = {name: int(status) for name, status in (pair.split(":") for pair in options.absent.split(",") if pair)}

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"  # the identity: a plain and two revealed commitments
MINER = options.certified
AT = options.at
CONTRACT = "0x0000000000000000000000000000000000000801"
VERSION = importlib.metadata.version("bittensor-pylon-client")

# Method: arguments on open access, the same for an identity, and the REST path below the subnet's or the chain's.
READS = {
    "get_neurons": ((1, AT), (AT,), f"subnet/1/block/{AT}/neurons"),
    "get_latest_neurons": ((1,), (), None),
    "get_recent_neurons": ((1,), (), "subnet/1/block/recent/neurons"),
    "get_validators": ((1, AT), (AT,), f"subnet/1/block/{AT}/validators"),
    "get_latest_validators": ((1,), (), None),
    "get_commitments": ((1,), (), None),
    "get_commitment": ((1, ALICE), (ALICE,), None),
    "get_own_commitment": (None, (), None),
    "get_all_revealed_commitments": ((1,), (), None),
    "get_revealed_commitments": ((1, ALICE), (ALICE,), None),
    "get_own_revealed_commitments": (None, (), None),
    "get_certificate": ((1, MINER), (MINER,), f"subnet/1/block/latest/certificates/{MINER}"),
    "get_latest_block_info": ((), (), None),
    "get_extrinsic": ((AT, 1), (AT, 1), f"block/{AT}/extrinsic/1"),
    "get_drand_last_stored_round": ((), (), None),
    "get_latest_prices": ((), (), None),
    "get_prices": ((AT,), (AT,), f"block/{AT}/prices"),
    "get_latest_price": ((1,), (), None),
    "get_price": ((1, AT), (AT,), f"subnet/1/block/{AT}/price"),
    "get_latest_evm_associations": ((1,), (), None),
    "get_evm_logs": ((CONTRACT, 0, 50, []), None, None),
}
NO_ADDRESS = {
    "get_drand_last_stored_round", "get_latest_prices", "get_prices", "get_latest_price", "get_price", "get_evm_logs",
}
if VERSION.startswith("1."):
    NO_ADDRESS |= {"get_all_revealed_commitments", "get_revealed_commitments", "get_own_revealed_commitments"}
    if VERSION >= "1.9":
        NO_ADDRESS |= {"get_latest_evm_associations"}

counts = {"called": 0, "compared": 0, "no address": 0, "absent": 0, "no method": 0}
failures = []


def rest(path):
    request = urllib.request.Request(f"{options.url}/api/_unstable/openaccess/{path}")
    request.add_header("Authorization", "Bearer " + options.open_access_token)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def status_of(error):
    """The status of the answer that a client's error stands for. Some releases tell it, of the others the class does."""
    names = {"PylonNotFound": 404, "PylonBadGateway": 502}
    return getattr(error, "status_code", None) or names.get(type(error).__name__)


async def settled(result):
    return await result if inspect.isawaitable(result) else result


async def call(where, api, namespace, name, arguments, path):
    method = getattr(api, name, None)
    if method is None:
        counts["no method"] += 1
        return
    expected_to_die = namespace == "v1" and name in NO_ADDRESS
    # Recent objects may be read anew between two requests: the client tells what REST tells before it or after it.
    before = rest(path) if path and name not in ABSENT else None
    try:
        answer = await settled(method(*arguments))
    except Exception as error:
        if expected_to_die and isinstance(error, AttributeError):
            counts["no address"] += 1
        elif name in ABSENT and status_of(error) == ABSENT[name]:
            counts["absent"] += 1
        else:
            failures.append(f"{where} {name}: {type(error).__name__}: {error}")
        return
    if name in ABSENT:
        failures.append(f"{where} {name}: an answer, not {ABSENT[name]}")
    counts["called"] += 1
    told = answer.model_dump(mode="json")
    if not told:
        failures.append(f"{where} {name}: an empty answer")
    if path:
        counts["compared"] += 1
        after = rest(path)
        if all(told[key] == value for key, value in before.items() if key in told):
            return
        for key, value in after.items():
            if key in told and told[key] != value:
                failures.append(f"{where} {name}: {key} is {str(told[key])[:200]}, REST tells {str(value)[:200]}")


async def everything(kind):
    client_type, config_type = (PylonClient, Config) if kind == "sync" else (AsyncPylonClient, AsyncConfig)
    client = client_type(config_type(
        address=options.url, open_access_token=options.open_access_token,
        identity_name=options.identity, identity_token=options.identity_token,
    ))
    await settled(client.open())
    try:
        for namespace in ("v1", "unstable"):
            for access, place in (("open_access", 0), ("identity", 1)):
                api = getattr(getattr(client, namespace), access)
                for name, row in READS.items():
                    if row[place] is not None:
                        await call(f"{kind} {namespace} {access}", api, namespace, name, row[place], row[2])
    finally:
        await settled(client.close())


for kind in ("sync", "async"):
    asyncio.run(everything(kind))
for failure in failures:
    print("FAIL", failure)
print(f"client {VERSION}:", ", ".join(f"{count} {what}" for what, count in counts.items()))
if counts["called"] < options.least or failures:
    sys.exit(1)
