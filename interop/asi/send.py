"""async-substrate-interface signs extrinsics and sends them to a running development chain on which nobody else acts.

    send.py WS_URL

The chain has subnet 1, on which //Bob and //Charlie are registered and //Eve is not. The last line is the number of
checks; the exit status is 1 if one failed.
"""

import asyncio
import sys

from async_substrate_interface.async_substrate import AsyncSubstrateInterface
from async_substrate_interface.errors import SubstrateRequestException
from bittensor_wallet import Keypair

url = sys.argv[1]
checks = failures = 0


def check(what, got, want):
    global checks, failures
    checks += 1
    if got != want:
        failures += 1
        print(f"{what}: got {got!r}, want {want!r}", file=sys.stderr)


def plain(value):
    """The Python value of a SCALE object."""
    return getattr(value, "value", value)


async def refused(what, awaitable, text):
    try:
        check(what, await awaitable, f"a refusal with {text}")
    except SubstrateRequestException as error:
        check(f"{what}: {error}", text in str(error), True)


async def main():
    bob, charlie, eve = (Keypair.create_from_uri(uri) for uri in ("//Bob", "//Charlie", "//Eve"))
    async with AsyncSubstrateInterface(url, ss58_format=42, chain_name="Bittensor") as chain:
        version = (await chain.rpc_request("state_getRuntimeVersion", []))["result"]["specVersion"]

        async def send(module, function, params, key, **options):
            call = await chain.compose_call(module, function, params)
            # Not the library's own count of nonces, which goes up with every question.
            options.setdefault("nonce", await chain.get_account_nonce(key.ss58_address))
            options.setdefault("era", {"period": 64})
            extrinsic = await chain.create_signed_extrinsic(call, key, **options)
            return await chain.submit_extrinsic(extrinsic, wait_for_finalization=True)

        async def names(receipt):
            events = [event["event"] if "event" in event else event for event in await receipt.triggered_events]
            return [f"{event['module_id']}.{event['event_id']}" for event in events]

        def commitment(netuid, text):
            return {"netuid": netuid, "info": {"fields": [[{f"Raw{len(text)}": text}]]}}

        receipt = await send("Commitments", "set_commitment", commitment(1, b"from python"), bob)
        check("success", await receipt.is_success, True)
        check("events", await names(receipt), ["Commitments.Commitment", "TransactionPayment.TransactionFeePaid", "System.ExtrinsicSuccess"])
        check("nonce", (await chain.rpc_request("system_accountNextIndex", [bob.ss58_address]))["result"], 1)
        block = await chain.get_block_number(receipt.block_hash)
        stored = plain(await chain.query("Commitments", "CommitmentOf", [1, bob.ss58_address]))
        check("block of the commitment", stored["block"], block)

        receipt = await send("Commitments", "set_commitment", commitment(1, b"nobody"), eve)
        check("no success", await receipt.is_success, False)
        check("error by name", (await receipt.error_message)["name"], "AccountNotAllowedCommit")

        axon = {"netuid": 1, "version": 9003000, "ip": 16909060, "port": 8091, "ip_type": 4, "protocol": 4, "placeholder1": 0, "placeholder2": 0}
        receipt = await send("SubtensorModule", "serve_axon", axon, charlie)
        check("served", (await names(receipt))[0], "SubtensorModule.AxonServed")
        check("axon", plain(await chain.query("SubtensorModule", "Axons", [1, charlie.ss58_address]))["port"], 8091)
        if version >= 283:
            await refused("too soon", send("SubtensorModule", "serve_axon", axon, charlie), "Custom error: 12")

        call = await chain.compose_call("Balances", "transfer_keep_alive", {"dest": charlie.ss58_address, "value": 10**9})
        fee = (await chain.get_payment_info(call, bob))["partial_fee"]
        before = plain(await chain.query("System", "Account", [bob.ss58_address]))["data"]["free"]
        # For ever, like the one whose fee was asked for: an era is a byte more.
        receipt = await send("Balances", "transfer_keep_alive", {"dest": charlie.ss58_address, "value": 10**9}, bob, era="00")
        check("transferred", await receipt.is_success, True)
        after = plain(await chain.query("System", "Account", [bob.ss58_address]))["data"]["free"]
        check("fee", fee > 0 and before - after, 10**9 + int(fee))
        check("fee of the receipt", await receipt.total_fee_amount, int(fee))
        await refused("a used nonce", send("System", "remark", {"remark": b"x"}, bob, nonce=0), "outdated")


asyncio.run(main())
print(f"{checks} checks, {failures} failed")
sys.exit(1 if failures else 0)
