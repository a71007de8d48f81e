"""Writes extrinsics.json.gz: extrinsics that scalecodec has encoded and decoded, and the type names that it gives to the
arguments of all calls. To do it again:

    python3 -m venv venv && venv/bin/pip install scalecodec==1.2.12 && venv/bin/python extrinsics.py
"""

import gzip
import json
import pathlib

from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset

here = pathlib.Path(__file__).parent
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"


def runtime(spec):
    config = RuntimeConfigurationObject(ss58_format=42)
    config.update_type_registry(load_type_registry_preset("core"))
    raw = gzip.open(here / f"../../scale/testdata/metadata-{spec}-v14.scale.gz").read()
    metadata = config.create_scale_object("MetadataVersioned", data=ScaleBytes(raw))
    metadata.decode()
    config.add_portable_registry(metadata)
    return config, metadata


def call(module, function, **args):
    return {"call_module": module, "call_function": function, "call_args": args}


weights = call("SubtensorModule", "set_weights", netuid=12, dests=[0, 1], weights=[65535, 1], version_key=2**64 - 1)
remark = call("System", "remark", remark="a <b> & \"c\" \u2028 é")
calls = {
    "timestamp": call("Timestamp", "set", now=1768652111872),
    "remark that is text": remark,
    "remark that is not": call("System", "remark", remark="0xff00fe"),
    "remark of nothing": call("System", "remark", remark=""),
    "weights": weights,
    "batch weights": call(
        "SubtensorModule", "batch_set_weights", netuids=[1, 4464], weights=[[(1, 2), (3, 65535)], []], version_keys=[1, 2**63]
    ),
    "commitment": call("Commitments", "set_commitment", netuid=1, info={"fields": [[{"Raw4": "0x64617461"}]]}),
    "timelocked commitment": call(
        "Commitments", "set_commitment", netuid=1,
        info={"fields": [[{"TimelockEncrypted": {"encrypted": "0x00ff", "reveal_round": 2**40}}, "None", {"Sha256": "0x" + "11" * 32}]]},
    ),
    "axon over IPv6": call(
        "SubtensorModule", "serve_axon_tls", netuid=1, version=9003000, ip=0x20010DB8000000000000000000000001, port=8091,
        ip_type=6, protocol=4, placeholder1=0, placeholder2=0, certificate="0x01" + "80" * 32,
    ),
    "hotkey": call("SubtensorModule", "try_associate_hotkey", hotkey=BOB),
    "EVM key": call("SubtensorModule", "associate_evm_key", netuid=1, evm_key="0x" + "ab" * 20, block_number=7, signature="0x" + "cd" * 65),
    "transfer": call("Balances", "transfer_keep_alive", dest=BOB, value=10**18),
    "transfer to a raw address": call("Balances", "transfer_keep_alive", dest={"Raw": "0x0102ff"}, value=1),
    "transfer to an Ethereum address": call("Balances", "transfer_keep_alive", dest={"Address20": "0x" + "0a" * 20}, value=1),
    "batch": call("Utility", "force_batch", calls=[weights, remark]),
    "sudo": call("Sudo", "sudo", call=call("AdminUtils", "sudo_set_tempo", netuid=1, tempo=360)),
    "proxy": call("Proxy", "proxy", real=BOB, force_proxy_type="Any", call=call("Utility", "batch", calls=[remark])),
    "proxy of no type": call("Proxy", "proxy", real=BOB, force_proxy_type=None, call=remark),
    "no arguments": call("Sudo", "remove_key"),
    "optional identity": call("SubtensorModule", "register_network_with_identity", hotkey=BOB, identity=None),
    "multisig": call(
        "Multisig", "as_multi", threshold=2, other_signatories=[BOB], maybe_timepoint={"height": 5, "index": 1}, call=remark,
        max_weight={"ref_time": 2**60, "proof_size": 0},
    ),
    "storage": call("System", "set_storage", items=[("0x01ff", "0x61")]),
    "Ethereum": call(
        "Ethereum", "transact",
        transaction={"EIP1559": {
            "chain_id": 964, "nonce": 0, "max_priority_fee_per_gas": 2**64, "max_fee_per_gas": 2**256 - 1, "gas_limit": 21000,
            "action": {"Call": "0x" + "0b" * 20}, "value": 2**200 + 1, "input": "0xa9059cbb",
            "access_list": [{"address": "0x" + "0c" * 20, "storage_keys": ["0x" + "0d" * 32]}],
            "signature": {"odd_y_parity": True, "r": "0x" + "01" * 32, "s": "0x" + "02" * 32},
        }},
    ),
    "pulse": call(
        "Drand", "write_pulse",
        pulses_payload={
            "block_number": 7, "pulses": [{"round": 2**40, "randomness": "0x" + "ff" * 32, "signature": "0x" + "aa" * 48}],
            "public": {"Sr25519": "0x" + "05" * 32},
        },
        signature={"Sr25519": "0x" + "06" * 64},
    ),
    "children": call("SubtensorModule", "set_children", hotkey=BOB, netuid=1, children=[(2**64 - 1, ALICE)]),
    "no key": call("MevShield", "announce_next_key", enc_key=None),
    "key": call("MevShield", "announce_next_key", enc_key="0x" + "e9" * 40),
    "optional address": call(
        "Crowdloan", "create", deposit=1, min_contribution=2**64 - 1, cap=3, end=4, call=None, target_address=ALICE,
    ),
    "negative": call("AdminUtils", "sudo_set_alpha_sigmoid_steepness", netuid=1, steepness=-5),
    "fixed-point number": call("AdminUtils", "sudo_set_burn_increase_mult", netuid=1, burn_increase_mult={"bits": 2**127}),
    "enum without fields": call("SubtensorModule", "set_root_claim_type", new_root_claim_type="Swap"),
    "set in an enum": call("SubtensorModule", "set_root_claim_type", new_root_claim_type={"KeepSubnets": {"subnets": [1, 2]}}),
}


def extrinsics(config, metadata):
    for era, nonce, tip in [("00", 0, 0), ([(128, 67)], 5, 10**12)]:
        for name, value in calls.items():
            signed = {
                "address": ALICE, "signature": {"Sr25519": "0x" + "5a" * 64}, "era": era, "nonce": nonce, "tip": tip,
                "mode": {"mode": "Disabled"}, "call": value,
            }
            for what, body in [("signed", signed), ("bare", {"call": value})]:
                if (what == "bare") != (era == "00"):
                    continue
                x = config.create_scale_object("Extrinsic", metadata=metadata)
                try:
                    data = x.encode(body)
                except Exception as error:
                    raise SystemExit(f"{name}: {error!r}")
                again = config.create_scale_object("Extrinsic", data=ScaleBytes(data.data), metadata=metadata)
                yield {"name": f"{what}: {name}", "hex": data.to_hex(), "decoded": again.decode()}


def type_names(config, metadata):
    for pallet in metadata.pallets:
        for function in pallet.calls or []:
            fields = [[f.value["name"], config.convert_type_string(f.value["typeName"])] for f in function.value_object["fields"]]
            yield f"{pallet.name}.{function.name}", fields


answers = {"types": {}}
for spec in (218, 343, 425):
    config, metadata = runtime(spec)
    answers["types"][spec] = dict(type_names(config, metadata))
    if spec == 425:
        answers["extrinsics"] = list(extrinsics(config, metadata))
with gzip.GzipFile(here / "extrinsics.json.gz", "wb", mtime=0) as out:
    out.write(json.dumps(answers).encode())
