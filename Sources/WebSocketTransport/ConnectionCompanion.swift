/// Somebody who goes along with a connection on its event loop until it ends, and sends when there is room: a topic's
/// subscriber. A connection without any pays nothing for them.
package protocol ConnectionCompanion: AnyObject {
    /// Something that waited has gone, after ``WebSocketConnection/Isolated/wantsRoom()``. Is told once; to be told
    /// again it has to ask again.
    func roomChanged()

    /// The connection has ended. Is told once, and last.
    func connectionEnded()
}

extension ConnectionCore {
    /// Who is told of room and of the end. Kept by the loop, so that a connection without any has no place for them.
    var companions: [any ConnectionCompanion] {
        hasCompanions ? scratch.companions[ObjectIdentifier(self)] ?? [] : []
    }

    func add(_ companion: any ConnectionCompanion) {
        hasCompanions = true
        scratch.companions[ObjectIdentifier(self), default: []].append(companion)
    }

    /// To be called where something that waits may have gone.
    func tellCompanionsOfRoom() {
        wantsRoom = false
        for companion in companions { companion.roomChanged() }
    }

    func tellCompanionsOfEnd() {
        wantsRoom = false
        guard hasCompanions else { return }
        hasCompanions = false
        let leaving = scratch.companions.removeValue(forKey: ObjectIdentifier(self)) ?? []
        for companion in leaving { companion.connectionEnded() }
    }
}

extension WebSocketConnection.Isolated {
    package var companions: [any ConnectionCompanion] { core.companions }

    /// Takes somebody along, unless the connection is over.
    ///
    /// - Returns: whether it is not.
    package func add(_ companion: any ConnectionCompanion) -> Bool {
        guard !core.isOver else { return false }
        core.add(companion)
        return true
    }

    /// Has the companions told when something that waits has gone.
    package func wantsRoom() {
        if !core.isOver { core.wantsRoom = true }
    }

    /// What is buffered, with the charge for each message that waits.
    package var bufferedCost: Int { core.bufferedCost }

    package var outboundLimit: Int { core.options.outboundLimit }

    /// Hands what has gathered to the transport, as far as that may be now.
    package func flush() { core.flush() }
}
