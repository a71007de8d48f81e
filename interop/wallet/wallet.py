"""Writes or reads one wallet with the package of this environment.

It takes one order as JSON on its standard input and prints one result as JSON, the last line of its output. The order is

    {"do": "write" | "read", "path", "name", "password", "crypto_type", "keys": {hotkey: {"mnemonic" | "seed": …}}, "message"}

"coldkey" among the keys is the coldkey; it is encrypted. A password of null is looked for in the environment.
"""

import json
import sys

try:
    from bittensor_wallet import Wallet
    kind = "bittensor-wallet"
except ImportError:
    from bittensor import Wallet
    kind = "sdk"


def raw(key):
    """bittensor-wallet has public keys as bytes or as text, by version."""
    key = key.public_key
    return key.hex() if isinstance(key, (bytes, bytearray)) else key.removeprefix("0x")


def write(order):
    # Releases without ed25519 do not know the argument.
    scheme = {} if order["crypto_type"] == 1 else {"crypto_type": order["crypto_type"]}
    for name, source in order["keys"].items():
        if name == "coldkey":
            w = Wallet(name=order["name"], hotkey="none", path=order["path"])
            encrypt = {"use_password": True, "coldkey_password": order["password"]} if order["password"] else {"use_password": False}
            w.regenerate_coldkey(**source, **encrypt, **scheme, overwrite=True, suppress=True)
        else:
            w = Wallet(name=order["name"], hotkey=name, path=order["path"])
            w.regenerate_hotkey(**source, **scheme, use_password=False, overwrite=True, suppress=True)
    return {}


def read(order):
    message = order["message"].encode()
    result = {}
    for name, theirs in order["signatures"].items():
        w = Wallet(name=order["name"], hotkey=name, path=order["path"])
        file = w.coldkey_file if name == "coldkey" else w.hotkey_file
        key = file.get_keypair(order["password"]) if file.is_encrypted() else file.get_keypair()
        signature = key.sign(message)
        result[name] = {
            "address": key.ss58_address,
            "public": raw(key),
            "encrypted": file.is_encrypted(),
            "signature": bytes(signature).hex(),
            "verified": key.verify(message, bytes.fromhex(theirs)),
        }
        if name == "coldkey":
            result["coldkeypub"] = {"address": w.coldkeypub.ss58_address}
    return result


order = json.load(sys.stdin)
print(json.dumps({"kind": kind, "keys": {"write": write, "read": read}[order["do"]](order)}))
