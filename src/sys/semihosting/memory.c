/* memory.c - the guest's memory, as the CPU that asks sees it: with the rights that its
 * loads and stores have. */
#include <errno.h>

#include "isa/space.h"
#include "sys/semihosting/part.h"

/* false: the CPU would fault (some of it may have been copied). */
static bool copy(const struct asking *a, uint64_t addr, void *bytes, size_t size,
                 enum exec_access access)
{
    uint8_t *at = bytes;

    while (size) {
        size_t left = GUEST_PAGE - (size_t)(addr % GUEST_PAGE),
               part = size < left ? size : left;
        uint64_t physical;
        int result;

        if (!machine_of(a->cpu)->machine->reach(a->cpu, addr, access, (unsigned)part,
                                                &physical))
            return false;
        result = access == ACCESS_READ
                     ? space_read(a->cpu->space, physical, at, part, NULL)
                     : space_write(a->cpu->space, physical, at, part, NULL);
        if (result < 0)
            return false;
        addr += part;
        at += part;
        size -= part;
    }
    return true;
}

bool guest_get(const struct asking *a, uint64_t addr, void *bytes, size_t size)
{
    return copy(a, addr, bytes, size, ACCESS_READ);
}

bool guest_put(const struct asking *a, uint64_t addr, const void *bytes, size_t size)
{
    return copy(a, addr, (void *)bytes, size, ACCESS_WRITE);
}

bool guest_get_words(const struct asking *a, uint64_t addr, uint64_t *words,
                     unsigned count)
{
    uint8_t bytes[MOST_ARGS * 8];

    if (!guest_get(a, addr, bytes, (size_t)count * a->word))
        return false;
    for (unsigned i = 0; i < count; i++) {
        words[i] = 0;
        for (unsigned k = a->word; k-- > 0;)
            words[i] = words[i] << 8 | bytes[i * a->word + k];
    }
    return true;
}

bool guest_put_number(const struct asking *a, uint64_t addr, uint64_t value,
                      unsigned size)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    return guest_put(a, addr, bytes, size);
}

bool guest_put_words(const struct asking *a, uint64_t addr, const uint64_t *words,
                     unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!guest_put_number(a, addr + (uint64_t)i * a->word, words[i], a->word))
            return false;
    return true;
}

int guest_get_path(const struct asking *a, uint64_t addr, uint64_t size,
                   char path[PATH_BYTES])
{
    if (size >= PATH_BYTES)
        return -ENAMETOOLONG;
    path[size] = 0;
    return guest_get(a, addr, path, (size_t)size) ? 0 : -EFAULT;
}
