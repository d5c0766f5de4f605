import Foundation

/// Counts the open TCP sockets of this process that have to do with a port, apart from the one that listens.
/// A look at all descriptors would count those of other tests.
struct DescriptorCounter: Sendable {
    let port: Int

    /// Zero where there is no /proc to look at. The table is no snapshot: while others open and close sockets, a
    /// look can miss one, so a number is waited for and not asked for once.
    var open: Int {
        guard let table = try? String(contentsOfFile: "/proc/self/net/tcp", encoding: .utf8) else { return 0 }
        let suffix = ":" + String(port, radix: 16, uppercase: true)
        var inodes: Set<Substring> = []
        for line in table.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] != "0A",
                fields[1].hasSuffix(suffix) || fields[2].hasSuffix(suffix)
            else { continue }
            inodes.insert(fields[9])
        }
        let folder = "/proc/self/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count { name in
            guard
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)"),
                target.hasPrefix("socket:[")
            else { return false }
            return inodes.contains(target.dropFirst("socket:[".count).dropLast())
        }
    }
}
