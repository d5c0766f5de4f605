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
    init(_ error: any Error) {
        switch error {
        case let error as EndCause.Carrier:
            self = error.cause
        case let error as IOError:
            switch error.errnoCode {
            case ECONNRESET, EPIPE: self = .reset
            case ECONNREFUSED: self = .connectionRefused
            case ETIMEDOUT: self = .connectTimeout
            default: self = .network(String(describing: error))
            }
        case ChannelError.connectTimeout:
            self = .connectTimeout
        case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.eof, ChannelError.outputClosed:
            self = .endOfStream
        case let error as NIOConnectionError:
            self = Self.ofConnecting(error)
        case let error as SocketAddressError:
            self = .nameNotFound(String(describing: error))
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self = .tls(String(describing: error))
        default:
            self = .network(String(describing: error))
        }
    }

    /// Lets a cause travel as an error through a future.
    struct Carrier: Error {
        let cause: EndCause
    }

    /// Several addresses may have been tried: the first attempt's failure says most.
    private static func ofConnecting(_ error: NIOConnectionError) -> EndCause {
        if let first = error.connectionErrors.first { return EndCause(first.error) }
        return .nameNotFound(error.host)
    }
}
