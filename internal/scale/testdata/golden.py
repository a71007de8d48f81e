"""Takes the recorded answers of a main-network node apart and writes what bt-decode makes of them.

bt-decode is a Rust decoder of the Bittensor SDK. NeuronInfoLite has a fixed layout in it; the other two answers are
decoded by the metadata. How to run this is in README.md beside this file.
"""

import argparse
import gzip
import json
import pathlib

import bt_decode

parser = argparse.ArgumentParser()
parser.add_argument("--recorded", type=pathlib.Path, required=True)
parser.add_argument("--out", type=pathlib.Path, required=True)
options = parser.parse_args()


def save(name: str, data: bytes) -> None:
    (options.out / name).write_bytes(gzip.compress(data, 9, mtime=0))


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def recorded(name: str) -> dict:
    return json.loads(gzip.decompress((options.recorded / name).read_bytes()))


finney, later = recorded("finney-343.json.gz"), recorded("metadata-425.json.gz")
for spec, source in (343, finney), (425, later):
    save(f"metadata-{spec}-v14.scale.gz", unhex(source["metadata_v14"]))
    save(f"metadata-{spec}-v15.opaque.gz", unhex(source["metadata_v15_optional_opaque"]))
save("metadata-425-v16.opaque.gz", unhex(later["metadata_v16_optional_opaque"]))

results = {call["method"]: unhex(call["result"]) for call in finney["state_calls"]}
neurons_raw = results["NeuronInfoRuntimeApi_get_neurons_lite"]
state_raw = results["SubnetInfoRuntimeApi_get_subnet_state"]
graph_raw = results["SubnetInfoRuntimeApi_get_selective_mechagraph"]
save("neurons-lite-343.scale.gz", neurons_raw)
save("subnet-state-343.scale.gz", state_raw)
save("mechagraph-343.scale.gz", graph_raw)

AXON = ["block", "version", "ip", "port", "ip_type", "protocol", "placeholder1", "placeholder2"]
PROMETHEUS = ["block", "version", "ip", "port", "ip_type"]
NEURON = [
    "hotkey", "coldkey", "uid", "netuid", "active", "axon_info", "prometheus_info", "stake", "rank", "emission",
    "incentive", "consensus", "trust", "validator_trust", "dividends", "last_update", "validator_permit",
    "pruning_score",
]


def plain(name: str, value):
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if name == "axon_info":
        return {f: getattr(value, f) for f in AXON}
    if name == "prometheus_info":
        return {f: getattr(value, f) for f in PROMETHEUS}
    if name == "stake":
        return [["0x" + account.hex(), amount] for account, amount in value]
    return value


neurons = [{f: plain(f, getattr(n, f)) for f in NEURON} for n in bt_decode.NeuronInfoLite.decode_vec(neurons_raw)]

metadata = bt_decode.MetadataV15.decode_from_metadata_option(unhex(finney["metadata_v15_optional_opaque"]))
registry = bt_decode.PortableRegistry.from_metadata_v15(metadata)
outputs = {
    (api["name"], method["name"]): method["output"]
    for api in json.loads(metadata.to_json())["apis"]
    for method in api["methods"]
}


def dynamic(method: str, raw: bytes):
    return bt_decode.decode(f"scale_info::{outputs['SubnetInfoRuntimeApi', method]}", registry, raw)


def accounts(value):
    """bt-decode gives an account as ((b0, …, b31),); write that as hex."""
    if isinstance(value, dict):
        return {k: accounts(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) == 1 and isinstance(value[0], (list, tuple)) and len(value[0]) == 32:
            return "0x" + bytes(value[0]).hex()
        return [accounts(v) for v in value]
    return value


golden = {
    "neurons": neurons,
    "state": accounts(dynamic("get_subnet_state", state_raw)),
    "mechagraph": accounts(dynamic("get_selective_mechagraph", graph_raw)),
}
save("golden-343.json.gz", json.dumps(golden, separators=(",", ":")).encode())
print(len(neurons), "neurons", {k: len(v) for k, v in golden.items()})
