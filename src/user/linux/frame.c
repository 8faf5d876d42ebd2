/* frame.c - the frame of a signal handler on the guest's stack: siginfo, ucontext and the
 * registers, where the ABI says. */
#include <string.h>

#include "isa/eval.h"
#include "user/linux/linux.h"

enum { G_SS_ONSTACK = 1, G_SS_DISABLE = 2, G_ONSTACK = 0x08000000, ALIGN = 16 };

void registers_save(struct task *t, uint8_t *context)
{
    const struct abi *abi = t->proc->abi;

    for (unsigned i = 0; abi->sigregs[i].reg; i++) {
        const struct abi_sigreg *row = &abi->sigregs[i];
        uint64_t value = cpu_get(t->cpu, t->proc->sigregs[i]) << row->shift;

        value |= row->bits ? get_guest(abi, context + row->offset, row->size) : 0;
        put_guest(abi, context + row->offset, row->size, value);
    }
}

static void restore_registers(struct task *t, const uint8_t *context)
{
    const struct abi *abi = t->proc->abi;

    for (unsigned i = 0; abi->sigregs[i].reg; i++) {
        const struct abi_sigreg *row = &abi->sigregs[i];
        uint64_t value = get_guest(abi, context + row->offset, row->size) >> row->shift;

        if (row->bits)
            value &= ((uint64_t)1 << row->bits) - 1;
        cpu_put(t->cpu, t->proc->sigregs[i], value);
    }
    t->cpu->pc &= ~(uint64_t)(t->proc->isa->min_ilen - 1);
    t->cpu->reserved_addr = UINT64_MAX;
    t->cpu->mode = eval_mode(t->cpu);
}

/* Where the frame goes. */
static uint64_t frame_address(struct task *t, const struct sig_action *action)
{
    uint64_t sp = cpu_get(t->cpu, t->proc->sp);

    if ((action->flags & G_ONSTACK) && t->alt_size && !on_altstack(t, sp))
        sp = t->alt_sp + t->alt_size;
    return (sp - t->proc->abi->frame_size) & ~(uint64_t)(ALIGN - 1);
}

int frame_push(struct task *t, int signo, const struct sig_info *info,
               const struct sig_action *action, uint64_t old_mask)
{
    struct proc *p = t->proc;
    const struct abi *abi = p->abi;
    uint64_t at = frame_address(t, action);
    uint64_t sp = cpu_get(t->cpu, p->sp);
    uint32_t ss = t->alt_size == 0 ? G_SS_DISABLE : on_altstack(t, sp) ? G_SS_ONSTACK : 0;
    uint64_t uc[UC_FIELDS] = { [UC_SP] = t->alt_sp,
                               [UC_SSFLAGS] = ss,
                               [UC_SSSIZE] = t->alt_size,
                               [UC_SIGMASK] = old_mask };
    uint64_t args[3] = { (uint64_t)signo, at, at + abi->frame_uc };
    uint8_t frame[ABI_MAX_FRAME];

    memset(frame, 0, abi->frame_size);
    siginfo_pack(abi, info, frame);
    layout_pack(abi, &abi->layouts->ucontext, UC_FIELDS, frame + abi->frame_uc, uc);
    registers_save(t, frame + abi->frame_mcontext);
    if (space_write(p->space, at, frame, abi->frame_size, NULL) < 0)
        return -1;
    for (int i = 0; i < 3; i++)
        cpu_put(t->cpu, p->handler_args[i], args[i]);
    cpu_put(t->cpu, p->sp, at);
    cpu_put(t->cpu, p->ra, action->restorer ? action->restorer : p->trampoline);
    t->cpu->pc = action->handler & ~(uint64_t)(p->isa->min_ilen - 1);
    t->cpu->reserved_addr = UINT64_MAX;
    t->cpu->mode = eval_mode(t->cpu);
    return 0;
}

int frame_pop(struct task *t, uint64_t *mask)
{
    const struct abi *abi = t->proc->abi;
    uint64_t at = cpu_get(t->cpu, t->proc->sp), uc[UC_FIELDS];
    uint8_t frame[ABI_MAX_FRAME];

    if (space_read(t->proc->space, at, frame, abi->frame_size, NULL) < 0)
        return -1;
    layout_unpack(abi, &abi->layouts->ucontext, UC_FIELDS, frame + abi->frame_uc, uc);
    restore_registers(t, frame + abi->frame_mcontext);
    *mask = uc[UC_SIGMASK];
    if (!on_altstack(t, cpu_get(t->cpu, t->proc->sp))) {
        t->alt_sp = uc[UC_SP];
        t->alt_size = uc[UC_SSFLAGS] & G_SS_DISABLE ? 0 : uc[UC_SSSIZE];
    }
    return 0;
}
