"""Signs and verifies requests with SDK 11 as lines of JSON on standard input say, by HTTP."""

import http.server
import json
import sys
import threading
import time
import urllib.error
import urllib.request

import bittensor as bt
from bittensor.sp_core import Keypair

ED25519 = 0
alice, bob = Keypair.create_from_uri("//Alice"), Keypair.create_from_uri("//Bob")
alice_ed25519 = Keypair.create_from_uri("//Alice", crypto_type=ED25519)


class Handler(http.server.BaseHTTPRequestHandler):
    """The server is //Bob."""

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            caller = bt.http_auth.verify(
                dict(self.headers.items()), body, method=self.command, path=self.path, self_hotkey_ss58=bob.ss58_address,
            )
            status, answer = 200, caller.hotkey_ss58
        except bt.http_auth.AuthError as e:
            status, answer = 401, type(e).__name__
        self.send_response(status)
        out = answer.encode()
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", server.server_address[1], flush=True)

for line in sys.stdin:
    order = json.loads(line)
    body = order["body"].encode()
    headers = bt.http_auth.sign(
        alice_ed25519 if order.get("ed25519") else alice, method=order["method"], path=order["path"], body=body,
        receiver_ss58=order["receiver"] or None, nonce_ns=time.time_ns() + order.get("skew", 0) * 10**9,
    )
    if order.get("again"):
        headers = last
    last = headers
    if order.get("claim"):
        headers["X-Bittensor-Hotkey"] = order["claim"]
    headers["Content-Type"] = "application/json"
    sent = order.get("sent", order["body"]).encode()
    request = urllib.request.Request(
        order["url"] + order["path"], data=sent or None, headers=dict(headers), method=order["method"],
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            result = {"status": response.status, "body": response.read().decode()}
    except urllib.error.HTTPError as e:
        result = {"status": e.code, "body": e.read().decode()}
    print("result", json.dumps(result), flush=True)
