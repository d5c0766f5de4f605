"""A WebSocket server for Duplex's client to meet: the PyPI package websockets, its asyncio API.

Prints "listening PORT" once it listens on 127.0.0.1, and ends on SIGTERM, on SIGINT, or when its standard
input is a pipe whose other end closes, so that it never outlives the test that started it.

    /echo                    each message back, with its type
    /fragments               each message back in 7 fragments, cut in bytes (so inside characters too), and then
                             the empty last frame that the library puts after every fragmented message
    /ping                    a ping at once; after its pong the text "pong received"
    /close?code=N&reason=R   closes at once with these; without a code, with an empty close frame
    /early                   five texts "early 1" ... "early 5", in the same segment as the 101 where the system can
    /subprotocol             "v2.chat" if it is offered, none otherwise; then like /echo
    anything else            404
"""

import argparse
import asyncio
import os
import signal
import socket
import ssl
import stat
import urllib.parse

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

FRAGMENTS = 7
PATIENCE = 10  # seconds


async def echo(connection, query):
    async for message in connection:
        await connection.send(message)


async def fragments(connection, query):
    async for message in connection:
        is_text = isinstance(message, str)
        payload = message.encode() if is_text else message
        # Borders at i/7 of the length: roughly equal, and some of them empty when there are fewer than 7 bytes.
        borders = [len(payload) * i // FRAGMENTS for i in range(FRAGMENTS + 1)]
        pieces = [payload[a:b] for a, b in zip(borders, borders[1:])]
        await connection.send(pieces, text=is_text)


async def ping(connection, query):
    pong = await connection.ping(b"are you there?")
    await asyncio.wait_for(pong, PATIENCE)
    await connection.send("pong received")
    await connection.wait_closed()


async def close(connection, query):
    code = int(query["code"][0]) if "code" in query else None
    reason = query.get("reason", [""])[0]
    await connection.close(code, reason)


async def early(connection, query):
    for i in range(1, 6):
        await connection.send(f"early {i}")
    cork(connection, False)
    await connection.wait_closed()


ROUTES = {
    "/echo": echo,
    "/fragments": fragments,
    "/ping": ping,
    "/close": close,
    "/early": early,
    "/subprotocol": echo,
}


def cork(connection, on):
    """Holds back the socket's bytes, so that what is written meanwhile leaves together."""
    if hasattr(socket, "TCP_CORK"):
        connection.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)


def path_of(request):
    return urllib.parse.urlsplit(request.path).path


def before_handshake(connection, request):
    if path_of(request) not in ROUTES:
        return connection.respond(404, "no such path\n")
    if path_of(request) == "/early":
        cork(connection, True)
    return None


def choose_subprotocol(connection, offers):
    if path_of(connection.request) == "/subprotocol" and "v2.chat" in offers:
        return "v2.chat"
    return None


async def handle(connection):
    url = urllib.parse.urlsplit(connection.request.path)
    try:
        await ROUTES[url.path](connection, urllib.parse.parse_qs(url.query))
    except ConnectionClosed:
        pass  # Endings are the client's to judge.


def call_at_end_of_input(loop, callback):
    """Only a pipe or a socket: at a terminal, or with /dev/null, an end of input means nothing."""
    mode = os.fstat(0).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def read():
        if not os.read(0, 4096):
            loop.remove_reader(0)
            callback()

    loop.add_reader(0, read)


async def main():
    parser = argparse.ArgumentParser(description="WebSocket echo server (websockets for Python)")
    parser.add_argument("--port", type=int, default=0, help="0, the default: any free one")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="PEM files; wss instead of ws")
    parser.add_argument("--deflate", action="store_true", help="accept permessage-deflate")
    parser.add_argument("--max-size", type=int, default=64 * 1024 * 1024, help="bytes per message received")
    options = parser.parse_args()

    tls = None
    if options.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*options.tls)

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    call_at_end_of_input(loop, ending.set)

    async with serve(
        handle,
        "127.0.0.1",
        options.port,
        ssl=tls,
        compression="deflate" if options.deflate else None,
        max_size=options.max_size,
        ping_interval=None,  # The only pings are those that a route sends.
        close_timeout=2,
        process_request=before_handshake,
        select_subprotocol=choose_subprotocol,
    ) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        await ending.wait()


asyncio.run(main())
