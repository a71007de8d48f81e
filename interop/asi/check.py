"""async-substrate-interface looks at a running development chain and compares what it sees with what it is told.

    check.py WS_URL EXPECTED_JSON

EXPECTED_JSON and the lines "please fork", "please upgrade" and "please prune" are those of ../polkadotjs/check.mjs. The last line is the
number of checks; the exit status is 1 if one failed.
"""

import asyncio
import hashlib
import json
import sys

from async_substrate_interface.async_substrate import AsyncSubstrateInterface
from async_substrate_interface.errors import StateDiscardedError, SubstrateRequestException
from async_substrate_interface.sync_substrate import SubstrateInterface

url, expected = sys.argv[1], json.loads(sys.argv[2])
PATIENCE = 60
# The addresses of the development keys.
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
DAVE = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"
EVE = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"
FERDIE = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"

checks = failures = 0


def check(what, got, want):
    global checks, failures
    checks += 1
    if got != want:
        failures += 1
        print(f"{what}: got {got!r}, want {want!r}", file=sys.stderr)


def plain(value):
    """The Python value of a SCALE object."""
    return getattr(value, "value", value)


async def refused(what, awaitable, text):
    try:
        check(what, await awaitable, f"an error with {text}")
    except (SubstrateRequestException, StateDiscardedError) as error:
        check(f"{what}: {error}", text in str(error), True)


async def follow(chain, enough, finalized_only=False):
    """Headers until enough says so."""
    seen = []

    async def see(head):
        seen.append(head["header"])
        return True if enough(seen) else None

    await asyncio.wait_for(chain.subscribe_block_headers(see, finalized_only=finalized_only), PATIENCE)
    return seen


async def storage(chain):
    for subnet in expected["subnets"]:
        netuid, neurons = subnet["netuid"], subnet["neurons"]
        check(f"tempo of {netuid}", plain(await chain.query("SubtensorModule", "Tempo", [netuid])), subnet["tempo"])
        check(f"neurons of {netuid}", plain(await chain.query("SubtensorModule", "SubnetworkN", [netuid])), neurons)
        # A small page, so that there are several.
        keys = {}
        async for uid, hotkey in await chain.query_map("SubtensorModule", "Keys", [netuid], page_size=3):
            keys[plain(uid)] = plain(hotkey)
        check(f"uids of {netuid}", sorted(keys), list(range(neurons)))
        check(f"first hotkeys of {netuid}", [keys[uid] for uid in range(4)], [ALICE, BOB, CHARLIE, DAVE])
        check(f"uid of Dave on {netuid}", plain(await chain.query("SubtensorModule", "Uids", [netuid, DAVE])), 3)
        check(f"uid of Eve on {netuid}", plain(await chain.query("SubtensorModule", "Uids", [netuid, EVE])), None)
    account = plain(await chain.query("System", "Account", [FERDIE]))
    check("a balance", account["data"]["free"] > 0, True)
    for name, hotkey in ("charlie", CHARLIE), ("dave", DAVE):
        info = plain(await chain.query("Commitments", "CommitmentOf", [1, hotkey]))["info"]
        text = f"commitment-{name}"
        (field,) = plain(info["fields"])
        ((kind, raw),) = (field[0] if isinstance(field, (list, tuple)) else field).items()
        check(f"commitment of {name}", (kind, content(raw)), (f"Raw{len(text)}", text))
    check("no commitment", plain(await chain.query("Commitments", "CommitmentOf", [1, EVE])), None)
    keys = [await chain.create_storage_key("SubtensorModule", "Tempo", [s["netuid"]]) for s in expected["subnets"]]
    several = [plain(value) for _, value in await chain.query_multi(keys)]
    check("several at once", several, [s["tempo"] for s in expected["subnets"]])
    check("slot duration", plain(await chain.get_constant("Aura", "SlotDuration")), expected["slotDuration"])


def content(raw):
    """The text of raw bytes, which come in one of several forms."""
    if isinstance(raw, str) and raw.startswith("0x"):
        return bytes.fromhex(raw[2:]).decode()
    if isinstance(raw, str):
        return raw
    return bytes(raw[0] if raw and isinstance(raw[0], (list, tuple)) else raw).decode()


async def runtime_apis(chain):
    netuid, neurons = expected["subnets"][0]["netuid"], expected["subnets"][0]["neurons"]
    lite = plain(await chain.runtime_call("NeuronInfoRuntimeApi", "get_neurons_lite", [netuid]))
    check("neurons", [n["uid"] for n in lite], list(range(neurons)))
    check("hotkeys", [n["hotkey"] for n in lite[:4]], [ALICE, BOB, CHARLIE, DAVE])
    check("coldkeys", (lite[0]["coldkey"], lite[4]["coldkey"]), (EVE, FERDIE))
    check("permits", [n["validator_permit"] for n in lite[:5]], [True, True, True, True, False])
    state = plain(await chain.runtime_call("SubnetInfoRuntimeApi", "get_subnet_state", [netuid]))
    check("hotkeys of the state", list(state["hotkeys"]), [n["hotkey"] for n in lite])
    hyperparameters = plain(await chain.runtime_call("SubnetInfoRuntimeApi", "get_subnet_hyperparams", [netuid]))
    check("tempo of the hyperparameters", hyperparameters["tempo"], expected["subnets"][0]["tempo"])
    check("no neuron", plain(await chain.runtime_call("NeuronInfoRuntimeApi", "get_neuron_lite", [netuid, 4000])), None)
    # One message with several calls in it.
    batch = await chain.runtime_calls([("NeuronInfoRuntimeApi", "get_neuron_lite", [netuid, uid]) for uid in range(3)])
    check("a batch", [plain(n)["hotkey"] for n in batch], [ALICE, BOB, CHARLIE])
    check("nonce", await chain.get_account_nonce(BOB), 0)
    check("next index", await chain.get_account_next_index(BOB), 0)


async def blocks(chain):
    heads = await follow(chain, lambda seen: len(seen) > 4)
    for before, head in zip(heads, heads[1:]):
        check(f"number after {before['number']}", head["number"], before["number"] + 1)
        check(f"hash of {before['number']}", await chain.get_block_hash(before["number"]), head["parentHash"])
    final = await follow(chain, lambda seen: len(seen) > 2, finalized_only=True)
    check("final heads", all(a["number"] < b["number"] for a, b in zip(final, final[1:])), True)
    head_hash = await chain.get_chain_head()
    final_hash = await chain.get_chain_finalised_head()
    number, final_number = await chain.get_block_number(head_hash), await chain.get_block_number(final_hash)
    check("the final head is behind", final_number < number, True)

    block = await chain.get_block(block_hash=final_hash)
    check("number of a block", block["header"]["number"], final_number)
    timestamp = plain(block["extrinsics"][0])
    now = plain(await chain.query("Timestamp", "Now", block_hash=final_hash))
    check("timestamp", timestamp["call"]["call_args"][0]["value"], now)
    events = await chain.get_events(block_hash=final_hash)
    succeeded = [e for e in events if e["event_id"] == "ExtrinsicSuccess"]
    check("every extrinsic succeeded", len(succeeded), len(block["extrinsics"]))
    check("number in the state", plain(await chain.query("System", "Number", block_hash=final_hash)), final_number)

    unknown = "0x" + "11" * 32
    await refused("state of an unknown block", chain.rpc_request("state_getStorage", ["0x00", unknown]), "UnknownBlock")
    await refused("an unknown runtime API", chain.rpc_request("state_call", ["Nothing_at_all", "0x"]), "is not found")
    await refused("too many keys", chain.rpc_request("state_getKeysPaged", ["0x", 1001]), "count exceeds maximum value")


async def header_hash(chain):
    """The hash of a header, computed here from its SCALE form."""
    head_hash = await chain.get_chain_head()
    header = (await chain.rpc_request("chain_getHeader", [head_hash]))["result"]
    number = int(header["number"], 16)
    unhex = lambda text: bytes.fromhex(text[2:])  # noqa: E731
    assert 64 <= number < 2**14
    raw = unhex(header["parentHash"]) + (number << 2 | 1).to_bytes(2, "little")
    raw += unhex(header["stateRoot"]) + unhex(header["extrinsicsRoot"])
    logs = header["digest"]["logs"]
    raw += bytes([len(logs) << 2]) + b"".join(map(unhex, logs))
    check("hash of a header", "0x" + hashlib.blake2b(raw, digest_size=32).hexdigest(), head_hash)


async def reorganisation(chain):
    """A height gets another hash, the old block stays known, and the chain goes on from the new one."""
    print("please fork", flush=True)
    fork = json.loads(await asyncio.to_thread(sys.stdin.readline))
    number = fork["number"]
    # Not get_block_hash, which goes on answering with the hash that it has seen first.
    ask = chain.rpc_request
    check("hash after a reorganisation", (await ask("chain_getBlockHash", [number]))["result"], fork["new"])
    check("number of the replaced block", await chain.get_block_number(fork["old"]), number)
    state = plain(await chain.query("System", "Number", block_hash=fork["old"]))
    check("state of the replaced block", state, number)
    child = (await ask("chain_getBlockHash", [number + 1]))["result"]
    header = (await ask("chain_getHeader", [child]))["result"]
    check("parent after a reorganisation", header["parentHash"], fork["new"])
    await follow(chain, lambda seen: seen[-1]["number"] > number + 3)


async def upgrade(chain):
    before = await chain.get_chain_head()
    print("please upgrade", flush=True)
    for _ in range(PATIENCE):
        await follow(chain, lambda seen: len(seen) > 3)
        version = await chain.get_block_runtime_version_for(await chain.get_chain_head())
        if version == expected["upgrade"]:
            break
    check("spec version after the upgrade", version, expected["upgrade"])
    for what, at in ("before", before), ("after", await chain.get_chain_head()):
        lite = plain(await chain.runtime_call("NeuronInfoRuntimeApi", "get_neurons_lite", [1], block_hash=at))
        check(f"hotkeys {what} the upgrade", [n["hotkey"] for n in lite[:4]], [ALICE, BOB, CHARLIE, DAVE])


async def pruned(chain):
    """The state of an old block goes away; the block stays."""
    print("please prune", flush=True)
    number = json.loads(await asyncio.to_thread(sys.stdin.readline))["number"]
    old = (await chain.rpc_request("chain_getBlockHash", [number]))["result"]
    # Not query, which takes an error for an absent value if it knows the runtime already.
    try:
        check("pruned block", await chain.rpc_request("state_getRuntimeVersion", [old]), "StateDiscardedError")
    except StateDiscardedError as error:
        check("pruned block", error.block_hash, old)
    await refused("storage of a pruned block", chain.rpc_request("state_getStorage", ["0x00", old]), "State already discarded")
    header = (await chain.rpc_request("chain_getHeader", [old]))["result"]
    check("header of a pruned block", int(header["number"], 16), number)


async def main():
    async with AsyncSubstrateInterface(url, ss58_format=42, chain_name="Bittensor") as chain:
        check("genesis hash", await chain.get_block_hash(0), expected["genesisHash"])
        check("properties", (await chain.properties)["ss58Format"], 42)
        version = (await chain.rpc_request("state_getRuntimeVersion", []))["result"]
        check("spec version", version["specVersion"], expected["specVersion"])
        await header_hash(chain)
        await storage(chain)
        if expected["specVersion"] > 219:  # older runtimes answer with bytes
            await runtime_apis(chain)
        await blocks(chain)
        await reorganisation(chain)
        if expected.get("upgrade"):
            await upgrade(chain)
        await pruned(chain)


asyncio.run(main())
with SubstrateInterface(url, ss58_format=42, chain_name="Bittensor") as chain:
    check("tempo, without asyncio", plain(chain.query("SubtensorModule", "Tempo", [1])), expected["subnets"][0]["tempo"])
    check("genesis hash, without asyncio", chain.get_block_hash(0), expected["genesisHash"])
print(f"{checks} checks, {failures} failed")
sys.exit(1 if failures else 0)
