"""Writes events.json: logs and what web3.py decodes them to. Run with web3 7.14.0:

    python make.py > events.json
"""

import json

from eth_abi import encode
from eth_utils import event_abi_to_log_topic, keccak
from hexbytes import HexBytes
from web3._utils.events import get_event_data
from web3.datastructures import AttributeDict
from web3 import Web3

codec = Web3().codec
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"


def event(name, *inputs, **more):
    return {"type": "event", "name": name, "anonymous": False, "inputs": list(inputs), **more}


def arg(name, kind, indexed=False, components=None):
    a = {"name": name, "type": kind, "indexed": indexed}
    if components:
        a["components"] = components
    return a


PAIR = [{"name": "who", "type": "address"}, {"name": "notes", "type": "string[]"}]
CASES = [
    (event("Transfer", arg("from", "address", True), arg("to", "address", True), arg("value", "uint256")), [ADDRESS, OTHER, 2**256 - 1]),
    (event("Small", arg("a", "uint8"), arg("b", "int8"), arg("c", "int256"), arg("d", "uint64"), arg("e", "bool")), [255, -128, -(2**255), 2**64 - 1, True]),
    (event("Bytes", arg("a", "bytes"), arg("b", "bytes32"), arg("c", "bytes4", True), arg("d", "string")), [b"\x00\xff", b"\x11" * 32, b"\xde\xad\xbe\xef", 'é"<&>\n']),
    (event("Hashed", arg("s", "string", True), arg("n", "int64", True), arg("b", "bytes", True)), ["name", -5, b"abc"]),
    (event("Lists", arg("a", "uint256[]"), arg("b", "address[2]"), arg("c", "uint8[][]"), arg("d", "string[]")), [[1, 2**200], [ADDRESS, OTHER], [[1, 2], [], [3]], ["x", ""]]),
    (event("Tuple", arg("p", "tuple", components=PAIR), arg("ps", "tuple[]", components=PAIR)), [(ADDRESS, ["a", "b"]), [(OTHER, []), (ADDRESS, ["c"])]]),
    (event("Nothing"), []),
]


def kind_of(a):
    if not a["type"].startswith("tuple"):
        return a["type"]
    return "(" + ",".join(kind_of(c) for c in a["components"]) + ")" + a["type"][5:]


def topic(a, value):
    if a["type"] in ("string", "bytes"):
        return keccak(text=value) if isinstance(value, str) else keccak(value)
    return encode([kind_of(a)], [value])


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return "0x" + value.hex()
    if isinstance(value, (AttributeDict, dict)):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def structs(a, value):
    """web3.py of today returns tuples by name, older releases in order."""
    if a["type"] == "tuple":
        values = value.values() if hasattr(value, "values") else value
        return {c["name"]: structs(c, v) for c, v in zip(a["components"], values)}
    if a["type"] == "tuple[]":
        return [structs({**a, "type": "tuple"}, v) for v in value]
    return plain(value)


out = []
for i, (abi, values) in enumerate(CASES):
    plain_inputs = [(a, v) for a, v in zip(abi["inputs"], values) if not a["indexed"]]
    raw = {
        "address": ADDRESS,
        "topics": [HexBytes(event_abi_to_log_topic(abi))] + [HexBytes(topic(a, v)) for a, v in zip(abi["inputs"], values) if a["indexed"]],
        "data": HexBytes(encode([kind_of(a) for a, _ in plain_inputs], [v for _, v in plain_inputs])),
        "blockNumber": 100 + i, "transactionHash": HexBytes(bytes([i] * 32)), "transactionIndex": i, "logIndex": 2 * i,
        "blockHash": HexBytes(bytes(32)),
    }
    decoded = get_event_data(codec, abi, AttributeDict(raw))
    wire = {
        "address": raw["address"].lower(), "topics": ["0x" + t.hex().removeprefix("0x") for t in raw["topics"]], "data": "0x" + raw["data"].hex().removeprefix("0x"),
        "blockNumber": hex(100 + i), "transactionHash": "0x" + raw["transactionHash"].hex().removeprefix("0x"), "transactionIndex": hex(i), "logIndex": hex(2 * i),
    }
    args = {a["name"]: structs(a, decoded["args"][a["name"]]) for a in abi["inputs"]}
    out.append({"abi": abi, "log": wire, "args": args})
print(json.dumps(out, indent=1))
