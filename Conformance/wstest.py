# The suite's own `wstest`, for Python 2.7 like the suite itself, with one change: what it listens on is
# 127.0.0.1, at a port that the system chooses and that the first line "listening PORT" tells. By itself it
# would listen on every address, at a port that somebody has to guess to be free.
import sys

import autobahntestsuite  # First: it chooses the reactor.
from autobahntestsuite.wstest import run
from twisted.internet import reactor

listen = reactor.listenTCP


def listen_on_loopback(port, factory, backlog=50, interface=""):
    listener = listen(0, factory, backlog, "127.0.0.1")
    # A request whose Host field has another port is refused.
    factory.externalPort = listener.getHost().port
    print("listening %d" % factory.externalPort)
    sys.stdout.flush()
    return listener


reactor.listenTCP = listen_on_loopback
sys.exit(run())
