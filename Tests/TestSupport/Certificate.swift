import Foundation
package import NIOSSL

/// A certificate for 127.0.0.1 and localhost that signs itself, made anew for the tests.
package struct Certificate: Sendable {
    package let certificateFile: String
    package let keyFile: String

    package static func make() async throws -> Certificate {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "duplex-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let certificate = Certificate(
            certificateFile: folder.appendingPathComponent("cert.pem").path,
            keyFile: folder.appendingPathComponent("key.pem").path
        )
        let openssl = try ChildProcess(
            Tools.openssl.orMissing("openssl"),
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", certificate.keyFile, "-out", certificate.certificateFile,
            ]
        )
        let (exit, _, errors) = try await openssl.finished()
        guard exit == .init(status: 0) else { throw TookTooLong(limit: .zero, what: "openssl: \(errors)") }
        return certificate
    }

    package func remove() {
        try? FileManager.default.removeItem(
            at: URL(fileURLWithPath: certificateFile).deletingLastPathComponent()
        )
    }
}

extension Certificate {
    package func serverConfiguration() throws -> TLSConfiguration {
        try .makeServerConfiguration(
            certificateChain: NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) },
            privateKey: .privateKey(NIOSSLPrivateKey(file: keyFile, format: .pem))
        )
    }

    /// Trusts this certificate and no other.
    package func clientConfiguration() throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(certificateFile))
        return configuration
    }
}
