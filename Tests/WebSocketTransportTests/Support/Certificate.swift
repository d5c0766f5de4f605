import Foundation
import NIOCore
import NIOSSL

/// A certificate that signs itself, made anew for the tests by the openssl command.
struct Certificate: Sendable {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey

    static let openssl: String? = {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        return folders.lazy.map { "\($0)/openssl" }.first(
            where: FileManager.default.isExecutableFile(atPath:)
        )
    }()

    /// In CI a missing tool is a failure; elsewhere the tests that need it are skipped.
    static var canBeMade: Bool {
        openssl != nil || ProcessInfo.processInfo.environment["DUPLEX_REQUIRE_TOOLS"] == "1"
    }

    struct CannotBeMade: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter names: as `subjectAltName` has them.
    init(for names: String = "DNS:localhost,IP:127.0.0.1") throws {
        guard let openssl = Self.openssl else {
            throw CannotBeMade(description: "openssl is not on the PATH")
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "duplex-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (keyFile, file) = (folder.path + "/key.pem", folder.path + "/cert.pem")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: openssl)
        process.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=\(names)", "-keyout", keyFile, "-out", file,
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CannotBeMade(description: "openssl ended with status \(process.terminationStatus)")
        }
        chain = try NIOSSLCertificate.fromPEMFile(file)
        key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
    }

    func serverContext() throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(key)
            )
        )
    }

    /// Trusts this certificate and no other.
    var clientConfiguration: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(chain)
        // So that whoever waits for TLS's goodbye is noticed.
        configuration.shutdownTimeout = .seconds(1000)
        return configuration
    }
}
