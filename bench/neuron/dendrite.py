"""A dendrite of //Alice that sends the message Bench, 64 at once."""

import asyncio
import sys
import time
import typing

seconds, target = float(sys.argv[1]), sys.argv[2]

import sdk  # noqa: E402
from bittensor.core.chain_data import AxonInfo  # noqa: E402


class Bench(sdk.Synapse):
    prompt: str
    count: int = 0
    answer: typing.Optional[str] = None
    required_hash_fields: typing.ClassVar[tuple[str, ...]] = ("prompt", "count")


async def main():
    ip, port = target.split(":")
    hotkey = sdk.key("//Bob").ss58_address
    # An axon takes messages of one dendrite in their order only, so each call has its own.
    dendrites = [sdk.Dendrite(wallet=sdk.key("//Alice")) for _ in range(64)]
    axon = AxonInfo(
        version=10005000, ip=ip, port=int(port), ip_type=4, hotkey=hotkey, coldkey="", protocol=4, placeholder1=0, placeholder2=0,
    )

    async def one(d):
        m = Bench(prompt="What is the answer to everything, and why does it's text have quotes?", count=42)
        m = await d.forward(axon, m, deserialize=False)
        if not m.is_success:
            raise RuntimeError(f"{m.dendrite.status_code} {m.dendrite.status_message}")

    await asyncio.gather(*(one(d) for d in dendrites))
    n, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        await asyncio.gather(*(one(d) for d in dendrites))
        n += len(dendrites)
    print("ready", n / (time.perf_counter() - start), flush=True)
    for d in dendrites:
        await d.aclose_session()


asyncio.run(main())
