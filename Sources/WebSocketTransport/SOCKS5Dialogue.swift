import NIOCore
import WebSocketProtocol

/// SOCKS 5 (RFC 1928), with user and password (RFC 1929).
struct SOCKS5Dialogue: ProxyDialogue {
    private enum State {
        case choosingMethod
        case loggingIn
        case connecting
    }

    let opening: [UInt8]
    /// User and password, as they are sent.
    private let login: [UInt8]?
    private let request: [UInt8]
    private var state = State.choosingMethod
    /// Of the answer that is under way; no answer is longer than 262 bytes.
    private var answer: [UInt8] = []

    private static let version: UInt8 = 5
    private static let noLogin: UInt8 = 0
    private static let password: UInt8 = 2

    init(_ proxy: ClientProxy, to url: WebSocketURL) throws(UsageError) {
        let port = [UInt8(url.port >> 8 & 0xFF), UInt8(url.port & 0xFF)]
        let address: [UInt8]
        // RFC 1928 §5: 1 is IPv4, 4 is IPv6, 3 is a name, which has its length before it.
        if let bytes = IPAddress.bytes(of: url.host[...]) {
            address = [bytes.count == 4 ? 1 : 4] + bytes
        } else {
            let name = Array(url.host.utf8)
            guard let count = UInt8(exactly: name.count) else {
                throw .invalidProxy("the server's name has \(name.count) bytes, SOCKS takes up to 255")
            }
            address = [3, count] + name
        }
        // RFC 1928 §4: 1 is CONNECT.
        request = [Self.version, 1, 0] + address + port
        login = proxy.credentials.map { credentials in
            // RFC 1929 §2; neither is longer than 255 bytes.
            [1, UInt8(truncatingIfNeeded: credentials.username.utf8.count)] + credentials.username.utf8
                + [UInt8(truncatingIfNeeded: credentials.password.utf8.count)] + credentials.password.utf8
        }
        // RFC 1928 §3.
        opening =
            login == nil ? [Self.version, 1, Self.noLogin] : [Self.version, 2, Self.noLogin, Self.password]
    }

    /// A refusal is thrown on the byte that says so.
    var refusal: ConnectError? { nil }

    mutating func receive(_ buffer: inout ByteBuffer) throws(ConnectError) -> ProxyStep {
        while let byte = buffer.readInteger(as: UInt8.self) {
            answer.append(byte)
            if let step = try step() { return step }
        }
        return .wait
    }

    /// - Returns: what to do once the answer is whole.
    private mutating func step() throws(ConnectError) -> ProxyStep? {
        // The version that comes before a login's status is left alone: some have 1 there, as RFC 1929 §2 does,
        // some 5.
        if state != .loggingIn, answer[0] != Self.version {
            throw failure("is none for SOCKS 5: its answer begins with \(answer[0])")
        }
        guard answer.count >= 2 else { return nil }
        switch state {
        case .choosingMethod: return try chosen(answer[1])
        case .loggingIn:
            guard answer[1] == 0 else { throw failure("does not take this user and password") }
            return send(request, .connecting)
        case .connecting:
            guard answer[1] == 0 else {
                throw failure("answered \(answer[1]): \(Self.meaning(of: answer[1]))")
            }
            return try boundAddressIsWhole() ? .tunnel : nil
        }
    }

    private mutating func chosen(_ method: UInt8) throws(ConnectError) -> ProxyStep {
        switch (method, login) {
        case (Self.noLogin, _): return send(request, .connecting)
        case (Self.password, let login?): return send(login, .loggingIn)
        case (0xFF, nil): throw failure("wants a login, and no user is given")
        case (0xFF, _): throw failure("wants a login other than with user and password")
        default: throw failure("wants a login of kind \(method), which was not offered")
        }
    }

    private mutating func send(_ bytes: [UInt8], _ next: State) -> ProxyStep {
        (state, answer) = (next, [])
        return .send(bytes)
    }

    /// RFC 1928 §6: the answer ends in an address as it stands in a request. What it is does not matter.
    private func boundAddressIsWhole() throws(ConnectError) -> Bool {
        guard answer.count >= 5 else { return false }
        switch answer[3] {
        case 1: return answer.count == 4 + 4 + 2
        case 3: return answer.count == 4 + 1 + Int(answer[4]) + 2
        case 4: return answer.count == 4 + 16 + 2
        default: throw failure("answered with an address of kind \(answer[3])")
        }
    }

    private func failure(_ what: String) -> ConnectError { ConnectError(.proxyFailed("proxy \(what)")) }

    /// RFC 1928 §6.
    private static func meaning(of reply: UInt8) -> String {
        switch reply {
        case 1: "general failure"
        case 2: "not allowed"
        case 3: "network unreachable"
        case 4: "host unreachable"
        case 5: "connection refused"
        case 6: "TTL expired"
        case 7: "command not supported"
        case 8: "kind of address not supported"
        default: "no meaning assigned"
        }
    }
}
