// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that whoever depends on Duplex never resolves or builds what only attacks it.
// `Fuzzing/run.sh` builds it: the instrumentation must be the same for all modules, and so comes from there.

// CI treats every warning of ours as an error, as in the package that is attacked.
let strict = Context.environment["DUPLEX_WERROR"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
    name: "duplex-fuzzing",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "duplex", path: ".."),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
    ],
    targets: [
        // The toolchain's fuzzer, as a library for programs that have a beginning of their own.
        .systemLibrary(name: "CLibFuzzer"),
        .executableTarget(
            name: "duplex-fuzz",
            dependencies: [
                "CLibFuzzer",
                .product(name: "WebSocketProtocol", package: "duplex"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
    ]
)
