import Crypto

enum Fingerprint {
    /// SHA-256 of a certificate in DER form, as browsers show it: `AB:CD:…`.
    static func text(of certificate: [UInt8]) -> String {
        SHA256.hash(data: certificate).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined(separator: ":")
    }
}
