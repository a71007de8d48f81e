"""The published Python client reads the real runtime's neurons through the service.

    client.py SERVICE OPEN_ACCESS_TOKEN IDENTITY_TOKEN NODE
"""

import asyncio
import sys

from pylon_client.artanis import AsyncConfig, AsyncPylonClient, Config, PylonClient, PylonNotFound

service, open_access_token, identity_token, node = sys.argv[1:]
fields = {
    "address": service,
    "open_access_token": open_access_token,
    "identity_name": "sn1",
    "identity_token": identity_token,
}
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
DAVE = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"


def check(answer):
    neurons = answer.neurons
    assert neurons[ALICE].coldkey == ALICE and neurons[BOB].coldkey == ALICE
    dave = neurons[DAVE].axon_info
    assert (str(dave.ip), dave.port) == ("2001:db8::1", 9000), dave
    assert [n.uid for n in neurons.values()] == list(range(len(neurons)))


with PylonClient(Config(**fields)) as client:
    info = client.v1.open_access.get_latest_block_info()
    assert info.number >= 103, info
    for api in (client.v1, client.unstable):
        latest = api.open_access.get_latest_neurons(1)
        check(latest)
        assert api.open_access.get_neurons(1, latest.block.number) == latest
        own = api.identity.get_latest_neurons()
        assert own.neurons.keys() == latest.neurons.keys()
        validators = api.identity.get_latest_validators().validators
        assert validators and all(v.validator_permit for v in validators)
        try:
            api.open_access.get_neurons(1, 4_000_000_000)
            raise AssertionError("a block of the far future was found")
        except PylonNotFound as e:
            assert e.detail == "Block 4000000000 not found.", e


async def main():
    async with AsyncPylonClient(AsyncConfig(**fields)) as client:
        check(await client.v1.open_access.get_latest_neurons(1))
        check(await client.unstable.identity.get_recent_neurons())


asyncio.run(main())
print("the published client reads the real runtime")
