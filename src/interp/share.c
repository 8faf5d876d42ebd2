/* share.c - several CPUs that share the ops: one of them at a time changes what is
 * shared, and for a flush all others must be outside of their handlers. */
#include "interp/interp.h"
#include "interp/template.h"

#include "isa/space.h"

static void wait_for_owner(struct interp_cpu *self)
{
    self->is_inside = false;
    space_wake(self->cpu->space);
    while (self->ip->is_stopping)
        space_wait(self->cpu->space);
    self->is_inside = true;
}

struct interp *interp_take(struct interp_cpu *self)
{
    struct interp *ip = self->ip;

    space_lock(self->cpu->space);
    if (ip->is_stopping && self->is_inside)
        wait_for_owner(self);
    ip->owner = self;
    ip->cpu = self->cpu;
    ip->mode = self->mode;
    return ip;
}

void interp_give(struct interp_cpu *self)
{
    space_unlock(self->cpu->space);
}

static bool is_other_inside(const struct interp *ip, const struct interp_cpu *self)
{
    for (const struct interp_cpu *cpu = ip->cpus; cpu; cpu = cpu->next)
        if (cpu != self && cpu->is_inside)
            return true;
    return false;
}

void interp_stop_others(struct interp *ip)
{
    struct interp_cpu *self = ip->owner;

    if (!ip->is_shared)
        return;
    ip->is_stopping = true;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* against interp_inside */
    for (struct interp_cpu *cpu = ip->cpus; cpu; cpu = cpu->next)
        if (cpu != self)
            cpu->cpu->kick = 1;
    while (is_other_inside(ip, self))
        space_wait(self->cpu->space);
    ip->owner = self;
    ip->cpu = self->cpu;
    ip->mode = self->mode;
}

void interp_resume(struct interp *ip)
{
    if (!ip->is_shared)
        return;
    ip->is_stopping = false;
    space_wake(ip->cpu->space);
}

void interp_inside(struct interp_cpu *self)
{
    if (!self->ip->is_shared)
        return;
    self->is_inside = true;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* against interp_stop_others */
    if (self->ip->is_stopping) {
        interp_take(self); /* waits */
        interp_give(self);
    }
}

void interp_outside(struct interp_cpu *self)
{
    if (!self->ip->is_shared)
        return;
    __atomic_store_n(&self->is_inside, false, __ATOMIC_SEQ_CST);
    if (self->ip->is_stopping) {
        space_lock(self->cpu->space);
        space_wake(self->cpu->space);
        space_unlock(self->cpu->space);
    }
}

void interp_settle(struct interp_cpu *self)
{
    struct interp *ip = interp_take(self);

    self->is_unsettled = false;
    interp_stop_others(ip);
    interp_resume(ip);
    interp_give(self);
}

/* Ops that are overwritten when they are reached become ones that are not. */
void interp_share(struct interp *ip)
{
    uint32_t count = ip->npositions;

    if (ip->is_shared)
        return;
    template_load(ip); /* a file that is opened now takes no number from another thread */
    if (ip->stubs - ip->units < 2 * count + SPARE_UNITS) {
        block_flush(ip);
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct op *op = &ip->ops[ip->positions[i].unit];

        if (ip->positions[i].ilen == 0 && op->fn == x_more)
            block_to_warm(ip, op);
    }
    ip->is_shared = true;
}
