// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that whoever depends on Duplex never resolves or builds what only measures it.

// CI treats every warning of ours as an error, as in the package that is measured.
let strict = Context.environment["DUPLEX_WERROR"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
    name: "duplex-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "duplex", path: "..")
    ],
    targets: [
        .executableTarget(
            name: "duplex-benchmarks",
            dependencies: ["MallocCounter", .product(name: "WebSocketProtocol", package: "duplex")],
            swiftSettings: settings
        ),
        .target(name: "MallocCounter"),
    ]
)
