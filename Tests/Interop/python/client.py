"""Checks an echo server at URL with the PyPI package websockets, and with raw frames where a well-behaved
client cannot misbehave.

    client.py URL [--cafile FILE] [--limit BYTES] [--timeout SECONDS]
              [--only NAME]... [--skip NAME]...

Prints "ok NAME" or "FAIL NAME: detail" per check; exits 0 only if all passed. --limit is the largest message
that the server accepts (16 MiB unless told): one byte less must come back, one byte more must end in 1009.
Every check waits for --timeout (20 s) at most.
"""

import argparse
import asyncio
import base64
import hashlib
import os
import ssl
import sys
import urllib.parse

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

MIB = 1024 * 1024
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
FIN, RSV1 = 0x80, 0x40


class Failure(Exception):
    pass


def expect(condition, detail):
    if not condition:
        raise Failure(detail)


def same(received, sent, what="message"):
    """Equality with a detail that stays readable when the values are megabytes."""
    if received == sent and type(received) is type(sent):
        return

    def describe(value):
        if isinstance(value, (str, bytes)) and len(value) > 60:
            return f"{type(value).__name__} of {len(value)}, {value[:20]!r}..."
        return repr(value)

    raise Failure(f"{what} is {describe(received)}, not {describe(sent)}")


# MARK: a socket with its frames made by hand


def frame(first, payload=b"", mask=b"\x37\xfa\x21\x3d", declared=None):
    """`first` is the whole first byte. `declared` claims another length than the payload has."""
    length = len(payload) if declared is None else declared
    masked = 0x80 if mask else 0
    if length < 126:
        header = bytes([first, masked | length])
    elif length < 65536:
        header = bytes([first, masked | 126]) + length.to_bytes(2, "big")
    else:
        header = bytes([first, masked | 127]) + length.to_bytes(8, "big")
    if not mask:
        return header + payload
    # One big XOR: a loop over 16 MiB in Python takes longer than the test may.
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return header + mask + mixed.to_bytes(len(payload), "big")


class Raw:
    """A connection after a handshake made by hand. `send` takes bytes, `receive` gives (first byte, payload)."""

    async def __aenter__(self):
        url = urllib.parse.urlsplit(self.options.url)
        secure = url.scheme == "wss"
        port = url.port or (443 if secure else 80)
        self.reader, self.writer = await asyncio.open_connection(
            url.hostname, port, ssl=self.options.tls if secure else None
        )
        key = base64.b64encode(os.urandom(16))
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        await self.send(
            f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        expect(head[0].startswith("HTTP/1.1 101"), f"handshake answered {head[0]!r}")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        same(fields.get("sec-websocket-accept"), base64.b64encode(digest).decode(), "Sec-WebSocket-Accept")
        return self

    async def __aexit__(self, *exception):
        self.writer.transport.abort()

    def __init__(self, options):
        self.options = options

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self):
        first, second = await self.reader.readexactly(2)
        expect(not second & 0x80, "the server masks its frames")
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8), "big")
        return first, await self.reader.readexactly(length)

    async def expect_close(self, code):
        """A close frame with this code, and after it the end of the connection."""
        try:
            first, payload = await self.receive()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Failure(f"the connection ended ({type(error).__name__}) without a close frame") from None
        expect(first == FIN | CLOSE, f"first byte {first:#04x} instead of a close frame")
        same(int.from_bytes(payload[:2], "big"), code, "close code")
        payload[2:].decode()  # A reason must be UTF-8.
        try:
            rest = await self.reader.read()
        except ConnectionError:
            return  # A reset is an end as well.
        expect(not rest, f"{len(rest)} bytes after the close frame")


# MARK: checks

CHECKS = []


def check(name):
    def register(function):
        CHECKS.append((name, function))
        return function

    return register


def open_client(options):
    return connect(
        options.url,
        ssl=options.tls,
        compression="deflate" if options.deflate else None,
        max_size=None,
        ping_interval=None,
        close_timeout=options.timeout,
        proxy=None,  # The peer is on this machine, whatever the environment's proxy settings say.
    )


async def echoes(options, *messages):
    async with open_client(options) as client:
        for message in messages:
            await client.send(message)
            same(await client.recv(), message)


@check("text")
async def _(options):
    await echoes(options, "hello", "Grüße, 世界", "\U0001f600 \U00010348 \U0010ffff", "nul \0 inside", "a" * 126)


@check("binary")
async def _(options):
    await echoes(options, bytes(range(256)), b"\xff\xfe\x00", b"b" * 125, b"b" * 126, b"b" * 65535, b"b" * 65536)


@check("empty")
async def _(options):
    await echoes(options, "", b"", "after")


@check("fragmented-text")
async def _(options):
    async def pieces():
        for piece in ("Grü", "", "ße \U0001f600", "!"):
            yield piece

    async with open_client(options) as client:
        await client.send(pieces())
        same(await client.recv(), "Grüße \U0001f600!")


@check("fragmented-binary")
async def _(options):
    async def pieces():
        for i in range(100):
            yield bytes([i]) * i

    async with open_client(options) as client:
        await client.send(pieces())
        same(await client.recv(), b"".join([bytes([i]) * i for i in range(100)]))


@check("ping")
async def _(options):
    async with open_client(options) as client:
        for payload in (b"", b"payload", bytes(125)):
            # The library matches the pong by its payload, and gives the time it took.
            latency = await (await client.ping(payload))
            expect(0 <= latency < options.timeout, f"latency of {latency} s")


@check("unsolicited-pong")
async def _(options):
    async with open_client(options) as client:
        await client.pong(b"nobody asked")
        await client.send("still here")
        same(await client.recv(), "still here")


@check("1-MiB")
async def _(options):
    size = min(MIB, options.limit)
    await echoes(options, os.urandom(size), "ü" * (size // 2))


@check("10-MiB")
async def _(options):
    await echoes(options, os.urandom(min(10 * MIB, options.limit)))


@check("limit-minus-1")
async def _(options):
    await echoes(options, os.urandom(options.limit - 1))


@check("pipelined-1000")
async def _(options):
    async with open_client(options) as client:

        async def send():
            for i in range(1000):
                await client.send(f"message {i}" if i % 2 else b"message %d" % i)

        async def receive():
            for i in range(1000):
                same(await client.recv(), f"message {i}" if i % 2 else b"message %d" % i)

        await asyncio.gather(send(), receive())


async def closes(options, code, reason, expected):
    client = await open_client(options)
    await client.close(code, reason)
    expect(client.protocol.close_rcvd is not None, "the connection ended without a close frame in answer")
    same(client.protocol.close_rcvd.code, expected, "close code")


@check("close-1000")
async def _(options):
    await closes(options, 1000, "", 1000)


@check("close-4321")
async def _(options):
    await closes(options, 4321, "that was all, Grüße", 4321)


@check("close-without-code")
async def _(options):
    async with Raw(options) as raw:
        await raw.send(frame(FIN | CLOSE))
        first, payload = await raw.receive()
        same(first, FIN | CLOSE, "first byte")
        # RFC 6455 §5.5.1 asks for the code received, and there is none: an empty body, or 1000.
        expect(payload[:2] in (b"", (1000).to_bytes(2, "big")), f"close body {payload!r}")
        same(await raw.reader.read(), b"", "what follows the close frame")


@check("close-3999")
async def _(options):
    # A registrable code that nobody registered, with the longest reason that fits.
    await closes(options, 3999, "x" * 123, 3999)


@check("deflate-chosen-if-offered")
async def _(options):
    async with open_client(options) as client:
        chosen = client.response.headers.get("Sec-WebSocket-Extensions")
        if options.deflate:
            expect(chosen is not None and chosen.startswith("permessage-deflate"), f"extensions {chosen}")
        else:
            same(chosen, None, "Sec-WebSocket-Extensions")


@check("byte-by-byte")
async def _(options):
    async with Raw(options) as raw:
        for byte in frame(FIN | TEXT, b"one at a time") + frame(FIN | BINARY, bytes(200)):
            await raw.send(bytes([byte]))
        same(await raw.receive(), (FIN | TEXT, b"one at a time"), "frame")
        same(await raw.receive(), (FIN | BINARY, bytes(200)), "frame")


@check("ping-between-fragments")
async def _(options):
    async with Raw(options) as raw:
        await raw.send(
            frame(TEXT, b"\xe2\x82") + frame(FIN | PING, b"in between") + frame(FIN | CONTINUATION, b"\xac")
        )
        same(await raw.receive(), (FIN | PONG, b"in between"), "frame")
        same(await raw.receive(), (FIN | TEXT, "€".encode()), "frame")


def refused(name, code, *frames):
    """The server must fail the connection with this code."""

    @check(name)
    async def _(options):
        async with Raw(options) as raw:
            await raw.send(b"".join(frames))
            await raw.expect_close(code)


refused("invalid-utf8", 1007, frame(FIN | TEXT, b"hell\xff"))
refused("invalid-utf8-surrogate", 1007, frame(FIN | TEXT, b"\xed\xa0\x80"))
refused("invalid-utf8-cut-short", 1007, frame(FIN | TEXT, b"\xe2\x82"))
refused("invalid-utf8-fragmented", 1007, frame(TEXT, b"\xe2"), frame(FIN | CONTINUATION, b"\x28\xa1"))
refused("invalid-utf8-in-close", 1007, frame(FIN | CLOSE, b"\x03\xe8\xff"))
refused("unmasked", 1002, frame(FIN | TEXT, b"bare", mask=None))
refused("reserved-bit", 1002, frame(FIN | RSV1 | TEXT, b"compressed?"))
refused("reserved-opcode", 1002, frame(FIN | 0x3, b"?"))
refused("reserved-control-opcode", 1002, frame(FIN | 0xB, b"?"))
refused("long-ping", 1002, frame(FIN | PING, bytes(126)))
refused("fragmented-ping", 1002, frame(PING, b"half"))
refused("stray-continuation", 1002, frame(FIN | CONTINUATION, b"of what?"))
refused("text-inside-message", 1002, frame(TEXT, b"one"), frame(FIN | TEXT, b"two"))
refused("close-body-of-1-byte", 1002, frame(FIN | CLOSE, b"\x03"))
refused("close-code-1005", 1002, frame(FIN | CLOSE, (1005).to_bytes(2, "big")))
refused("close-code-5000", 1002, frame(FIN | CLOSE, (5000).to_bytes(2, "big")))


@check("too-big-by-header")
async def _(options):
    """The header alone says too much; a server that waits for the payload would wait for ever."""
    async with Raw(options) as raw:
        await raw.send(frame(FIN | BINARY, declared=options.limit + 1))
        await raw.expect_close(1009)


@check("too-big-in-sum")
async def _(options):
    async with Raw(options) as raw:
        await raw.send(frame(BINARY, bytes(options.limit)))
        await raw.send(frame(FIN | CONTINUATION, declared=1))
        await raw.expect_close(1009)


@check("too-big-sent-whole")
async def _(options):
    """The close code must survive a client that is still sending: no reset before it was read."""
    # Not "async with": leaving it closes once more, which for a transport that is lost already fails inside asyncio.
    client = await open_client(options)
    sending = asyncio.ensure_future(client.send(bytes(options.limit + 1)))
    try:
        await client.recv()
        raise Failure("a message came back")
    except ConnectionClosed:
        pass
    await asyncio.gather(sending, return_exceptions=True)
    expect(client.protocol.close_rcvd is not None, "the connection ended without a close frame")
    same(client.protocol.close_rcvd.code, 1009, "close code")


# MARK: running


async def main():
    parser = argparse.ArgumentParser(description="WebSocket client checks (websockets for Python)")
    parser.add_argument("url", help="of an echo route: ws://127.0.0.1:9001/echo")
    parser.add_argument("--cafile", help="PEM file that a wss server's certificate must lead to")
    parser.add_argument("--deflate", action="store_true", help="offer permessage-deflate")
    parser.add_argument("--limit", type=int, default=16 * MIB, help="largest message the server accepts")
    parser.add_argument("--timeout", type=float, default=20, help="seconds per check")
    parser.add_argument("--only", action="append", default=[], help="run the check of this name alone")
    parser.add_argument("--skip", action="append", default=[], help="leave out the check of this name")
    options = parser.parse_args()

    options.tls = None
    if options.url.startswith("wss:"):
        options.tls = ssl.create_default_context(cafile=options.cafile)

    unknown = set(options.only + options.skip) - {name for name, _ in CHECKS}
    if unknown:
        parser.error(f"no check named {', '.join(sorted(unknown))}")

    failures = 0
    for name, function in CHECKS:
        if name in options.skip or (options.only and name not in options.only):
            continue
        try:
            await asyncio.wait_for(function(options), options.timeout)
            print("ok", name, flush=True)
        except (asyncio.TimeoutError, TimeoutError):
            failures += 1
            print(f"FAIL {name}: nothing within {options.timeout:g} s", flush=True)
        except Exception as error:
            failures += 1
            kind = "" if isinstance(error, Failure) else f"{type(error).__name__}: "
            print(f"FAIL {name}: {kind}{error}".replace("\n", " "), flush=True)
    return 1 if failures else 0


sys.exit(asyncio.run(main()))
