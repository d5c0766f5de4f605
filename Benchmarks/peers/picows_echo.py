"""picows on uvloop:

    picows_echo.py PORT

/echo answers every message with itself; what comes in on /pub goes to all who are on /sub. picows gives frames, not
messages: the load sends each message in one. It does not compress; /deflate is here so that the load finds that out.
"""

import asyncio
import logging
import sys

import uvloop
from picows import WSListener, WSMsgType, ws_create_server

# The loop warns of every write to a connection that has just gone.
logging.disable(logging.WARNING)

DATA = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)
subscribers = set()


class Closing(WSListener):
    def close(self, transport, frame):
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()


class Echo(Closing):
    def on_ws_frame(self, transport, frame):
        kind = frame.msg_type
        if kind in DATA:
            transport.send(kind, frame.get_payload_as_memoryview(), frame.fin)
        else:
            self.close(transport, frame)


class Publisher(Closing):
    def on_ws_frame(self, transport, frame):
        kind = frame.msg_type
        if kind in DATA:
            payload = frame.get_payload_as_bytes()
            for subscriber in subscribers:
                subscriber.send(kind, payload, frame.fin)
        else:
            self.close(transport, frame)


class Subscriber(Closing):
    def on_ws_connected(self, transport):
        subscribers.add(transport)

    def on_ws_disconnected(self, transport):
        subscribers.discard(transport)

    def on_ws_frame(self, transport, frame):
        self.close(transport, frame)


ROLES = {b"/echo": Echo, b"/deflate": Echo, b"/pub": Publisher, b"/sub": Subscriber}


def listener(request):
    role = ROLES.get(request.path)
    return role() if role else None


async def main():
    server = await ws_create_server(
        listener, "127.0.0.1", int(sys.argv[1]), backlog=4096, max_frame_size=17 << 20, websocket_handshake_timeout=None
    )
    await server.serve_forever()


if sys.version_info >= (3, 11):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
else:
    uvloop.install()
    asyncio.run(main())
