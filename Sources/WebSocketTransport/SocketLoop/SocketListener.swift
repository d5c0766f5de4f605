#if os(Linux)
import CLinux
package import NIOCore
import Synchronization

/// What a server listens on: one socket for each loop, all on one address, among which the system spreads those
/// who connect (`SO_REUSEPORT`). So a connection lives where it was accepted, and no loop waits for another.
package final class SocketListener: Sendable {
    package let address: SocketAddress
    private let acceptors: [(loop: SocketLoop, acceptor: NIOLoopBound<SocketAcceptor>)]
    private let closed: EventLoopPromise<Void>
    private let isClosing = Atomic(false)

    /// What is done with a connection, on its loop, before anything is read from it.
    package typealias Accept = @Sendable (any AcceptedTransport) -> Void

    /// - Parameter exhaustion: is told when there is no room for new connections, and when there is again.
    /// - Throws: `IOError`, such as that of an address in use.
    package static func listen(
        on address: SocketAddress,
        backlog: Int,
        loops: [SocketLoop],
        exhaustion: AcceptExhaustion,
        accept: (SocketLoop) -> Accept
    ) async throws -> SocketListener {
        var sockets: [Socket] = []
        var bound = address
        do {
            for _ in loops {
                let socket = try Socket(family: address.protocol)
                sockets.append(socket)
                socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
                // Those that it accepts inherit it.
                socket.sendWithoutDelay()
                // The first has the address to itself, until it listens, and shares it only then: otherwise a
                // second server would get it too, and take half of the connections, without anybody being told.
                if sockets.count > 1 { socket.set(SOL_SOCKET, SO_REUSEPORT, 1) }
                try socket.bind(to: bound)
                try socket.listen(backlog: backlog)
                if sockets.count == 1 { socket.set(SOL_SOCKET, SO_REUSEPORT, 1) }
                if let local = socket.localAddress { bound = local }
            }
        } catch {
            for index in sockets.indices { sockets[index].close() }
            throw error
        }
        var acceptors: [(SocketLoop, NIOLoopBound<SocketAcceptor>)] = []
        for (loop, socket) in zip(loops, sockets) {
            let accept = accept(loop)
            let acceptor = try await loop.submit {
                let acceptor = SocketAcceptor(socket, on: loop, exhaustion, accept: accept)
                acceptor.start()
                return NIOLoopBound(acceptor, eventLoop: loop)
            }.get()
            acceptors.append((loop, acceptor))
        }
        return SocketListener(bound, acceptors)
    }

    private init(_ address: SocketAddress, _ acceptors: [(SocketLoop, NIOLoopBound<SocketAcceptor>)]) {
        self.address = address
        self.acceptors = acceptors.map { (loop: $0.0, acceptor: $0.1) }
        closed = acceptors[0].0.makePromise()
    }

    package var closeFuture: EventLoopFuture<Void> { closed.futureResult }

    /// Stops listening. Those who have connected and were not accepted are accepted first.
    package func close() {
        guard !isClosing.exchange(true, ordering: .relaxed) else { return }
        let stops = acceptors.map { loop, acceptor in loop.submit { acceptor.value.stop() } }
        EventLoopFuture.andAllComplete(stops, on: closed.futureResult.eventLoop).cascade(to: closed)
    }
}

/// One listening socket on its loop.
private final class SocketAcceptor: SocketSource, LoopTimerOwner {
    var timer = LoopTimer()
    private var socket: Socket
    private let loop: SocketLoop
    private let accept: SocketListener.Accept
    private let exhaustion: AcceptExhaustion
    private var pause = AcceptPause()

    /// Connections taken in one turn; those that are open have theirs in between.
    private static let batch = 64

    init(
        _ socket: Socket,
        on loop: SocketLoop,
        _ exhaustion: AcceptExhaustion,
        accept: @escaping SocketListener.Accept
    ) {
        self.socket = socket
        self.loop = loop
        self.exhaustion = exhaustion
        self.accept = accept
    }

    func start() {
        if !loop.add(self, socket.descriptor, events: duplex_epoll_in) { waitForRoom() }
    }

    private func waitForRoom() {
        setTimer(at: .now() + AcceptPause.pause, on: loop)
        if pause.begin() { exhaustion.begin() }
    }

    override func ready(_ events: UInt32) { _ = takeBatch() }

    /// - Returns: whether more may wait.
    private func takeBatch() -> Bool {
        for _ in 0..<Self.batch {
            switch socket.accept() {
            case .connection(let connection, let address):
                begin(connection, address)
            case .gone: continue
            case .nobody: return false
            case .noRoom:
                // The connection stays in the system's queue, which would wake the loop at once again.
                loop.remove(socket.descriptor)
                waitForRoom()
                return false
            }
        }
        return true
    }

    private func begin(_ connection: Socket, _ peer: PeerAddress) {
        if let ring = loop.ring {
            guard connection.descriptor <= Ring.largestDescriptor else {
                var connection = connection
                return connection.close()
            }
            let transport = RingTransport(connection, peer: peer, on: loop, ring)
            transport.start()
            accept(transport)
        } else {
            let transport = EpollTransport(connection, peer: peer, on: loop)
            if transport.start() { accept(transport) }
        }
    }

    func timerFired() {
        switch pause.timerFired() {
        case .resume:
            setTimer(at: .now() + AcceptPause.calm, on: loop)
            start()
        case .over: exhaustion.end()
        }
    }

    func stop() {
        guard socket.isOpen else { return }
        cancelTimer(on: loop)
        // Bounded: who comes while nobody is to be served any more is not waited for.
        for _ in 0..<Self.batch where !takeBatch() { break }
        cancelTimer(on: loop)
        loop.remove(socket.descriptor)
        socket.close()
    }
}
#endif
