/* clock.c - guest time: see clock.h.  The timers are a list in the order of their
 * deadlines: a machine has a handful. */
#include "sys/clock.h"

#include <stdlib.h>

#include "base/host.h"
#include "base/report.h"

struct guest_clock {
    struct clock clock; /* first: the interface's owner is found by it */
    uint64_t (*host_now_ns)(void);
    uint64_t (*source_ns)(void *context); /* or NULL */
    void *source_context;
    uint64_t wall_delta_ns; /* of the wall clock, modulo 2^64, to: */
    bool wall_is_guest;     /* guest time, or the host's wall clock */
    struct host_lock *lock; /* the last one that is taken */
    bool is_running;
    uint64_t base_ns; /* guest time when it was started or stopped last */
    uint64_t host_base_ns;
    struct timer first; /* sentinel of a ring */
    void (*earlier)(void *context);
    void *earlier_context;
};

static struct guest_clock *owner_of(struct clock *clock)
{
    return (struct guest_clock *)clock;
}

static uint64_t now_locked(const struct guest_clock *clock)
{
    if (clock->source_ns)
        return clock->source_ns(clock->source_context);
    if (!clock->is_running)
        return clock->base_ns;
    return clock->base_ns + (clock->host_now_ns() - clock->host_base_ns);
}

static uint64_t guest_now_ns(struct clock *interface)
{
    struct guest_clock *clock = owner_of(interface);
    uint64_t now;

    host_lock_take(clock->lock);
    now = now_locked(clock);
    host_lock_give(clock->lock);
    return now;
}

static uint64_t guest_wall_ns(struct clock *interface)
{
    const struct guest_clock *clock = owner_of(interface);

    return clock->wall_delta_ns +
           (clock->wall_is_guest ? guest_now_ns(interface) : host_wall_ns());
}

static void unlink_timer(struct timer *timer)
{
    timer->previous->next = timer->next;
    timer->next->previous = timer->previous;
    timer->next = timer->previous = NULL;
    timer->is_armed = false;
}

static void guest_cancel(struct clock *interface, struct timer *timer)
{
    struct guest_clock *clock = owner_of(interface);

    host_lock_take(clock->lock);
    if (timer->is_armed)
        unlink_timer(timer);
    host_lock_give(clock->lock);
}

static void guest_arm(struct clock *interface, struct timer *timer, uint64_t deadline_ns)
{
    struct guest_clock *clock = owner_of(interface);
    struct timer *at;
    bool is_first;

    host_lock_take(clock->lock);
    if (timer->is_armed)
        unlink_timer(timer);
    timer->deadline_ns = deadline_ns;
    for (at = clock->first.next; at != &clock->first; at = at->next)
        if (at->deadline_ns > deadline_ns)
            break;
    timer->next = at;
    timer->previous = at->previous;
    at->previous->next = timer;
    at->previous = timer;
    timer->is_armed = true;
    is_first = clock->first.next == timer;
    host_lock_give(clock->lock);
    if (is_first && clock->earlier)
        clock->earlier(clock->earlier_context);
}

struct guest_clock *guest_clock_new(uint64_t (*now_ns)(void))
{
    struct guest_clock *clock = calloc(1, sizeof(*clock));

    if (!clock || !(clock->lock = host_lock_new()))
        die("out of memory");
    clock->clock = (struct clock){ guest_now_ns, guest_wall_ns, guest_arm, guest_cancel };
    clock->host_now_ns = now_ns ? now_ns : host_now_ns;
    clock->first.next = clock->first.previous = &clock->first;
    return clock;
}

void guest_clock_free(struct guest_clock *clock)
{
    if (!clock)
        return;
    host_lock_free(clock->lock);
    free(clock);
}

struct clock *guest_clock_interface(struct guest_clock *clock)
{
    return &clock->clock;
}

static void set_running(struct guest_clock *clock, bool is_running)
{
    host_lock_take(clock->lock);
    clock->base_ns = now_locked(clock);
    clock->host_base_ns = clock->host_now_ns();
    clock->is_running = is_running;
    host_lock_give(clock->lock);
    if (clock->earlier)
        clock->earlier(clock->earlier_context);
}

void guest_clock_start(struct guest_clock *clock)
{
    set_running(clock, true);
}

void guest_clock_stop(struct guest_clock *clock)
{
    set_running(clock, false);
}

void guest_clock_set_source(struct guest_clock *clock, uint64_t (*now_ns)(void *context),
                            void *context)
{
    clock->source_context = context;
    clock->source_ns = now_ns;
}

void guest_clock_set_wall(struct guest_clock *clock, uint64_t wall_ns, bool is_guest)
{
    clock->wall_is_guest = is_guest;
    clock->wall_delta_ns =
        wall_ns - (is_guest ? guest_now_ns(&clock->clock) : host_wall_ns());
}

void guest_clock_on_earlier(struct guest_clock *clock, void (*earlier)(void *context),
                            void *context)
{
    clock->earlier = earlier;
    clock->earlier_context = context;
}

uint64_t guest_clock_wait_ns(struct guest_clock *clock)
{
    uint64_t wait = UINT64_MAX, now;

    host_lock_take(clock->lock);
    if (clock->is_running && clock->first.next != &clock->first) {
        now = now_locked(clock);
        wait = clock->first.next->deadline_ns;
        wait = wait > now ? wait - now : 0;
    }
    host_lock_give(clock->lock);
    return wait;
}

/* Takes the first timer that is due out of the list. */
static struct timer *take_due(struct guest_clock *clock, uint64_t now)
{
    struct timer *timer;

    host_lock_take(clock->lock);
    timer = clock->first.next;
    if (timer == &clock->first || timer->deadline_ns > now)
        timer = NULL;
    else
        unlink_timer(timer);
    host_lock_give(clock->lock);
    return timer;
}

void guest_clock_run(struct guest_clock *clock)
{
    uint64_t now = guest_now_ns(&clock->clock);
    struct timer *timer;
    unsigned count = 0, limit = 0;

    /* A timer that arms itself in the past has its turn in the next call. */
    host_lock_take(clock->lock);
    if (clock->is_running)
        for (timer = clock->first.next; timer != &clock->first; timer = timer->next)
            limit += timer->deadline_ns <= now;
    host_lock_give(clock->lock);
    while (count++ < limit && (timer = take_due(clock, now)))
        timer->fire(timer->context);
}

/* More than that in one step are of a timer that arms itself in the past. */
enum { MOST_FIRED = 1000000 };

/* Goes on to the first timer's time, if that is not past to_ns, and takes it out. */
static struct timer *go_to_timer(struct guest_clock *clock, uint64_t to_ns)
{
    struct timer *timer;

    host_lock_take(clock->lock);
    timer = clock->first.next;
    if (timer == &clock->first || timer->deadline_ns > to_ns) {
        timer = NULL;
    } else {
        if (timer->deadline_ns > clock->base_ns)
            clock->base_ns = timer->deadline_ns;
        unlink_timer(timer);
    }
    host_lock_give(clock->lock);
    return timer;
}

void guest_clock_advance(struct guest_clock *clock, uint64_t to_ns)
{
    struct timer *timer;

    for (unsigned i = 0; i < MOST_FIRED && (timer = go_to_timer(clock, to_ns)); i++)
        timer->fire(timer->context);
    host_lock_take(clock->lock);
    if (to_ns > clock->base_ns)
        clock->base_ns = to_ns;
    host_lock_give(clock->lock);
}

uint64_t guest_clock_deadline_ns(struct guest_clock *clock)
{
    uint64_t deadline;

    host_lock_take(clock->lock);
    deadline = clock->first.next == &clock->first ? now_locked(clock)
                                                  : clock->first.next->deadline_ns;
    host_lock_give(clock->lock);
    return deadline;
}
