"""Reads what the hotkeys of a subnet have published, and the extrinsics of a block, from a node, without any code of this
project: extrinsics and commitments are decoded by scalecodec, the library behind the Python service. Prints JSON in the
shapes of the service's answers.

    published.py WS_URL NETUID BLOCK_NUMBER
"""

import asyncio
import json
import sys

import websockets
from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset
from scalecodec.utils.ss58 import ss58_encode

# twox128 of the pallet and of the item, as any explorer shows them
COMMITMENTS = "ca407206ec1ab726b2636c4b145ac287419a60ae8b01e6dcaebd7317e43c69bf"
CERTIFICATES = "658faa385070e074c85bf6b568cf0555805f1c4b7f54d8f4208070bfc777e2db"


def address(key):
    return ss58_encode(bytes.fromhex(key[-64:]), 42)


async def main(url, netuid, number):
    async with websockets.connect(url, max_size=None) as ws:

        async def rpc(method, *params):
            await ws.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            answer = json.loads(await ws.recv())
            if "error" in answer:
                raise RuntimeError(answer["error"])
            return answer["result"]

        block = await rpc("chain_getBlockHash", number)
        config = RuntimeConfigurationObject(ss58_format=42)
        config.update_type_registry(load_type_registry_preset("core"))
        metadata = config.create_scale_object("MetadataVersioned", data=ScaleBytes(await rpc("state_getMetadata", block)))
        metadata.decode()
        config.add_portable_registry(metadata)

        async def entries(prefix):
            prefix = "0x" + prefix + netuid.to_bytes(2, "little").hex()
            for key in await rpc("state_getKeysPaged", prefix, 1000, None, block):
                yield address(key), bytes.fromhex((await rpc("state_getStorage", key, block))[2:])

        certificates = {}
        async for hotkey, value in entries(CERTIFICATES):
            length = value[0] >> 2  # shorter than 64 bytes: one byte of length
            assert length == len(value) - 2
            certificates[hotkey] = {"algorithm": value[-1], "public_key": value[1:-1].hex()}

        registration = metadata.get_metadata_pallet("Commitments").get_storage_function("CommitmentOf").get_value_type_string()
        commitments = {}
        async for hotkey, value in entries(COMMITMENTS):
            decoded = config.create_scale_object(registration, data=ScaleBytes(value)).decode()
            data = next(iter(decoded["info"]["fields"][0].values()))
            commitments[hotkey] = {
                "kind": "hex_data",
                "commitment_block_number": decoded["block"],
                "hotkey": hotkey,
                "commitment": data,
            }

        extrinsics = []
        for index, raw in enumerate((await rpc("chain_getBlock", block))["block"]["extrinsics"]):
            decoded = config.create_scale_object("Extrinsic", data=ScaleBytes(raw), metadata=metadata).decode()
            extrinsics.append({"block_number": number, "extrinsic_index": index, "address": None, **decoded})

        print(json.dumps({
            "certificates": certificates,
            "commitments": {"block": {"number": number, "hash": block}, "commitments": commitments},
            "extrinsics": extrinsics,
        }))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
