/* block_test.c - images in use: killed, full, locked, guessed, and behind a device. */
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/host.h"
#include "run_cases.h"
#include "sys/block/async.h"

static const char *image_path(void)
{
    return scratch("image.qcow2");
}

static void make_image(const char *format, uint64_t size)
{
    struct disk_create options;

    disk_create_defaults(&options);
    options.size = size;
    create_image(image_path(), format, &options);
}

/* --------------------------------------------------------------------------- kills */

enum { BLOCKS = 600, BLOCK = 3072, CHECKED = BLOCKS * BLOCK };

/* What the writer says; it outlives the writer. */
struct witness {
    uint64_t latest[BLOCKS];  /* the version whose write has begun */
    uint64_t flushed[BLOCKS]; /* that a flush has made safe */
};

static void write_until_killed(struct witness *witness, uint64_t version)
{
    struct disk_image *image = open_image(image_path(), DISK_WRITABLE | DISK_UNMAP);
    uint64_t words[BLOCK / 8];
    char error[DISK_ERROR];
    uint64_t first = version;

    for (;; version++) {
        uint64_t block = scratch_random(BLOCKS);
        for (size_t i = 0; i < BLOCK / 8; i++)
            words[i] = version << 16 | block;
        witness->latest[block] = version;
        if (disk_write(image, block * BLOCK, words, BLOCK))
            _exit(1);
        /* Behind what is checked: clusters come and go. */
        if (scratch_random(4) == 0)
            disk_discard(image, CHECKED + scratch_random(1 << 20), 200000);
        if (scratch_random(4) == 0)
            disk_write(image, CHECKED + scratch_random(1 << 20), words, BLOCK);
        if (scratch_random(50) == 0)
            disk_resize(image, disk_size(image) + (1 << 19), DISK_SPARSE, error);
        if (scratch_random(12) == 0) {
            if (disk_flush(image))
                _exit(1);
            /* What an earlier writer had begun may have been lost with it. */
            for (block = 0; block < BLOCKS; block++)
                if (witness->latest[block] >= first)
                    witness->flushed[block] = witness->latest[block];
        }
    }
}

static void check_survivor(const struct witness *witness, bool is_lazy)
{
    struct disk_check check = { .report = print_finding };
    struct disk_image *image =
        open_image(image_path(), is_lazy ? DISK_WRITABLE : DISK_CHECK);
    static uint64_t words[BLOCK / 8];

    ck_assert_int_eq(disk_check(image, DISK_REPAIR_NOTHING, &check), 0);
    ck_assert_uint_eq(check.corruptions, 0);
    for (uint64_t block = 0; block < BLOCKS; block++) {
        ck_assert_int_eq(disk_read(image, block * BLOCK, words, BLOCK), 0);
        for (size_t i = 0; i < BLOCK / 8; i++) {
            uint64_t version = words[i] >> 16;
            if (version < witness->flushed[block] || version > witness->latest[block] ||
                (words[i] && (words[i] & 0xffff) != block))
                ck_abort_msg("block %u: got %llx, want version %llx to %llx",
                             (unsigned)block, (unsigned long long)words[i],
                             (unsigned long long)witness->flushed[block],
                             (unsigned long long)witness->latest[block]);
        }
    }
    ck_assert_int_eq(disk_close(image), 0);
}

static const struct {
    uint32_t cluster_size;
    unsigned refcount_bits;
    bool lazy;
} killed[] = {
    { 65536, 16, false }, { 4096, 16, false }, { 65536, 16, true },
    { 512, 64, false },   { 512, 64, true },
};

START_TEST(what_was_flushed_survives_a_kill)
{
    struct witness *witness = mmap(NULL, sizeof(*witness), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned rounds = getenv("RHEA_LONG") ? 200 : 5; /* of each kind */
    struct disk_create options;

    ck_assert_ptr_ne(witness, MAP_FAILED);
    disk_create_defaults(&options);
    options.size = CHECKED + (2 << 20);
    options.cluster_size = killed[_i].cluster_size;
    options.refcount_bits = killed[_i].refcount_bits;
    options.lazy_refcounts = killed[_i].lazy;
    create_image(image_path(), "qcow2", &options);
    for (unsigned round = 0; round < rounds; round++) {
        int status;
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (!pid) {
            scratch_state += round * 0x9e3779b97f4a7c15u;
            write_until_killed(witness, ((uint64_t)round + 1) << 32);
        }
        host_sleep_us(2000 + (unsigned)scratch_random(60000));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        ck_assert_msg(WIFSIGNALED(status), "the writer has failed");
        check_survivor(witness, killed[_i].lazy);
    }
    munmap(witness, sizeof(*witness));
}
END_TEST

/* ------------------------------------------------------------------- limits, locks */

START_TEST(a_full_disk_is_an_error_and_no_more)
{
    struct rlimit limit = { 1 << 20, RLIM_INFINITY },
                  none = { RLIM_INFINITY, RLIM_INFINITY };
    struct disk_image *image;
    struct disk_check check = { .report = print_finding };
    uint8_t bytes[65536], got[65536];
    uint64_t done = 0, at;
    int error = 0;

    make_image("qcow2", 10 << 20);
    image = open_image(image_path(), DISK_WRITABLE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    memset(bytes, 5, sizeof(bytes));
    for (at = 0; at < 10 << 20 && !error; at += sizeof(bytes)) {
        error = disk_write(image, at, bytes, sizeof(bytes));
        done += error ? 0 : sizeof(bytes);
    }
    ck_assert_int_eq(error, -EFBIG);
    ck_assert_uint_gt(done, 500000);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    ck_assert_int_eq(disk_write(image, 5 << 20, bytes, sizeof(bytes)), 0);
    ck_assert_int_eq(disk_close(image), 0);
    image = open_image(image_path(), DISK_CHECK);
    ck_assert_int_eq(disk_check(image, DISK_REPAIR_NOTHING, &check), 0);
    ck_assert_uint_eq(check.corruptions + check.leaks, 0);
    for (at = 0; at < done; at += sizeof(bytes)) {
        ck_assert_int_eq(disk_read(image, at, got, sizeof(got)), 0);
        ck_assert_int_eq(memcmp(got, bytes, sizeof(got)), 0);
    }
    disk_close(image);
}
END_TEST

START_TEST(one_writer_at_a_time)
{
    struct disk_image *image, *other;
    char error[DISK_ERROR];

    make_image("qcow2", 1 << 20);
    image = open_image(image_path(), DISK_WRITABLE);
    ck_assert_ptr_null(disk_open(image_path(), NULL, 0, error));
    ck_assert_ptr_nonnull(strstr(error, "in use"));
    other = open_image(image_path(), DISK_SHARE);
    disk_close(other);
    disk_close(image);
    image = open_image(image_path(), 0);
    other = open_image(image_path(), 0);
    ck_assert_ptr_null(disk_open(image_path(), NULL, DISK_WRITABLE, error));
    disk_close(other);
    disk_close(image);
}
END_TEST

START_TEST(a_guessed_raw_image_stays_raw)
{
    struct disk_image *image;
    char error[DISK_ERROR];

    make_image("raw", 1 << 20);
    image = open_image(image_path(), DISK_WRITABLE);
    ck_assert_str_eq(disk_format_name(image), "raw");
    ck_assert_int_eq(disk_write(image, 0, "QFI\373\0\0\0\3", 8), -EPERM);
    ck_assert_int_eq(disk_write(image, 0, "QFI", 3), 0);
    ck_assert_int_eq(disk_write(image, 4, "\0\0\0\3", 4), 0);
    ck_assert_int_eq(disk_write(image, 3, "\373", 1), -EPERM);
    disk_close(image);
    image = disk_open(image_path(), "raw", DISK_WRITABLE, error);
    ck_assert_int_eq(disk_write(image, 0, "QFI\373\0\0\0\3", 8), 0);
    disk_close(image);
}
END_TEST

START_TEST(odd_files_are_refused)
{
    static const char *const paths[] = { "/dev/null", "/", "/nonexistent" };
    char error[DISK_ERROR];
    struct disk_image *image;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ck_assert_ptr_null(disk_open(paths[i], NULL, 0, error));
        ck_assert_ptr_nonnull(strstr(error, paths[i]));
    }
    make_image("raw", 1 << 20);
    ck_assert_int_eq(truncate(image_path(), 1000), 0);
    image = open_image(image_path(), 0);
    ck_assert_uint_eq(disk_size(image), 1024);
    ck_assert_int_eq(disk_read(image, 1000, error, 25), -EINVAL);
    ck_assert_int_eq(disk_read(image, UINT64_MAX - 3, error, 8), -EINVAL);
    ck_assert_int_eq(disk_write(image, 0, error, 8), -EROFS);
    disk_close(image);
}
END_TEST

/* ------------------------------------------------------------------------- devices */

enum { REQUESTS = 64, PIECE = 8192 };

struct posts {
    struct host_lock *lock;
    void (*fn)(void *arg);
    void *arg;
};

static void post(void *context, void (*fn)(void *arg), void *arg)
{
    struct posts *posts = context;

    host_lock_take(posts->lock);
    posts->fn = fn;
    posts->arg = arg;
    host_lock_wake(posts->lock);
    host_lock_give(posts->lock);
}

static void run_posts(struct posts *posts)
{
    void (*fn)(void *arg);

    host_lock_take(posts->lock);
    while (!posts->fn)
        host_lock_wait(posts->lock);
    fn = posts->fn;
    posts->fn = NULL;
    host_lock_give(posts->lock);
    fn(posts->arg);
}

struct client {
    unsigned done, failed;
    int last_error;
};

static void request_done(struct block_request *request, int error)
{
    struct client *client = request->context;

    client->done++;
    client->failed += error != 0;
    client->last_error = error;
}

START_TEST(requests_of_a_device_are_done_on_threads)
{
    static uint8_t out[REQUESTS][PIECE], in[REQUESTS][PIECE];
    static struct block_request requests[REQUESTS];
    static struct span spans[REQUESTS][2];
    struct posts posts = { host_lock_new(), NULL, NULL };
    struct client client = { 0 };
    struct block_async_config config = { .serial = "disk1",
                                         .post = post,
                                         .context = &posts };
    struct block_async *async;
    struct block_backend *backend;

    make_image("qcow2", REQUESTS * PIECE);
    config.image = open_image(image_path(), DISK_WRITABLE);
    async = block_async_new(&config);
    backend = block_async_backend(async);
    ck_assert_uint_eq(backend->size_bytes, REQUESTS * PIECE);
    for (int pass = 0; pass < 4; pass++) {
        enum block_op op = pass == 0   ? BLOCK_WRITE
                           : pass == 1 ? BLOCK_FLUSH
                           : pass == 2 ? BLOCK_READ
                                       : BLOCK_ZEROES;
        client.done = 0;
        for (unsigned i = 0; i < REQUESTS; i++) {
            uint8_t *piece = op == BLOCK_READ ? in[i] : out[i];
            if (op == BLOCK_WRITE)
                memset(piece, (int)i + 1, PIECE);
            spans[i][0] = (struct span){ piece, 100 + i };
            spans[i][1] = (struct span){ piece + 100 + i, PIECE - 100 - i };
            requests[i] = (struct block_request){ .op = op,
                                                  .offset = i * PIECE,
                                                  .size = PIECE,
                                                  .spans = spans[i],
                                                  .span_count = 2,
                                                  .done = request_done,
                                                  .context = &client };
            backend->submit(backend, &requests[i]);
        }
        while (pass < 3 && client.done < REQUESTS)
            run_posts(&posts);
        if (pass == 3)
            backend->drain(backend);
        ck_assert_uint_eq(client.done, REQUESTS);
        ck_assert_uint_eq(client.failed, 0);
    }
    ck_assert_int_eq(memcmp(in, out, sizeof(in)), 0);
    requests[0].op = BLOCK_READ;
    requests[0].offset = REQUESTS * PIECE - 1;
    backend->submit(backend, &requests[0]);
    backend->drain(backend);
    ck_assert_int_eq(client.last_error, EINVAL);
    block_async_free(async);
    host_lock_free(posts.lock);
    ck_assert_int_eq(disk_close(config.image), 0);
    check_clean(image_path());
}
END_TEST

START_TEST(a_failed_request_waits_for_a_retry_or_a_reset)
{
    struct rlimit limit = { 400000, RLIM_INFINITY },
                  none = { RLIM_INFINITY, RLIM_INFINITY };
    static uint8_t bytes[1 << 20];
    struct posts posts = { host_lock_new(), NULL, NULL };
    struct client client = { 0 };
    struct span span = { bytes, sizeof(bytes) };
    struct block_request request = { .op = BLOCK_WRITE,
                                     .size = sizeof(bytes),
                                     .spans = &span,
                                     .span_count = 1,
                                     .done = request_done,
                                     .context = &client };
    struct block_async_config config = { .post = post,
                                         .write_error = BLOCK_STOP,
                                         .context = &posts };
    struct block_async *async;

    make_image("qcow2", 4 << 20);
    config.image = open_image(image_path(), DISK_WRITABLE);
    async = block_async_new(&config);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    block_async_backend(async)->submit(block_async_backend(async), &request);
    run_posts(&posts);
    ck_assert_uint_eq(client.done, 0);
    ck_assert_int_eq(block_async_stopped(async), EFBIG);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    block_async_retry(async);
    run_posts(&posts);
    ck_assert_uint_eq(client.done, 1);
    ck_assert_uint_eq(client.failed, 0);
    ck_assert_int_eq(block_async_stopped(async), 0);
    request.offset = sizeof(bytes);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    block_async_backend(async)->submit(block_async_backend(async), &request);
    run_posts(&posts);
    ck_assert_uint_eq(client.done, 1);
    block_async_backend(async)->drain(block_async_backend(async));
    ck_assert_uint_eq(client.done, 2);
    ck_assert_int_eq(client.last_error, EFBIG);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    block_async_free(async);
    host_lock_free(posts.lock);
    ck_assert_int_eq(disk_close(config.image), 0);
    check_clean(image_path());
}
END_TEST

/* Guest time, and the one timer in it. */
static struct {
    struct clock clock;
    uint64_t now_ns;
    struct timer *armed;
} counted;

static uint64_t counted_now(struct clock *clock)
{
    (void)clock;
    return counted.now_ns;
}

static void counted_set(struct clock *clock, struct timer *timer, uint64_t deadline_ns)
{
    (void)clock;
    timer->deadline_ns = deadline_ns;
    counted.armed = timer;
}

static void counted_cancel(struct clock *clock, struct timer *timer)
{
    (void)clock, (void)timer;
    counted.armed = NULL;
}

/* Time goes by until the timer is due. */
static void until_timer(void)
{
    struct timer *timer = counted.armed;

    ck_assert_ptr_nonnull(timer);
    ck_assert_uint_gt(timer->deadline_ns, counted.now_ns);
    counted.now_ns = timer->deadline_ns;
    counted.armed = NULL;
    timer->fire(timer->context);
}

START_TEST(with_a_clock_requests_are_done_at_their_time)
{
    static uint8_t bytes[512] = { 1 };
    struct client client = { 0 };
    struct span span = { bytes, sizeof(bytes) };
    struct block_request requests[3];
    struct block_async_config config = { .clock = &counted.clock };
    struct block_async *async;
    uint64_t first_ns;

    counted.clock = (struct clock){ counted_now, NULL, counted_set, counted_cancel };
    make_image("raw", 1 << 20);
    config.image = open_image(image_path(), DISK_WRITABLE);
    async = block_async_new(&config);
    for (unsigned i = 0; i < 3; i++) {
        requests[i] = (struct block_request){ .op = i ? BLOCK_READ : BLOCK_WRITE,
                                              .size = sizeof(bytes),
                                              .spans = &span,
                                              .span_count = 1,
                                              .done = request_done,
                                              .context = &client };
        block_async_backend(async)->submit(block_async_backend(async), &requests[i]);
        counted.now_ns += 10;
        ck_assert_uint_eq(client.done, 0);
    }
    until_timer();
    ck_assert_uint_eq(client.done, 1);
    first_ns = counted.now_ns;
    until_timer();
    ck_assert_uint_eq(client.done, 2);
    ck_assert_uint_eq(counted.now_ns, first_ns + 10);
    block_async_backend(async)->drain(block_async_backend(async));
    ck_assert_uint_eq(client.done, 3);
    ck_assert_uint_eq(client.failed, 0);
    block_async_free(async);
    ck_assert_int_eq(disk_close(config.image), 0);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("block", USUAL_LIMIT);

    tcase_add_checked_fixture(cases.all, scratch_make, scratch_remove);
    tcase_add_loop_test(cases.all, what_was_flushed_survives_a_kill, 0,
                        sizeof(killed) / sizeof(killed[0]));
    tcase_add_test(cases.all, a_full_disk_is_an_error_and_no_more);
    tcase_add_test(cases.all, one_writer_at_a_time);
    tcase_add_test(cases.all, a_guessed_raw_image_stays_raw);
    tcase_add_test(cases.all, odd_files_are_refused);
    tcase_add_test(cases.all, requests_of_a_device_are_done_on_threads);
    tcase_add_test(cases.all, a_failed_request_waits_for_a_retry_or_a_reset);
    tcase_add_test(cases.all, with_a_clock_requests_are_done_at_their_time);
    return cases_run(cases);
}
