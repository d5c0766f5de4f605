// The face of a script: as many messages of 64 B under way as it is told, for as long as it is told.
//
//     duplex-js face.js URL SECONDS MESSAGES      prints the number of messages, and the median and 99 % of round trips

const [url, seconds, window] = duplex.arguments;
const text = "a".repeat(64);
const socket = new WebSocket(url);
const times = [];
let count = 0;
let sent;
let end;

function send() {
    sent = performance.now();
    socket.send(text);
}

socket.onopen = () => {
    end = performance.now() + 1000 * seconds;
    for (let i = 0; i < window; i += 1) {
        send();
    }
};

socket.onmessage = () => {
    const now = performance.now();
    count += 1;
    if (window === "1") {
        times.push(now - sent);
    }
    if (now < end) {
        send();
    } else {
        socket.close();
    }
};

socket.onclose = () => {
    times.sort((a, b) => a - b);
    const at = (part) => 1000 * (times[Math.floor(times.length * part)] ?? 0);
    console.log(count, at(0.5), at(0.99));
};
