// swift-tools-version: 6.2

import PackageDescription

// CI treats every warning of ours as an error; a user's build never does.
let strict = Context.environment["DUPLEX_WERROR"] == "1"

let userSettings: [SwiftSetting] = [.swiftLanguageMode(.v6)] + (strict ? [.treatAllWarnings(as: .error)] : [])

let settings: [SwiftSetting] =
    userSettings + [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]

// Each is there twice, as .js and as .swift.
let examples = [
    "add-event-listener", "binary-arraybuffer", "binary-blob", "buffered-amount", "close-code-and-reason",
    "event-target",
    "exceptions", "failure", "first-connection", "once-and-abort", "ready-state", "stream-abort",
    "stream-backpressure",
    "stream-close", "stream-echo", "stream-retry", "subprotocol", "topic",
]

let package = Package(
    name: "duplex",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "WebSocketProtocol", targets: ["WebSocketProtocol"]),
        .library(name: "WebSocketTransport", targets: ["WebSocketTransport"]),
        .library(name: "WebSocketServer", targets: ["WebSocketServer"]),
        .library(name: "WebSocketHummingbird", targets: ["WebSocketHummingbird"]),
        .library(name: "WebSockets", targets: ["WebSockets"]),
        .library(name: "WebSocketScript", targets: ["WebSocketScript"]),
        .executable(name: "duplex", targets: ["duplex"]),
        .executable(name: "duplex-js", targets: ["duplex-js"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.10.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.86.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    ],
    targets: [
        // The system's zlib: DEFLATE as every browser has it.
        .systemLibrary(
            name: "CZlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]
        ),
        // What Linux has beyond POSIX, for the event loop of our own; empty elsewhere.
        .systemLibrary(name: "CLinux"),
        .target(
            name: "WebSocketProtocol",
            dependencies: [
                "CZlib",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "WebSocketTransport",
            dependencies: [
                "CLinux",
                "WebSocketProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        // The web's own interfaces.
        .target(
            name: "WebSockets",
            dependencies: [
                "WebSocketProtocol",
                "WebSocketTransport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        // JavaScriptCore where it is no framework of the system's.
        .systemLibrary(
            name: "CJavaScriptCore",
            pkgConfig: "javascriptcoregtk-4.1",
            providers: [.apt(["libjavascriptcoregtk-4.1-dev"])]
        ),
        // The web's interfaces in JavaScript.
        .target(
            name: "WebSocketScript",
            dependencies: [
                .target(name: "CJavaScriptCore", condition: .when(platforms: [.linux])),
                "WebSockets",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ],
            resources: [.embedInCode("JavaScript")],
            swiftSettings: settings
        ),
        // What the commands have in common: options, files, descriptors.
        .target(
            name: "CommandSupport",
            dependencies: [
                "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "duplex-js",
            dependencies: [
                "CommandSupport",
                "WebSocketScript",
                "WebSockets",
                "WebSocketTransport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "WebSocketServer",
            dependencies: [
                "CLinux",
                "WebSocketProtocol",
                "WebSocketTransport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        // Duplex's routes in a Hummingbird application; a product of its own, so that nobody else builds Hummingbird.
        .target(
            name: "WebSocketHummingbird",
            dependencies: [
                "WebSocketServer",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "duplex",
            dependencies: [
                "CommandSupport",
                "WebSocketServer",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            resources: [.embedInCode("Resources/console.html")],
            swiftSettings: settings
        ),
        // The client under test of the Autobahn TestSuite. In a package of its own it would have all of SwiftNIO
        // and BoringSSL compiled a second time; as no product, it costs whoever depends on Duplex nothing.
        .executableTarget(
            name: "autobahn-client",
            dependencies: ["WebSocketTransport"],
            path: "Conformance/autobahn-client",
            swiftSettings: settings
        ),
        // The async face under load, beside the callbacks of `duplex serve`; see Benchmarks/whole.
        .executableTarget(
            name: "task-echo",
            dependencies: [
                "WebSocketServer",
                "WebSocketTransport",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/task-echo",
            swiftSettings: settings
        ),
        // What is tormented for minutes on end; see Benchmarks/soak.py.
        .executableTarget(
            name: "soak-server",
            dependencies: [
                "CommandSupport",
                "WebSocketServer",
                "WebSocketTransport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Benchmarks/soak-server",
            swiftSettings: settings
        ),
        // A message's way through a connection, without a socket; see Benchmarks/bench.py.
        .executableTarget(
            name: "connection-path",
            dependencies: [
                "WebSocketProtocol",
                "WebSocketTransport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Benchmarks/connection-path",
            swiftSettings: settings
        ),
        // What each face of a client costs above the one below; see Benchmarks/bench.py.
        .executableTarget(
            name: "faces",
            dependencies: ["WebSocketProtocol", "WebSocketTransport", "WebSockets"],
            path: "Benchmarks/faces",
            exclude: ["face.js"],
            swiftSettings: settings
        ),
        // The examples' Swift side; their JavaScript is run by duplex-js. No product, as above.
        .executableTarget(
            name: "examples",
            dependencies: [
                "WebSockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples",
            exclude: ["README.md", "deploy"] + examples.map { "\($0).js" },
            // What compiles here has to compile in a package that has just been made.
            swiftSettings: userSettings
        ),
        // What several test targets need: other programs, servers of the test's own, waits that end.
        .target(
            name: "TestSupport",
            dependencies: [
                "WebSocketProtocol",
                "WebSocketServer",
                "WebSocketTransport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        // A malloc that counts, for the tests of what a message allocates.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "WebSocketProtocolTests",
            dependencies: [
                "WebSocketProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WebSocketTransportTests",
            dependencies: [
                "CAllocationCounter",
                "TestSupport",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WebSocketsTests",
            dependencies: [
                "TestSupport",
                "WebSockets",
                "WebSocketServer",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WebSocketServerTests",
            dependencies: [
                "TestSupport",
                "WebSocketServer",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WebSocketHummingbirdTests",
            dependencies: [
                "TestSupport",
                "WebSocketHummingbird",
                "WebSocketServer",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WebSocketScriptTests",
            dependencies: [
                "TestSupport",
                "duplex-js",
                "WebSocketScript",
                "WebSockets",
                "WebSocketServer",
                "WebSocketTransport",
                "WebSocketProtocol",
                .target(name: "CJavaScriptCore", condition: .when(platforms: [.linux])),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            // Read from where they are, as scripts.
            exclude: ["JavaScript"],
            swiftSettings: settings
        ),
        // The command as a program, and other people's programs with it: browser, Python, Node.js.
        .testTarget(
            name: "DuplexTests",
            dependencies: [
                "TestSupport",
                "duplex",
                "duplex-js",
                "examples",
                "soak-server",
                "WebSockets",
                "WebSocketServer",
                "WebSocketTransport",
                "WebSocketProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: settings
        ),
    ]
)
