// gorilla/websocket:
//
//	gorilla PORT
//
// /echo and /deflate answer every message with itself, compressed if the client offers it; what comes in on /pub
// goes to all who are on /sub.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/gorilla/websocket"
)

const biggest = 17 << 20

var upgrader = websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 4096, EnableCompression: true}

var subscribers = struct {
	sync.Mutex
	queues map[chan *websocket.PreparedMessage]struct{}
}{queues: map[chan *websocket.PreparedMessage]struct{}{}}

// readMessage reads into a buffer that is used again, which spares what ReadMessage allocates.
func readMessage(connection *websocket.Conn, buffer []byte) (int, []byte, error) {
	kind, reader, err := connection.NextReader()
	if err != nil {
		return 0, buffer, err
	}
	buffer = buffer[:0]
	for {
		if len(buffer) == cap(buffer) {
			larger := make([]byte, len(buffer), 2*cap(buffer)+512)
			copy(larger, buffer)
			buffer = larger
		}
		count, err := reader.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+count]
		if err == io.EOF {
			return kind, buffer, nil
		}
		if err != nil {
			return 0, buffer, err
		}
	}
}

func upgrade(answer http.ResponseWriter, request *http.Request) *websocket.Conn {
	connection, err := upgrader.Upgrade(answer, request, nil)
	if err != nil {
		return nil
	}
	connection.SetReadLimit(biggest)
	return connection
}

func echo(answer http.ResponseWriter, request *http.Request) {
	connection := upgrade(answer, request)
	if connection == nil {
		return
	}
	defer connection.Close()
	var buffer []byte
	var kind int
	var err error
	for {
		if kind, buffer, err = readMessage(connection, buffer); err != nil {
			return
		}
		if connection.WriteMessage(kind, buffer) != nil {
			return
		}
	}
}

func publish(answer http.ResponseWriter, request *http.Request) {
	connection := upgrade(answer, request)
	if connection == nil {
		return
	}
	defer connection.Close()
	for {
		kind, bytes, err := connection.ReadMessage()
		if err != nil {
			return
		}
		message, err := websocket.NewPreparedMessage(kind, bytes)
		if err != nil {
			return
		}
		subscribers.Lock()
		for queue := range subscribers.queues {
			queue <- message
		}
		subscribers.Unlock()
	}
}

func subscribe(answer http.ResponseWriter, request *http.Request) {
	connection := upgrade(answer, request)
	if connection == nil {
		return
	}
	defer connection.Close()
	queue := make(chan *websocket.PreparedMessage, 64)
	subscribers.Lock()
	subscribers.queues[queue] = struct{}{}
	subscribers.Unlock()
	gone := make(chan struct{})
	go func() {
		connection.ReadMessage()
		close(gone)
	}()
	defer func() {
		// Drained meanwhile, so that a publisher that holds the lock gets past this queue.
		go func() {
			for range queue {
			}
		}()
		subscribers.Lock()
		delete(subscribers.queues, queue)
		subscribers.Unlock()
		close(queue)
	}()
	for {
		select {
		case message := <-queue:
			if connection.WritePreparedMessage(message) != nil {
				return
			}
		case <-gone:
			return
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gorilla PORT")
		os.Exit(2)
	}
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/deflate", echo)
	http.HandleFunc("/pub", publish)
	http.HandleFunc("/sub", subscribe)
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
	os.Exit(1)
}
