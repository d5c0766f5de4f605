import CommandSupport
import Crypto
import NIOSSL
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A certificate that signs itself, for `localhost` and nothing else, so that pages and programs under development can
/// speak `wss:`. It is kept between runs, so that who trusts it need not do so again.
struct DevelopmentCertificate: Sendable {
    /// The longest that browsers take is 398 days.
    static let validity: TimeInterval = 397 * 86_400
    /// With less time left it is made anew.
    static let renewal: TimeInterval = 7 * 86_400

    /// The key and its certificate, for this program; the certificate alone, for who is to trust it.
    static let (keyFile, certificateFile) = ("localhost-key.pem", "localhost.pem")

    let loaded: TLSSource.Loaded

    /// Takes the certificate that is kept in `folder`, or makes one and keeps it there.
    ///
    /// - Parameter folder: `nil` for none: then it is made anew each time.
    static func load(folder: String?, now: Date) throws(FileError) -> DevelopmentCertificate {
        guard let folder else {
            return try make(now: now).certificate(
                notice: "the development certificate is for this run only: no HOME"
            )
        }
        do throws(FileError) {
            let store = try PrivateFolder(folder)
            var notice: String?
            do throws(FileError) {
                if let kept = try store.read(keyFile) {
                    let pair = try Pair(text: kept, path: store.path(of: keyFile), now: now)
                    // Somebody may have removed it; without it, the server serves all the same.
                    _ = try? store.write(pair.certificatePEM, to: certificateFile, isPublic: true)
                    return try pair.certificate(trustFile: store.path(of: certificateFile))
                }
            } catch {
                notice = "a new development certificate takes the place of the one before: \(error)"
            }
            let pair = try make(now: now)
            try store.write(pair.keyPEM + pair.certificatePEM, to: keyFile)
            try store.write(pair.certificatePEM, to: certificateFile, isPublic: true)
            return try pair.certificate(trustFile: store.path(of: certificateFile), notice: notice)
        } catch {
            // A home that cannot be written is no reason to serve nothing.
            return try make(now: now).certificate(
                notice: "the development certificate is for this run only: \(error)"
            )
        }
    }

    /// Where programs of a user keep what can be made anew.
    ///
    /// - Parameter variable: the environment's.
    static func folder(_ variable: (String) -> String?) -> String? {
        func path(_ name: String) -> String? {
            // The XDG Base Directory Specification: a path that is not absolute is to be ignored.
            variable(name).flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        #if os(macOS)
        return path("HOME").map { "\($0)/Library/Caches/duplex" }
        #else
        return (path("XDG_CACHE_HOME") ?? path("HOME").map { "\($0)/.cache" }).map { "\($0)/duplex" }
        #endif
    }
}

// MARK: - Making one

extension DevelopmentCertificate {
    /// A key and its certificate.
    private struct Pair {
        let key: P256.Signing.PrivateKey
        let certificate: Certificate
        let keyPEM: String
        let certificatePEM: String
        private let bytes: [UInt8]

        init(key: P256.Signing.PrivateKey, certificate: Certificate) throws {
            self.key = key
            self.certificate = certificate
            keyPEM = key.pemRepresentation + "\n"
            certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            bytes = serializer.serializedBytes
        }

        /// What was kept, if it can still be used.
        init(text: String, path: String, now: Date) throws(FileError) {
            func unusable(_ why: String) -> FileError { FileError(path: path, reason: why) }
            guard let documents = try? PEMDocument.parseMultiple(pemString: text),
                let keyDocument = documents.first(where: { $0.discriminator.hasSuffix("PRIVATE KEY") }),
                let document = documents.first(where: {
                    $0.discriminator == Certificate.defaultPEMDiscriminator
                }),
                let key = try? P256.Signing.PrivateKey(pemRepresentation: keyDocument.pemString),
                let certificate = try? Certificate(pemDocument: document),
                let pair = try? Pair(key: key, certificate: certificate)
            else { throw unusable("does not hold a key and its certificate") }
            guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
                throw unusable("the key is not the certificate's")
            }
            guard certificate.notValidBefore <= now else { throw unusable("not valid yet") }
            let left = certificate.notValidAfter.timeIntervalSince(now)
            guard left >= renewal else {
                throw unusable(
                    left < 0 ? "no longer valid" : "valid for less than \(Int(renewal / 86_400)) days more"
                )
            }
            self = pair
        }

        func certificate(trustFile: String? = nil, notice: String? = nil) throws(FileError)
            -> DevelopmentCertificate
        {
            guard let leaf = try? NIOSSLCertificate(bytes: bytes, format: .der),
                let key = try? NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem)
            else {
                throw FileError(
                    path: trustFile ?? "the development certificate",
                    reason: "TLS does not take it"
                )
            }
            return DevelopmentCertificate(
                loaded: .init(
                    configuration: .makeServerConfiguration(
                        certificateChain: [.certificate(leaf)],
                        privateKey: .privateKey(key)
                    ),
                    fingerprint: Fingerprint.text(of: bytes),
                    trustFile: trustFile,
                    notices: notice.map { [$0] } ?? []
                )
            )
        }
    }

    private static func make(now: Date) throws(FileError) -> Pair {
        do {
            let key = P256.Signing.PrivateKey()
            let name = try DistinguishedName { CommonName("localhost") }
            // Clocks that go a little after this one's take it, too.
            let begin = now.addingTimeInterval(-3600)
            let certificate = try Certificate(
                version: .v3,
                serialNumber: .init(),
                publicKey: .init(key.publicKey),
                notValidBefore: begin,
                notValidAfter: begin.addingTimeInterval(validity),
                issuer: name,
                subject: name,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    // No KeyUsage: without keyCertSign in it, which is for authorities, BoringSSL would not see that
                    // the certificate signs itself, and nobody could trust it.
                    try ExtendedKeyUsage([.serverAuth])
                    SubjectAlternativeNames([
                        .dnsName("localhost"),
                        .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
                        .ipAddress(
                            ASN1OctetString(contentBytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
                        ),
                    ])
                    SubjectKeyIdentifier(hash: .init(key.publicKey))
                },
                issuerPrivateKey: .init(key)
            )
            return try Pair(key: key, certificate: certificate)
        } catch {
            throw FileError(path: "the development certificate", reason: "cannot be made: \(error)")
        }
    }
}
