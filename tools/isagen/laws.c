/* laws.c - cheaper forms of conditions after a flagfn, proven before they are believed.
 */
#include <string.h>

#include "build.h"
#include "isa/sem.h"
#include "laws.h"

static bool is_state(unsigned op)
{
    return (op >= S_GET && op <= S_FENCE && op != S_SETL) || op == S_FP || op >= S_IF;
}

/* Lowers the law at the widths of `f` with every flag replaced by its formula: 1 bit,
 * over ARGs, that must always be 1. */
static struct sem_body law_body(struct build *b, const struct item *law,
                                const struct item *fn, const struct isa_flagfn *f)
{
    unsigned k = 0;

    begin_body(b, false);
    for (const struct list *p = fn->list; p; p = p->next, k++)
        bind_name(
            b, p->name,
            val_run(emit(b, S_ARG, f->arg_w[k], k, ISA_NONE, ISA_NONE), f->arg_w[k]));
    for (const struct stmt *s = fn->body; s; s = s->next) {
        if (s->kind == ST_LET)
            bind_name(b, s->name, lower_expr(b, s->a, 0));
        else if (s->a->kind == E_NAME)
            bind_name(b, s->a->name, adopt(b, lower_expr(b, s->b, 1), 1, s->pos));
    }
    struct val v = lower_cond(b, law->expr);
    emit(b, S_ZEXT, 1, val_node(b, v, 1, law->pos), ISA_NONE, ISA_NONE);
    for (unsigned i = 0; i < b->l->nnodes; i++)
        if (is_state(b->l->nodes[i].op))
            fail(b->g, law->pos, "E-LAW", "is about more than the flags that %s sets",
                 law->name);
    return body_finish(b);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* All of 8-bit arguments, samples of wider ones (with corner values). */
static bool law_holds(struct build *b, const struct isa_flagfn *f, struct sem_body body,
                      struct fp128 *args)
{
    static const uint64_t corners[] = {
        0,    1,          2,          UINT64_MAX, 0x7f,
        0x80, 0x7fffffff, 0x80000000, INT64_MAX,  (uint64_t)INT64_MAX + 1
    };
    uint64_t random = 88172645463325252u;
    unsigned tries = f->arg_w[0] <= 8 && f->args <= 2 ? 65536 : 4000;

    b->isa.nodes = b->nodes.items;
    b->isa.consts = b->consts.items;
    for (unsigned i = 0; i < tries; i++) {
        for (unsigned k = 0; k < f->args; k++) {
            uint64_t r = next_random(&random);

            args[k].hi = 0;
            args[k].lo = tries == 65536 ? i >> (8 * k) & 0xff
                         : r % 4 == 0   ? corners[r / 4 % 10]
                                        : r >> r % 64;
            args[k].lo &= mask64(f->arg_w[k]);
        }
        if (!sem_value(&b->isa, body, NULL, args))
            return false;
    }
    return true;
}

static void check_law(struct build *b, const struct item *law, const struct item *fn,
                      const struct isa_flagfn *f)
{
    struct fp128 args[3] = { 0 };

    if (!law_holds(b, f, law_body(b, law, fn, f), args))
        fail(b->g, law->pos, "E-LAW", "false at %u bits for %s(0x%llx, 0x%llx)",
             f->arg_w[0], text_at(b, f->name), (unsigned long long)args[0].lo,
             (unsigned long long)args[1].lo);
}

/* The two sides as bodies for the engines: the condition over FLAGs, the shortcut over
 * ARGs. */
static void add_law(struct build *b, const struct item *law, const struct item *fn,
                    uint16_t number)
{
    const struct isa_flagfn *f = AT(b, flagfns, struct isa_flagfn, number);
    struct isa_law row = { .flagfn = number };
    unsigned k = 0;
    struct val v;

    begin_body(b, false);
    v = lower_cond(b, law->expr->a);
    emit(b, S_ZEXT, 1, val_node(b, v, 1, law->pos), ISA_NONE, ISA_NONE);
    row.condition = body_finish(b);
    begin_body(b, false);
    for (const struct list *p = fn->list; p; p = p->next, k++)
        bind_name(
            b, p->name,
            val_run(emit(b, S_ARG, f->arg_w[k], k, ISA_NONE, ISA_NONE), f->arg_w[k]));
    v = lower_cond(b, law->expr->b);
    emit(b, S_ZEXT, 1, val_node(b, v, 1, law->pos), ISA_NONE, ISA_NONE);
    row.shortcut = body_finish(b);
    *VEC(b, laws, struct isa_law) = row;
}

static void build_law(struct build *b, struct item *law)
{
    const struct item *fn = find_item(b, I_FLAGFN, law->name);
    struct isa_flagfn narrow = { .name = text_add(b, law->name) };

    if (!fn)
        fail(b->g, law->pos, "E-NAME", "no flagfn %s", law->name);
    for (const struct list *p = fn->list; p && narrow.args < 3; p = p->next)
        narrow.arg_w[narrow.args++] = 8;
    check_law(b, law, fn, &narrow);
    for (uint32_t i = 0; i < b->flagfns.count; i++) {
        struct isa_flagfn f = *AT(b, flagfns, struct isa_flagfn, i);

        if (strcmp(text_at(b, f.name), law->name))
            continue;
        check_law(b, law, fn, &f);
        add_law(b, law, fn, (uint16_t)i);
    }
}

void build_laws(struct build *b)
{
    each_item(b, I_LAW, build_law);
}
