import Foundation
import NIOSSL
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import duplex

@Suite("Development certificate")
struct DevelopmentCertificateTests {
    private let home: TemporaryFolder
    private var folder: String { "\(home.path)/cache/duplex" }
    private let now = Date()

    init() throws { home = try TemporaryFolder() }

    private func load(at time: Date) throws -> TLSSource.Loaded {
        try DevelopmentCertificate.load(folder: folder, now: time).loaded
    }

    private func kept() throws -> X509.Certificate {
        try X509.Certificate(pemEncoded: home.read("cache/duplex/\(DevelopmentCertificate.certificateFile)"))
    }

    @Test func `It is for localhost only, for servers only, and for at most 397 days`() throws {
        _ = try load(at: now)
        let certificate = try kept()
        #expect(certificate.subject == certificate.issuer)
        #expect("\(certificate.subject)" == "CN=localhost")
        let names = try #require(try certificate.extensions.subjectAlternativeNames)
        #expect(names.map { "\($0)" }.count == 3)
        #expect(names.contains(.dnsName("localhost")))
        let usage = try #require(try certificate.extensions.extendedKeyUsage)
        #expect(Array(usage) == [.serverAuth])
        #expect(try certificate.extensions.basicConstraints == .notCertificateAuthority)
        #expect(certificate.notValidBefore <= now)
        #expect(certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore) <= 397 * 86_400)
    }

    @Test func `Nobody else can read the key`() throws {
        _ = try load(at: now)
        #expect(try home.mode(of: "cache/duplex") == 0o700)
        #expect(try home.mode(of: "cache/duplex/\(DevelopmentCertificate.keyFile)") == 0o600)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(left == [DevelopmentCertificate.keyFile, DevelopmentCertificate.certificateFile])
    }

    @Test func `It is kept between runs, until less than a week is left`() throws {
        let first = try load(at: now)
        #expect(first.notices.isEmpty)
        #expect(first.trustFile == "\(folder)/\(DevelopmentCertificate.certificateFile)")
        let later = try load(at: now.addingTimeInterval(389 * 86_400))
        #expect(later.fingerprint == first.fingerprint)
        #expect(later.notices.isEmpty)
        let renewed = try load(at: now.addingTimeInterval(391 * 86_400))
        #expect(renewed.fingerprint != first.fingerprint)
        #expect(renewed.notices.count == 1)
        #expect(renewed.notices.first?.hasSuffix("valid for less than 7 days more") == true)
    }

    @Test func `What cannot be used any more is replaced, and told`() throws {
        let first = try load(at: now)
        let expired = try load(at: now.addingTimeInterval(500 * 86_400))
        #expect(expired.fingerprint != first.fingerprint)
        #expect(expired.notices.first?.hasSuffix("no longer valid") == true)
        // Now it is of the future.
        let again = try load(at: now)
        #expect(again.notices.first?.hasSuffix("not valid yet") == true)
        try home.write("nonsense", to: "cache/duplex/\(DevelopmentCertificate.keyFile)")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600],
            ofItemAtPath: "\(folder)/\(DevelopmentCertificate.keyFile)"
        )
        let mended = try load(at: now)
        #expect(mended.fingerprint != again.fingerprint)
        #expect(mended.notices.first?.hasSuffix("does not hold a key and its certificate") == true)
        #expect(try load(at: now).notices.isEmpty)
    }

    @Test func `A key of another certificate, and one that others could read, are replaced`() throws {
        let first = try load(at: now)
        let path = "cache/duplex/\(DevelopmentCertificate.keyFile)"
        let text = try home.read(path)
        try FileManager.default.removeItem(atPath: "\(home.path)/\(path)")
        _ = try load(at: now)
        let other = try home.read(path)
        let marker = "-----BEGIN CERTIFICATE-----"
        let key = try #require(text.components(separatedBy: marker).first)
        let certificate = try #require(other.components(separatedBy: marker).last)
        try home.write(key + marker + certificate, to: path)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600],
            ofItemAtPath: "\(home.path)/\(path)"
        )
        #expect(try load(at: now).notices.first?.hasSuffix("the key is not the certificate's") == true)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o644],
            ofItemAtPath: "\(home.path)/\(path)"
        )
        let after = try load(at: now)
        #expect(after.notices.first?.hasSuffix("others may have read it") == true)
        #expect(after.fingerprint != first.fingerprint)
        #expect(try home.mode(of: path) == 0o600)
    }

    @Test func `The certificate to trust comes back when somebody has removed it`() throws {
        let first = try load(at: now)
        try FileManager.default.removeItem(atPath: "\(folder)/\(DevelopmentCertificate.certificateFile)")
        #expect(try load(at: now).fingerprint == first.fingerprint)
        var bytes: [UInt8] = []
        bytes = try NIOSSLCertificate(
            bytes: Array(home.read("cache/duplex/localhost.pem").utf8),
            format: .pem
        ).toDERBytes()
        #expect(Fingerprint.text(of: bytes) == first.fingerprint)
    }

    @Test func `Where nothing can be kept, it is for one run, and told`() throws {
        try home.write("a file", to: "cache")
        let first = try load(at: now)
        #expect(first.notices.first?.hasPrefix("the development certificate is for this run only: ") == true)
        #expect(first.trustFile == nil)
        #expect(try load(at: now).fingerprint != first.fingerprint)
        let homeless = try DevelopmentCertificate.load(folder: nil, now: now).loaded
        #expect(homeless.notices == ["the development certificate is for this run only: no HOME"])
    }

    @Test func `A folder that is a link, or another's, is not used`() throws {
        try FileManager.default.createDirectory(
            atPath: "\(home.path)/cache",
            withIntermediateDirectories: false
        )
        try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: "/")
        #expect(try load(at: now).notices.first?.hasSuffix("is no folder of this user's") == true)
    }

    #if !os(macOS)
    @Test func `It is kept where the desktop's standard says`() {
        func folder(_ variables: [String: String]) -> String? {
            DevelopmentCertificate.folder { variables[$0] }
        }
        #expect(folder(["HOME": "/home/ana"]) == "/home/ana/.cache/duplex")
        #expect(folder(["HOME": "/home/ana", "XDG_CACHE_HOME": "/var/cache"]) == "/var/cache/duplex")
        #expect(folder(["HOME": "/home/ana", "XDG_CACHE_HOME": "relative"]) == "/home/ana/.cache/duplex")
        #expect(folder([:]) == nil)
    }
    #endif
}
