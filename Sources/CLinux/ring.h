#ifndef DUPLEX_CLINUX_RING_H
#define DUPLEX_CLINUX_RING_H

// Linux's io_uring by its system calls: as much of it as the loop needs. A ring is used by one thread only.
#ifdef __linux__

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct duplex_ring {
    int descriptor;
    // What it is entered by, and how: its number among those that the thread has registered, if it could.
    int enter_descriptor;
    unsigned enter_flags;
    // Requests.
    unsigned *sq_head, *sq_tail;
    unsigned sq_mask, sq_entries;
    struct io_uring_sqe *sqes;
    // Answers.
    unsigned *cq_head, *cq_tail;
    unsigned cq_mask;
    struct io_uring_cqe *cqes;
    void *rings;
    size_t rings_size, sqes_size;
    // What is received is put into these, which the kernel fills bit by bit.
    struct io_uring_buf_ring *buffers;
    char *memory;
    uint32_t buffer_count, buffer_size;
    uint32_t *buffer_used;
    uint16_t buffer_tail;
} duplex_ring;

typedef struct duplex_answer {
    uint64_t tag;
    int32_t result;
    uint32_t flags;
} duplex_answer;

static inline int duplex_ring_register(duplex_ring *ring, unsigned what, void *argument, unsigned count) {
    return syscall(SYS_io_uring_register, ring->descriptor, what, argument, count) < 0 ? -errno : 0;
}

static inline void duplex_ring_close(duplex_ring *ring) {
    // First the ring, which ends what is under way in the memory.
    if (ring->descriptor >= 0) close(ring->descriptor);
    if (ring->sqes) munmap(ring->sqes, ring->sqes_size);
    if (ring->rings) munmap(ring->rings, ring->rings_size);
    free(ring->buffers);
    free(ring->memory);
    free(ring->buffer_used);
    memset(ring, 0, sizeof *ring);
    ring->descriptor = -1;
}

static inline void *duplex_ring_map(duplex_ring *ring, size_t size, off_t what) {
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->descriptor, what);
    return map == MAP_FAILED ? NULL : map;
}

// Makes a ring, which is enabled later by the thread that will use it. 0, or an error below 0.
static inline int duplex_ring_open(duplex_ring *ring, unsigned requests, unsigned answers) {
    memset(ring, 0, sizeof *ring);
    struct io_uring_params made = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED
            | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL,
        .cq_entries = answers};
    ring->descriptor = (int)syscall(SYS_io_uring_setup, requests, &made);
    if (ring->descriptor < 0) return -errno;
    ring->enter_descriptor = ring->descriptor;
    size_t sq_size = made.sq_off.array + made.sq_entries * sizeof(unsigned);
    size_t cq_size = made.cq_off.cqes + made.cq_entries * sizeof(struct io_uring_cqe);
    ring->rings_size = sq_size > cq_size ? sq_size : cq_size;
    ring->rings = duplex_ring_map(ring, ring->rings_size, IORING_OFF_SQ_RING);
    ring->sqes_size = made.sq_entries * sizeof(struct io_uring_sqe);
    ring->sqes = (struct io_uring_sqe *)duplex_ring_map(ring, ring->sqes_size, IORING_OFF_SQES);
    if (!ring->rings || !ring->sqes) {
        int error = -errno;
        duplex_ring_close(ring);
        return error;
    }
    char *base = (char *)ring->rings;
    ring->sq_head = (unsigned *)(base + made.sq_off.head);
    ring->sq_tail = (unsigned *)(base + made.sq_off.tail);
    ring->sq_mask = *(unsigned *)(base + made.sq_off.ring_mask);
    ring->sq_entries = made.sq_entries;
    unsigned *array = (unsigned *)(base + made.sq_off.array);
    for (unsigned i = 0; i < made.sq_entries; i++) array[i] = i;
    ring->cq_head = (unsigned *)(base + made.cq_off.head);
    ring->cq_tail = (unsigned *)(base + made.cq_off.tail);
    ring->cq_mask = *(unsigned *)(base + made.cq_off.ring_mask);
    ring->cqes = (struct io_uring_cqe *)(base + made.cq_off.cqes);
    return 0;
}

// To be called by the thread that uses the ring from here on.
static inline int duplex_ring_enable(duplex_ring *ring) {
    int error = duplex_ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (error) return error;
    // Spares each entry a look for the ring's descriptor. Not being able to is no matter.
    struct io_uring_rsrc_update own = {.offset = -1U, .data = (uint64_t)ring->descriptor};
    if (syscall(SYS_io_uring_register, ring->descriptor, IORING_REGISTER_RING_FDS, &own, 1) == 1) {
        ring->enter_descriptor = (int)own.offset;
        ring->enter_flags = IORING_ENTER_REGISTERED_RING;
    }
    return 0;
}

// Buffers

static inline void duplex_ring_give_buffer(duplex_ring *ring, uint16_t number) {
    ring->buffer_used[number] = 0;
    struct io_uring_buf *entry = &ring->buffers->bufs[ring->buffer_tail & (ring->buffer_count - 1)];
    entry->addr = (uint64_t)(ring->memory + (size_t)ring->buffer_size * number);
    entry->len = ring->buffer_size;
    entry->bid = number;
    ring->buffer_tail++;
    __atomic_store_n(&ring->buffers->tail, ring->buffer_tail, __ATOMIC_RELEASE);
}

// `count` is a power of two. 0, or an error below 0.
static inline int duplex_ring_add_buffers(duplex_ring *ring, unsigned count, unsigned size) {
    void *entries = NULL, *memory = NULL;
    if (posix_memalign(&entries, 4096, 4096)) return -ENOMEM;
    memset(entries, 0, 4096);
    ring->buffers = (struct io_uring_buf_ring *)entries;
    if (posix_memalign(&memory, 4096, (size_t)count * size)) return -ENOMEM;
    ring->memory = (char *)memory;
    ring->buffer_used = (uint32_t *)calloc(count, sizeof(uint32_t));
    if (!ring->buffer_used) return -ENOMEM;
    ring->buffer_count = count;
    ring->buffer_size = size;
    struct io_uring_buf_reg what = {.ring_addr = (uint64_t)ring->buffers, .ring_entries = count};
    // IOU_PBUF_RING_INC, of Linux 6.12, in a field that is `flags` in newer headers and `pad` in older ones.
    uint16_t filled_bit_by_bit = 2;
    memcpy((char *)&what + 14, &filled_bit_by_bit, sizeof filled_bit_by_bit);
    int error = duplex_ring_register(ring, IORING_REGISTER_PBUF_RING, &what, 1);
    if (error) return error;
    for (unsigned i = 0; i < count; i++) duplex_ring_give_buffer(ring, (uint16_t)i);
    return 0;
}

// Where the bytes lie that a receive tells of. To be asked once for each, in order.
static inline void *duplex_ring_bytes(duplex_ring *ring, duplex_answer answer) {
    unsigned number = answer.flags >> IORING_CQE_BUFFER_SHIFT;
    char *bytes = ring->memory + (size_t)ring->buffer_size * number + ring->buffer_used[number];
    ring->buffer_used[number] += (uint32_t)answer.result;
    return bytes;
}

// The bytes are needed no more.
static inline void duplex_ring_bytes_done(duplex_ring *ring, duplex_answer answer) {
    // IORING_CQE_F_BUF_MORE: the kernel goes on filling the buffer.
    if (answer.flags & (1U << 4)) return;
    duplex_ring_give_buffer(ring, (uint16_t)(answer.flags >> IORING_CQE_BUFFER_SHIFT));
}

// Descriptors, which requests then name by their number in a table: each use of one by itself counts references.

// A table for the descriptors below a number, `most` or what the process may have: that number, or an error
// below 0.
static inline int duplex_ring_add_table(duplex_ring *ring, unsigned most) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return -errno;
    unsigned count = limit.rlim_cur < most ? (unsigned)limit.rlim_cur : most;
    struct io_uring_rsrc_register what = {.nr = count, .flags = IORING_RSRC_REGISTER_SPARSE};
    int error = duplex_ring_register(ring, IORING_REGISTER_FILES2, &what, sizeof what);
    return error ? error : (int)count;
}

static inline int duplex_ring_set_file(duplex_ring *ring, int number, int descriptor) {
    struct io_uring_rsrc_update2 what = {.offset = (unsigned)number, .data = (uint64_t)&descriptor, .nr = 1};
    return duplex_ring_register(ring, IORING_REGISTER_FILES_UPDATE2, &what, sizeof what);
}

// Entering

static inline unsigned duplex_ring_unsubmitted(const duplex_ring *ring) {
    return *ring->sq_tail - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
}

// Hands over what is asked for, and has answers made. With `waits`, until there is one or the time is over
// (below 0: for ever).
static inline void duplex_ring_enter(duplex_ring *ring, int waits, int64_t nanoseconds) {
    unsigned flags = ring->enter_flags | IORING_ENTER_GETEVENTS;
    struct __kernel_timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    struct io_uring_getevents_arg limit = {.ts = (uint64_t)&time};
    int is_limited = waits && nanoseconds >= 0;
    if (is_limited) flags |= IORING_ENTER_EXT_ARG;
    // Whatever it fails with, interrupted or short of memory, it is entered again soon.
    syscall(
        SYS_io_uring_enter, ring->enter_descriptor, duplex_ring_unsubmitted(ring), waits ? 1 : 0, flags,
        is_limited ? &limit : NULL, is_limited ? sizeof limit : 0);
}

// Room for a request; to be filled in, and then counted by `duplex_ring_asked`.
static inline struct io_uring_sqe *duplex_ring_request(duplex_ring *ring) {
    while (duplex_ring_unsubmitted(ring) >= ring->sq_entries) duplex_ring_enter(ring, 0, 0);
    struct io_uring_sqe *request = &ring->sqes[*ring->sq_tail & ring->sq_mask];
    memset(request, 0, sizeof *request);
    return request;
}

static inline void duplex_ring_asked(duplex_ring *ring) {
    __atomic_store_n(ring->sq_tail, *ring->sq_tail + 1, __ATOMIC_RELEASE);
}

static inline unsigned duplex_ring_answers(const duplex_ring *ring) {
    return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) - *ring->cq_head;
}

// The answer that comes after as many others.
static inline duplex_answer duplex_ring_peek(const duplex_ring *ring, unsigned others) {
    const struct io_uring_cqe *entry = &ring->cqes[(*ring->cq_head + others) & ring->cq_mask];
    return (duplex_answer){entry->user_data, entry->res, entry->flags};
}

static inline duplex_answer duplex_ring_next_answer(duplex_ring *ring) {
    duplex_answer answer = duplex_ring_peek(ring, 0);
    __atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
    return answer;
}

// Requests

// Makes nothing of requests about a descriptor that could not be handed over, before it is somebody else's.
static inline void duplex_ring_withdraw(duplex_ring *ring, int number) {
    unsigned tail = *ring->sq_tail;
    for (unsigned i = __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE); i != tail; i++) {
        struct io_uring_sqe *request = &ring->sqes[i & ring->sq_mask];
        if (request->fd != number || request->opcode == IORING_OP_ASYNC_CANCEL) continue;
        memset(request, 0, sizeof *request);
        request->opcode = IORING_OP_NOP;
        request->flags = IOSQE_CQE_SKIP_SUCCESS;
    }
}

// Receives until it fails, the peer's end or it is cancelled. By descriptor, not by its number in the table: what
// goes on for long would keep Linux before 6.13 from letting go of whatever leaves the table meanwhile.
static inline void duplex_ring_ask_receive(duplex_ring *ring, int descriptor, uint64_t tag) {
    struct io_uring_sqe *request = duplex_ring_request(ring);
    request->opcode = IORING_OP_RECV;
    request->fd = descriptor;
    request->flags = IOSQE_BUFFER_SELECT;
    request->ioprio = IORING_RECV_MULTISHOT;
    request->user_data = tag;
    duplex_ring_asked(ring);
}

// Sends what the socket takes at once (MSG_DONTWAIT), so that it is over when it was handed over; there is an
// answer only if that is not all (MSG_WAITALL makes an error of it).
static inline void duplex_ring_ask_send(
    duplex_ring *ring, int number, int is_in_table, const void *bytes, size_t count, uint64_t tag) {
    struct io_uring_sqe *request = duplex_ring_request(ring);
    request->opcode = IORING_OP_SEND;
    request->fd = number;
    request->flags = IOSQE_CQE_SKIP_SUCCESS | (is_in_table ? IOSQE_FIXED_FILE : 0);
    request->addr = (uint64_t)bytes;
    request->len = (unsigned)count;
    request->msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
    request->user_data = tag;
    duplex_ring_asked(ring);
}

static inline void duplex_ring_ask_poll(
    duplex_ring *ring, int descriptor, uint32_t events, int again, uint64_t tag) {
    struct io_uring_sqe *request = duplex_ring_request(ring);
    request->opcode = IORING_OP_POLL_ADD;
    request->fd = descriptor;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    events = events << 16 | events >> 16;
#endif
    request->poll32_events = events;
    request->len = again ? IORING_POLL_ADD_MULTI : 0;
    request->user_data = tag;
    duplex_ring_asked(ring);
}

// What is cancelled answers; the cancelling itself only if it found nothing.
static inline void duplex_ring_ask_cancel(duplex_ring *ring, uint64_t target, uint64_t tag) {
    struct io_uring_sqe *request = duplex_ring_request(ring);
    request->opcode = IORING_OP_ASYNC_CANCEL;
    request->flags = IOSQE_CQE_SKIP_SUCCESS;
    request->fd = -1;
    request->addr = target;
    request->user_data = tag;
    duplex_ring_asked(ring);
}

static const uint32_t duplex_ring_goes_on = IORING_CQE_F_MORE;
static const uint32_t duplex_ring_has_buffer = IORING_CQE_F_BUFFER;

#endif
#endif
