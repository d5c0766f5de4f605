import CLibFuzzer

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Without `TARGET` in the environment: the targets, one a line. With it: that target under libFuzzer, whose
/// arguments are these; or `--seeds FOLDER`, which writes its seeds and its dictionary there.
///
/// The target is no argument because libFuzzer starts this program anew, with its own arguments only.
@main
struct Program {
    private static let target: (any FuzzTarget.Type)? = FuzzTargets.all.first {
        $0.name == environment("TARGET")
    }

    static func main() {
        guard let target else {
            guard environment("TARGET") == nil else { fatalError("there is no such target") }
            for target in FuzzTargets.all { print(target.name, target.maxLength) }
            return
        }
        if CommandLine.arguments.dropFirst().first == "--seeds", let folder = CommandLine.arguments.last {
            return write(target, into: folder)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        exit(
            LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
                Program.target?.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            }
        )
    }

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func write(_ target: any FuzzTarget.Type, into folder: String) {
        for (index, seed) in target.seeds.enumerated() { write(seed, to: "\(folder)/seed-\(index)") }
        // libFuzzer's dictionaries: one quoted word a line, other bytes than printable ASCII in hexadecimal.
        let lines = target.words.map { word in
            let quoted = word.utf8.map { byte in
                let isPlain =
                    byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                let digits = String(byte, radix: 16, uppercase: true)
                return isPlain
                    ? String(UnicodeScalar(byte)) : "\\x" + (digits.count < 2 ? "0" : "") + digits
            }
            return "\"" + quoted.joined() + "\"\n"
        }
        write(Array(lines.joined().utf8), to: "\(folder).dict")
    }

    private static func write(_ bytes: [UInt8], to path: String) {
        guard let file = fopen(path, "wb") else { fatalError("cannot write \(path)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { fatalError("cannot write \(path)") }
    }
}
