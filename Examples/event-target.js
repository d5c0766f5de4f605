// Events of one's own, from a target of one's own.

class KnockEvent extends Event {
    constructor(times) {
        super("knock", { cancelable: true });
        this.times = times;
    }
}

class Door extends EventTarget {
    knock(times) {
        return this.dispatchEvent(new KnockEvent(times));
    }
}

const door = new Door();

door.addEventListener("knock", (event) => {
    console.log("knocks:", event.times);
    if (event.times > 2) {
        event.preventDefault();
    }
});

door.addEventListener("knock", (event) => {
    console.log("too loud:", event.defaultPrevented, "- from the system:", event.isTrusted);
});

console.log("opened:", door.knock(2));
console.log("opened:", door.knock(5));
