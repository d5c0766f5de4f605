package import NIOSSL

package enum PEMFile {
    /// The certificates in a file, at least one.
    package static func certificates(_ path: String) throws(FileError) -> [NIOSSLCertificate] {
        let bytes = try contents(path)
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw FileError(path: path, reason: "holds no certificate in PEM form that can be read")
        }
        guard !certificates.isEmpty else {
            throw FileError(path: path, reason: "holds no certificate in PEM form")
        }
        return certificates
    }

    /// The private key in a file.
    package static func privateKey(_ path: String) throws(FileError) -> NIOSSLPrivateKey {
        let bytes = try contents(path)
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        } catch {
            throw FileError(
                path: path,
                reason: "holds no private key in PEM form that can be read without a passphrase"
            )
        }
    }

    private static func contents(_ path: String) throws(FileError) -> [UInt8] {
        let bytes = try FileContents.read(path)
        guard !bytes.isEmpty else { throw FileError(path: path, reason: "is empty") }
        return bytes
    }
}
