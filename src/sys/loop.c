/* loop.c - the device thread's loop: see loop.h. */
#include "sys/loop.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/clock.h"

struct loop_fd {
    struct loop *loop;
    struct loop_fd *next;
    int fd;
    void (*ready)(void *context);
    void *context;
    bool want_read, want_write, can_read, can_write, is_removed;
    size_t slot; /* in the polls of this round; 0: not among them */
};

struct post {
    struct post *next;
    void (*fn)(void *context);
    void *context;
};

struct loop {
    struct guest_clock *clock;
    struct host_lock *bus_lock;
    struct host_lock *lock; /* of the posts */
    struct host_waker waker;
    struct loop_fd *fds;
    struct host_poll *polls; /* the first one is the waker */
    size_t capacity;
    struct post *posts, **last_post;
    struct loop_work work; /* or none */
    volatile int stopped;
};

static void earlier(void *context)
{
    loop_wake(context);
}

struct loop *loop_new(struct guest_clock *clock, struct host_lock *lock)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    int error;

    if (!loop || !(loop->lock = host_lock_new()))
        die("out of memory");
    if ((error = host_waker_open(&loop->waker)) < 0)
        die("no pipe for the device thread: %s", strerror(-error));
    loop->clock = clock;
    loop->bus_lock = lock;
    loop->last_post = &loop->posts;
    guest_clock_on_earlier(clock, earlier, loop);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    guest_clock_on_earlier(loop->clock, NULL, NULL);
    for (struct loop_fd *fd = loop->fds, *next; fd; fd = next) {
        next = fd->next;
        free(fd);
    }
    for (struct post *post = loop->posts, *next; post; post = next) {
        next = post->next;
        free(post);
    }
    host_waker_close(&loop->waker);
    host_lock_free(loop->lock);
    free(loop->polls);
    free(loop);
}

/* ------------------------------------------------------------------- descriptors */

struct loop_fd *loop_add(struct loop *loop, int fd, void (*ready)(void *context),
                         void *context)
{
    struct loop_fd *added = calloc(1, sizeof(*added));

    if (!added)
        die("out of memory");
    *added = (struct loop_fd){
        .loop = loop, .next = loop->fds, .fd = fd, .ready = ready, .context = context
    };
    loop->fds = added;
    return added;
}

void loop_want(struct loop_fd *fd, bool read, bool write)
{
    bool changed = fd->want_read != read || fd->want_write != write;

    fd->want_read = read;
    fd->want_write = write;
    if (changed)
        loop_wake(fd->loop); /* a vCPU may have asked, by a register access */
}

bool loop_can_read(const struct loop_fd *fd)
{
    return fd->can_read;
}

bool loop_can_write(const struct loop_fd *fd)
{
    return fd->can_write;
}

/* It may be the one that is being called: freed when the round is over. */
void loop_remove(struct loop_fd *fd)
{
    if (fd)
        fd->is_removed = true;
}

static void sweep(struct loop *loop)
{
    for (struct loop_fd **link = &loop->fds; *link;) {
        struct loop_fd *fd = *link;

        if (!fd->is_removed) {
            link = &fd->next;
            continue;
        }
        *link = fd->next;
        free(fd);
    }
}

/* ------------------------------------------------------------------ other threads */

void loop_wake(struct loop *loop)
{
    host_wake(&loop->waker);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = 1;
    host_wake(&loop->waker);
}

void loop_post(struct loop *loop, void (*fn)(void *context), void *context)
{
    struct post *post = malloc(sizeof(*post));

    if (!post)
        die("out of memory");
    *post = (struct post){ NULL, fn, context };
    host_lock_take(loop->lock);
    *loop->last_post = post;
    loop->last_post = &post->next;
    host_lock_give(loop->lock);
    loop_wake(loop);
}

static void run_posts(struct loop *loop)
{
    struct post *posts, *next;

    host_lock_take(loop->lock);
    posts = loop->posts;
    loop->posts = NULL;
    loop->last_post = &loop->posts;
    host_lock_give(loop->lock);
    for (; posts; posts = next) {
        next = posts->next;
        posts->fn(posts->context);
        free(posts);
    }
}

static bool has_posts(struct loop *loop)
{
    bool has;

    host_lock_take(loop->lock);
    has = loop->posts != NULL;
    host_lock_give(loop->lock);
    return has;
}

/* --------------------------------------------------------------------------- loop */

void loop_set_work(struct loop *loop, const struct loop_work *work)
{
    loop->work = *work;
}

static uint64_t wait_ns(struct loop *loop)
{
    if (loop->stopped || has_posts(loop))
        return 0;
    return loop->work.wait_ns ? loop->work.wait_ns(loop->work.context)
                              : guest_clock_wait_ns(loop->clock);
}

/* What this round waits for; with the bus lock. */
static size_t make_polls(struct loop *loop)
{
    size_t count = 1;

    for (struct loop_fd *fd = loop->fds; fd; fd = fd->next)
        count++;
    if (count > loop->capacity) {
        loop->capacity = count + 8;
        loop->polls = realloc(loop->polls, loop->capacity * sizeof(*loop->polls));
        if (!loop->polls)
            die("out of memory");
    }
    loop->polls[0] = (struct host_poll){ .fd = loop->waker.read_fd, .want_read = true };
    count = 1;
    for (struct loop_fd *fd = loop->fds; fd; fd = fd->next) {
        fd->slot = fd->want_read || fd->want_write ? count++ : 0;
        if (fd->slot)
            loop->polls[fd->slot] = (struct host_poll){ .fd = fd->fd,
                                                        .want_read = fd->want_read,
                                                        .want_write = fd->want_write };
    }
    return count;
}

static void run_fds(struct loop *loop)
{
    for (struct loop_fd *fd = loop->fds; fd; fd = fd->next) {
        const struct host_poll *poll = &loop->polls[fd->slot];

        if (!fd->slot || fd->is_removed || !(poll->can_read || poll->can_write))
            continue;
        fd->can_read = poll->can_read;
        fd->can_write = poll->can_write;
        fd->ready(fd->context);
    }
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        size_t count;

        host_lock_take(loop->bus_lock);
        sweep(loop);
        count = make_polls(loop);
        host_lock_give(loop->bus_lock);
        host_poll(loop->polls, count, wait_ns(loop));
        if (loop->polls[0].can_read)
            host_woken(&loop->waker);
        host_lock_take(loop->bus_lock);
        run_fds(loop);
        run_posts(loop);
        guest_clock_run(loop->clock);
        host_lock_give(loop->bus_lock);
        if (loop->work.run && !loop->stopped)
            loop->work.run(loop->work.context);
    }
    loop->stopped = 0;
}
