// DOMException (Web IDL 2.8.1 and 4.3).
//
// Adds to `host`: DOMException.
(function (host) {
    "use strict";

    const { construct } = Reflect;
    const { webidl } = host;
    const IntrinsicError = Error;

    // The names that once were numbers, in the order of the numbers; a later name without one has the code 0.
    const legacyNames = [
        ["IndexSizeError", "INDEX_SIZE_ERR"],
        [null, "DOMSTRING_SIZE_ERR"],
        ["HierarchyRequestError", "HIERARCHY_REQUEST_ERR"],
        ["WrongDocumentError", "WRONG_DOCUMENT_ERR"],
        ["InvalidCharacterError", "INVALID_CHARACTER_ERR"],
        [null, "NO_DATA_ALLOWED_ERR"],
        ["NoModificationAllowedError", "NO_MODIFICATION_ALLOWED_ERR"],
        ["NotFoundError", "NOT_FOUND_ERR"],
        ["NotSupportedError", "NOT_SUPPORTED_ERR"],
        ["InUseAttributeError", "INUSE_ATTRIBUTE_ERR"],
        ["InvalidStateError", "INVALID_STATE_ERR"],
        ["SyntaxError", "SYNTAX_ERR"],
        ["InvalidModificationError", "INVALID_MODIFICATION_ERR"],
        ["NamespaceError", "NAMESPACE_ERR"],
        ["InvalidAccessError", "INVALID_ACCESS_ERR"],
        [null, "VALIDATION_ERR"],
        ["TypeMismatchError", "TYPE_MISMATCH_ERR"],
        ["SecurityError", "SECURITY_ERR"],
        ["NetworkError", "NETWORK_ERR"],
        ["AbortError", "ABORT_ERR"],
        ["URLMismatchError", "URL_MISMATCH_ERR"],
        ["QuotaExceededError", "QUOTA_EXCEEDED_ERR"],
        ["TimeoutError", "TIMEOUT_ERR"],
        ["InvalidNodeTypeError", "INVALID_NODE_TYPE_ERR"],
        ["DataCloneError", "DATA_CLONE_ERR"],
    ];
    const codes = Object.create(null);
    const constants = Object.create(null);
    legacyNames.forEach(([name, constant], index) => {
        constants[constant] = index + 1;
        if (name !== null) {
            codes[name] = index + 1;
        }
    });

    // A DOMException must be an error to the engine (its stack, Error.isError), yet its class must not
    // inherit from Error. So the object comes from Error's constructor, and the private state is put on it as
    // if it were ours: a derived class adds its fields to whatever object the base constructor returns.
    const Adopt = class {
        constructor(object) {
            return object;
        }
    };

    class State extends Adopt {
        #name;
        #message;

        constructor(object, name, message) {
            super(object);
            this.#name = name;
            this.#message = message;
        }

        static nameOf = (object) => object.#name;
        static messageOf = (object) => object.#message;
        static isIn = (object) => #name in object;
    }

    const { nameOf, messageOf, isIn } = State;

    class DOMException {
        constructor(message = "", name = "Error") {
            message = webidl.DOMString(message, "DOMException: message");
            name = webidl.DOMString(name, "DOMException: name");
            return new State(construct(IntrinsicError, [], new.target), name, message);
        }

        get name() {
            return nameOf(this);
        }

        get message() {
            return messageOf(this);
        }

        get code() {
            return codes[nameOf(this)] ?? 0;
        }
    }

    Object.setPrototypeOf(DOMException.prototype, Error.prototype);
    host.brand(DOMException, isIn);
    host.constants(DOMException, constants);
    host.expose(DOMException);
})
