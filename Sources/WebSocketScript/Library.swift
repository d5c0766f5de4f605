/// The scripts that make the web's interfaces, in the order in which they need each other. Each is a function that is
/// called with the object that they share.
enum Library {
    /// What the names of the scripts begin with, so that stacks can leave them out.
    static let scheme = "duplex:"

    static let scripts: [Script] = [
        script("primordials", PackageResources.primordials_js),
        script("webidl", PackageResources.webidl_js),
        script("dom-exception", PackageResources.dom_exception_js),
        script("exceptions", PackageResources.exceptions_js),
        script("event", PackageResources.event_js),
        script("event-target", PackageResources.event_target_js),
        script("abort", PackageResources.abort_js),
        script("socket-events", PackageResources.socket_events_js),
        script("encoding", PackageResources.encoding_js),
        script("blob", PackageResources.blob_js),
        script("streams-queue", PackageResources.streams_queue_js),
        script("streams-buffers", PackageResources.streams_buffers_js),
        script("writable-stream-core", PackageResources.writable_stream_core_js),
        script("writable-stream-controller", PackageResources.writable_stream_controller_js),
        script("writable-stream", PackageResources.writable_stream_js),
        script("readable-stream-core", PackageResources.readable_stream_core_js),
        script("readable-byob-core", PackageResources.readable_byob_core_js),
        script("readable-byte-stream-core", PackageResources.readable_byte_stream_core_js),
        script("readable-stream-from", PackageResources.readable_stream_from_js),
        script("readable-stream-tee", PackageResources.readable_stream_tee_js),
        script("readable-byte-stream-tee", PackageResources.readable_byte_stream_tee_js),
        script("readable-stream-pipe", PackageResources.readable_stream_pipe_js),
        script("readable-stream", PackageResources.readable_stream_js),
        script("readable-byte-stream", PackageResources.readable_byte_stream_js),
        script("transform-stream", PackageResources.transform_stream_js),
        script("timers", PackageResources.timers_js),
        script("performance", PackageResources.performance_js),
        script("inspect", PackageResources.inspect_js),
        script("console", PackageResources.console_js),
        script("url-search-params", PackageResources.url_search_params_js),
        script("url", PackageResources.url_js),
        script("global", PackageResources.global_js),
        script("bytes", PackageResources.bytes_js),
        script("websocket", PackageResources.websocket_js),
        script("websocket-stream", PackageResources.websocket_stream_js),
    ]

    private static func script(_ name: String, _ bytes: [UInt8]) -> Script {
        Script(String(decoding: bytes, as: UTF8.self), name: "\(scheme)\(name).js")
    }
}
