import WebSockets

class KnockEvent: Event {
    let times: Int

    init(times: Int) {
        self.times = times
        super.init("knock", cancelable: true)
    }
}

extension EventType where Kind == KnockEvent {
    static var knock: EventType { EventType("knock") }
}

class Door: EventTarget {
    func knock(_ times: Int) throws -> Bool {
        try dispatchEvent(KnockEvent(times: times))
    }
}

/// Events of one's own, from a target of one's own.
@MainActor
func eventTarget(_ url: String) async throws {
    let door = Door()

    door.addEventListener(.knock) { event in
        print("knocks:", event.times)
        if event.times > 2 {
            event.preventDefault()
        }
    }

    door.addEventListener(.knock) { event in
        print("too loud:", event.defaultPrevented, "- from the system:", event.isTrusted)
    }

    print("opened:", try door.knock(2))
    print("opened:", try door.knock(5))
}
