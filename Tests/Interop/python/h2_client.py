"""Checks WebSockets over HTTP/2 (RFC 8441) with the PyPI packages h2 and wsproto, which know nothing of each other.

    h2_client.py URL [--cafile FILE] [--timeout SECONDS] [--only NAME]... [--skip NAME]...
    h2_client.py URL --throughput [--cafile FILE] [--h1]

URL is that of an echo route, by wss (ALPN "h2") or ws (HTTP/2 from the first byte on). Beside it the server has
"/slow", an echo whose opening takes half a second, "/page", which answers "page", and "/big", 1 MiB of "b".
Prints "ok NAME" or "FAIL NAME: detail" per check; exits 0 only if all passed.
"""

import argparse
import asyncio
import os
import ssl
import sys
import time
import urllib.parse

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

KIB, MIB = 1024, 1024 * 1024


class Failure(Exception):
    pass


def expect(condition, detail):
    if not condition:
        raise Failure(detail)


def same(received, sent, what="message"):
    if received == sent and type(received) is type(sent):
        return

    def describe(value):
        if isinstance(value, (str, bytes)) and len(value) > 60:
            return f"{type(value).__name__} of {len(value)}, {value[:20]!r}..."
        return repr(value)

    raise Failure(f"{what} is {describe(received)}, not {describe(sent)}")


# MARK: a connection and its streams


class Stream:
    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.headers = asyncio.get_running_loop().create_future()
        self.data = asyncio.Queue()
        self.room = asyncio.Event()
        self.unread = True  # Whether what comes is acknowledged at all.
        self.received = 0
        self.reset = None

    async def send(self, data, end=False):
        """Sends as the server makes room."""
        h2 = self.connection.h2
        view = memoryview(data)
        while view:
            room = min(h2.local_flow_control_window(self.number), h2.max_outbound_frame_size, len(view))
            if room > 0:
                h2.send_data(self.number, bytes(view[:room]))
                view = view[room:]
                await self.connection.flush()
                continue
            expect(self.reset is None, f"reset with {self.reset}")
            self.room.clear()
            await self.room.wait()
        if end:
            h2.end_stream(self.number)
            await self.connection.flush()

    async def body(self):
        parts = []
        while (part := await self.data.get()) is not None:
            parts.append(part)
        return b"".join(parts)


class Connection:
    """`async with` connects, and reads until the end."""

    def __init__(self, options):
        self.options = options
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams = {}
        self.goaway = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()

    async def __aenter__(self):
        url = urllib.parse.urlsplit(self.options.url)
        self.secure = url.scheme == "wss"
        port = url.port or (443 if self.secure else 80)
        self.reader, self.writer = await asyncio.open_connection(
            url.hostname, port, ssl=self.options.tls if self.secure else None
        )
        if self.secure:
            same(self.writer.get_extra_info("ssl_object").selected_alpn_protocol(), "h2", "ALPN")
        self.authority = url.netloc
        self.h2.initiate_connection()
        self.settings = asyncio.Event()
        await self.flush()
        self.task = asyncio.create_task(self.read())
        await self.settings.wait()
        return self

    async def __aexit__(self, *exception):
        self.task.cancel()
        self.writer.transport.abort()

    async def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def read(self):
        try:
            while data := await self.reader.read(256 * KIB):
                for event in self.h2.receive_data(data):
                    self.handle(event)
                await self.flush()
        except (ConnectionError, h2.exceptions.ProtocolError) as error:
            self.error = error
        finally:
            for stream in self.streams.values():
                stream.data.put_nowait(None)
                stream.room.set()
            self.ended.set()

    def handle(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings.set()
        elif isinstance(event, h2.events.ResponseReceived):
            stream.headers.set_result(dict(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            stream.received += len(event.data)
            if stream.unread:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            else:
                # The connection's window must not be what makes others wait.
                self.h2.increment_flow_control_window(event.flow_controlled_length)
            stream.data.put_nowait(event.data)
        elif isinstance(event, h2.events.StreamEnded):
            stream.data.put_nowait(None)
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code
            if not stream.headers.done():
                stream.headers.set_result({":status": f"reset {event.error_code}"})
            stream.data.put_nowait(None)
            stream.room.set()
        elif isinstance(event, h2.events.WindowUpdated):
            for each in [stream] if stream else self.streams.values():
                each.room.set()
        elif isinstance(event, h2.events.ConnectionTerminated):
            if not self.goaway.done():
                self.goaway.set_result((event.error_code, event.last_stream_id))

    async def request(self, path, method="GET", fields=(), end=True, protocol=None, version="13"):
        number = self.h2.get_next_available_stream_id()
        stream = self.streams[number] = Stream(self, number)
        scheme = "https" if self.secure else "http"
        headers = [(":method", method)]
        if protocol:
            headers.append((":protocol", protocol))
        headers += [(":authority", self.authority)]
        if method != "CONNECT" or protocol:
            headers += [(":scheme", scheme), (":path", path)]
        if protocol and version:
            headers.append(("sec-websocket-version", version))
        self.h2.send_headers(number, headers + list(fields), end_stream=end)
        await self.flush()
        return stream

    async def socket(self, path="/echo", deflate=False, fields=()):
        extension = PerMessageDeflate()
        if deflate:
            fields = [*fields, ("sec-websocket-extensions", f"permessage-deflate; {extension.offer()}".rstrip("; "))]
        stream = await self.request(path, "CONNECT", fields, end=False, protocol="websocket")
        headers = await stream.headers
        same(headers[":status"], "200", "status")
        expect("sec-websocket-accept" not in headers, "an accept over HTTP/2")
        if deflate:
            agreed = headers.get("sec-websocket-extensions", "")
            expect(agreed.startswith("permessage-deflate"), f"extensions {agreed!r}")
            extension.finalize(agreed)
        return Socket(stream, headers, [extension] if deflate else [])


class Socket:
    def __init__(self, stream, headers, extensions):
        self.stream, self.headers = stream, headers
        self.frames = Frames(ConnectionType.CLIENT, extensions=extensions)
        self.events = []

    async def send(self, message):
        event = TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message)
        await self.stream.send(self.frames.send(event))

    async def event(self):
        while not self.events:
            data = await self.stream.data.get()
            expect(data is not None, "the stream ended without a close frame")
            self.frames.receive_data(data)
            self.events = list(self.frames.events())
        return self.events.pop(0)

    async def receive(self):
        parts = []
        while True:
            event = await self.event()
            if isinstance(event, Ping):
                await self.stream.send(self.frames.send(event.response()))
                continue
            expect(isinstance(event, (TextMessage, BytesMessage)), f"{event} instead of a message")
            parts.append(event.data)
            if event.message_finished:
                return ("" if isinstance(parts[0], str) else b"").join(parts)

    async def echo(self, message):
        sending = asyncio.create_task(self.send(message))
        same(await self.receive(), message)
        await sending

    async def close(self, code=1000, reason=None):
        await self.stream.send(self.frames.send(CloseConnection(code=code, reason=reason)), end=True)
        event = await self.event()
        expect(isinstance(event, CloseConnection), f"{event} instead of a close frame")
        same(int(event.code), code, "close code")
        same(event.reason or None, reason, "close reason")
        same(await self.stream.data.get(), None, "what follows the close frame")
        same(self.stream.reset, None, "reset")


# MARK: checks

CHECKS = []


def check(name):
    def register(function):
        CHECKS.append((name, function))
        return function

    return register


@check("settings")
async def settings(options):
    async with Connection(options) as connection:
        remote = connection.h2.remote_settings
        same(remote.enable_connect_protocol, 1, "SETTINGS_ENABLE_CONNECT_PROTOCOL")
        same(remote.max_concurrent_streams, 100, "SETTINGS_MAX_CONCURRENT_STREAMS")


@check("text")
async def text(options):
    async with Connection(options) as connection:
        socket = await connection.socket()
        for message in ["", "hello", "grüße, 世界 🌍", "é" * 70_000]:
            await socket.echo(message)
        await socket.close()


@check("binary")
async def binary(options):
    async with Connection(options) as connection:
        socket = await connection.socket()
        for size in [0, 1, 125, 126, 127, 65_535, 65_536, MIB]:
            await socket.echo(os.urandom(size))
        await socket.close()


@check("ten-mebibytes")
async def large(options):
    async with Connection(options) as connection:
        socket = await connection.socket()
        await socket.echo(os.urandom(10 * MIB))
        await socket.close()


@check("deflate")
async def deflate(options):
    async with Connection(options) as connection:
        socket = await connection.socket(deflate=True)
        for message in ["", "hello", "hello" * 10_000, os.urandom(MIB), "".join(f"{number}, " for number in range(400_000))]:
            await socket.echo(message)
        await socket.close()


@check("ping")
async def ping(options):
    async with Connection(options) as connection:
        socket = await connection.socket()
        await socket.stream.send(socket.frames.send(Ping(payload=b"are you there?")))
        event = await socket.event()
        expect(isinstance(event, Pong), f"{event} instead of a pong")
        same(bytes(event.payload), b"are you there?", "payload")
        await socket.close()


for code, reason in [(1000, None), (1001, "going"), (3456, "genug für heute"), (4999, "x" * 123)]:

    @check(f"close-{code}")
    async def close(options, code=code, reason=reason):
        async with Connection(options) as connection:
            socket = await connection.socket()
            await socket.echo("one")
            await socket.close(code, reason)


@check("many-sockets-in-turn")
async def in_turn(options):
    """More than may be open at a time, so that those that are over count no more."""
    async with Connection(options) as connection:
        for number in range(250):
            socket = await connection.socket()
            await socket.echo(f"{number}")
            await socket.close()


@check("sockets-beside-requests")
async def beside(options):
    async with Connection(options) as connection:
        socket = await connection.socket()
        page = await connection.request("/page")
        await socket.echo("one")
        same((await page.headers)[":status"], "200", "status")
        same(await page.body(), b"page", "body")
        await socket.echo("two")
        await socket.close()


@check("page-head")
async def head(options):
    async with Connection(options) as connection:
        page = await connection.request("/page", "HEAD")
        headers = await page.headers
        same((headers[":status"], headers["content-length"]), ("200", "4"), "status and length")
        expect("connection" not in headers, "a field of HTTP/1.1")
        same(await page.body(), b"", "body")


@check("page-larger-than-the-window")
async def big(options):
    async with Connection(options) as connection:
        page = await connection.request("/big")
        same(await page.body(), b"b" * MIB, "body")


@check("page-with-a-body-that-nobody-wants")
async def unwanted(options):
    async with Connection(options) as connection:
        page = await connection.request("/page", "POST", end=False)
        same((await page.headers)[":status"], "405", "status")
        expect((await page.body()).startswith(b"GET and HEAD"), "the reason")
        while page.reset is None:
            await asyncio.sleep(0)
        same(page.reset, h2.errors.ErrorCodes.NO_ERROR, "reset")


def refused(name, status, more=lambda headers: None, **request):
    @check(f"refused-{name}")
    async def refusal(options):
        async with Connection(options) as connection:
            fields = {"path": "/echo", "method": "CONNECT", "end": False, "protocol": "websocket", **request}
            headers = await (await connection.request(**fields)).headers
            same(headers[":status"], status, "status")
            more(headers)
            # The connection goes on.
            socket = await connection.socket()
            await socket.echo("one")
            await socket.close()


def names_version(headers):
    same(headers.get("sec-websocket-version"), "13", "sec-websocket-version")
    expect("upgrade" not in headers, "an upgrade over HTTP/2")


refused("path", "404", path="/nowhere")
refused("protocol", "501", protocol="connect-udp")
refused("ordinary-connect", "501", protocol=None)
refused("version", "400", names_version, version="8")
refused("no-version", "400", names_version, version=None)
refused("ended", "400", end=True)
refused("get", "405", lambda headers: same(headers.get("allow"), "CONNECT", "allow"), method="GET", protocol=None)
refused("subprotocols", "400", fields=[("sec-websocket-protocol", "a, a")])
refused("length", "400", fields=[("content-length", "5")])


@check("reset-while-opening")
async def reset_opening(options):
    async with Connection(options) as connection:
        others = await connection.socket()
        for _ in range(5):
            stream = await connection.request("/slow", "CONNECT", end=False, protocol="websocket")
            connection.h2.reset_stream(stream.number, h2.errors.ErrorCodes.CANCEL)
            await connection.flush()
        slow = await connection.socket("/slow")
        await slow.echo("in time")
        await others.echo("one")


@check("data-before-the-answer")
async def early(options):
    async with Connection(options) as connection:
        stream = await connection.request("/slow", "CONNECT", end=False, protocol="websocket")
        frames = Frames(ConnectionType.CLIENT)
        await stream.send(frames.send(TextMessage(data="early")))
        same((await stream.headers)[":status"], "200", "status")
        socket = Socket(stream, {}, [])
        same(await socket.receive(), "early")


@check("reset-within-a-message")
async def reset_message(options):
    async with Connection(options) as connection:
        others = await connection.socket()
        broken = await connection.socket()
        await broken.stream.send(broken.frames.send(BytesMessage(data=os.urandom(100_000)))[:50_000])
        connection.h2.reset_stream(broken.stream.number, h2.errors.ErrorCodes.CANCEL)
        await connection.flush()
        await others.echo(os.urandom(100_000))
        await others.close()


@check("one-of-fifty-never-reads")
async def stalled(options):
    """It neither reads what it is sent nor is read by the server, whose answers to it find no room."""
    async with Connection(options) as connection:
        silent = await connection.socket()
        silent.stream.unread = False
        sockets = [await connection.socket() for _ in range(49)]

        async def flood():
            while True:
                await silent.send(os.urandom(MIB))

        flooding = asyncio.create_task(flood())
        try:
            # Until it stands still.
            taken = -1
            while taken != silent.stream.received:
                taken = silent.stream.received
                for socket in sockets:
                    await socket.echo("meanwhile")
            for _ in range(20):
                await asyncio.gather(*(socket.echo(os.urandom(2_000)) for socket in sockets))
            await asyncio.gather(*(socket.echo(os.urandom(300_000)) for socket in sockets))
            expect(not flooding.done(), "the server reads without end")
            # RFC 9113 §6.9.2: no more than the window.
            expect(silent.stream.received <= 65_535, f"{silent.stream.received} bytes for a window of 65,535")
        finally:
            flooding.cancel()
        await asyncio.gather(*(socket.close() for socket in sockets))


async def throughput(options):
    """What a connection carries, for a comparison of HTTP/2 with HTTP/1.1; Python is the slower end."""
    size, count = 1 * MIB, 40

    async def timed(name, echo, close):
        message = os.urandom(size)
        began = time.monotonic()
        for _ in range(count):
            await echo(message)
        print(f"{name}: {count * size / MIB / (time.monotonic() - began):.0f} MiB/s of echo in messages of {size}")
        began = time.monotonic()
        for _ in range(2_000):
            await echo("x" * 32)
        print(f"{name}: {2_000 / (time.monotonic() - began):.0f} small messages in a second, one at a time")
        await close()

    if options.h1:
        from websockets.asyncio.client import connect

        async with connect(options.url, ssl=options.tls, compression=None, max_size=None) as socket:

            async def echo(message):
                await socket.send(message)
                same(await socket.recv(), message)

            await timed("HTTP/1.1", echo, socket.close)
    else:
        async with Connection(options) as connection:
            socket = await connection.socket()
            await timed("HTTP/2", socket.echo, socket.close)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--cafile")
    parser.add_argument("--timeout", type=float, default=30)
    parser.add_argument("--only", action="append")
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--throughput", action="store_true")
    parser.add_argument("--h1", action="store_true")
    options = parser.parse_args()
    options.tls = None
    if options.url.startswith("wss:"):
        options.tls = ssl.create_default_context(cafile=options.cafile)
        options.tls.set_alpn_protocols(["http/1.1"] if options.h1 else ["h2", "http/1.1"])
    if options.throughput:
        return await throughput(options)
    failures = 0
    for name, function in CHECKS:
        if name in options.skip or options.only and name not in options.only:
            continue
        try:
            await asyncio.wait_for(function(options), options.timeout)
            print(f"ok {name}", flush=True)
        except asyncio.TimeoutError:
            failures += 1
            print(f"FAIL {name}: not done after {options.timeout} s", flush=True)
        except Exception as error:
            failures += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
