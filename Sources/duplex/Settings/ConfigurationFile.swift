import CommandSupport
import Configuration

/// The file that `--config` names: an object in JSON whose keys are the settings' names.
struct ConfigurationFile: Sendable {
    let path: String
    /// In the shape in which ``ServeConfiguration`` asks for them.
    let values: [AbsoluteConfigKey: ConfigValue]

    static func read(_ path: String) throws(ConfigurationError) -> ConfigurationFile {
        do throws(FileError) {
            return try ConfigurationFile(path: path, bytes: FileContents.read(path))
        } catch {
            throw ConfigurationError("\(error)")
        }
    }

    private init(path: String, bytes: [UInt8]) throws(FileError) {
        self.path = path
        let members: [JSONText.Member]
        do throws(JSONText.Problem) {
            members = try JSONText.members(of: bytes)
        } catch {
            throw FileError(path: "\(path), line \(error.line)", reason: error.reason)
        }
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for member in members {
            let place = "\(path), line \(member.line)"
            guard let setting = Settings.all.first(where: { $0.name == member.key }) else {
                throw FileError(path: place, reason: "there is no setting \"\(member.key)\"")
            }
            let content: ConfigContent
            switch member.value {
            case .null: continue
            case .one(let text): content = setting.isList ? .stringArray([text]) : .string(text)
            case .list(let texts) where setting.isList: content = .stringArray(texts)
            case .list:
                throw FileError(
                    path: place,
                    reason: "\(member.key) is \(setting.expected), and no list of them"
                )
            }
            values[AbsoluteConfigKey([member.key])] = ConfigValue(content, isSecret: false)
        }
        self.values = values
    }
}

/// What is wrong about the configuration, where it came from and what was expected: one sentence. The command ends with
/// status 64.
struct ConfigurationError: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
