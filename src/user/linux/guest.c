/* guest.c - numbers, structs, strings and buffers in guest memory. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "user/linux/linux.h"

uint64_t get_guest(const struct abi *abi, const void *bytes, unsigned size)
{
    const uint8_t *at = bytes;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[abi->big ? i : size - 1 - i];
    return value;
}

void put_guest(const struct abi *abi, void *bytes, unsigned size, uint64_t value)
{
    uint8_t *at = bytes;

    for (unsigned i = 0; i < size; i++, value >>= 8)
        at[abi->big ? size - 1 - i : i] = (uint8_t)value;
}

int64_t sign_extend(uint64_t value, unsigned size)
{
    unsigned shift = 64 - 8 * size;

    return size == 0 ? 0 : (int64_t)(value << shift) >> shift;
}

void layout_unpack(const struct abi *abi, const struct layout *layout, unsigned count,
                   const uint8_t *bytes, uint64_t *values)
{
    for (unsigned i = 0; i < count; i++)
        values[i] =
            get_guest(abi, bytes + layout->fields[i].offset, layout->fields[i].size);
}

void layout_pack(const struct abi *abi, const struct layout *layout, unsigned count,
                 uint8_t *bytes, const uint64_t *values)
{
    memset(bytes, 0, layout->size);
    for (unsigned i = 0; i < count; i++)
        put_guest(abi, bytes + layout->fields[i].offset, layout->fields[i].size,
                  values[i]);
}

enum { MAX_STRUCT = 512 };

int read_struct(struct task *t, uint64_t addr, const struct layout *layout,
                unsigned count, uint64_t *values)
{
    uint8_t bytes[MAX_STRUCT];

    if (space_read(t->proc->space, addr, bytes, layout->size, NULL) < 0)
        return -EFAULT;
    layout_unpack(t->proc->abi, layout, count, bytes, values);
    return 0;
}

int write_struct(struct task *t, uint64_t addr, const struct layout *layout,
                 unsigned count, const uint64_t *values)
{
    uint8_t bytes[MAX_STRUCT];

    layout_pack(t->proc->abi, layout, count, bytes, values);
    return space_write(t->proc->space, addr, bytes, layout->size, NULL) < 0 ? -EFAULT : 0;
}

int read_number(struct task *t, uint64_t addr, unsigned size, uint64_t *value)
{
    uint8_t bytes[8];

    if (space_read(t->proc->space, addr, bytes, size, NULL) < 0)
        return -EFAULT;
    *value = get_guest(t->proc->abi, bytes, size);
    return 0;
}

int write_number(struct task *t, uint64_t addr, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    put_guest(t->proc->abi, bytes, size, value);
    return space_write(t->proc->space, addr, bytes, size, NULL) < 0 ? -EFAULT : 0;
}

int read_string(struct task *t, uint64_t addr, char *to, size_t size)
{
    size_t page = space_page(t->proc->space), done = 0;

    while (done < size) {
        size_t piece = page - (size_t)((addr + done) % page);
        const char *end;

        if (piece > size - done)
            piece = size - done;
        if (piece > 256)
            piece = 256; /* most strings are short */
        if (space_read(t->proc->space, addr + done, to + done, piece, NULL) < 0)
            return -EFAULT;
        end = memchr(to + done, 0, piece);
        if (end)
            return 0;
        done += piece;
    }
    return -ENAMETOOLONG;
}

void *buffer(struct task *t, uint64_t addr, uint64_t *size, unsigned prot)
{
    static uint8_t nothing;
    size_t want = *size > PTRDIFF_MAX ? PTRDIFF_MAX : (size_t)*size;
    uint8_t *host = &nothing;

    if (want == 0)
        return &nothing;
    *size = space_span(t->proc->space, addr, want, prot, &host);
    return *size ? host : NULL;
}

int read_iovec(struct task *t, uint64_t addr, uint64_t count, unsigned prot,
               struct iovec *pieces)
{
    const struct layout *layout = &t->proc->abi->layouts->iovec;
    int n = 0;

    if (count > MAX_IOV)
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t pair[PAIR_FIELDS], size;

        if (read_struct(t, addr + i * layout->size, layout, PAIR_FIELDS, pair) < 0)
            return -EFAULT;
        size = pair[PAIR_B];
        if (sign_extend(size, t->proc->abi->layouts->word) < 0)
            return -EINVAL;
        if (size == 0)
            continue;
        pieces[n].iov_base = buffer(t, pair[PAIR_A], &size, prot);
        pieces[n].iov_len = (size_t)size;
        if (!pieces[n].iov_base)
            return n ? n : -EFAULT;
        n++;
        if (size != pair[PAIR_B]) /* the rest is not there, or elsewhere on the host */
            break;
    }
    return n;
}

uint64_t arg64(struct task *t, const uint64_t *a, unsigned i)
{
    const struct abi *abi = t->proc->abi;

    if (abi->bits == 64)
        return a[i];
    if (abi->aligned_pairs && i % 2)
        i++;
    return abi->big ? a[i] << 32 | (uint32_t)a[i + 1] : (uint32_t)a[i] | a[i + 1] << 32;
}

int read_timespec(struct task *t, uint64_t addr, struct timespec *to)
{
    uint64_t pair[PAIR_FIELDS];

    if (addr == 0)
        return 0;
    if (read_struct(t, addr, &t->proc->abi->layouts->timespec, PAIR_FIELDS, pair) < 0)
        return -EFAULT;
    to->tv_sec = (time_t)pair[PAIR_A];
    if ((uint64_t)to->tv_sec != pair[PAIR_A]) /* a host with 32-bit times */
        to->tv_sec = (int64_t)pair[PAIR_A] < 0 ? -1 : INT32_MAX;
    if (t->proc->abi->bits == 32)
        pair[PAIR_B] = (uint64_t)(int32_t)pair[PAIR_B];
    to->tv_nsec = (long)pair[PAIR_B];
    if ((int64_t)pair[PAIR_B] != to->tv_nsec)
        to->tv_nsec = -1; /* out of range stays so */
    return 0;
}

int write_timespec(struct task *t, uint64_t addr, const struct timespec *from)
{
    uint64_t pair[PAIR_FIELDS] = { (uint64_t)from->tv_sec, (uint64_t)from->tv_nsec };

    if (addr == 0)
        return 0;
    return write_struct(t, addr, &t->proc->abi->layouts->timespec, PAIR_FIELDS, pair);
}
