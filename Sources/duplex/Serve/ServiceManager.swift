#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Tells systemd how the server is, if it was systemd that started it and wants to know (sd_notify(3)).
struct ServiceManager: Sendable {
    enum State: Sendable {
        case ready
        case reloading
        case stopping
    }

    /// Where it listens: a path, or behind `@` a name of Linux's abstract namespace. `nil` if nobody does.
    private let address: String?

    /// - Parameter address: what the variable `NOTIFY_SOCKET` holds.
    init(address: String?) { self.address = address }

    func tell(_ state: State) {
        switch state {
        case .ready: send("READY=1")
        case .reloading:
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            send("RELOADING=1\nMONOTONIC_USEC=\(Int(time.tv_sec) * 1_000_000 + Int(time.tv_nsec) / 1000)")
        case .stopping: send("STOPPING=1")
        }
    }

    /// One datagram, without waiting. If it cannot be sent there is nobody to tell.
    private func send(_ text: String) {
        guard let address else { return }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        var path = Array(address.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        // Nothing behind it: an abstract name is all of the bytes, a path ends at its length.
        guard path.count < MemoryLayout.size(ofValue: name.sun_path) else { return }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path) }
        #if canImport(Glibc)
        let kind = Int32(SOCK_DGRAM.rawValue)
        #else
        let kind = SOCK_DGRAM
        #endif
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let size = MemoryLayout.offset(of: \sockaddr_un.sun_path).map { $0 + path.count } ?? 0
        let bytes = Array(text.utf8)
        _ = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                sendto(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT), pointer, socklen_t(size))
            }
        }
    }
}
