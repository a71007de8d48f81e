"""An axon of //Bob that answers the message Bench."""

import socket
import sys
import time
import typing

import sdk


class Bench(sdk.Synapse):
    prompt: str
    count: int = 0
    answer: typing.Optional[str] = None
    required_hash_fields: typing.ClassVar[tuple[str, ...]] = ("prompt", "count")


def forward(synapse: Bench) -> Bench:
    synapse.answer = "42"
    return synapse


with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
axon = sdk.Axon(wallet=sdk.wallet("//Bob"), port=port, external_ip="127.0.0.1")
axon.attach(forward)
axon.start()
for _ in range(500):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        time.sleep(0.05)
print("ready", f"127.0.0.1:{port}", flush=True)
time.sleep(3600)
