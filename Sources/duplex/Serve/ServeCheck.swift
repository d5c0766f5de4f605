import CommandSupport
import WebSocketServer

extension ServeOptions {
    /// Finds what would keep the server from starting but is no matter of one value's form: files and directories that
    /// are not there, values that do not go together, an engine that cannot serve them.
    ///
    /// - Returns: the certificate, if there is to be one.
    /// - Throws: what is wrong, with the place that it was set in.
    func check(_ configuration: ServeConfiguration) throws(ConfigurationError) -> TLSSource.Loaded? {
        let loaded: TLSSource.Loaded?
        do throws(FileError) {
            loaded = try tls?.load()
        } catch {
            throw configuration.wrong(entry(naming: error.path), "\(error)")
        }
        var configured = server
        configured.tls = loaded?.configuration
        do throws(InvalidConfiguration) {
            try configured.validate()
        } catch {
            throw configuration.wrong(error)
        }
        // Nobody listens there: it knows what is wrong about its routes, and the directory is what can be.
        let trial = WebSocketServer(configured)
        trial.addCommandRoutes(subprotocols: subprotocols, files: files)
        do throws(RouteError) {
            try trial.checkRoutes()
        } catch {
            throw configuration.wrong(Settings.files.entry, "\(error)")
        }
        return loaded
    }

    /// Which of the settings of TLS named a file.
    private func entry(naming path: String) -> SettingEntry {
        guard let tls else { return Settings.tls.entry }
        if path == tls.clientAuthorities { return Settings.clientCA.entry }
        guard case .files(let certificate, let key) = tls.identity else { return Settings.tls.entry }
        return path == key && path != certificate ? Settings.key.entry : Settings.cert.entry
    }
}

extension ServeConfiguration {
    /// In the words of the settings, at the nearest place that had a say in it.
    func wrong(_ problem: InvalidConfiguration) -> ConfigurationError {
        let entries = problem.properties.compactMap { Settings.byProperty[$0] }
        guard let entry = entries.first(where: isSet) ?? entries.first else {
            return ConfigurationError("\(problem)")
        }
        return wrong(entry, problem.problem)
    }
}

extension Settings {
    /// Who is to blame for what ``InvalidConfiguration/properties`` name.
    static let byProperty: [String: SettingEntry] = [
        "workers": workers.entry,
        "engine": engine.entry,
        "tls": cert.entry,
        "connection.handshakeTimeout": handshakeTimeout.entry,
        "http2.allowsCleartext": h2c.entry,
        "admission.origins": allowOrigin.entry,
        "admission.allowedHosts": allowedHost.entry,
        "admission.maxConnections": maxConnections.entry,
        "admission.maxConnectionsPerAddress": maxConnectionsPerAddress.entry,
        "admission.handshakeRate": handshakeRate.entry,
        "admission.handshakeRatePerAddress": handshakeRatePerAddress.entry,
        "drain.code": drainCode.entry,
        "drain.window": drainWindow.entry,
        "drain.readinessDelay": drainDelay.entry,
        "drain.deadline": drainTimeout.entry,
    ]
}
