"""Checks of a signed request with SDK 11, one after the other."""

import sys
import time

seconds = float(sys.argv[1])

import bittensor as bt  # noqa: E402
from bittensor.sp_core import Keypair  # noqa: E402

alice, bob = Keypair.create_from_uri("//Alice"), Keypair.create_from_uri("//Bob")


class Always:
    retention = 1e9

    def check_and_store(self, hotkey, nonce):
        return True


body = b'{"prompt": "hello"}'
headers = bt.http_auth.sign(alice, method="POST", path="/generate?stream=false", body=body, receiver_ss58=bob.ss58_address)
n, start = 0, time.perf_counter()
while time.perf_counter() - start < seconds:
    for _ in range(50):
        bt.http_auth.verify(
            headers, body, method="POST", path="/generate?stream=false", self_hotkey_ss58=bob.ss58_address, max_age=3600.0,
            nonce_store=Always(),
        )
    n += 50
print("ready", n / (time.perf_counter() - start), flush=True)
