// Nobody listens there: an error, of which a page is told nothing more, then the close event with 1006.

const socket = new WebSocket("ws://127.0.0.1:2/");

socket.onopen = () => {
    console.log("open after all");
};

socket.onerror = (event) => {
    console.log("an event of type", event.type);
    console.log("readyState is", socket.readyState);
};

socket.onclose = (event) => {
    console.log("closed with", event.code, "- clean:", event.wasClean);
};
