"""Lets a host that has WebSockets but no fetch() read from the HTTP server: each text message is a URL to GET,
answered by a message of JSON with `status` and `body`. Run by pywebsocket3 beside the suite's own handlers."""

import json
import os
import urllib.error
import urllib.request

ORIGIN = os.environ["DUPLEX_WPT_ORIGIN"]
# Whatever the environment says of proxies: it is all on loopback.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    if not url.startswith(ORIGIN + "/"):
        return {"status": 0, "body": ""}
    try:
        with DIRECT.open(url, timeout=30) as response:
            return {"status": response.status, "body": response.read().decode("utf-8", "replace")}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode("utf-8", "replace")}


def web_socket_do_extra_handshake(request):
    pass


def web_socket_transfer_data(request):
    while (url := request.ws_stream.receive_message()) is not None:
        request.ws_stream.send_message(json.dumps(get(url)), binary=False)
