/* space_test.c - guest memory, in both schemes, and against a model of it. */
#include "isa/space.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/host.h"
#include "run_cases.h"

enum { RW = SPACE_READ | SPACE_WRITE, RX = SPACE_READ | SPACE_EXEC };

/* The schemes: direct, window, paged.  Each test runs in all that the host has. */
static const struct {
    unsigned bits;
    bool paged;
} schemes[] = { { 38, false }, { 32, false }, { 38, true }, { 32, true }, { 64, false } };
enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

static struct space *make(int scheme)
{
    struct space *space = space_new(schemes[scheme].bits, schemes[scheme].paged);

    if (!space && sizeof(void *) == 4 && !schemes[scheme].paged)
        return NULL;
    ck_assert_ptr_nonnull(space);
    return space;
}

static uint64_t P; /* page */

static uint64_t map(struct space *space, uint64_t addr, uint64_t pages, unsigned prot)
{
    int64_t at =
        space_map(space, addr, pages * P, prot, addr ? SPACE_FIXED : 0, false, -1, 0);

    ck_assert_int_gt(at, 0);
    return (uint64_t)at;
}

START_TEST(memory_is_zeroed_and_keeps_what_is_written)
{
    struct space *space = make(_i);
    uint64_t at, word = 0x1122334455667788, got = 1;

    if (!space)
        return;
    at = map(space, 0, 3, RW);
    ck_assert_int_eq(space_read(space, at + P - 4, &got, 8, NULL), 0);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(space_write(space, at + P - 4, &word, 8, NULL), 0);
    ck_assert_int_eq(space_read(space, at + P - 4, &got, 8, NULL), 0);
    ck_assert_uint_eq(got, word);
    ck_assert_uint_lt(at, space_limit(space));
    space_free(space);
}
END_TEST

START_TEST(bad_addresses_are_told_exactly)
{
    struct space *space = make(_i);
    uint64_t at, fault;
    char bytes[64] = { 0 };

    if (!space)
        return;
    at = map(space, 0, 4, RW);
    ck_assert_int_eq(space_unmap(space, at + P, P), 0);
    ck_assert_int_eq(space_protect(space, at + 2 * P, P, SPACE_READ), 0);
    ck_assert_int_eq(space_read(space, at + P - 5, bytes, 64, &fault), -1);
    ck_assert_uint_eq(fault, at + P);
    ck_assert_int_eq(space_read(space, at + P + 7, bytes, 1, &fault), -1);
    ck_assert_uint_eq(fault, at + P + 7);
    ck_assert_int_eq(space_read(space, at + 2 * P, bytes, 64, &fault), 0);
    ck_assert_int_eq(space_write(space, at + 3 * P - 1, bytes, 1, &fault), -1);
    ck_assert_uint_eq(fault, at + 3 * P - 1);
    ck_assert_int_eq(space_fetch(space, at, bytes, 4, &fault), -1);
    ck_assert_uint_eq(fault, at);
    ck_assert_int_eq(space_read(space, UINT64_MAX - 3, bytes, 16, &fault), -1);
    ck_assert_int_eq(space_read(space, 0, bytes, 1, &fault), -1);
    ck_assert_uint_eq(fault, 0);
    space_free(space);
}
END_TEST

START_TEST(code_is_a_note_and_its_changes_are_told)
{
    struct space *space = make(_i);
    uint64_t at;

    if (!space)
        return;
    at = map(space, 0, 2, RX);
    ck_assert_uint_eq(space_prot(space, at), RX);
    ck_assert_int_eq(space_fetch(space, at + P - 2, &(uint32_t){ 0 }, 4, NULL), 0);
    ck_assert_int_eq(space_protect(space, at, P, RW), 0);
    ck_assert_int_eq(space_fetch(space, at, &(uint32_t){ 0 }, 4, NULL), -1);
    space_free(space);
}
END_TEST

static uint64_t changed_addr, changed_size;

static void changed(void *context, uint64_t addr, uint64_t size)
{
    (void)context;
    changed_addr = addr;
    changed_size += size;
}

START_TEST(watchers_hear_of_unmap_protect_and_writes)
{
    struct space *space = make(_i);
    uint64_t at;
    uint8_t *host;

    if (!space)
        return;
    space_watch_code(space, changed, NULL);
    changed_size = 0;
    at = map(space, 0, 4, RW | SPACE_EXEC);
    ck_assert_int_eq(space_write(space, at + 8, "x", 1, NULL), 0);
    ck_assert_uint_eq(changed_addr, at + 8);
    ck_assert_uint_eq(changed_size, 1);
    ck_assert_uint_eq(space_span(space, at + P, 16, SPACE_READ, &host), 16);
    ck_assert_uint_eq(changed_size, 1);
    ck_assert_uint_eq(space_span(space, at + P, 16, SPACE_WRITE, &host), 16);
    ck_assert_uint_eq(changed_size, 17);
    ck_assert_int_eq(space_protect(space, at, P, RX), 0);
    ck_assert_uint_eq(changed_size, 17 + P);
    ck_assert_int_eq(space_unmap(space, at, 4 * P), 0);
    ck_assert_uint_eq(changed_size, 17 + 5 * P);
    space_watch_code(space, NULL, NULL);
    space_free(space);
}
END_TEST

START_TEST(wrong_requests_get_linux_errors)
{
    struct space *space = make(_i);
    uint64_t limit, at;

    if (!space)
        return;
    limit = space_limit(space);
    at = map(space, 0, 2, RW);
    ck_assert_int_eq(space_map(space, 0, 0, RW, 0, false, -1, 0), -EINVAL);
    ck_assert_int_eq(space_map(space, 0, UINT64_MAX, RW, 0, false, -1, 0), -ENOMEM);
    ck_assert_int_eq(space_map(space, 0, limit + P, RW, 0, false, -1, 0), -ENOMEM);
    ck_assert_int_eq(space_map(space, at + 1, P, RW, SPACE_FIXED, false, -1, 0), -EINVAL);
    ck_assert_int_eq(space_map(space, limit, P, RW, SPACE_FIXED, false, -1, 0), -ENOMEM);
    ck_assert_int_eq(space_map(space, at, P, RW, SPACE_NOREPLACE, false, -1, 0), -EEXIST);
    ck_assert_int_eq(space_map(space, 0, P, RW, 0, false, 999, 0), -EBADF);
    ck_assert_int_eq(space_unmap(space, at + 1, P), -EINVAL);
    ck_assert_int_eq(space_unmap(space, at, 0), -EINVAL);
    ck_assert_int_eq(space_unmap(space, limit, P), -EINVAL);
    ck_assert_int_eq(space_protect(space, at + 2 * P, P, RW), -ENOMEM);
    ck_assert_int_eq(space_protect(space, at + 1, P, RW), -EINVAL);
    ck_assert_int_eq(space_protect(space, at, 4 * P, SPACE_READ), -ENOMEM);
    space_free(space);
}
END_TEST

START_TEST(places_are_high_and_apart)
{
    struct space *space = make(_i);
    uint64_t last;

    if (!space)
        return;
    last = map(space, 0, 1, RW);
    for (int i = 0; i < 300; i++) {
        uint64_t at = map(space, 0, 1, i % 2 ? RW : SPACE_READ);

        ck_assert_uint_eq(at, last - P);
        last = at;
    }
    ck_assert_int_eq(space_unmap(space, last + 100 * P, P), 0);
    ck_assert_uint_eq(map(space, 0, 1, RW), last + 100 * P); /* the highest gap */
    ck_assert_uint_eq(map(space, 0, 2, RW), last - 2 * P);
    space_free(space);
}
END_TEST

START_TEST(rheas_own_memory_is_never_the_guests)
{
    struct space *space = make(_i);
    char *own;
    uint64_t addr;

    if (!space || space_base(space) || schemes[_i].paged) { /* base 0 only */
        space_free(space);
        return;
    }
    own = malloc(1 << 22);
    addr = (uintptr_t)own & ~(P - 1);
    memset(own, 7, 1 << 22);
    ck_assert_int_eq(space_map(space, addr, P, RW, SPACE_FIXED, false, -1, 0), -ENOMEM);
    if (addr < space_limit(space)) {
        ck_assert_int_eq(space_unmap(space, addr, P), 0);
        ck_assert_int_eq(space_protect(space, addr, P, 0), -ENOMEM);
        ck_assert_int_eq(
            space_map(space, addr - 16 * P, 32 * P, RW, SPACE_FIXED, false, -1, 0),
            -ENOMEM);
    }
    ck_assert_int_eq(space_read(space, addr, &(char){ 0 }, 1, NULL), -1);
    ck_assert_int_eq(own[0], 7);
    space_free(space);
    ck_assert_int_eq(own[1 << 21], 7);
    free(own);
}
END_TEST

START_TEST(a_file_that_shrank_is_a_fault_not_a_crash)
{
    struct space *space = make(_i);
    int fd = memfd_create("x", 0);
    uint64_t fault = 0;
    char bytes[16];
    int64_t at;

    if (!space)
        return;
    host_catch_faults(NULL, NULL);
    ck_assert_int_eq(ftruncate(fd, (off_t)(2 * P)), 0);
    at = space_map(space, 0, 2 * P, RW, 0, true, fd, 0);
    ck_assert_int_gt(at, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)P), 0);
    ck_assert_int_eq(space_read(space, (uint64_t)at + P - 8, bytes, 16, &fault), -1);
    ck_assert_uint_eq(fault, (uint64_t)at + P);
    ck_assert_int_eq(space_write(space, (uint64_t)at + P + 8, bytes, 8, &fault), -1);
    ck_assert_int_eq(space_write(space, (uint64_t)at + 8, bytes, 8, &fault), 0);
    close(fd);
    space_free(space);
}
END_TEST

START_TEST(mappings_grow_shrink_and_move)
{
    struct space *space = make(_i);
    uint64_t at, word = 42;
    int64_t got;

    if (!space)
        return;
    at = map(space, 0x100000, 2, RW);
    space_write(space, at + P, &word, 8, NULL);
    ck_assert_int_eq(space_remap(space, at, 2 * P, 8 * P, 0, 0), (int64_t)at);
    ck_assert_uint_eq(space_prot(space, at + 7 * P), RW);
    ck_assert_int_eq(space_remap(space, at, 8 * P, 2 * P, 0, 0), (int64_t)at);
    ck_assert_uint_eq(space_prot(space, at + 2 * P), 0);
    map(space, at + 2 * P, 1, SPACE_READ);
    ck_assert_int_eq(space_remap(space, at, 2 * P, 4 * P, 0, 0), -ENOMEM);
    got = space_remap(space, at, 2 * P, 4 * P, SPACE_MAYMOVE, 0);
    ck_assert_int_gt(got, 0);
    ck_assert_uint_ne((uint64_t)got, at);
    word = 0;
    ck_assert_int_eq(space_read(space, (uint64_t)got + P, &word, 8, NULL), 0);
    ck_assert_uint_eq(word, 42);
    ck_assert_uint_eq(space_prot(space, at), 0);
    ck_assert_int_eq(space_remap(space, (uint64_t)got, 4 * P, P,
                                 SPACE_MAYMOVE | SPACE_FIXED, 0x200000),
                     0x200000);
    ck_assert_uint_eq(space_prot(space, (uint64_t)got), 0);
    ck_assert_int_eq(space_remap(space, at, 2 * P, 4 * P, SPACE_MAYMOVE, 0), -EFAULT);
    ck_assert_int_eq(
        space_remap(space, 0x200000, P, 2 * P, SPACE_MAYMOVE | SPACE_FIXED, 0x200000 + P),
        0x200000 + (int64_t)P);
    space_free(space);
}
END_TEST

/* Random requests against a model: one byte of rights per page, and its content. */
enum { MODEL = 64, ROUNDS = 4000 };

struct model {
    uint8_t prot[MODEL], mapped[MODEL], content[MODEL];
};

static void check_model(struct space *space, uint64_t base, const struct model *m)
{
    for (int i = 0; i < MODEL; i++) {
        uint64_t at = base + (uint64_t)i * P;
        uint8_t byte = 0;
        bool readable = m->mapped[i] && (m->prot[i] & SPACE_READ);

        ck_assert_uint_eq(space_is_mapped(space, at), m->mapped[i]);
        ck_assert_uint_eq(space_prot(space, at + P - 1), m->mapped[i] ? m->prot[i] : 0);
        ck_assert_int_eq(space_read(space, at, &byte, 1, NULL), readable ? 0 : -1);
        ck_assert_uint_eq(byte, readable ? m->content[i] : 0);
    }
}

START_TEST(random_requests_agree_with_a_model)
{
    static const unsigned prots[] = { 0, SPACE_READ, RW, RX, RW | SPACE_EXEC };
    struct space *space = make(_i);
    struct model m = { 0 };
    uint64_t base = 0x10000000;

    if (!space)
        return;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        int start = rand() % MODEL, count = 1 + rand() % (MODEL - start);
        uint64_t at = base + (uint64_t)start * P, size = (uint64_t)count * P;
        unsigned prot = prots[rand() % 5];
        uint8_t byte = (uint8_t)rand();

        switch (rand() % 4) {
        case 0:
            ck_assert_int_eq(space_map(space, at, size, prot, SPACE_FIXED, false, -1, 0),
                             (int64_t)at);
            memset(m.mapped + start, 1, (size_t)count);
            memset(m.prot + start, (int)prot, (size_t)count);
            memset(m.content + start, 0, (size_t)count);
            break;
        case 1:
            ck_assert_int_eq(space_unmap(space, at, size), 0);
            memset(m.mapped + start, 0, (size_t)count);
            break;
        case 2:
            if (space_protect(space, at, size, prot) == 0)
                ck_assert_ptr_null(memchr(m.mapped + start, 0, (size_t)count));
            for (int i = start; i < start + count && m.mapped[i]; i++)
                m.prot[i] = (uint8_t)prot;
            break;
        case 3:
            if (space_write(space, at, &byte, 1, NULL) == 0)
                m.content[start] = byte;
            else
                ck_assert(!m.mapped[start] || !(m.prot[start] & SPACE_WRITE));
            break;
        }
        if (round % 16 == 0)
            check_model(space, base, &m);
    }
    space_free(space);
}
END_TEST

START_TEST(a_window_has_four_gigabytes_behind_it)
{
    struct space *space = space_new(32, false);

    if (!space) /* 32-bit host */
        return;
    ck_assert_ptr_nonnull(space_base(space));
    ck_assert_uint_gt(space_limit(space), 0xfffe0000);
    ck_assert_int_eq(space_map(space, 0xffff0000, P, RW, SPACE_FIXED, false, -1, 0),
                     0xffff0000);
    space_base(space)[0xffff0000] = 1;
    space_free(space);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("space", USUAL_LIMIT);

    P = host_page_size();
    tcase_add_loop_test(cases.all, memory_is_zeroed_and_keeps_what_is_written, 0,
                        SCHEMES);
    tcase_add_loop_test(cases.all, bad_addresses_are_told_exactly, 0, SCHEMES);
    tcase_add_loop_test(cases.all, code_is_a_note_and_its_changes_are_told, 0, SCHEMES);
    tcase_add_loop_test(cases.all, watchers_hear_of_unmap_protect_and_writes, 0, SCHEMES);
    tcase_add_loop_test(cases.all, wrong_requests_get_linux_errors, 0, SCHEMES);
    tcase_add_loop_test(cases.all, places_are_high_and_apart, 0, SCHEMES);
    tcase_add_loop_test(cases.all, rheas_own_memory_is_never_the_guests, 0, SCHEMES);
    tcase_add_loop_test(cases.all, a_file_that_shrank_is_a_fault_not_a_crash, 0, SCHEMES);
    tcase_add_loop_test(cases.all, mappings_grow_shrink_and_move, 0, SCHEMES);
    tcase_add_loop_test(cases.all, random_requests_agree_with_a_model, 0, SCHEMES);
    tcase_add_test(cases.all, a_window_has_four_gigabytes_behind_it);
    return cases_run(cases);
}
