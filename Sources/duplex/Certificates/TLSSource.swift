import CommandSupport
import NIOSSL
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Whence the server's certificate comes, so that it can be read again.
struct TLSSource: Sendable {
    enum Identity: Sendable {
        case files(certificate: String, key: String)
        /// See ``DevelopmentCertificate``; kept in this folder, if there is one.
        case development(folder: String?)
    }

    let identity: Identity
    /// The file of the authorities that vouch for clients; `nil` if clients are not asked.
    let clientAuthorities: String?

    /// What was read.
    struct Loaded: Sendable {
        var configuration: TLSConfiguration
        /// Of the certificate itself, for people to compare.
        let fingerprint: String
        /// Where a development certificate can be had, to be trusted.
        var trustFile: String?
        /// What somebody should know: a certificate that was made anew, or that clients will not take.
        var notices: [String] = []
    }

    /// Reads it all, and checks that it fits together.
    func load(now: Date = Date()) throws(FileError) -> Loaded {
        var loaded =
            switch identity {
            case .files(let certificate, let key): try Self.load(certificate: certificate, key: key, now: now)
            case .development(let folder): try DevelopmentCertificate.load(folder: folder, now: now).loaded
            }
        if let clientAuthorities {
            loaded.configuration.trustRoots = .certificates(try PEMFile.certificates(clientAuthorities))
            // What a client is called is for whoever is asked to let it in.
            loaded.configuration.certificateVerification = .noHostnameVerification
        }
        return loaded
    }

    private static func load(certificate: String, key: String, now: Date) throws(FileError) -> Loaded {
        let chain = try PEMFile.certificates(certificate)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try PEMFile.privateKey(key))
        )
        do {
            // Compares the key with the first certificate.
            _ = try NIOSSLContext(configuration: configuration)
        } catch {
            throw FileError(path: key, reason: "is not the key of the first certificate in \(certificate)")
        }
        guard let first = chain.first, let bytes = try? first.toDERBytes(),
            let leaf = try? Certificate(derEncoded: bytes)
        else { throw FileError(path: certificate, reason: "begins with a certificate that cannot be read") }
        var loaded = Loaded(configuration: configuration, fingerprint: Fingerprint.text(of: bytes))
        if leaf.notValidAfter < now {
            loaded.notices.append(
                "\(certificate): the certificate was valid until \(leaf.notValidAfter) only"
            )
        } else if leaf.notValidBefore > now {
            loaded.notices.append(
                "\(certificate): the certificate is valid from \(leaf.notValidBefore) on only"
            )
        }
        return loaded
    }
}
