/* cache_test.c - compiled code that is kept: what comes back, what is refused, and what
 * happens when many write, files are damaged, hostile or too large.
 *
 *     cache_test make PATH N    adds N regions of the file PATH (for cache.test) */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "interp/cache.h"
#include "interp/cache_file.h"
#include "isa/engine.h"
#include "run_cases.h"

enum { MODE = 5, OTHER_MODE = 6, CODE = 40, NOBODY = 65534, GUEST = 4096 };

static char folder[64];
static struct cache *cache;
static struct cache_file file;
static const struct cache_guest program = { 1, 2, 3, 4 };
static uint8_t guest[GUEST]; /* its memory */

static struct cache *cache_of(const char *compiler, unsigned variants)
{
    static const struct isa_features features = { { 1 } };
    struct cache_key key = { isa_find("riscv64"), &features, compiler, "+avx2",
                             variants };

    return cache_new(&key);
}

static void start(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%.40s/rhea-cache-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("RHEA_CACHE", folder, 1);
    unsetenv("RHEA_CACHE_DEBUG");
    for (unsigned i = 0; i < GUEST; i++)
        guest[i] = (uint8_t)(i * 7);
    cache = cache_of("LLVM 1", 0);
    ck_assert_ptr_nonnull(cache);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void finish(void)
{
    cache_close(&file);
    cache_free(cache);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --------------------------------------------------------------------------- regions */

/* With entries at offset and offset + 8, of guest bytes there and 16 before. */
struct sample {
    struct cache_region region;
    struct cache_range ranges[2];
    uint8_t bytes[24], *code;
    int32_t pcs[3];
    struct region_cell cells[3];
    struct region_entry entries[2];
};

static struct sample *sample_of(uint64_t offset, unsigned seed, uint32_t code_size)
{
    struct sample *s = calloc(1, sizeof *s);

    s->ranges[0] = (struct cache_range){ 0, 16 };
    s->ranges[1] = (struct cache_range){ -16, 8 };
    memcpy(s->bytes, guest + offset % (GUEST - 32), 16);
    memcpy(s->bytes + 16, guest + offset % (GUEST - 32) - 16, 8);
    s->code = malloc(code_size);
    memset(s->code, (int)seed, code_size);
    s->pcs[1] = 4, s->pcs[2] = -16;
    s->cells[1] = (struct region_cell){ CELL_GOTO, offset + seed };
    s->cells[2] = (struct region_cell){ CELL_HELPER, 0 };
    s->entries[1] = (struct region_entry){ 8, 24 };
    s->region = (struct cache_region){
        .offset = offset,
        .mode = MODE,
        .where = CACHE_ANYWHERE,
        .nranges = 2,
        .npcs = 3,
        .ranges = s->ranges,
        .bytes = s->bytes,
        .pcs = s->pcs,
        .code = { .code = s->code,
                  .size = code_size,
                  .cells_at = 8,
                  .base_at = code_size - 8,
                  .ncells = 3,
                  .nentries = 2,
                  .cells = s->cells,
                  .entries = s->entries },
    };
    return s;
}

static void sample_free(struct sample *s)
{
    free(s->code);
    free(s);
}

static int add_sized(const struct cache_guest *to, uint64_t offset, unsigned seed,
                     uint32_t code_size)
{
    struct sample *s = sample_of(offset, seed, code_size);
    int error = cache_add(cache, to, "/bin/program", &s->region, 1);

    sample_free(s);
    return error;
}

static void add(uint64_t offset, unsigned seed)
{
    ck_assert_int_eq(add_sized(&program, offset, seed, CODE), 0);
}

/* What `cache` has of the program now. */
static bool reopen(void)
{
    cache_close(&file);
    return cache_open(cache, &program, &file) == 0;
}

static struct cache_region found_at(uint64_t offset)
{
    struct cache_region region = { 0 };
    uint32_t found = cache_find(&file, offset, MODE, CACHE_NONE);

    ck_assert_uint_ne(found, CACHE_NONE);
    ck_assert_int_eq(cache_get(&file, found, &region), 0);
    return region;
}

static int read_guest(void *context, uint64_t addr, void *to, size_t size)
{
    uint64_t at = addr - *(const uint64_t *)context;

    if (at > GUEST || size > GUEST - at)
        return -1;
    memcpy(to, guest + at, size);
    return 0;
}

/* ---------------------------------------------------------------------------- files */

static void path_of(char path[128], const struct cache_guest *of)
{
    char name[CACHE_NAME];

    cache_name(cache, of, name);
    snprintf(path, 128, "%s/%s", folder, name);
}

static uint8_t *contents(size_t *size)
{
    char path[128];
    uint8_t *bytes = malloc(1 << 20);
    FILE *in;

    path_of(path, &program);
    in = fopen(path, "rb");
    ck_assert_ptr_nonnull(in);
    *size = fread(bytes, 1, 1 << 20, in);
    fclose(in);
    return bytes;
}

static void replace(const uint8_t *bytes, size_t size)
{
    char path[128];
    FILE *out;

    path_of(path, &program);
    out = fopen(path, "wb");
    fwrite(bytes, 1, size, out);
    ck_assert_int_eq(fclose(out), 0);
}

static void count_one(void *context, const char *name, uint64_t size, int64_t age)
{
    (void)size, (void)age;
    *(unsigned *)context += cache_is_name(name) || host_folder_is_unfinished(name);
}

static unsigned count_files(void)
{
    int fd = host_folder_open(folder, 0);
    unsigned count = 0;

    ck_assert_int_ge(fd, 0);
    host_folder_list(fd, count_one, &count);
    host_folder_close(fd);
    return count;
}

static void make_old(const char *path, time_t seconds)
{
    struct timespec times[2] = { { time(NULL) - seconds, 0 },
                                 { time(NULL) - seconds, 0 } };

    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* ------------------------------------------------------------------------- contents */

START_TEST(all_comes_back)
{
    struct sample *s = sample_of(0x100, 7, CODE);
    struct cache_region r;

    ck_assert(!reopen());
    add(0x100, 7);
    ck_assert(reopen());
    r = found_at(0x108);
    ck_assert_uint_eq(r.offset, 0x100);
    ck_assert_uint_eq(r.mode, MODE);
    ck_assert_uint_eq(r.nranges, 2);
    ck_assert_uint_eq(r.npcs, 3);
    ck_assert_int_eq(memcmp(r.ranges, s->ranges, sizeof s->ranges), 0);
    ck_assert_int_eq(memcmp(r.bytes, s->bytes, sizeof s->bytes), 0);
    ck_assert_int_eq(memcmp(r.pcs, s->pcs, sizeof s->pcs), 0);
    ck_assert_uint_eq(r.code.size, CODE);
    ck_assert_int_eq(memcmp(r.code.code, s->code, CODE), 0);
    ck_assert_uint_eq(r.code.cells_at, 8);
    ck_assert_uint_eq(r.code.base_at, CODE - 8);
    ck_assert_uint_eq(r.code.ncells, 3);
    ck_assert_uint_eq(r.code.cells[1].kind, CELL_GOTO);
    ck_assert_uint_eq(r.code.cells[1].pc, 0x107);
    ck_assert_uint_eq(r.code.nentries, 2);
    ck_assert_uint_eq(r.code.entries[1].pc, 8);
    ck_assert_uint_eq(r.code.entries[1].at, 24);
    sample_free(s);
}
END_TEST

/* How many regions can be entered there. */
static unsigned count_at(uint64_t offset, unsigned mode)
{
    unsigned count = 0;

    for (uint32_t at = cache_find(&file, offset, mode, CACHE_NONE); at != CACHE_NONE;
         at = cache_find(&file, offset, mode, at))
        count++;
    return count;
}

START_TEST(regions_are_found_by_entry_and_mode)
{
    struct sample *s = sample_of(0x108, 2, CODE);

    add(0x100, 1);
    s->region.mode = OTHER_MODE;
    ck_assert_int_eq(cache_add(cache, &program, "", &s->region, 1), 0);
    s->region.mode = MODE;
    ck_assert_int_eq(cache_add(cache, &program, "", &s->region, 1), 0);
    ck_assert(reopen());
    ck_assert_uint_eq(count_at(0x108, MODE), 2);
    ck_assert_uint_eq(count_at(0x108, OTHER_MODE), 1);
    ck_assert_uint_eq(count_at(0x108, OTHER_MODE + 1), 0);
    ck_assert_uint_eq(cache_find(&file, 0x101, MODE, CACHE_NONE), CACHE_NONE);
    ck_assert_uint_eq(cache_find(&file, 0, MODE, CACHE_NONE), CACHE_NONE);
    ck_assert_uint_eq(cache_find(&file, UINT64_MAX, MODE, CACHE_NONE), CACHE_NONE);
    cache_close(&file);
    ck_assert_uint_eq(cache_find(&file, 0x108, MODE, CACHE_NONE), CACHE_NONE);
    sample_free(s);
}
END_TEST

START_TEST(writes_merge_and_the_last_one_counts)
{
    struct sample *two[2] = { sample_of(0x200, 1, CODE), sample_of(0x200, 2, 2 * CODE) };
    struct cache_region regions[2] = { two[0]->region, two[1]->region };

    add(0x100, 1);
    add(0x300, 3);
    add(0x100, 9);
    ck_assert_int_eq(cache_add(cache, &program, "", regions, 2), 0);
    ck_assert(reopen());
    ck_assert_uint_eq(cache_regions(&file), 3);
    ck_assert_uint_eq(found_at(0x100).code.code[0], 9);
    ck_assert_uint_eq(found_at(0x200).code.size, 2 * CODE);
    ck_assert_uint_eq(found_at(0x300).code.code[0], 3);
    sample_free(two[0]);
    sample_free(two[1]);
}
END_TEST

START_TEST(of_machines_each_code_is_kept)
{
    struct sample *one = sample_of(0x200, 1, CODE), *two = sample_of(0x200, 2, CODE);
    struct sample *three = sample_of(0x200, 3, CODE);
    struct cache_region regions[] = { one->region, two->region, three->region };
    uint64_t start_of_guest = 0x70000000;
    unsigned found = 0;

    two->bytes[20]++;
    three->ranges[0].size = 15;
    three->ranges[1].size = 9;
    for (unsigned i = 0; i < 3; i++)
        regions[i].where = CACHE_BY_CODE;
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(cache_add(cache, &program, "", regions, 3), 0);
    ck_assert(reopen());
    ck_assert_uint_eq(count_at(0x200, MODE), 3);
    for (uint32_t at = cache_find(&file, 0x200, MODE, CACHE_NONE); at != CACHE_NONE;
         at = cache_find(&file, 0x200, MODE, at)) {
        struct cache_region r;

        ck_assert_int_eq(cache_get(&file, at, &r), 0);
        found += cache_matches(&r, start_of_guest + 0x200, read_guest, &start_of_guest);
    }
    ck_assert_uint_eq(found, 1);
    sample_free(one);
    sample_free(two);
    sample_free(three);
}
END_TEST

START_TEST(guest_bytes_are_compared)
{
    uint64_t start_of_guest = 0x70000000, base = start_of_guest + 0x100;
    struct cache_region r;

    add(0x100, 7);
    ck_assert(reopen());
    r = found_at(0x100);
    ck_assert(cache_matches(&r, base, read_guest, &start_of_guest));
    for (unsigned i = 0; i < GUEST; i++) {
        bool is_read =
            (i >= 0x100 && i < 0x110) || (i >= 0x100 - 16 && i < 0x100 - 16 + 8);

        guest[i] ^= 1;
        ck_assert(cache_matches(&r, base, read_guest, &start_of_guest) == !is_read);
        guest[i] ^= 1;
    }
    ck_assert(!cache_matches(&r, start_of_guest + GUEST, read_guest, &start_of_guest));
    r.where = base;
    ck_assert(cache_matches(&r, base, read_guest, &start_of_guest));
    r.where = base + 1;
    ck_assert(!cache_matches(&r, base, read_guest, &start_of_guest));
}
END_TEST

START_TEST(another_key_or_file_finds_nothing)
{
    struct cache *others[] = { cache_of("LLVM 2", 0), cache_of("LLVM 1", CACHE_TSO) };
    struct cache_guest changed[] = { program, program, program, program };
    char from[128], to[128];

    add(0x100, 1);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(cache_open(others[i], &program, &file), -1);
        cache_free(others[i]);
    }
    changed[0].dev++, changed[1].ino++, changed[2].size++, changed[3].mtime_ns++;
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(cache_open(cache, &changed[i], &file), -1);
        path_of(from, &program);
        path_of(to, &changed[i]);
        ck_assert_int_eq(rename(from, to), 0); /* the name does not make it right */
        ck_assert_int_eq(cache_open(cache, &changed[i], &file), -1);
        ck_assert_int_eq(rename(to, from), 0);
    }
    ck_assert(reopen());
}
END_TEST

START_TEST(bad_regions_are_not_kept)
{
    for (unsigned bad = 0; bad < 9; bad++) {
        struct sample *s = sample_of(0x100, 1, CODE);
        struct region_code *code = &s->region.code;

        switch (bad) {
        case 0: code->cells_at = CODE - 7; break;
        case 1: code->base_at = UINT32_MAX; break;
        case 2: s->entries[1].at = CODE; break;
        case 3: s->cells[0].kind = CELL_GOTO; break;
        case 4: s->cells[1].kind = CELL_KINDS; break;
        case 5: s->cells[2].pc = REGION_HELPERS; break;
        case 6: code->nentries = 0; break;
        case 7: s->region.nranges = 0; break;
        default: code->size = code->cells_at = code->base_at = 0; break;
        }
        ck_assert_int_ne(cache_add(cache, &program, "", &s->region, 1), 0);
        ck_assert(!reopen());
        sample_free(s);
    }
}
END_TEST

/* ---------------------------------------------------------------------------- damage */

START_TEST(every_truncation_is_ignored)
{
    size_t size;
    uint8_t *bytes;

    add(0x100, 1);
    bytes = contents(&size);
    for (size_t n = 0; n < size; n++) {
        uint8_t *part = malloc(n ? n : 1);

        memcpy(part, bytes, n);
        ck_assert_int_eq(cache_read(&file, part, n), -1);
        free(part);
        replace(bytes, n);
        ck_assert(!reopen());
    }
    replace(bytes, size);
    ck_assert(reopen());
    bytes[size] = 0;
    replace(bytes, size + 1);
    ck_assert(!reopen());
    free(bytes);
    add(0x100, 1); /* and it is written anew */
    ck_assert(reopen());
}
END_TEST

START_TEST(every_bit_counts)
{
    struct cache_region region;
    size_t size;
    uint8_t *bytes, *copy;

    add(0x100, 1);
    bytes = contents(&size);
    copy = malloc(size);
    memcpy(copy, bytes, size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (cache_read(&file, copy, size) == 0) {
            ck_assert_uint_eq(cache_find(&file, 0x100, MODE, CACHE_NONE), 0);
            ck_assert_int_eq(cache_get(&file, 0, &region), -1);
        }
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    file.at = NULL;
    free(copy);
    free(bytes);
}
END_TEST

START_TEST(damaged_regions_are_not_carried_over)
{
    size_t size;
    uint8_t *bytes;

    add(0x100, 1);
    bytes = contents(&size);
    bytes[size - 9] ^= 1; /* its code */
    replace(bytes, size);
    free(bytes);
    add(0x200, 2);
    ck_assert(reopen());
    ck_assert_uint_eq(cache_regions(&file), 1);
    ck_assert_uint_eq(found_at(0x200).code.code[0], 2);
}
END_TEST

START_TEST(a_file_may_be_cut_off_while_it_is_read)
{
    struct cache_region region;
    char path[128];

    host_catch_faults(NULL, NULL);
    ck_assert_int_eq(add_sized(&program, 0x100, 1, 1 << 20), 0);
    ck_assert(reopen());
    path_of(path, &program);
    ck_assert_int_eq(truncate(path, 100), 0);
    ck_assert_int_eq(cache_get(&file, 0, &region), -1);
}
END_TEST

/* ---------------------------------------------------------------------- other people */

START_TEST(links_and_other_things_are_not_followed)
{
    char path[128], moved[128];

    add(0x100, 1);
    path_of(path, &program);
    snprintf(moved, sizeof moved, "%s/moved", folder);
    ck_assert_int_eq(link(path, moved), 0);
    ck_assert(!reopen()); /* has another name, too */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink(moved, path), 0);
    ck_assert(!reopen());
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(!reopen());
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert(!reopen());
    ck_assert_int_ne(add_sized(&program, 0x100, 1, CODE), 0);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rename(moved, path), 0);
    ck_assert(reopen());
}
END_TEST

START_TEST(a_link_is_replaced_not_written_through)
{
    char path[128], victim[128];
    struct stat st;

    path_of(path, &program);
    snprintf(victim, sizeof victim, "%s/victim", folder);
    ck_assert_int_eq(close(open(victim, O_CREAT | O_WRONLY, 0600)), 0);
    ck_assert_int_eq(symlink(victim, path), 0);
    add(0x100, 1);
    ck_assert(reopen());
    ck_assert_int_eq(stat(victim, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
}
END_TEST

START_TEST(folders_of_others_are_not_used)
{
    char other[80];

    add(0x100, 1);
    ck_assert_int_eq(chmod(folder, 0770), 0);
    ck_assert(!reopen());
    ck_assert_int_eq(add_sized(&program, 0x100, 1, CODE), -EPERM);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert(reopen());
    snprintf(other, sizeof other, "%s/link", folder);
    ck_assert_int_eq(symlink(folder, other), 0);
    ck_assert_int_lt(host_folder_open(other, HOST_FOLDER_MAKE), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(folder, NOBODY, NOBODY), 0);
        ck_assert(!reopen());
        ck_assert_int_eq(chown(folder, 0, 0), 0);
        ck_assert(reopen());
    }
}
END_TEST

START_TEST(files_of_others_are_not_used)
{
    char path[128];
    struct stat st;

    add(0x100, 1);
    path_of(path, &program);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
    ck_assert_int_eq(chmod(path, 0620), 0);
    ck_assert(!reopen());
    ck_assert_int_eq(chmod(path, 0602), 0);
    ck_assert(!reopen());
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert(reopen());
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(path, NOBODY, NOBODY), 0);
        ck_assert(!reopen());
    }
}
END_TEST

START_TEST(there_is_none_for_privileged_programs)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(seteuid(NOBODY), 0);
    ck_assert_ptr_null(cache_of("LLVM 1", 0));
    ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(the_folder_is_where_it_is_said_to_be)
{
    const char *why = NULL;
    char path[128], *got;
    struct stat st;

    setenv("RHEA_CACHE", "", 1);
    ck_assert_ptr_null(cache_of("LLVM 1", 0));
    setenv("RHEA_CACHE", "relative", 1);
    ck_assert_ptr_null(cache_of("LLVM 1", 0));
    unsetenv("RHEA_CACHE");
    setenv("HOME", folder, 1);
    setenv("XDG_CACHE_HOME", "relative", 1);
    got = cache_folder(&why);
    snprintf(path, sizeof path, "%s/.cache/rhea", folder);
    ck_assert_str_eq(got, path);
    free(got);
    snprintf(path, sizeof path, "%s/xdg", folder);
    setenv("XDG_CACHE_HOME", path, 1);
    cache_free(cache);
    cache = cache_of("LLVM 1", 0);
    add(0x100, 1);
    ck_assert(reopen());
    snprintf(path, sizeof path, "%s/xdg/rhea", folder);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
}
END_TEST

START_TEST(root_makes_no_folder_in_a_users_home)
{
    char path[128];

    if (geteuid() != 0)
        return;
    snprintf(path, sizeof path, "%s/home", folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(chown(path, NOBODY, NOBODY), 0);
    unsetenv("RHEA_CACHE");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", path, 1);
    cache_free(cache);
    cache = cache_of("LLVM 1", 0);
    ck_assert_int_eq(add_sized(&program, 0x100, 1, CODE), -EPERM);
    ck_assert_int_eq(rmdir(path), 0); /* is empty */
}
END_TEST

/* ------------------------------------------------------------------- many, and full */

enum { WRITERS = 8, WRITES = 8 };

static void write_some(unsigned writer)
{
    for (unsigned i = 0; i < WRITES; i++) {
        uint64_t offset = 0x100 + 0x20 * (uint64_t)(WRITES * writer + i);

        if (add_sized(&program, offset, writer, 1000 + 8 * writer) ||
            (reopen() && cache_find(&file, 0x100, MODE, CACHE_NONE) != CACHE_NONE &&
             found_at(0x100).code.size != 1000))
            _exit(1);
    }
    _exit(0);
}

START_TEST(many_write_at_once)
{
    pid_t pids[WRITERS];

    for (unsigned i = 0; i < WRITERS; i++)
        if ((pids[i] = fork()) == 0)
            write_some(i);
    for (unsigned i = 0; i < WRITERS; i++) {
        int status;

        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert(reopen());
    ck_assert_uint_gt(cache_regions(&file), WRITERS * WRITES / 2);
    for (uint32_t i = 0; i < cache_regions(&file); i++) {
        struct cache_region region;

        ck_assert_int_eq(cache_get_row(&file, i, &region), 0);
        ck_assert_uint_eq(region.code.size, 1000 + 8 * region.code.code[0]);
    }
    ck_assert_uint_eq(count_files(), 1);
}
END_TEST

START_TEST(a_stuck_writer_holds_nobody_up_for_long)
{
    int fd = host_folder_open(folder, 0), lock = host_folder_lock(fd, 0);

    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(host_folder_lock(fd, 0), -EAGAIN);
    add(0x100, 1);
    ck_assert(reopen());
    host_folder_unlock(lock);
    host_folder_close(fd);
}
END_TEST

START_TEST(too_large_a_file_is_not_written_and_no_signal_comes)
{
    struct rlimit small = { 20000, RLIM_INFINITY };

    add(0x100, 1);
    getrlimit(RLIMIT_FSIZE, &small);
    small.rlim_cur = 20000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(add_sized(&program, 0x200, 2, 50000), -EFBIG);
    ck_assert_uint_eq(count_files(), 1);
    ck_assert(reopen());
    ck_assert_uint_eq(cache_regions(&file), 1);
}
END_TEST

START_TEST(a_full_disk_keeps_what_is_there)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", folder, "tmpfs", 0, "size=64k,mode=0700") < 0)
        return;
    add(0x100, 1);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_int_eq(add_sized(&program, 0x200, 2, 100000), -ENOSPC);
    ck_assert_uint_eq(count_files(), 1);
    ck_assert(reopen());
    ck_assert_uint_eq(cache_regions(&file), 1);
    cache_close(&file);
    umount(folder);
}
END_TEST

START_TEST(what_was_not_used_for_longest_goes_first)
{
    int fd = host_folder_open(folder, 0);
    struct cache_guest guests[4];
    char path[128];

    for (unsigned i = 0; i < 4; i++) {
        guests[i] = program;
        guests[i].ino = 100 + i;
        ck_assert_int_eq(add_sized(&guests[i], 0x100, i, 10000), 0);
        path_of(path, &guests[i]);
        make_old(path, 100000 - 10000 * i);
    }
    ck_assert_int_eq(cache_open(cache, &guests[0], &file), 0); /* is used */
    cache_close(&file);
    ck_assert_uint_eq(cache_limit(fd), CACHE_LIMIT);
    ck_assert_int_eq(cache_set_limit(fd, 25000), 0);
    ck_assert_uint_eq(cache_limit(fd), 25000);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(cache_open(cache, &guests[i], &file) == (i == 0 || i == 3 ? 0 : -1));
        cache_close(&file);
    }
    ck_assert_int_eq(add_sized(&program, 0x100, 1, 10000), 0);
    ck_assert_int_eq(cache_open(cache, &program, &file), 0);
    ck_assert_uint_eq(count_files(), 2);
    ck_assert_int_eq(add_sized(&program, 0x200, 1, 30000), -EFBIG);
    ck_assert_int_eq(cache_set_limit(fd, 0), 0);
    ck_assert_uint_eq(count_files(), 0);
    ck_assert_int_eq(add_sized(&program, 0x100, 1, CODE), -EFBIG);
    ck_assert_uint_eq(count_files(), 0);
    host_folder_close(fd);
}
END_TEST

START_TEST(a_file_that_takes_its_share_begins_anew)
{
    int fd = host_folder_open(folder, 0);

    ck_assert_int_eq(cache_set_limit(fd, 100000), 0);
    ck_assert_int_eq(add_sized(&program, 0x100, 1, 15000), 0);
    ck_assert_int_eq(add_sized(&program, 0x200, 2, 15000), 0);
    ck_assert(reopen());
    ck_assert_uint_eq(cache_regions(&file), 1);
    ck_assert_uint_eq(found_at(0x200).code.code[0], 2);
    host_folder_close(fd);
}
END_TEST

START_TEST(what_fits_into_the_room_does_not_begin_anew)
{
    int fd = host_folder_open(folder, 0);
    uint64_t room = cache_room(cache, &program);

    ck_assert_uint_eq(room, CACHE_LIMIT / 4);
    ck_assert_int_eq(cache_set_limit(fd, 100000), 0);
    ck_assert_int_eq(add_sized(&program, 0x100, 1, 15000), 0);
    room = cache_room(cache, &program);
    ck_assert_uint_lt(room, 10000);
    ck_assert_int_eq(add_sized(&program, 0x200, 2, (uint32_t)room - 1000), 0);
    ck_assert(reopen());
    ck_assert_uint_eq(cache_regions(&file), 2);
    ck_assert_uint_lt(cache_room(cache, &program), 1000);
    host_folder_close(fd);
}
END_TEST

START_TEST(what_crashed_writers_left_is_removed)
{
    char old[128], young[128];

    snprintf(old, sizeof old, "%s/.tmp-1-1", folder);
    snprintf(young, sizeof young, "%s/.tmp-1-2", folder);
    ck_assert_int_eq(close(open(old, O_CREAT | O_WRONLY, 0600)), 0);
    ck_assert_int_eq(close(open(young, O_CREAT | O_WRONLY, 0600)), 0);
    make_old(old, 3700);
    add(0x100, 1);
    ck_assert_int_ne(access(old, F_OK), 0);
    ck_assert_int_eq(access(young, F_OK), 0);
}
END_TEST

START_TEST(all_is_cleared_but_the_limit)
{
    int fd = host_folder_open(folder, 0);
    uint32_t files;
    uint64_t bytes;

    add(0x100, 1);
    cache_set_limit(fd, 1 << 20);
    ck_assert_int_eq(cache_clear(fd, &files, &bytes), 0);
    ck_assert_uint_eq(files, 1);
    ck_assert_uint_gt(bytes, CODE);
    ck_assert(!reopen());
    ck_assert_uint_eq(cache_limit(fd), 1 << 20);
    host_folder_close(fd);
}
END_TEST

START_TEST(a_lookup_costs_little)
{
    enum { REGIONS = 3000, LOOKUPS = 1000000 };
    struct cache_region *regions = calloc(REGIONS, sizeof *regions);
    struct sample *samples[REGIONS];
    uint32_t hits = 0;
    clock_t begin;

    for (unsigned i = 0; i < REGIONS; i++) {
        samples[i] = sample_of(0x100 + 64 * i, i, CODE);
        regions[i] = samples[i]->region;
    }
    ck_assert_int_eq(cache_add(cache, &program, "", regions, REGIONS), 0);
    ck_assert(reopen());
    begin = clock();
    for (uint64_t i = 0; i < LOOKUPS; i++)
        hits += cache_find(&file, 0x100 + i * 7919 % (64 * REGIONS), MODE, CACHE_NONE) !=
                CACHE_NONE;
    printf("note a lookup takes %.0f ns\n",
           (double)(clock() - begin) * 1e9 / CLOCKS_PER_SEC / LOOKUPS);
    ck_assert_uint_gt(hits, LOOKUPS / 40);
    for (unsigned i = 0; i < REGIONS; i++)
        sample_free(samples[i]);
    free(regions);
}
END_TEST

/* ------------------------------------------------------------------------------ main */

static int make_files(const char *path, unsigned count)
{
    int error = 0;

    cache = cache_of("LLVM 1", 0);
    if (!cache)
        return 1;
    for (unsigned i = 0; i < count && !error; i++) {
        struct sample *s = sample_of(0x100 + 64 * i, i, CODE);

        error = cache_add(cache, &program, path, &s->region, 1);
        sample_free(s);
    }
    cache_free(cache);
    return error != 0;
}

int main(int argc, char **argv)
{
    struct cases cases = cases_new("cache", USUAL_LIMIT);

    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make_files(argv[2], (unsigned)atoi(argv[3]));
    tcase_add_checked_fixture(cases.all, start, finish);
    tcase_add_test(cases.all, all_comes_back);
    tcase_add_test(cases.all, regions_are_found_by_entry_and_mode);
    tcase_add_test(cases.all, writes_merge_and_the_last_one_counts);
    tcase_add_test(cases.all, of_machines_each_code_is_kept);
    tcase_add_test(cases.all, guest_bytes_are_compared);
    tcase_add_test(cases.all, another_key_or_file_finds_nothing);
    tcase_add_test(cases.all, bad_regions_are_not_kept);
    tcase_add_test(cases.all, every_truncation_is_ignored);
    tcase_add_test(cases.all, every_bit_counts);
    tcase_add_test(cases.all, damaged_regions_are_not_carried_over);
    tcase_add_test(cases.all, a_file_may_be_cut_off_while_it_is_read);
    tcase_add_test(cases.all, links_and_other_things_are_not_followed);
    tcase_add_test(cases.all, a_link_is_replaced_not_written_through);
    tcase_add_test(cases.all, folders_of_others_are_not_used);
    tcase_add_test(cases.all, files_of_others_are_not_used);
    tcase_add_test(cases.all, there_is_none_for_privileged_programs);
    tcase_add_test(cases.all, the_folder_is_where_it_is_said_to_be);
    tcase_add_test(cases.all, root_makes_no_folder_in_a_users_home);
    tcase_add_test(cases.all, many_write_at_once);
    tcase_add_test(cases.all, a_stuck_writer_holds_nobody_up_for_long);
    tcase_add_test(cases.all, too_large_a_file_is_not_written_and_no_signal_comes);
    tcase_add_test(cases.all, a_full_disk_keeps_what_is_there);
    tcase_add_test(cases.all, what_was_not_used_for_longest_goes_first);
    tcase_add_test(cases.all, a_file_that_takes_its_share_begins_anew);
    tcase_add_test(cases.all, what_fits_into_the_room_does_not_begin_anew);
    tcase_add_test(cases.all, what_crashed_writers_left_is_removed);
    tcase_add_test(cases.all, all_is_cleared_but_the_limit);
    tcase_add_test(cases.all, a_lookup_costs_little);
    return cases_run(cases);
}
