package import ArgumentParser
package import HTTPTypes

package enum HeaderOption {
    /// The fields that `--header "Name: value"` asks for.
    package static func fields(_ texts: [String]) throws(ValidationError) -> HTTPFields {
        var fields = HTTPFields()
        for text in texts {
            guard let colon = text.firstIndex(of: ":"), let name = HTTPField.Name(String(text[..<colon]))
            else {
                throw ValidationError("--header \"\(text)\" is not \"Name: value\"")
            }
            let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            guard HTTPField.isValidValue(String(value)) else {
                throw ValidationError("--header \(name) has a value with control characters")
            }
            fields.append(HTTPField(name: name, value: String(value)))
        }
        return fields
    }
}
