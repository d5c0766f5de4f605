#if os(Linux)
import CLinux
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// The system calls on a TCP socket that does not block, with results in place of `errno`.
struct Socket {
    private(set) var descriptor: CInt

    /// Takes a descriptor over.
    init(owning descriptor: CInt) { self.descriptor = descriptor }

    init(family: NIOBSDSocket.ProtocolFamily) throws(IOError) {
        descriptor = duplex_stream_socket(family.rawValue)
        guard isOpen else { throw IOError(errnoCode: errno, reason: "socket") }
    }

    var isOpen: Bool { descriptor >= 0 }

    mutating func close() {
        guard isOpen else { return }
        _ = duplex_close(descriptor)
        descriptor = -1
    }
}

// MARK: - Bytes

extension Socket {
    enum Received {
        case bytes(Int)
        case end
        /// Nothing there after all.
        case nothing
        case failure(CInt)
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Received {
        let count = duplex_receive(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        return errno == EAGAIN || errno == EINTR ? .nothing : .failure(errno)
    }

    /// - Returns: how many bytes the socket took, or `nil` when it will never take any more.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard isOpen else { return nil }
        return Self.taken(duplex_send(descriptor, bytes.baseAddress, bytes.count))
    }

    /// Sends bytes that may wait for what is sent next, or for ``endOutput()``. See ``send(_:)``.
    func sendHeldBack(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard isOpen else { return nil }
        return Self.taken(duplex_send_held_back(descriptor, bytes.baseAddress, bytes.count))
    }

    /// Sends `more` right behind `bytes`. See ``send(_:)``.
    func send(_ bytes: UnsafeRawBufferPointer, _ more: UnsafeRawBufferPointer) -> Int? {
        guard isOpen else { return nil }
        guard !more.isEmpty else { return send(bytes) }
        return Self.taken(
            duplex_send_two(descriptor, bytes.baseAddress, bytes.count, more.baseAddress, more.count)
        )
    }

    private static func taken(_ count: Int) -> Int? {
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : nil
    }

    /// Fails when the peer has gone, which reading tells.
    func endOutput() { shutdown(descriptor, CInt(SHUT_WR)) }
}

// MARK: - Options and addresses

extension Socket {
    @discardableResult
    func set(_ level: CInt, _ option: CInt, _ value: CInt) -> Bool {
        var value = value
        return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size)) == 0
    }

    /// Replies are gathered before they are written; holding back small segments would only delay them.
    func sendWithoutDelay() { set(CInt(IPPROTO_TCP), CInt(TCP_NODELAY), 1) }

    /// The error that broke the connection, or 0.
    var pendingError: CInt {
        var error: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        return error
    }

    func bind(to address: SocketAddress) throws(IOError) {
        let result = address.withSockAddr { pointer, size in
            duplex_bind(descriptor, pointer, socklen_t(size))
        }
        guard result == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
    }

    func listen(backlog: Int) throws(IOError) {
        guard duplex_listen(descriptor, CInt(clamping: backlog)) == 0 else {
            throw IOError(errnoCode: errno, reason: "listen")
        }
    }

    /// Where the socket is bound to.
    var localAddress: SocketAddress? { Self.address { getsockname(descriptor, $0, $1) == 0 }?.address }

    enum Accepted {
        case connection(Socket, PeerAddress)
        /// Nobody waits.
        case nobody
        /// One gave up before it was accepted; others may wait.
        case gone
        /// The process or the system has no room for another.
        case noRoom
    }

    func accept() -> Accepted {
        var descriptor: CInt = -1
        let address = Self.address { pointer, length in
            descriptor = duplex_accept(self.descriptor, pointer, length)
            return descriptor >= 0
        }
        if descriptor >= 0 { return .connection(Socket(owning: descriptor), address ?? .unknown) }
        let error = errno
        if AcceptPause.isExhaustion(error) { return .noRoom }
        return error == EAGAIN ? .nobody : .gone
    }

    private static func address(
        _ fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Bool
    ) -> PeerAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard fill(address, &length) else { return nil }
                switch CInt(address.pointee.sa_family) {
                case AF_INET:
                    return PeerAddress(ipv4: UnsafeRawBufferPointer(start: address, count: Int(length)))
                case AF_INET6:
                    return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                        .other(SocketAddress($0.pointee))
                    }
                default:
                    return nil
                }
            }
        }
    }
}
#endif
