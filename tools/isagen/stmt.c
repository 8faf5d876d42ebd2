/* stmt.c - statements to semantic nodes. */
#include <string.h>

#include "build.h"

unsigned register_slot(struct build *b, int kind, unsigned view, unsigned w,
                       const struct dx *d, struct pos pos);

static void lower_block(struct build *b, const struct stmt *s)
{
    struct symbol *scope = b->l->scope;

    lower_stmts(b, s);
    b->l->scope = scope;
}

static struct place *local_new(struct build *b, unsigned w, struct pos pos)
{
    struct place *p = place_new(b, P_LOCAL, w, pos);

    if (b->l->locals >= 200)
        fail(b->g, pos, "E-BUDGET", "more than 200 variables in one body");
    p->number = (uint16_t)b->l->locals++;
    return p;
}

static void lower_var(struct build *b, const struct stmt *s)
{
    unsigned w = s->b ? (unsigned)spec_number(b, s->b, "a width", 128) : 0;
    struct val v = val_number(0);

    if (s->a)
        v = lower_expr(b, s->a, w);
    if (!w)
        w = v.w;
    if (!w)
        fail(b->g, s->pos, "E-WIDTH", "var %s needs a width: var %s: 32 = ...", s->name,
             s->name);
    struct place *p = local_new(b, w, s->pos);
    emit(b, S_SETL, 0, p->number, val_node(b, v, w, s->pos), ISA_NONE);
    bind_name(b, s->name, v)->place = p;
}

/* The two ways of an if whose condition is a run-time value. */
static void lower_branches(struct build *b, const struct stmt *s, struct val cond)
{
    struct lower *l = b->l;
    bool wrote_before = l->wrote, returned = l->returned, wrote_then;
    struct pos at = l->wrote_at;
    unsigned nwrote = l->nwrote;

    emit(b, S_IF, 0, cond.node, ISA_NONE, ISA_NONE);
    unsigned known = nonzero_learn(b, cond, true);
    lower_block(b, s->body);
    l->nnonzero = known;
    bool returned_then = l->returned;
    wrote_then = l->wrote && !l->returned;
    struct pos at_then = l->wrote_at;
    if (returned_then)
        l->nwrote = nwrote;
    l->returned = returned;
    l->wrote = wrote_before;
    l->wrote_at = at;
    if (s->other) {
        emit(b, S_ELSE, 0, ISA_NONE, ISA_NONE, ISA_NONE);
        nonzero_learn(b, cond, false);
        lower_block(b, s->other);
        l->nnonzero = known;
    }
    emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
    bool returned_else = s->other && l->returned;
    if (returned_then != returned_else) /* from here on, the other way was taken */
        nonzero_learn(b, cond, returned_else);
    if (l->returned && s->other) { /* the else way is over */
        l->wrote = wrote_before;
        l->returned = returned_then;
    }
    if (wrote_then && !l->wrote) {
        l->wrote = true;
        l->wrote_at = at_then;
    }
}

static void lower_if(struct build *b, const struct stmt *s)
{
    struct val cond = lower_cond(b, s->a);

    if (cond.time == RUN) {
        lower_branches(b, s, cond);
        return;
    }
    bool is =
        b->stream ? decide_condition(b, s->a) : decide(b, cond, s->pos, "the condition");
    nonzero_learn(b, cond, is);
    if (is)
        lower_block(b, s->body);
    else if (s->other)
        lower_block(b, s->other);
}

/* What a section does before its instructions are over. */
static void lower_after(struct build *b)
{
    struct symbol *scope = b->l->scope;
    const struct stmt *after = b->l->after;

    b->l->after = NULL; /* not within itself */
    b->l->scope = NULL;
    lower_stmts(b, after);
    b->l->scope = scope;
    b->l->after = after;
}

/* A body, in what its section puts around it. */
void lower_meaning(struct build *b, const struct around *around, const struct stmt *body)
{
    b->l->body = body;
    b->l->after = around ? around->after : NULL;
    lower_stmts(b, around && around->body ? around->body : body);
    if (!b->l->returned)
        lower_after(b);
}

/* Of a call: where it returns to is kept behind the op. */
static unsigned return_slot(struct build *b, struct pos pos)
{
    struct lower *l = b->l;
    const struct dx *next =
        dx_new(b, S_ADD, 64, 0, dx_new(b, S_PC, 64, 0, NULL, NULL, NULL),
               dx_new(b, S_ILEN, 64, 0, NULL, NULL, NULL), NULL);

    if (b->isa.pc_width < 64)
        next = dx_new(b, S_EXTRACT, b->isa.pc_width, 0, next, NULL, NULL);
    for (unsigned i = 0; i < l->nslots; i++)
        if (l->slots[i].kind == SLOT_VALUE && l->slots[i].w == b->isa.pc_width &&
            dx_equal(l->slot_dx[i], next)) {
            l->slots[i].kind = SLOT_RETURN;
            l->slots[i].size = 16;
            return i;
        }
    return register_slot(b, SLOT_RETURN, ISA_NONE, b->isa.pc_width, next, pos);
}

static void emit_goto(struct build *b, const struct expr *to, unsigned how,
                      struct pos pos)
{
    struct lower *l = b->l;
    struct val t = lower_expr(b, to, b->isa.pc_width);
    unsigned w = b->isa.pc_width, back = ISA_NONE;

    if (l->decode_only)
        fail(b->g, pos, "E-TYPE", "goto here");
    t = adopt(b, t, w, pos);
    lower_after(b);
    if (how & GOTO_CALL && !b->isa.delay)
        back = return_slot(b, pos);
    if (t.time != RUN) {
        unsigned slot = register_slot(b, SLOT_LINK, ISA_NONE, w, val_dx(b, t, w), pos);

        emitted(b, emit(b, S_GOTO, 0, slot, back, ISA_NONE))->x =
            (uint8_t)(how | GOTO_DIRECT);
    } else {
        emitted(b, emit(b, S_GOTO, 0, t.node, back, ISA_NONE))->x = (uint8_t)how;
    }
    l->flags |= VAR_BRANCHES | (how & GOTO_DELAY ? VAR_DELAY : 0);
    l->returned = true;
}

static void lower_goto(struct build *b, const struct stmt *s)
{
    unsigned how = b->isa.delay ? GOTO_DELAY : 0;

    if (s->name && !strcmp(s->name, "call"))
        how |= GOTO_CALL;
    else if (s->name && !strcmp(s->name, "return"))
        how |= GOTO_RETURN;
    else if (s->name && !strcmp(s->name, "now"))
        how = 0;
    else if (s->name)
        fail(b->g, s->pos, "E-SYNTAX", "goto ... as call or as return");
    emit_goto(b, s->a, how, s->pos);
}

/* The taken side of a branch: with annul true the slot is skipped too. */
static void lower_taken(struct build *b, const struct stmt *s, struct val annul)
{
    unsigned slot = b->isa.delay ? GOTO_DELAY : 0;

    if (annul.time == RUN) {
        emit(b, S_IF, 0, annul.node, ISA_NONE, ISA_NONE);
        emit_goto(b, s->b, 0, s->pos);
        emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
        b->l->returned = false;
        emit_goto(b, s->b, slot, s->pos);
    } else {
        emit_goto(b, s->b, decide(b, annul, s->pos, "annul") ? 0 : slot, s->pos);
    }
}

static void lower_not_taken(struct build *b, struct val annul, struct pos pos)
{
    if (annul.time == RUN) {
        emit(b, S_IF, 0, annul.node, ISA_NONE, ISA_NONE);
        lower_after(b);
        emit(b, S_ANNUL, 0, ISA_NONE, ISA_NONE, ISA_NONE);
        emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
        b->l->flags |= VAR_BRANCHES;
    } else if (decide(b, annul, pos, "annul")) {
        lower_after(b);
        emit(b, S_ANNUL, 0, ISA_NONE, ISA_NONE, ISA_NONE);
        b->l->flags |= VAR_BRANCHES;
        b->l->returned = true;
    }
}

static struct val annul_value(struct build *b, const struct stmt *s, bool taken)
{
    struct symbol *scope = b->l->scope;
    struct val v = val_bits(0, 1);

    if (s->c) {
        bind_name(b, "taken", val_bits(taken, 1));
        v = lower_cond(b, s->c);
        b->l->scope = scope;
    }
    return v;
}

/* branch c to t annul a: `taken` is known in a */
static void lower_branch(struct build *b, const struct stmt *s)
{
    struct val cond = lower_cond(b, s->a);
    bool returned = b->l->returned;

    if (cond.time != RUN) {
        if (decide(b, cond, s->pos, "the condition"))
            lower_taken(b, s, annul_value(b, s, true));
        else
            lower_not_taken(b, annul_value(b, s, false), s->pos);
        return;
    }
    struct val yes = annul_value(b, s, true), no = annul_value(b, s, false);
    emit(b, S_IF, 0, cond.node, ISA_NONE, ISA_NONE);
    lower_taken(b, s, yes);
    emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
    b->l->returned = returned;
    lower_not_taken(b, no, s->pos);
}

static void lower_trap(struct build *b, const struct stmt *s)
{
    int trap = find_named(b, &b->trap_items, s->name);
    uint16_t args[2] = { ISA_NONE, ISA_NONE };

    if (trap < 0)
        fail(b->g, s->pos, "E-NAME", "no trap %s is declared", s->name);
    if (s->nargs > 2)
        fail(b->g, s->pos, "E-TYPE", "a trap has at most two arguments");
    for (unsigned i = 0; i < s->nargs; i++) {
        struct val v = lower_expr(b, s->args[i], b->isa.pc_width);

        args[i] = val_node(b, v, v.w ? v.w : b->isa.pc_width, s->pos);
    }
    may_trap(b, s->pos);
    emit(b, S_TRAP, 0, (unsigned)trap, args[0], args[1]);
    b->l->returned = true;
}

/* flagfns are made for the widths they are used with */
static int flagfn_number(struct build *b, const struct stmt *s, const unsigned *w)
{
    for (unsigned i = 0; i < b->flagfns.count; i++) {
        struct isa_flagfn *f = AT(b, flagfns, struct isa_flagfn, i);
        bool same = !strcmp(text_at(b, f->name), s->name) && f->args == s->nargs;

        for (unsigned k = 0; same && k < s->nargs; k++)
            same = f->arg_w[k] == w[k];
        if (same)
            return (int)i;
    }
    return -1;
}

static unsigned flagfn_flag(struct build *b, const struct stmt *s, unsigned group)
{
    uint16_t g;
    int flag = -1;

    if (s->kind == ST_ASSIGN && s->a->kind == E_NAME)
        flag = find_flag(b, NULL, s->a->name, &g);
    else if (s->kind == ST_ASSIGN && s->a->kind == E_MEMBER && s->a->a->kind == E_NAME)
        flag = find_flag(b, s->a->a->name, s->a->name, &g);
    if (flag < 0 || g != group)
        fail(b->g, s->pos, "E-TYPE",
             "a flagfn has lets and assignments of its group's flags");
    return (unsigned)flag;
}

/* The value of one flag, as a body over ARGs.  The other flags' assignments are left out.
 */
static bool flagfn_body(struct build *b, const struct item *item, unsigned group,
                        unsigned flag, const struct isa_flagfn *f, struct sem_body *body)
{
    struct lower *outer = b->l, *l = arena_alloc(&b->g->arena, sizeof *l);
    bool found = false;
    unsigned k = 0;

    b->l = l;
    for (const struct list *p = item->list; p; p = p->next, k++)
        bind_name(
            b, p->name,
            val_run(emit(b, S_ARG, f->arg_w[k], k, ISA_NONE, ISA_NONE), f->arg_w[k]));
    for (const struct stmt *s = item->body; s; s = s->next) {
        if (s->kind == ST_LET) {
            bind_name(b, s->name, lower_expr(b, s->a, 0));
        } else if (flagfn_flag(b, s, group) == flag) {
            struct val v = adopt(b, lower_expr(b, s->b, 1), 1, s->pos);
            uint16_t node = val_node(b, v, 1, s->pos);

            if (node != l->nnodes - 1)
                emit(b, S_ZEXT, 1, node, ISA_NONE, ISA_NONE);
            found = true;
            break;
        }
    }
    if (found)
        *body = body_finish(b);
    b->l = outer;
    return found;
}

static int flagfn_new(struct build *b, const struct stmt *s, const unsigned *w)
{
    const struct item *item = find_item(b, I_FLAGFN, s->name);
    struct isa_flagfn f = { .name = text_add(b, s->name), .args = (uint8_t)s->nargs };
    unsigned params = 0;
    int group;

    if (!item)
        fail(b->g, s->pos, "E-NAME", "no flagfn %s", s->name);
    for (const struct list *p = item->list; p; p = p->next)
        params++;
    if (params != s->nargs || params > 3)
        fail(b->g, s->pos, "E-TYPE", "%s takes %u arguments (at most 3)", s->name,
             params);
    group = item->word ? find_named(b, &b->flags_items, item->word) : 0;
    if (group < 0 || !b->flags.count)
        fail(b->g, item->pos, "E-NAME", "no flags %s", item->word ? item->word : "");
    f.group = (uint16_t)group;
    for (unsigned k = 0; k < params; k++)
        f.arg_w[k] = (uint16_t)w[k];
    for (unsigned flag = 0; flag < AT(b, flags, struct isa_flags, group)->count; flag++)
        if (flag < 16 && flagfn_body(b, item, (unsigned)group, flag, &f, &f.flag[flag]))
            f.sets |= 1u << flag;
    *VEC(b, flagfns, struct isa_flagfn) = f;
    return (int)b->flagfns.count - 1;
}

static void lower_set(struct build *b, const struct stmt *s)
{
    unsigned w[3] = { 0 };
    uint16_t node[3] = { ISA_NONE, ISA_NONE, ISA_NONE };
    struct val v[3];
    int fn;

    if (s->nargs > 3)
        fail(b->g, s->pos, "E-TYPE", "a flagfn has at most three arguments");
    for (unsigned i = 0; i < s->nargs; i++) {
        v[i] = lower_expr(b, s->args[i], 0);
        w[i] = v[i].w ? v[i].w : i ? w[0] : 0;
        v[i] = adopt(b, v[i], w[i], s->pos);
        node[i] = val_node(b, v[i], w[i], s->pos);
    }
    fn = flagfn_number(b, s, w);
    if (fn < 0)
        fn = flagfn_new(b, s, w);
    if (fn > UINT8_MAX)
        fail(b->g, s->pos, "E-BUDGET", "more than 256 flagfns, each with its widths");
    struct isa_flagfn *f = AT(b, flagfns, struct isa_flagfn, fn);
    struct isa_flags *group = AT(b, flags, struct isa_flags, f->group);
    if (f->sets != (1u << group->count) - 1) /* the others keep their values */
        emit(b, S_SETTLE, 0, f->group, ISA_NONE, ISA_NONE);
    emitted(b, emit(b, S_SETFLAGS, 0, node[0], node[1], node[2]))->d = (uint8_t)fn;
    effect(b, true, group->bits_file);
    effect(b, true, group->kind_file);
    effect(b, true, group->args_file);
    wrote(b, s->pos);
}

/* ----------------------------------------------------------------------- loops */

static struct val loop_counter(struct build *b, const struct stmt *s, struct val from,
                               struct val to, bool lanes)
{
    struct place *p;
    unsigned w = to.w ? to.w : from.w ? from.w : 32;
    uint16_t x = val_node(b, adopt(b, from, w, s->pos), w, s->pos),
             y = val_node(b, adopt(b, to, w, s->pos), w, s->pos);

    p = local_new(b, w, s->pos);
    emitted(b, emit(b, S_LOOP, 0, p->number, x, y))->x = lanes;
    struct val counter = place_get(b, p);
    if (!to.w && !from.w)
        counter.w = 0; /* a number, as its bounds are */
    return counter;
}

/* The body of a loop, `under` its condition if it has one, and the loop's end. */
static void lower_loop_body(struct build *b, const struct stmt *s)
{
    if (s->d) {
        struct val under = lower_cond(b, s->d);

        emit(b, S_IF, 0, val_node(b, under, 1, s->pos), ISA_NONE, ISA_NONE);
        lower_stmts(b, s->body);
        emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
    } else {
        lower_stmts(b, s->body);
    }
    emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
}

static void lower_run_loop(struct build *b, const struct stmt *s, struct val from,
                           struct val to, bool lanes)
{
    struct val counter = loop_counter(b, s, from, to, lanes);
    struct symbol *scope = b->l->scope;

    bind_name(b, s->name, counter);
    lower_loop_body(b, s);
    b->l->scope = scope;
}

/* One step after the other.  After a step with errors there is none: the next would have
 * the same, and loops in loops would have them again and again. */
static void lower_unrolled(struct build *b, const struct stmt *s, int64_t from,
                           int64_t to)
{
    struct symbol *scope = b->l->scope;
    unsigned failed = b->l->failed;

    if (to - from > 256)
        fail(b->g, s->pos, "E-BUDGET", "a loop of more than 256 steps");
    for (int64_t i = from; i < to && !b->l->returned && b->l->failed == failed; i++) {
        bind_name(b, s->name, val_number(i));
        lower_stmts(b, s->body);
        b->l->scope = scope;
    }
}

/* A loop runs at run time where its body allows that; else it is unrolled. */
static void lower_for(struct build *b, const struct stmt *s)
{
    struct val from = lower_expr(b, s->a, 0), to = lower_expr(b, s->b, from.w);
    struct lower saved = *b->l;
    jmp_buf here, *outer = b->g->recover;
    FILE *messages = b->g->messages;
    unsigned errors = b->g->errors;
    volatile bool failed = false;

    if (from.time == SPEC && to.time == SPEC) {
        b->g->recover = &here;
        b->g->messages = NULL;
        b->l->recovers = false;
        if (!setjmp(here))
            lower_run_loop(b, s, from, to, false);
        else
            failed = true;
        b->l->recovers = saved.recovers;
        b->g->recover = outer;
        b->g->messages = messages;
        if (!failed && b->g->errors == errors)
            return;
        b->g->errors = errors;
        *b->l = saved;
        lower_unrolled(b, s, (int64_t)from.lo, (int64_t)to.lo);
        return;
    }
    lower_run_loop(b, s, from, to, false);
}

static void lower_lanes(struct build *b, const struct stmt *s)
{
    struct val from = lower_expr(b, s->a, 0), to = lower_expr(b, s->b, from.w);
    unsigned w = (unsigned)spec_number(b, s->c, "a lane's width", 128);
    const char *name = b->l->lane_name;
    struct val lane = b->l->lane;
    uint16_t width = b->l->lane_width;

    struct val counter = loop_counter(b, s, from, to, true);
    struct symbol *scope = b->l->scope;
    b->l->lane_name = s->name;
    b->l->lane = counter;
    b->l->lane_width = (uint16_t)w;
    bind_name(b, s->name, counter);
    lower_loop_body(b, s);
    b->l->scope = scope;
    b->l->lane_name = name;
    b->l->lane = lane;
    b->l->lane_width = width;
}

static void lower_iterate(struct build *b, const struct stmt *s)
{
    struct val cond = lower_cond(b, s->a);

    emit(b, S_IF, 0, val_node(b, cond, 1, s->pos), ISA_NONE, ISA_NONE);
    unsigned known = nonzero_learn(b, cond, true);
    lower_block(b, s->body);
    b->l->nnonzero = known;
    emit(b, S_REPEAT, 0, ISA_NONE, ISA_NONE, ISA_NONE);
    emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
    b->l->flags |= VAR_BRANCHES | VAR_ENDS_BLOCK;
    b->l->returned = false;
}

/* ----------------------------------------------------------------- calls of procs */

static void lower_proc(struct build *b, const struct item *proc, const struct expr *call)
{
    struct symbol *scope = b->l->scope, *made = NULL;
    const struct list *p = proc->list;

    if (++b->l->depth > 60)
        fail(b->g, call->pos, "E-NAME", "proc %s calls itself", proc->name);
    for (unsigned i = 0; i < call->nargs; i++, p = p->next) {
        struct symbol *s;

        if (!p)
            fail(b->g, call->pos, "E-TYPE", "too many arguments for %s", proc->name);
        s = arena_alloc(&b->g->arena, sizeof *s);
        s->name = p->name;
        if (p->flag)
            s->place = place_of(b, call->args[i], true);
        else
            s->val = lower_expr(b, call->args[i], 0);
        s->next = made;
        made = s;
    }
    if (p)
        fail(b->g, call->pos, "E-TYPE", "too few arguments for %s", proc->name);
    b->l->scope = made;
    lower_stmts(b, proc->body);
    b->l->scope = scope;
    b->l->depth--;
}

static void lower_call_stmt(struct build *b, const struct stmt *s)
{
    const struct item *proc;
    struct val v;

    if (s->a->kind == E_NAME && !strcmp(s->a->name, "body") && b->l->body) {
        struct symbol *scope = b->l->scope;
        const struct stmt *body = b->l->body;

        b->l->scope = NULL;
        b->l->body = NULL;
        lower_stmts(b, body);
        b->l->body = body;
        b->l->scope = scope;
    } else if (s->a->kind == E_CALL && !s->a->a &&
               (proc = find_item(b, I_PROC, s->a->name)))
        lower_proc(b, proc, s->a);
    else if (s->a->kind == E_NAME && (proc = find_item(b, I_PROC, s->a->name)) &&
             !proc->list)
        lower_proc(b, proc, s->a);
    else if (s->a->kind == E_CALL)
        lower_call(b, s->a, 0, &v);
    else
        fail(b->g, s->pos, "E-TYPE", "this does nothing");
}

/* `let x = register;` says when it is read, so that no alias can surprise. */
static void lower_let(struct build *b, const struct stmt *s)
{
    unsigned w = s->b ? (unsigned)spec_number(b, s->b, "a width", 128) : 0;
    unsigned nwrote = b->l->nwrote;

    if (s->a->kind == E_NAME || s->a->kind == E_INDEX || s->a->kind == E_SLICE)
        b->l->nwrote = 0;
    struct val v = lower_expr(b, s->a, w);
    b->l->nwrote = nwrote;
    bind_name(b, s->name, w ? adopt(b, v, w, s->pos) : v);
}

static void lower_stmt(struct build *b, const struct stmt *s)
{
    struct place *p;

    switch (s->kind) {
    case ST_LET: lower_let(b, s); return;
    case ST_VAR: lower_var(b, s); return;
    case ST_ASSIGN:
        p = place_of(b, s->a, true);
        place_put(b, p, lower_expr(b, s->b, p->w), s->b->pos);
        return;
    case ST_IF: lower_if(b, s); return;
    case ST_GOTO: lower_goto(b, s); return;
    case ST_BRANCH: lower_branch(b, s); return;
    case ST_TRAP: lower_trap(b, s); return;
    case ST_SET: lower_set(b, s); return;
    case ST_FOR: lower_for(b, s); return;
    case ST_LANES: lower_lanes(b, s); return;
    case ST_ITERATE: lower_iterate(b, s); return;
    case ST_CALL: lower_call_stmt(b, s); return;
    case ST_ANNUL: lower_not_taken(b, val_bits(1, 1), s->pos); return;
    case ST_UNDEF:
        p = place_of(b, s->a, true);
        place_put(b, p, val_number(0), s->pos);
        return;
    case ST_RETURN:
        b->l->result = lower_expr(b, s->a, b->l->result.w);
        b->l->returned = true;
        return;
    }
}

/* ------------------------------------------------------------- going on after errors */

/* The state of a body that a statement changes while it is lowered. */
struct mark {
    struct lower *l;
    struct symbol *scope;
    struct oper *opers;
    unsigned nopers, depth;
    bool decode_only, returned, recovers;
    int nesting;
    struct val result, lane;
    uint16_t lane_width;
    const char *lane_name;
    const struct stmt *body, *after;
};

static struct mark mark_of(struct lower *l)
{
    return (struct mark){ l,
                          l->scope,
                          l->opers,
                          l->nopers,
                          l->depth,
                          l->decode_only,
                          l->returned,
                          l->recovers,
                          l->nesting,
                          l->result,
                          l->lane,
                          l->lane_width,
                          l->lane_name,
                          l->body,
                          l->after };
}

static void back_to(struct build *b, const struct mark *m)
{
    struct lower *l = b->l = m->l;

    l->scope = m->scope;
    l->opers = m->opers;
    l->nopers = m->nopers;
    l->depth = m->depth;
    l->decode_only = m->decode_only;
    l->returned = m->returned;
    l->recovers = m->recovers;
    l->nesting = m->nesting;
    l->result = m->result;
    l->lane = m->lane;
    l->lane_width = m->lane_width;
    l->lane_name = m->lane_name;
    l->body = m->body;
    l->after = m->after;
    l->failed++;
}

/* After an error in it: its name fails whoever uses it, the statements within are checked
 * all the same. */
static void lower_failed(struct build *b, const struct stmt *s)
{
    if (s->kind == ST_ASSIGN || s->kind == ST_SET || s->kind == ST_CALL)
        return;
    b->l->failed_tests = true;
    if (s->kind == ST_LET || s->kind == ST_VAR) {
        bind_name(b, s->name, val_number(0))->failed = true;
        return;
    }
    struct symbol *scope = b->l->scope;
    bool returned = b->l->returned;
    if (s->kind == ST_FOR || s->kind == ST_LANES)
        bind_name(b, s->name, val_number(0))->failed = true;
    lower_stmts(b, s->body);
    b->l->scope = scope;
    b->l->returned = returned;
    lower_stmts(b, s->other);
    b->l->scope = scope;
    b->l->returned = returned;
}

/* Statements of which some may fail. */
static void lower_each(struct build *b, const struct stmt *first)
{
    jmp_buf here, *outer = b->g->recover;

    for (const struct stmt *volatile s = first; s && !b->l->returned; s = s->next) {
        struct mark mark = mark_of(b->l);
        const struct mark *volatile before = &mark;

        b->g->recover = &here;
        if (!setjmp(here)) {
            lower_stmt(b, s);
            b->g->recover = outer;
        } else {
            b->g->recover = outer;
            back_to(b, before);
            if (b->g->over_budget)
                fail_again(b->g);
            lower_failed(b, s);
        }
    }
}

void lower_stmts(struct build *b, const struct stmt *s)
{
    if (b->l->recovers) {
        lower_each(b, s);
        return;
    }
    for (; s && !b->l->returned; s = s->next)
        lower_stmt(b, s);
}

void lower_body(struct build *b, const struct stmt *s)
{
    b->l->recovers = true;
    lower_stmts(b, s);
    b->l->recovers = false;
    if (b->l->failed)
        fail_again(b->g);
}
