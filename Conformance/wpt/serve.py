"""The servers that the tests talk to, all on loopback, at ports that the system chose: HTTP, HTTPS and HTTP/2 by
wptserve, ws and wss by pywebsocket3 with the suite's handlers, and the stash that the handlers share.

  serve.py --suite DIR --folder DIR [--control URL]

FOLDER gets the certificates and the log. One line of JSON on stdout says where everything is; the servers stop when
stdin ends.
"""

import argparse
import json
import logging
import multiprocessing
import os
import pathlib
import signal
import ssl
import sys
import threading
import types

# The suite is somebody's checkout: nothing is written into it.
sys.dont_write_bytecode = True

import certificates  # noqa: E402
import pages  # noqa: E402
from pywebsocket3.websocket_server import WebSocketServer  # noqa: E402
from wptserve import config, request, routes, stash  # noqa: E402
from wptserve import server as wptserve  # noqa: E402

ADDRESS = "127.0.0.1"
# Names below localhost are loopback by RFC 6761 §6.3, so that nobody has to edit /etc/hosts. The suite's other site
# is the address itself: to a browser it is another origin and another site.
HOST = "localhost"
SUBDOMAINS = ["www", "www1", "www2", "天気の良い日", "élève"]
REWRITES = [("GET", "/resources/WebIDLParser.js", "/resources/webidl2/lib/webidl2.js")]
OWN_HANDLERS = pathlib.Path(__file__).resolve().parent / "handlers"


def names() -> dict[str, str]:
    """Subdomain -> host, "" for the host itself."""
    below = {name: f"{name.encode('idna').decode('ascii')}.{HOST}" for name in SUBDOMAINS}
    return {"": HOST, **below}


class WebSockets(WebSocketServer):
    """pywebsocket3's server, with TLS by a context, and its handshake in the connection's own thread: a client
    that is slow to begin, or never does, holds up nobody."""

    def __init__(self, handlers: pathlib.Path, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        super().__init__(
            types.SimpleNamespace(
                server_host=ADDRESS, port=0, request_queue_size=128, validation_host=None, validation_port=None,
                websock_handlers=str(handlers), scan_dir=str(handlers), websock_handlers_map_file=None,
                allow_handlers_outside_root_dir=False, handler_encoding="utf-8", document_root=str(handlers),
                cgi_directories=[], is_executable_method=None, use_basic_auth=False, use_tls=False,
            )  # fmt: skip
        )
        # Later than the sockets, which it would wrap by a function that Python 3.12 no longer has.
        self.websocket_server_options.use_tls = context is not None

    def get_request(self):
        return self.socket.accept()

    def finish_request(self, connection, address) -> None:
        if self.context:
            connection = self.context.wrap_socket(connection, server_side=True)
        try:
            super().finish_request(connection, address)
        finally:
            # Wrapping has emptied the socket that the caller knows and would close.
            if self.context:
                self.shutdown_request(connection)

    def handle_error(self, connection, address) -> None:
        if not isinstance(sys.exc_info()[1], (ssl.SSLError, ConnectionError)):
            super().handle_error(connection, address)


def serve_apart(server: WebSockets) -> None:
    """Serves in a process of its own: unmasking large messages in Python would hold up everybody else."""

    def serve() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        server.serve_forever()

    # A daemon is ended with the process that started it.
    multiprocessing.get_context("fork").Process(target=serve, daemon=True).start()


def start(suite: pathlib.Path, folder: pathlib.Path, control: str) -> dict:
    hosts = names()
    certificates.make(folder, list(hosts.values()), [ADDRESS])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")

    def web(**options) -> wptserve.WebTestHttpd:
        return wptserve.WebTestHttpd(
            host=ADDRESS, port=0, doc_root=str(suite), rewrites=REWRITES,
            routes=[*pages.routes(suite, control), *routes.routes],
            key_file=str(folder / "server.key"), certificate=str(folder / "server.pem"),
            # Anything but None, which would have it make up its own; the real one is set below.
            config=config.Config({}), **options,
        )  # fmt: skip

    handlers = suite / "websockets" / "handlers"
    http = [web(), web()]
    https = [web(use_ssl=True), web(use_ssl=True)]
    h2 = web(
        use_ssl=True, http2=True, handler_cls=wptserve.Http2WebTestRequestHandler, ws_doc_root=str(handlers)
    )
    os.environ["DUPLEX_WPT_ORIGIN"] = f"http://{HOST}:{http[0].port}"
    ws, wss, bridge = WebSockets(handlers), WebSockets(handlers, context), WebSockets(OWN_HANDLERS)
    ports = {
        "http": [server.port for server in http], "https": [server.port for server in https], "h2": [h2.port],
        "ws": [ws.server_port], "wss": [wss.server_port],
    }  # fmt: skip
    domains = {"": hosts, "alt": dict.fromkeys(hosts, ADDRESS)}
    request.Server.config = config.Config({
        "browser_host": HOST, "server_host": ADDRESS, "doc_root": str(suite), "ports": ports,
        "domains": domains, "not_domains": {"": {}, "alt": {}}, "all_domains": domains,
    })  # fmt: skip
    # Processes first: what forks should have no threads yet.
    for server in (ws, wss, bridge):
        serve_apart(server)
    for server in (*http, *https, h2):
        server.start()
    reads = f"ws://{HOST}:{bridge.server_port}/get"
    return {"host": HOST, "ports": ports, "ca": str(folder / "ca.pem"), "bridge": reads}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--control", default="", help="where pages in a browser post their results")
    options = parser.parse_args()
    logging.basicConfig(
        filename=options.folder / "server.log", level=logging.WARNING, format="%(asctime)s %(name)s %(message)s"
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Ctrl-C goes to the whole group; what started this ends it by closing stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stash.StashServer(authkey="duplex", mp_context=multiprocessing.get_context("fork")):
        print(json.dumps(start(options.suite.resolve(), options.folder.resolve(), options.control)), flush=True)
        ended = threading.Thread(target=sys.stdin.read, daemon=True)
        ended.start()
        ended.join()


if __name__ == "__main__":
    main()
