import Foundation
package import NIOSSL

/// A certificate that signs itself, made anew by the openssl command; its files go with the last reference.
package final class Certificate: Sendable {
    private let folder: URL
    package let chain: [NIOSSLCertificate]
    package let key: NIOSSLPrivateKey

    package var certificateFile: String { folder.appendingPathComponent("cert.pem").path }
    package var keyFile: String { folder.appendingPathComponent("key.pem").path }

    /// - Parameter names: as `subjectAltName` has them.
    package static func make(for names: String = "DNS:localhost,IP:127.0.0.1") async throws -> Certificate {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "duplex-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let openssl = try ChildProcess(
            Tools.openssl.orMissing("openssl"),
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=\(names)",
                "-keyout", folder.appendingPathComponent("key.pem").path,
                "-out", folder.appendingPathComponent("cert.pem").path,
            ]
        )
        let (exit, _, errors) = try await openssl.finished()
        guard exit == .init(status: 0) else { throw TookTooLong(limit: .zero, what: "openssl: \(errors)") }
        return try Certificate(folder)
    }

    private init(_ folder: URL) throws {
        self.folder = folder
        chain = try NIOSSLCertificate.fromPEMFile(folder.appendingPathComponent("cert.pem").path)
        key = try NIOSSLPrivateKey(file: folder.appendingPathComponent("key.pem").path, format: .pem)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    package var serverConfiguration: TLSConfiguration {
        .makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
    }

    /// Trusts this certificate and no other.
    package var clientConfiguration: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(chain)
        return configuration
    }
}
