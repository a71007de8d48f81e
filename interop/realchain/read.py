"""Reads the neurons of one subnet from a node, without any code of this project, and prints them in the shape of the
service's answer. Neurons are decoded by bt-decode (the SDK's own Rust decoder); the subnet state, which that package
does not know, by the few lines below.

    read.py WS_URL NETUID BLOCK_NUMBER
"""

import asyncio
import hashlib
import ipaddress
import json
import sys

import bt_decode
import websockets

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def ss58(key):
    data = b"\x2a" + bytes(key)
    data += hashlib.blake2b(b"SS58PRE" + data, digest_size=64).digest()[:2]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return text


class Scale:
    """Reads SCALE values one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        if self.at > len(self.data):
            raise ValueError("too short")
        return self.data[self.at - n : self.at]

    def compact(self):
        first = self.data[self.at]
        mode = first & 3
        if mode == 3:
            self.at += 1
            return int.from_bytes(self.take((first >> 2) + 4), "little")
        return int.from_bytes(self.take(1 << mode), "little") >> 2

    def vec(self, read):
        return [read() for _ in range(self.compact())]

    def account(self):
        return ss58(self.take(32))

    def flag(self):
        return self.take(1) == b"\x01"


def subnet_state(data):
    s = Scale(data)
    if s.take(1) == b"\x00":
        return None
    state = {"netuid": s.compact()}
    state["hotkeys"] = s.vec(s.account)
    s.vec(s.account)  # coldkeys
    s.vec(s.flag)  # active
    s.vec(s.flag)  # validator_permit
    for _ in range(9):  # pruning_score … block_at_registration
        s.vec(s.compact)
    for name in ("alpha_stake", "tao_stake", "total_stake"):
        state[name] = s.vec(s.compact)
    s.vec(lambda: s.vec(s.compact))  # emission_history
    if s.at != len(data):
        raise ValueError(f"{len(data) - s.at} bytes are left")
    return state


async def main(url, netuid, number):
    async with websockets.connect(url, max_size=None) as ws:

        async def rpc(method, *params):
            await ws.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            answer = json.loads(await ws.recv())
            if "error" in answer:
                raise RuntimeError(answer["error"])
            return answer["result"]

        block = await rpc("chain_getBlockHash", number)
        spec = (await rpc("state_getRuntimeVersion", block))["specVersion"]

        async def api(method):
            raw = bytes.fromhex((await rpc("state_call", method, "0x" + netuid.to_bytes(2, "little").hex(), block))[2:])
            if spec < 233:  # a byte vector that holds the value
                inner = Scale(raw)
                raw = inner.take(inner.compact())
                if inner.at != len(inner.data):
                    raise ValueError("bytes after the byte vector")
            return raw

        lite = Scale(await api("NeuronInfoRuntimeApi_get_neurons_lite"))
        lite.compact()
        neurons = bt_decode.NeuronInfoLite.decode_vec(lite.data)
        state = subnet_state(await api("SubnetInfoRuntimeApi_get_subnet_state"))
        stakes = {}
        for name, key in (("alpha", "alpha_stake"), ("tao", "tao_stake"), ("total", "total_stake")):
            for hotkey, rao in zip(state["hotkeys"], state[key], strict=True):
                stakes.setdefault(hotkey, {})[name] = rao / 1e9
        answer = {}
        for n in neurons:
            hotkey = ss58(n.hotkey)
            axon = n.axon_info
            ip = ipaddress.IPv6Address(axon.ip) if axon.ip_type == 6 else ipaddress.IPv4Address(axon.ip)
            answer[hotkey] = {
                "uid": n.uid,
                "coldkey": ss58(n.coldkey),
                "hotkey": hotkey,
                "active": n.active,
                "axon_info": {"ip": str(ip), "port": axon.port, "protocol": axon.protocol},
                "stake": n.stake[0][1] / 1e9 if n.stake else 0.0,
                "rank": n.rank / 65535,
                "emission": n.emission / 1e9,
                "incentive": n.incentive / 65535,
                "consensus": n.consensus / 65535,
                "trust": n.trust / 65535,
                "validator_trust": n.validator_trust / 65535,
                "dividends": n.dividends / 65535,
                "last_update": n.last_update,
                "validator_permit": n.validator_permit,
                "pruning_score": n.pruning_score,
                "stakes": stakes[hotkey],
            }
        print(json.dumps({"block": {"number": number, "hash": block}, "neurons": answer}))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
