/* clock.h - guest time, and its timers.
 *
 * Guest time runs with the host's while the clock is started, and stands still
 * otherwise, unless it has a source of its own (-icount).  Timers may be armed by any
 * thread; they fire on the device thread, which calls guest_clock_run(). */
#ifndef RHEA_SYS_CLOCK_H
#define RHEA_SYS_CLOCK_H

#include "dev/dev.h"

struct guest_clock;

/* `now_ns` is the host's clock (tests bring their own); NULL: the real one. */
struct guest_clock *guest_clock_new(uint64_t (*now_ns)(void));
void guest_clock_free(struct guest_clock *clock);
struct clock *guest_clock_interface(struct guest_clock *clock);

void guest_clock_start(struct guest_clock *clock);
void guest_clock_stop(struct guest_clock *clock);

/* Guest time is what `now_ns` says from now on, whether the clock is started or not; it
 * never goes back.  Whoever moves it looks at the timers. */
void guest_clock_set_source(struct guest_clock *clock, uint64_t (*now_ns)(void *context),
                            void *context);
/* What the guest's wall clocks show now; from now on they go with the host's, or with
 * guest time. */
void guest_clock_set_wall(struct guest_clock *clock, uint64_t wall_ns, bool is_guest);

/* Called, from the thread that armed it, when a timer became the first one. */
void guest_clock_on_earlier(struct guest_clock *clock, void (*earlier)(void *context),
                            void *context);

/* Of a clock that is not started: sets guest time, and fires what is due up to there in
 * its order, each at its own time; requires the bus lock.  It never goes back. */
void guest_clock_advance(struct guest_clock *clock, uint64_t to_ns);
uint64_t guest_clock_deadline_ns(struct guest_clock *clock); /* the first; or now */

/* How long until the first timer; 0: it is due; UINT64_MAX: none, or time stands still.
 */
uint64_t guest_clock_wait_ns(struct guest_clock *clock);
/* Fires what is due now, each timer once; requires the bus lock. */
void guest_clock_run(struct guest_clock *clock);

#endif
