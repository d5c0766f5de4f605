/*
 * libwebsockets, on its own poll loop:
 *
 *     libwebsockets PORT
 *
 * /echo and /deflate answer every message with itself, compressed if the client offers it; what comes in on /pub
 * goes to all who are on /sub.
 *
 * A message is answered from inside its own callback while the socket takes more, which spares a turn of the
 * loop; what it does not take waits in a queue for the callback that says it may be written.
 */
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIGGEST = 17 << 20, KEPT = 64 << 10 };

/* One message, shared by all who are still to send it; LWS_PRE bytes for the header come before it. */
typedef struct {
    int holders;
    size_t length;
    enum lws_write_protocol kind;
    unsigned char bytes[];
} message;

typedef struct waiting {
    struct waiting *next;
    message *message;
} waiting;

typedef struct session {
    enum { ECHO, PUBLISHER, SUBSCRIBER } role;
    struct lws *wsi;
    struct session *previous, *next;    /* among the subscribers */
    unsigned char *buffer;              /* LWS_PRE bytes, then the message so far */
    size_t length, capacity;
    waiting *first, **last;
} session;

static session *subscribers;

static void *allocated(void *memory)
{
    if (memory) return memory;
    fprintf(stderr, "libwebsockets: out of memory\n");
    exit(1);
}

static void release(message *m)
{
    if (--m->holders == 0) free(m);
}

static message *make_message(const unsigned char *bytes, size_t length, enum lws_write_protocol kind)
{
    message *m = allocated(malloc(sizeof *m + LWS_PRE + length));
    m->holders = 0;
    m->length = length;
    m->kind = kind;
    memcpy(m->bytes + LWS_PRE, bytes, length);
    return m;
}

static void enqueue(session *s, message *m)
{
    waiting *w = allocated(malloc(sizeof *w));
    w->next = NULL;
    w->message = m;
    m->holders++;
    *s->last = w;
    s->last = &w->next;
    lws_callback_on_writable(s->wsi);
}

static void dequeue(session *s)
{
    waiting *w = s->first;
    s->first = w->next;
    if (!s->first) s->last = &s->first;
    release(w->message);
    free(w);
}

static int write_queued(session *s)
{
    while (s->first && !lws_send_pipe_choked(s->wsi)) {
        message *m = s->first->message;
        if (lws_write(s->wsi, m->bytes + LWS_PRE, m->length, m->kind) < 0) return -1;
        dequeue(s);
    }
    if (s->first) lws_callback_on_writable(s->wsi);
    return 0;
}

static int whole_message(session *s)
{
    enum lws_write_protocol kind = lws_frame_is_binary(s->wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    unsigned char *bytes = s->buffer + LWS_PRE;
    size_t length = s->length;
    s->length = 0;
    if (s->role == PUBLISHER) {
        message *m = make_message(bytes, length, kind);
        m->holders++;
        for (session *each = subscribers; each; each = each->next) enqueue(each, m);
        release(m);
        return 0;
    }
    if (!s->first && !lws_send_pipe_choked(s->wsi))
        return lws_write(s->wsi, bytes, length, kind) < 0 ? -1 : 0;
    enqueue(s, make_message(bytes, length, kind));
    return 0;
}

static int received(session *s, const unsigned char *bytes, size_t length)
{
    size_t needed = LWS_PRE + s->length + length;
    if (needed > BIGGEST) return -1;
    if (needed > s->capacity) {
        s->capacity = needed + lws_remaining_packet_payload(s->wsi);
        s->buffer = allocated(realloc(s->buffer, s->capacity));
    }
    memcpy(s->buffer + LWS_PRE + s->length, bytes, length);
    s->length += length;
    if (lws_remaining_packet_payload(s->wsi) || !lws_is_final_fragment(s->wsi)) return 0;
    return whole_message(s);
}

static int opened(session *s, struct lws *wsi)
{
    char path[16] = "";
    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) < 0) return -1;
    s->wsi = wsi;
    s->last = &s->first;
    s->role = !strcmp(path, "/pub") ? PUBLISHER : !strcmp(path, "/sub") ? SUBSCRIBER : ECHO;
    if (s->role == SUBSCRIBER) {
        s->next = subscribers;
        if (subscribers) subscribers->previous = s;
        subscribers = s;
    }
    return 0;
}

static void closed(session *s)
{
    if (s->role == SUBSCRIBER) {
        if (s->next) s->next->previous = s->previous;
        if (s->previous) s->previous->next = s->next;
        else subscribers = s->next;
    }
    while (s->first) dequeue(s);
    free(s->buffer);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *bytes, size_t length)
{
    session *s = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: return opened(s, wsi);
    case LWS_CALLBACK_RECEIVE: return received(s, bytes, length);
    case LWS_CALLBACK_SERVER_WRITEABLE: return write_queued(s);
    case LWS_CALLBACK_CLOSED: closed(s); return 0;
    default: return 0;
    }
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: libwebsockets PORT\n");
        return 2;
    }
    static const struct lws_protocols protocols[] = {
        {.name = "", .callback = on_event, .per_session_data_size = sizeof(session), .rx_buffer_size = KEPT},
        {0},
    };
    static const struct lws_extension deflate[] = {
        {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
        {0},
    };
    struct lws_context_creation_info info = {
        .port = atoi(arguments[1]),
        .iface = "127.0.0.1",
        .protocols = protocols,
        .extensions = deflate,
        .pt_serv_buf_size = KEPT,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    if (!context) return 1;
    while (lws_service(context, 0) >= 0) {}
    lws_context_destroy(context);
}
