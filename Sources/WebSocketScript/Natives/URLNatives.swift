import WebSockets

extension ScriptHost {
    func defineURLs(_ define: Definer) {
        // The parts of a URL, or undefined for a text that is none.
        define("parseURL") { host, call in
            let url: WebURL
            do throws(URLParseFailure) {
                let base: WebURL? = call.isUndefined(1) ? nil : try WebURL(call.text(1))
                url = try WebURL(call.text(0), base: base)
            } catch {
                guard call.flag(2) else { return nil }
                throw error
            }
            return try host.parts(of: url)
        }
        // The parts of a URL after one of them was set.
        define("setURL") { host, call in
            var url = try WebURL(call.text(0))
            let text = call.text(2)
            switch call.text(1) {
            case "protocol": url.setProtocol(text)
            case "username": url.setUsername(text)
            case "password": url.setPassword(text)
            case "host": url.setHost(text)
            case "hostname": url.setHostname(text)
            case "port": url.setPort(text)
            case "pathname": url.setPathname(text)
            case "search": url.setSearch(text)
            case "hash": url.setHash(text)
            default: break
            }
            return try host.parts(of: url)
        }
        // Names and values by turns.
        define("parseForm") { host, call in
            let pairs = FormEncoding.parse(call.text(0))
            return try host.context.array(pairs.flatMap { [$0.0, $0.1] }.map(host.context.value))
        }
        define("serializeForm") { host, call in
            let texts = call.texts(0)
            let pairs = stride(from: 0, to: texts.count - 1, by: 2).map { (texts[$0], texts[$0 + 1]) }
            return host.context.value(FormEncoding.serialize(pairs))
        }
    }

    private func parts(of url: WebURL) throws(ScriptError) -> ScriptValue {
        let parts = [
            url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port,
            url.pathname, url.search, url.hash,
        ]
        return try context.array(parts.map(context.value))
    }
}
