import Foundation
import NIOCore
import NIOPosix
import TestSupport

/// A proxy of other people, as a program of its own, that wants a user and password.
struct ForeignProxy: Sendable {
    enum Kind: CaseIterable, Sendable {
        case tinyproxy
        case microsocks

        var program: String? { self == .tinyproxy ? Tools.tinyproxy : Tools.microsocks }
    }

    /// As it stands in the URL, and as it is. tinyproxy's settings know few characters.
    static let password = (encoded: "seza%2Dmum", plain: "seza-mum")

    let kind: Kind
    private let process: ChildProcess
    private let port: Int

    static func start(_ kind: Kind) async throws -> ForeignProxy {
        let port = try await unusedPort()
        let process: ChildProcess
        switch kind {
        case .tinyproxy:
            let settings = FileManager.default.temporaryDirectory.appendingPathComponent(
                "tinyproxy-\(port).conf"
            )
            // Read once, at the start.
            defer { try? FileManager.default.removeItem(at: settings) }
            let text =
                "Listen 127.0.0.1\nPort \(port)\nTimeout 600\nLogLevel Info\nBasicAuth ana \(password.plain)\n"
            try Data(text.utf8).write(to: settings)
            process = try ChildProcess(Tools.tinyproxy.orMissing("tinyproxy"), ["-d", "-c", settings.path])
            _ = try await process.line(containing: "Accepting connections")
        case .microsocks:
            process = try ChildProcess(
                Tools.microsocks.orMissing("microsocks"),
                ["-i", "127.0.0.1", "-p", "\(port)", "-u", "ana", "-P", password.plain]
            )
            // It says nothing when it listens.
            try await within(waitingFor: "microsocks") {
                while (try? await RawConnection.with(port: port) { _ in }) == nil {
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
        }
        return ForeignProxy(kind: kind, process: process, port: port)
    }

    func url(password: String = Self.password.encoded) -> String {
        "\(kind == .tinyproxy ? "http" : "socks5h")://ana:\(password)@127.0.0.1:\(port)"
    }

    /// A port of this machine on which nobody listens, as far as that can be known.
    static func unusedPort() async throws -> Int {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port
        try await channel.close()
        guard let port else { throw ChannelError.unknownLocalAddress }
        return port
    }
}
