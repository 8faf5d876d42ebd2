/* async.c - a device's requests on a few threads: see async.h. */
#include "sys/block/async.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"

enum { MOST_THREADS = 8, MOST_SPANS = 32 };
enum { REQUEST_NS = 100000 }; /* with a clock: what a request takes */

struct list {
    struct block_request *first, **end;
};

struct block_async {
    struct block_backend backend;
    struct block_async_config config;
    struct host_lock *lock;   /* of what follows */
    struct list waiting;      /* for a thread */
    struct list finished;     /* their errno is in backend_data */
    struct list stopped;      /* for block_async_retry() */
    struct block_stats stats; /* the device thread's */
    unsigned running;         /* requests */
    unsigned threads, idle;
    bool is_posted, is_ending;
    struct timer timer; /* with a clock: the first one that waits is to be done */
};

static void list_init(struct list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void list_add(struct list *list, struct block_request *request)
{
    request->next = NULL;
    *list->end = request;
    list->end = &request->next;
}

static struct block_request *list_take(struct list *list)
{
    struct block_request *request = list->first;

    if (request && !(list->first = request->next))
        list->end = &list->first;
    return request;
}

/* ------------------------------------------------------------------------- threads */

static int transfer(struct disk_image *image, struct block_request *request)
{
    struct host_iov few[MOST_SPANS], *iov = few;
    int error;

    if (request->span_count > MOST_SPANS)
        iov = malloc(request->span_count * sizeof(*iov));
    if (!iov)
        return -ENOMEM;
    for (unsigned i = 0; i < request->span_count; i++)
        iov[i] = (struct host_iov){ request->spans[i].base, request->spans[i].size };
    error = request->op == BLOCK_READ
                ? disk_readv(image, request->offset, iov, request->span_count)
                : disk_writev(image, request->offset, iov, request->span_count);
    if (iov != few)
        free(iov);
    return error;
}

static int perform(struct disk_image *image, struct block_request *request)
{
    switch (request->op) {
    case BLOCK_READ:
    case BLOCK_WRITE: return transfer(image, request);
    case BLOCK_FLUSH: return disk_flush(image);
    case BLOCK_DISCARD: return disk_discard(image, request->offset, request->size);
    case BLOCK_ZEROES:
        return disk_zero(image, request->offset, request->size, request->may_unmap);
    }
    return -ENOTSUP;
}

static void complete(void *context);

static void work(void *context)
{
    struct block_async *async = context;
    struct block_request *request;

    host_lock_take(async->lock);
    for (;;) {
        bool post;
        int error;
        while (!(request = list_take(&async->waiting)) && !async->is_ending) {
            async->idle++;
            host_lock_wait(async->lock);
            async->idle--;
        }
        if (!request)
            break;
        host_lock_give(async->lock);
        error = -perform(async->config.image, request);
        host_lock_take(async->lock);
        request->backend_data = (void *)(intptr_t)error;
        list_add(&async->finished, request);
        async->running--;
        post = !async->is_posted && !async->is_ending;
        async->is_posted = async->is_posted || post;
        host_lock_wake(async->lock); /* a drain */
        if (post) {
            host_lock_give(async->lock);
            async->config.post(async->config.context, complete, async);
            host_lock_take(async->lock);
        }
    }
    async->threads--;
    host_lock_wake(async->lock);
    host_lock_give(async->lock);
}

/* ------------------------------------------------------------- on the device thread */

static enum block_reaction reaction_to(const struct block_async *async, enum block_op op,
                                       int error)
{
    enum block_reaction reaction =
        op == BLOCK_READ ? async->config.read_error : async->config.write_error;

    if (async->is_ending)
        return BLOCK_REPORT;
    if (reaction == BLOCK_ENOSPC)
        return error == ENOSPC ? BLOCK_STOP : BLOCK_REPORT;
    return reaction;
}

/* What becomes of one that is done: false: it waits. */
static bool settle(struct block_async *async, struct block_request *request, int *error)
{
    enum block_reaction reaction;

    *error = (int)(intptr_t)request->backend_data;
    async->stats.requests[request->op]++;
    async->stats.bytes[request->op] += *error ? 0 : request->size;
    async->stats.failures[request->op] += *error != 0;
    if (!*error)
        return true;
    reaction = reaction_to(async, request->op, *error);
    if (async->config.failed)
        async->config.failed(async->config.failed_context, request->op, *error, reaction);
    if (reaction == BLOCK_IGNORE)
        *error = 0;
    return reaction != BLOCK_STOP;
}

static void complete(void *context)
{
    struct block_async *async = context;
    struct block_request *request;

    host_lock_take(async->lock);
    async->is_posted = false;
    while ((request = list_take(&async->finished))) {
        int error;
        bool is_done;
        host_lock_give(async->lock);
        is_done = settle(async, request, &error);
        if (is_done)
            request->done(request, error);
        host_lock_take(async->lock);
        if (!is_done)
            list_add(&async->stopped, request);
    }
    host_lock_give(async->lock);
}

/* With a clock: does the first one that waits, before its time if need be. */
static void do_first(struct block_async *async)
{
    struct block_request *request = list_take(&async->waiting);

    request->backend_data = (void *)(intptr_t)-perform(async->config.image, request);
    list_add(&async->finished, request);
    async->running--;
    complete(async);
}

static void set_timer(struct block_async *async)
{
    if (async->waiting.first)
        timer_arm(&async->timer, async->waiting.first->backend_ns);
    else
        timer_cancel(&async->timer);
}

static void is_time(void *context)
{
    struct block_async *async = context;
    uint64_t now = clock_now_ns(async->config.clock);

    while (async->waiting.first && async->waiting.first->backend_ns <= now)
        do_first(async);
    set_timer(async);
}

static void enqueue_timed(struct block_async *async, struct block_request *request)
{
    request->backend_ns = clock_now_ns(async->config.clock) + REQUEST_NS;
    list_add(&async->waiting, request);
    async->running++;
    set_timer(async);
}

static void enqueue(struct block_async *async, struct block_request *request)
{
    bool start = !async->idle && async->threads < MOST_THREADS;

    if (async->config.clock) {
        enqueue_timed(async, request);
        return;
    }
    list_add(&async->waiting, request);
    async->running++;
    if (start)
        async->threads++;
    if (start && host_thread_start(work, async, HOST_SMALL_STACK))
        async->threads--; /* the others will do it */
    if (!async->threads)
        die("no thread for a disk's requests: the host has no more");
    host_lock_wake(async->lock);
}

static void async_submit(struct block_backend *backend, struct block_request *request)
{
    struct block_async *async = (struct block_async *)backend;

    host_lock_take(async->lock);
    enqueue(async, request);
    host_lock_give(async->lock);
}

/* ---------------------------------------------------------------------- reactions */

static const char *const reaction_names[] = { "report", "ignore", "stop", "enospc" };

bool block_reaction_named(const char *name, bool is_read, enum block_reaction *reaction)
{
    unsigned count = is_read ? BLOCK_ENOSPC : BLOCK_ENOSPC + 1;

    for (unsigned i = 0; i < count; i++)
        if (!strcmp(reaction_names[i], name)) {
            *reaction = (enum block_reaction)i;
            return true;
        }
    return false;
}

const char *block_reaction_name(enum block_reaction reaction)
{
    return reaction_names[reaction];
}

static int async_on_errors(struct block_backend *backend, const char *of_writes,
                           const char *of_reads)
{
    struct block_async_config *config = &((struct block_async *)backend)->config;

    if (of_writes && !block_reaction_named(of_writes, false, &config->write_error))
        return -1;
    if (of_reads && !block_reaction_named(of_reads, true, &config->read_error))
        return -1;
    return 0;
}

/* What waits after a failure has failed: a reset must not wait for a person. */
static void async_drain(struct block_backend *backend)
{
    struct block_async *async = (struct block_async *)backend;
    struct block_request *request;

    while (async->config.clock && async->waiting.first)
        do_first(async);
    for (;;) {
        host_lock_take(async->lock);
        while (async->running)
            host_lock_wait(async->lock);
        request = async->finished.first;
        host_lock_give(async->lock);
        if (!request)
            break;
        complete(async); /* which may submit more */
    }
    host_lock_take(async->lock);
    while ((request = list_take(&async->stopped))) {
        host_lock_give(async->lock);
        request->done(request, (int)(intptr_t)request->backend_data);
        host_lock_take(async->lock);
    }
    host_lock_give(async->lock);
}

void block_async_retry(struct block_async *async)
{
    struct block_request *request;

    host_lock_take(async->lock);
    while ((request = list_take(&async->stopped)))
        enqueue(async, request);
    host_lock_give(async->lock);
}

int block_async_stopped(const struct block_async *async)
{
    const struct block_request *first = async->stopped.first;

    return first ? (int)(intptr_t)first->backend_data : 0;
}

int block_async_resize(struct block_async *async, uint64_t size, char error[DISK_ERROR])
{
    int code;

    async_drain(&async->backend); /* a resize is alone */
    code = disk_resize(async->config.image, size, DISK_SPARSE, error);
    if (code)
        return code;
    async->backend.size_bytes = disk_size(async->config.image);
    if (async->backend.resized)
        async->backend.resized(async->backend.device);
    return 0;
}

/* ---------------------------------------------------------------------- begin, end */

struct block_async *block_async_new(const struct block_async_config *config)
{
    struct block_async *async = calloc(1, sizeof(*async));
    size_t length = config->serial ? strlen(config->serial) + 1 : 0;
    char *serial = length ? malloc(length) : NULL;

    if (!async || (length && !serial) || !(async->lock = host_lock_new()))
        die("out of memory");
    if (serial)
        memcpy(serial, config->serial, length);
    async->config = *config;
    list_init(&async->waiting);
    list_init(&async->finished);
    list_init(&async->stopped);
    async->backend.size_bytes = disk_size(config->image);
    async->backend.block_size = DISK_SECTOR;
    async->backend.read_only = !disk_is_writable(config->image);
    async->backend.can_discard = disk_is_writable(config->image);
    async->backend.serial = serial;
    async->backend.submit = async_submit;
    async->backend.drain = async_drain;
    async->backend.on_errors = async_on_errors;
    timer_init(&async->timer, config->clock, is_time, async);
    return async;
}

const struct block_stats *block_async_stats(const struct block_async *async)
{
    return &async->stats;
}

struct block_backend *block_async_backend(struct block_async *async)
{
    return &async->backend;
}

void block_async_free(struct block_async *async)
{
    async_drain(&async->backend);
    timer_cancel(&async->timer);
    host_lock_take(async->lock);
    async->is_ending = true;
    host_lock_wake(async->lock);
    while (async->threads)
        host_lock_wait(async->lock);
    host_lock_give(async->lock);
    host_lock_free(async->lock);
    free((char *)(uintptr_t)async->backend.serial);
    free(async);
}
