#ifndef DUPLEX_CLINUX_H
#define DUPLEX_CLINUX_H

// What Linux has beyond POSIX, and Swift's own module of the C library leaves out. Elsewhere this is empty.
#ifdef __linux__

#include <features.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "ring.h"

// What glibc's allocator does and tells beyond the standard. Other libraries have no such calls.

#ifdef __GLIBC__
static inline int duplex_has_heap_trim(void) { return 1; }
static inline void duplex_trim_heap(void) { malloc_trim(0); }
#else
static inline int duplex_has_heap_trim(void) { return 0; }
static inline void duplex_trim_heap(void) {}
#endif

// Bytes that have been allocated and not freed; 0 where that is not known.
static inline size_t duplex_heap_in_use(void) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

// Enumerators and a union, for which Swift has no plain words.

static inline int duplex_epoll_control(int epoll, int operation, int descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.u64 = (uint64_t)(uint32_t)descriptor}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

static inline int duplex_event_descriptor(struct epoll_event event) {
    return (int)(uint32_t)event.data.u64;
}

static inline int duplex_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int duplex_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static inline int duplex_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int duplex_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// A connection that the peer has reset must give an error, not a signal (MSG_NOSIGNAL).
//
// By number: the C library's own `send` and `recv` can be cancelled by pthread_cancel, which nobody does here,
// and pay for it twice in each call of a program with threads.

static inline ssize_t duplex_receive(int descriptor, void *bytes, size_t count) {
    return syscall(SYS_recvfrom, descriptor, bytes, count, 0, NULL, NULL);
}

static inline ssize_t duplex_send(int descriptor, const void *bytes, size_t count) {
    return syscall(SYS_sendto, descriptor, bytes, count, MSG_NOSIGNAL, NULL, 0);
}

static inline ssize_t duplex_send_held_back(int descriptor, const void *bytes, size_t count) {
    return syscall(SYS_sendto, descriptor, bytes, count, MSG_NOSIGNAL | MSG_MORE, NULL, 0);
}

static inline ssize_t duplex_send_two(
    int descriptor, const void *bytes, size_t count, const void *more, size_t more_count) {
    struct iovec parts[2] = {{(void *)bytes, count}, {(void *)more, more_count}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return syscall(SYS_sendmsg, descriptor, &message, MSG_NOSIGNAL);
}

// Under names that nothing of Swift's hides.
static inline int duplex_bind(int descriptor, const struct sockaddr *address, socklen_t length) {
    return bind(descriptor, address, length);
}
static inline int duplex_listen(int descriptor, int backlog) { return listen(descriptor, backlog); }
static inline int duplex_close(int descriptor) { return close(descriptor); }

// openat2 (Linux 5.6) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS, for which older headers have no names: whatever
// links the path has in it, what is opened is below the directory, or nothing is.
static inline int duplex_open_beneath(int directory, const char *path, int flags) {
    struct { uint64_t flags, mode, resolve; } how = {.flags = (uint64_t)(uint32_t)flags, .resolve = 0x08 | 0x02};
    return (int)syscall(437, directory, path, &how, sizeof how);
}

static inline void duplex_name_this_thread(const char *name) { prctl(PR_SET_NAME, name); }

static const uint32_t duplex_epoll_in = EPOLLIN;
static const uint32_t duplex_epoll_out = EPOLLOUT;
static const uint32_t duplex_epoll_broken = EPOLLERR | EPOLLHUP;
static const int duplex_epoll_add = EPOLL_CTL_ADD;
static const int duplex_epoll_change = EPOLL_CTL_MOD;
static const int duplex_epoll_remove = EPOLL_CTL_DEL;

#endif
#endif
