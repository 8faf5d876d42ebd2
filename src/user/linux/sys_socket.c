/* sys_socket.c - sockets.  Addresses pass as bytes but for the family, which the guest
 * writes in its own order.
 *
 * Not modelled: ancillary data other than descriptors and credentials on guests whose
 * layout differs. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

enum { MAX_ADDRESS = sizeof(struct sockaddr_storage), MAX_CONTROL = 2048 };

static int type_to_host(uint64_t type)
{
    return (int)(type & 15) | open_flags_to_host(type & ~(uint64_t)15);
}

int64_t sys_socket(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(socket((int)a[0], type_to_host(a[1]), (int)a[2]));
}

int64_t sys_socketpair(struct task *t, const uint64_t *a)
{
    int pair[2];

    if (socketpair((int)a[0], type_to_host(a[1]), (int)a[2], pair) < 0)
        return -errno;
    if (write_number(t, a[3], 4, (uint64_t)pair[0]) == 0 &&
        write_number(t, a[3] + 4, 4, (uint64_t)pair[1]) == 0)
        return 0;
    close(pair[0]);
    close(pair[1]);
    return -EFAULT;
}

/* ---------------------------------------------------------------------- addresses */

/* An address of the guest, for a call of the host. */
struct address {
    struct sockaddr_storage host;
    int64_t size; /* or a negated errno */
    int dir;      /* what a long name begins at, or -1 */
};

/* Reads an address, of a file as path.c's `how` says.  Returns its size. */
static int64_t read_address(struct task *t, uint64_t addr, uint64_t size, int how,
                            struct address *to)
{
    memset(to, 0, sizeof(*to));
    to->dir = -1;
    if (size == 0)
        return 0;
    if (size > MAX_ADDRESS)
        return to->size = -EINVAL;
    if (space_read(t->proc->space, addr, &to->host, (size_t)size, NULL) < 0)
        return to->size = -EFAULT;
    to->size = (int64_t)size;
    if (size >= 2) {
        to->host.ss_family = (uint16_t)get_guest(t->proc->abi, &to->host, 2);
        to->size = sun_path_to_host(t, &to->host, to->size, how, &to->dir);
    }
    return to->size;
}

/* Ends the use of an address; `result` is what the call gave. */
static int64_t done_with(const struct address *address, int64_t result)
{
    if (address->dir >= 0)
        close(address->dir);
    return result;
}

/* Stores an address, which becomes the guest's, and, at size_addr, its full length. */
static int write_address(struct task *t, uint64_t addr, uint64_t size_addr,
                         struct sockaddr_storage *from, socklen_t size)
{
    uint64_t room;

    if (addr == 0)
        return 0;
    if (read_number(t, size_addr, 4, &room) < 0)
        return -EFAULT;
    if ((int32_t)room < 0)
        return -EINVAL;
    if (size >= 2) {
        size = sun_path_to_guest(t->proc, from, size);
        put_guest(t->proc->abi, from, 2, from->ss_family);
    }
    if (room > size)
        room = size;
    if (space_write(t->proc->space, addr, from, (size_t)room, NULL) < 0)
        return -EFAULT;
    return write_number(t, size_addr, 4, size);
}

int64_t sys_bind(struct task *t, const uint64_t *a)
{
    struct address address;
    int64_t size = read_address(t, a[1], a[2], PATH_NOFOLLOW, &address);

    return size < 0
               ? size
               : done_with(&address, RESULT(syscall(SYS_bind, (int)a[0], &address.host,
                                                    (socklen_t)size)));
}

int64_t sys_listen(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(listen((int)a[0], (int)a[1]));
}

int64_t sys_connect(struct task *t, const uint64_t *a)
{
    struct address address;
    int64_t size = read_address(t, a[1], a[2], PATH_FOLLOW, &address);

    return size < 0 ? size
                    : done_with(&address, BLOCKING(t, RESTART, SYS_connect, (int)a[0],
                                                   (long)&address.host, (long)size));
}

static int64_t accept_on(struct task *t, const uint64_t *a, uint64_t flags)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    int64_t fd = BLOCKING(t, RESTART, SYS_accept4, (int)a[0], (long)&address, (long)&size,
                          open_flags_to_host(flags));
    int error;

    if (fd < 0)
        return fd;
    error = write_address(t, a[1], a[2], &address, size);
    if (error)
        close((int)fd);
    return error ? error : fd;
}

int64_t sys_accept(struct task *t, const uint64_t *a)
{
    return accept_on(t, a, 0);
}

int64_t sys_accept4(struct task *t, const uint64_t *a)
{
    return accept_on(t, a, a[3]);
}

int64_t sys_getsockname(struct task *t, const uint64_t *a)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    if (getsockname((int)a[0], (void *)&address, &size) < 0)
        return -errno;
    return write_address(t, a[1], a[2], &address, size);
}

int64_t sys_getpeername(struct task *t, const uint64_t *a)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    if (getpeername((int)a[0], (void *)&address, &size) < 0)
        return -errno;
    return write_address(t, a[1], a[2], &address, size);
}

int64_t sys_shutdown(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(shutdown((int)a[0], (int)a[1]));
}

/* ----------------------------------------------------------------------- messages */

int64_t sys_sendto(struct task *t, const uint64_t *a)
{
    struct address address;
    int64_t length;
    uint64_t size = a[2];
    void *from = buffer(t, a[1], &size, SPACE_READ);

    if (!from || size != a[2])
        return -EFAULT;
    length = read_address(t, a[4], a[4] ? a[5] : 0, PATH_FOLLOW, &address);
    if (length < 0)
        return length;
    return done_with(&address,
                     BLOCKING(t, RESTART, SYS_sendto, (int)a[0], (long)from, (long)size,
                              (int)a[3], length ? (long)&address.host : 0, (long)length));
}

int64_t sys_recvfrom(struct task *t, const uint64_t *a)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    uint64_t size = a[2];
    void *to = buffer(t, a[1], &size, SPACE_WRITE);
    int64_t got;
    int error;

    if (!to)
        return -EFAULT;
    got = BLOCKING(t, RESTART, SYS_recvfrom, (int)a[0], (long)to, (long)size, (int)a[3],
                   (long)&address, (long)&length);
    error = got < 0 ? 0 : write_address(t, a[4], a[5], &address, length);
    return error ? error : got;
}

/* Control messages are walked by hand: their headers differ, their data are bytes
 * (numbers of 32 bits in the guest's order for what is supported). */
static void swap_words(const struct abi *abi, uint8_t *to, const uint8_t *from,
                       size_t size, bool to_guest)
{
    uint32_t word;

    for (; size >= 4; size -= 4, to += 4, from += 4) {
        if (to_guest) {
            memcpy(&word, from, 4);
            put_guest(abi, to, 4, word);
        } else {
            word = (uint32_t)get_guest(abi, from, 4);
            memcpy(to, &word, 4);
        }
    }
    memcpy(to, from, size);
}

static size_t guest_align(const struct abi *abi, size_t size)
{
    size_t word = abi->layouts->word;

    return (size + word - 1) / word * word;
}

static int64_t control_to_host(struct task *t, uint64_t addr, uint64_t size, uint8_t *to)
{
    const struct abi *abi = t->proc->abi;
    const struct layout *layout = &abi->layouts->cmsghdr;
    size_t header = guest_align(abi, layout->size), at = 0, done = 0;
    uint8_t bytes[MAX_CONTROL];

    if (size > MAX_CONTROL / 2)
        return -ENOBUFS;
    if (space_read(t->proc->space, addr, bytes, (size_t)size, NULL) < 0)
        return -EFAULT;
    while (at + header <= size) {
        struct cmsghdr host = { 0 };
        uint64_t v[CMSG_FIELDS];
        size_t data;

        layout_unpack(abi, layout, CMSG_FIELDS, bytes + at, v);
        if (v[CMSG_F_LEN] < header || v[CMSG_F_LEN] > size - at)
            return -EINVAL;
        data = (size_t)v[CMSG_F_LEN] - header;
        if (done + CMSG_SPACE(data) > MAX_CONTROL)
            return -ENOBUFS;
        host.cmsg_len = CMSG_LEN(data);
        host.cmsg_level = (int)v[CMSG_F_LEVEL];
        host.cmsg_type = (int)v[CMSG_F_TYPE];
        memcpy(to + done, &host, sizeof(host));
        swap_words(abi, to + done + CMSG_LEN(0), bytes + at + header, data, false);
        done += CMSG_SPACE(data);
        at += guest_align(abi, (size_t)v[CMSG_F_LEN]);
    }
    return (int64_t)done;
}

/* Returns how many bytes were stored; sets MSG_CTRUNC in *flags where room was short. */
static int64_t control_to_guest(struct task *t, struct msghdr *msg, uint64_t addr,
                                uint64_t room, int *flags)
{
    const struct abi *abi = t->proc->abi;
    const struct layout *layout = &abi->layouts->cmsghdr;
    size_t header = guest_align(abi, layout->size), done = 0;
    uint8_t bytes[MAX_CONTROL] = { 0 };

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t data = c->cmsg_len - CMSG_LEN(0);
        uint64_t v[CMSG_FIELDS] = { header + data, (uint64_t)c->cmsg_level,
                                    (uint64_t)c->cmsg_type };

        if (done + header + data > room || done + header + data > sizeof(bytes)) {
            *flags |= MSG_CTRUNC;
            break;
        }
        layout_pack(abi, layout, CMSG_FIELDS, bytes + done, v);
        swap_words(abi, bytes + done + header, CMSG_DATA(c), data, true);
        done += guest_align(abi, header + data);
    }
    if (done > room)
        done = (size_t)room;
    if (space_write(t->proc->space, addr, bytes, done, NULL) < 0)
        return -EFAULT;
    return (int64_t)done;
}

int64_t sys_sendmsg(struct task *t, const uint64_t *a)
{
    struct address address;
    struct iovec pieces[MAX_IOV];
    _Alignas(struct cmsghdr) uint8_t control[MAX_CONTROL];
    struct msghdr msg = { 0 };
    uint64_t v[MSG_FIELDS];
    int64_t length, n, used = 0;

    if (read_struct(t, a[1], &t->proc->abi->layouts->msghdr, MSG_FIELDS, v) < 0)
        return -EFAULT;
    n = read_iovec(t, v[MSG_IOV], v[MSG_IOVLEN], SPACE_READ, pieces);
    if (v[MSG_CONTROL] && v[MSG_CONTROLLEN])
        used = control_to_host(t, v[MSG_CONTROL], v[MSG_CONTROLLEN], control);
    if (n < 0 || used < 0)
        return n < 0 ? n : used;
    length = read_address(t, v[MSG_NAME], v[MSG_NAME] ? (uint32_t)v[MSG_NAMELEN] : 0,
                          PATH_FOLLOW, &address);
    if (length < 0)
        return length;
    msg.msg_name = length ? &address.host : NULL;
    msg.msg_namelen = (socklen_t)length;
    msg.msg_iov = pieces;
    msg.msg_iovlen = (size_t)n;
    msg.msg_control = used ? control : NULL;
    msg.msg_controllen = (size_t)used;
    return done_with(&address,
                     BLOCKING(t, RESTART, SYS_sendmsg, (int)a[0], (long)&msg, (int)a[2]));
}

int64_t sys_recvmsg(struct task *t, const uint64_t *a)
{
    const struct layout *layout = &t->proc->abi->layouts->msghdr;
    struct sockaddr_storage address;
    struct iovec pieces[MAX_IOV];
    _Alignas(struct cmsghdr) uint8_t control[MAX_CONTROL];
    struct msghdr msg = { 0 };
    uint64_t v[MSG_FIELDS];
    int64_t n, got, used = 0;

    if (read_struct(t, a[1], layout, MSG_FIELDS, v) < 0)
        return -EFAULT;
    n = read_iovec(t, v[MSG_IOV], v[MSG_IOVLEN], SPACE_WRITE, pieces);
    if (n < 0)
        return n;
    msg.msg_name = &address;
    msg.msg_namelen = sizeof(address);
    msg.msg_iov = pieces;
    msg.msg_iovlen = (size_t)n;
    msg.msg_control = v[MSG_CONTROL] ? control : NULL;
    msg.msg_controllen = v[MSG_CONTROL] ? sizeof(control) : 0;
    got = BLOCKING(t, RESTART, SYS_recvmsg, (int)a[0], (long)&msg, (int)a[2]);
    if (got < 0)
        return got;
    if (v[MSG_NAME]) {
        uint64_t at = a[1] + layout->fields[MSG_NAMELEN].offset;
        int error = write_address(t, v[MSG_NAME], at, &address, msg.msg_namelen);

        if (error)
            return error;
    }
    if (v[MSG_CONTROL])
        used =
            control_to_guest(t, &msg, v[MSG_CONTROL], v[MSG_CONTROLLEN], &msg.msg_flags);
    if (used < 0)
        return used;
    v[MSG_NAMELEN] = v[MSG_NAME] ? msg.msg_namelen : v[MSG_NAMELEN];
    v[MSG_CONTROLLEN] = (uint64_t)used;
    v[MSG_FLAGS] = (uint64_t)msg.msg_flags;
    return write_struct(t, a[1], layout, MSG_FIELDS, v) < 0 ? -EFAULT : got;
}

/* Several messages, each a msghdr and the length that was moved.  The first error counts
 * only if nothing was moved before. */
static int64_t many_messages(struct task *t, const uint64_t *a, sys_fn *each)
{
    uint64_t size = t->proc->abi->layouts->msghdr.size;
    uint64_t step = guest_align(t->proc->abi, (size_t)size + 4);
    uint64_t flags = a[3], done = 0, count = a[2] > MAX_IOV ? MAX_IOV : (uint32_t)a[2];
    int64_t got = 0;

    for (; done < count; done++) {
        uint64_t one[6] = { a[0], a[1] + done * step, flags & ~(uint64_t)MSG_WAITFORONE };

        got = each(t, one);
        if (got < 0)
            break;
        if (write_number(t, one[1] + size, 4, (uint64_t)got) < 0)
            return -EFAULT;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
    }
    return done ? (int64_t)done : got;
}

int64_t sys_sendmmsg(struct task *t, const uint64_t *a)
{
    return many_messages(t, a, sys_sendmsg);
}

/* The timeout is looked at between messages only, as Linux does: so not at all. */
int64_t sys_recvmmsg(struct task *t, const uint64_t *a)
{
    return many_messages(t, a, sys_recvmsg);
}

/* ------------------------------------------------------------------------ options */

/* Options whose value is a time; all others are numbers of 4 bytes, or bytes. */
static bool is_time(uint64_t level, uint64_t option)
{
    return level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO);
}

int64_t sys_setsockopt(struct task *t, const uint64_t *a)
{
    enum { MAX_VALUE = 1024 };
    uint8_t bytes[MAX_VALUE], host[MAX_VALUE];

    if (a[4] > MAX_VALUE)
        return -EINVAL;
    if (is_time(a[1], a[2])) {
        struct timeval time;
        uint64_t v[PAIR_FIELDS];

        if (read_struct(t, a[3], &t->proc->abi->layouts->timeval, PAIR_FIELDS, v) < 0)
            return -EFAULT;
        time.tv_sec = (time_t)v[PAIR_A];
        time.tv_usec = (suseconds_t)v[PAIR_B];
        return RESULT(setsockopt((int)a[0], (int)a[1], (int)a[2], &time, sizeof(time)));
    }
    if (space_read(t->proc->space, a[3], bytes, (size_t)a[4], NULL) < 0)
        return -EFAULT;
    swap_words(t->proc->abi, host, bytes, (size_t)a[4], false);
    return RESULT(setsockopt((int)a[0], (int)a[1], (int)a[2], host, (socklen_t)a[4]));
}

int64_t sys_getsockopt(struct task *t, const uint64_t *a)
{
    enum { MAX_VALUE = 1024 };
    uint8_t host[MAX_VALUE], bytes[MAX_VALUE];
    socklen_t size = sizeof(host);
    uint64_t room;

    if (read_number(t, a[4], 4, &room) < 0)
        return -EFAULT;
    if (room < size)
        size = (socklen_t)room;
    if (getsockopt((int)a[0], (int)a[1], (int)a[2], host, &size) < 0)
        return -errno;
    swap_words(t->proc->abi, bytes, host, size, true);
    if (space_write(t->proc->space, a[3], bytes, size, NULL) < 0)
        return -EFAULT;
    return write_number(t, a[4], 4, size);
}
