/*
 * The floor: sends back every byte it reads, and knows nothing of WebSocket. One thread, one epoll loop.
 *
 *     raw-echo PORT
 *
 * A connection that cannot write is not read from until it can, so nothing is held but one read's rest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, EVENTS = 512 };

typedef struct {
    int fd;
    size_t at, length;          /* what of `rest` is still to be written */
    char *rest;
} connection;

static int poller;
static char buffer[READ_SIZE];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event)) fail("epoll_ctl");
}

static void end(connection *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

/* How many bytes the socket took; -1 if it is broken. */
static ssize_t write_some(int fd, const char *bytes, size_t length)
{
    ssize_t written = send(fd, bytes, length, MSG_NOSIGNAL);
    if (written >= 0) return written;
    return errno == EAGAIN ? 0 : -1;
}

static void read_from(connection *c)
{
    ssize_t length = recv(c->fd, buffer, sizeof buffer, 0);
    if (length < 0 && errno == EAGAIN) return;
    ssize_t written = length > 0 ? write_some(c->fd, buffer, (size_t)length) : -1;
    if (written < 0) {
        end(c);
    } else if (written < length) {
        c->length = (size_t)(length - written);
        c->at = 0;
        c->rest = malloc(c->length);
        if (!c->rest) fail("malloc");
        memcpy(c->rest, buffer + written, c->length);
        watch(c, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

static void write_to(connection *c)
{
    ssize_t written = write_some(c->fd, c->rest + c->at, c->length - c->at);
    if (written < 0) {
        end(c);
        return;
    }
    c->at += (size_t)written;
    if (c->at < c->length) return;
    free(c->rest);
    c->rest = NULL;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void accept_all(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        connection *c = calloc(1, sizeof *c);
        if (!c) fail("calloc");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: raw-echo PORT\n");
        return 2;
    }
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(arguments[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    connection listener = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener.fd, (struct sockaddr *)&address, sizeof address) || listen(listener.fd, 4096)) fail("listen");
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) fail("epoll_create1");
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            connection *c = events[i].data.ptr;
            if (c == &listener) accept_all(c->fd);
            else if (c->rest) write_to(c);
            else read_from(c);
        }
    }
}
