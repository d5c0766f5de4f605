/// The characters of tokens, as RFC 9110 §5.6.2 prints them.
let tokenCharacters = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

let tokenBytes = Set(tokenCharacters.utf8)

/// Each byte as the scalar of the same number.
let latin1Scalars = (0...0xFF).compactMap(Unicode.Scalar.init(_:))
