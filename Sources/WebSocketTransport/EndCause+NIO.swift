import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

extension EndCause {
    /// What an error of SwiftNIO means here.
    package init(_ error: any Error) {
        switch error {
        case let error as IOError:
            switch error.errnoCode {
            case ECONNRESET, EPIPE: self = .reset
            case ECONNREFUSED: self = .connectionRefused
            case ETIMEDOUT: self = .network("the peer stopped answering")
            default: self = .network(String(describing: error))
            }
        case ChannelError.connectTimeout:
            self = .connectTimeout
        case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.eof,
            ChannelError.outputClosed:
            self = .endOfStream
        case let error as NIOConnectionError:
            self = Self.ofConnecting(error)
        case let error as SocketAddressError:
            self = .nameNotFound(String(describing: error))
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self = .tls(Self.explained(tlsError: error))
        default:
            self = .network(String(describing: error))
        }
    }

    /// BoringSSL names its reasons in capitals, among numbers and places in its source; the reasons are what
    /// helps.
    static func explained(tlsError error: any Error) -> String {
        let text = String(describing: error)
        let reasons = text.split(separator: "OPENSSL_internal:").dropFirst().map { part in
            part.prefix { $0.isUppercase || $0 == "_" || $0.isNumber }.lowercased().split(separator: "_")
                .joined(separator: " ")
        }
        return reasons.isEmpty ? text : reasons.joined(separator: ", ")
    }

    /// Several addresses may have been tried: the first attempt's failure says most.
    private static func ofConnecting(_ error: NIOConnectionError) -> EndCause {
        guard let first = error.connectionErrors.first?.error else { return .nameNotFound(error.host) }
        if let first = first as? IOError, first.errnoCode == ETIMEDOUT { return .connectTimeout }
        return EndCause(first)
    }
}
