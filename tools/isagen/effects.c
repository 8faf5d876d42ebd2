/* effects.c - what helpers and instructions are declared to read, write and raise, and
 * what an instruction was found to do. */
#include <string.h>

#include "build.h"

/* Sets of atoms: files, then flags (16 for each group), then what is no CPU state, then
 * traps. */
enum { OUT_MEM, OUT_MMU, OUT_CLOCK, OUT_IO, OUT_PC, OUT_SYSREGS, OUTSIDE };

static const char *const outside[OUTSIDE] = {
    "mem", "mmu", "clock", "io", "pc", "sysregs"
};

struct helper_effects {       /* beside isa.helpers */
    uint64_t *reads, *writes; /* sets of files */
    uint64_t *reads_atoms, *writes_atoms;
    bool writes_state; /* that a guest sees */
};

static unsigned flag_atom(struct build *b, unsigned group, unsigned flag)
{
    return b->files.count + 16 * group + flag;
}

static unsigned outside_atom(struct build *b, unsigned i)
{
    return b->files.count + 16 * b->flags.count + i;
}

static unsigned trap_atom(struct build *b, unsigned trap)
{
    return outside_atom(b, OUTSIDE) + trap;
}

static unsigned atom_words(struct build *b)
{
    return (trap_atom(b, b->traps.count) + 63) / 64;
}

static uint64_t *atoms_new(struct build *b)
{
    return arena_array(&b->g->arena, atom_words(b), sizeof(uint64_t));
}

static void set_add(uint64_t *set, unsigned i)
{
    set[i / 64] |= 1ull << i % 64;
}

static bool set_has(const uint64_t *set, unsigned i)
{
    return set[i / 64] >> i % 64 & 1;
}

static const char *atom_name(struct build *b, unsigned atom)
{
    if (atom >= trap_atom(b, 0))
        return text_at(b, AT(b, traps, struct isa_trap, atom - trap_atom(b, 0))->name);
    if (atom >= outside_atom(b, 0))
        return outside[atom - outside_atom(b, 0)];
    if (atom >= b->files.count) {
        atom -= b->files.count;
        uint32_t names = AT(b, flags, struct isa_flags, atom / 16)->names;

        return text_at(b, *AT(b, names, uint32_t, names + atom % 16));
    }
    return text_at(b, AT(b, files, struct isa_file, atom)->name);
}

static void add_flags(struct build *b, uint64_t *set, unsigned group, uint64_t which)
{
    for (unsigned i = 0; i < AT(b, flags, struct isa_flags, group)->count; i++)
        if (which >> i & 1)
            set_add(set, flag_atom(b, group, i));
}

/* An atom: a file, view, flag group, flag or system register; or what is not CPU state;
 * or everything. */
static void add_atom(struct build *b, const struct expr *atom, uint64_t *set)
{
    const struct view *v = find_view(b, atom->name);
    int flags = find_named(b, &b->flags_items, atom->name), flag;
    uint16_t group = 0;

    for (unsigned i = 0; i < OUTSIDE; i++)
        if (!strcmp(outside[i], atom->name)) {
            set_add(set, outside_atom(b, i));
            return;
        }
    if (!strcmp(atom->name, "*"))
        for (unsigned i = 0; i < trap_atom(b, 0); i++)
            set_add(set, i);
    else if (flags >= 0)
        add_flags(b, set, (unsigned)flags, UINT64_MAX);
    else if ((flag = find_flag(b, NULL, atom->name, &group)) >= 0)
        set_add(set, flag_atom(b, group, (unsigned)flag));
    else if (v)
        set_add(set, v->file);
    else
        fail(b->g, atom->pos, "E-EFFECT",
             "%s is no file, view, flag or system register; nor mem, mmu, clock, io, pc",
             atom->name);
}

/* --------------------------------------------------------------------- of helpers */

/* The files of a set of atoms; what holds a group's flags for any of its flags. */
static uint64_t *files_of(struct build *b, const uint64_t *atoms, bool *visible)
{
    uint64_t *set = arena_array(&b->g->arena, effect_words(b) + 1, sizeof *set);

    for (unsigned f = 0; f < b->files.count; f++)
        if (set_has(atoms, f)) {
            set_add(set, f);
            *visible |= !AT(b, files, struct isa_file, f)->hidden;
        }
    for (unsigned group = 0; group < b->flags.count; group++) {
        const struct isa_flags *f = AT(b, flags, struct isa_flags, group);
        bool any = false;

        for (unsigned i = 0; i < f->count; i++)
            any |= set_has(atoms, flag_atom(b, group, i));
        if (any) {
            set_add(set, f->bits_file);
            set_add(set, f->kind_file);
            set_add(set, f->args_file);
            *visible = true;
        }
    }
    return set;
}

void build_helper_effects(struct build *b, uint32_t number)
{
    const struct item *item = ((struct item **)b->helper_items.items)[number];
    struct helper_effects e = { .reads_atoms = atoms_new(b),
                                .writes_atoms = atoms_new(b) };
    bool ignored = false;

    for (const struct list *l = item->list2; l; l = l->next)
        for (unsigned i = 0; l->expr && i < l->expr->nargs; i++)
            add_atom(b, l->expr->args[i],
                     strcmp(l->name, "writes") ? e.reads_atoms : e.writes_atoms);
    e.reads = files_of(b, e.reads_atoms, &ignored);
    e.writes = files_of(b, e.writes_atoms, &e.writes_state);
    *VEC(b, helper_effects, struct helper_effects) = e;
}

/* After the modes are known: their keys are computed anew only when a block ends. */
void check_helper_modes(struct build *b, uint32_t number)
{
    const struct item *item = ((struct item **)b->helper_items.items)[number];
    const struct helper_effects *e = AT(b, helper_effects, struct helper_effects, number);

    if (AT(b, helpers, struct isa_helper, number)->ends_block)
        return;
    for (unsigned f = 0; f < b->files.count; f++)
        if (set_has(e->writes, f) && set_has(b->mode_inputs, f))
            fail(b->g, item->pos, "E-MODE",
                 "helper %s writes %s, which a mode depends on: say ends_block",
                 item->name, text_at(b, AT(b, files, struct isa_file, f)->name));
}

/* What a call of it adds to the instruction's effects. */
void helper_called(struct build *b, unsigned number, struct pos pos)
{
    const struct helper_effects *e;

    if (number >= b->helper_effects.count)
        return; /* of a helper with an error */
    e = AT(b, helper_effects, struct helper_effects, number);
    for (unsigned f = 0; f < b->files.count; f++) {
        if (set_has(e->reads, f))
            effect(b, false, f);
        if (set_has(e->writes, f))
            effect(b, true, f);
    }
    if (e->writes_state)
        wrote(b, pos);
}

/* ---------------------------------------------------------------- of instructions */

enum { READS, WRITES, TRAPS, KINDS };

static const char *const kinds[KINDS] = { "reads", "writes", "traps" };
static const char *const does[KINDS] = { "reads", "writes", "raises" };

struct insn_effects { /* of an `effects` statement, over all rows and variants */
    const struct insn *insn;
    uint64_t *declared[KINDS], *found[KINDS]; /* not declared: NULL */
};

static void add_trap(struct build *b, const struct expr *atom, uint64_t *set)
{
    int trap = find_named(b, &b->trap_items, atom->name);

    if (!strcmp(atom->name, "mem"))
        set_add(set, outside_atom(b, OUT_MEM));
    else if (trap >= 0)
        set_add(set, trap_atom(b, (unsigned)trap));
    else
        fail(b->g, atom->pos, "E-EFFECT", "%s is no trap, nor mem (a fault of memory)",
             atom->name);
}

static struct insn_effects *effects_of(struct build *b, const struct insn *insn)
{
    struct insn_effects *e;

    for (uint32_t i = 0; i < b->insn_effects.count; i++)
        if (AT(b, insn_effects, struct insn_effects, i)->insn->effects == insn->effects)
            return AT(b, insn_effects, struct insn_effects, i);
    struct insn_effects new = { .insn = insn };
    for (const struct list *l = insn->effects; l; l = l->next) {
        unsigned kind = 0;

        while (kind < KINDS && strcmp(kinds[kind], l->name))
            kind++;
        if (kind == KINDS || !l->expr)
            fail(b->g, l->pos, "E-EFFECT",
                 "effects of an instruction are reads(..), writes(..) and traps(..)");
        if (!new.declared[kind])
            new.declared[kind] = atoms_new(b);
        for (unsigned i = 0; i < l->expr->nargs; i++)
            (kind == TRAPS ? add_trap : add_atom)(b, l->expr->args[i],
                                                  new.declared[kind]);
    }
    for (unsigned k = 0; k < KINDS; k++)
        new.found[k] = atoms_new(b);
    e = VEC(b, insn_effects, struct insn_effects);
    *e = new;
    return e;
}

/* The group whose flags are kept in the file, or -1. */
static int group_of(struct build *b, unsigned file)
{
    for (unsigned i = 0; i < b->flags.count; i++) {
        const struct isa_flags *f = AT(b, flags, struct isa_flags, i);

        if (file == f->bits_file || file == f->kind_file || file == f->args_file)
            return (int)i;
    }
    return -1;
}

static void found_access(struct build *b, uint64_t *const *found, const struct sem *s)
{
    const struct isa_access *access = AT(b, accesses, struct isa_access, s->x);
    unsigned mem = outside_atom(b, OUT_MEM);

    if (s->op != S_ST && s->op != S_STCOND)
        set_add(found[READS], mem);
    if (s->op != S_LD && s->op != S_RESERVE)
        set_add(found[WRITES], mem);
    set_add(found[TRAPS], mem);
    if (access->trap != ISA_NONE)
        set_add(found[TRAPS], trap_atom(b, access->trap));
}

static void found_helper(struct build *b, uint64_t *const *found, unsigned helper)
{
    const struct helper_effects *e = AT(b, helper_effects, struct helper_effects, helper);

    for (unsigned i = 0; i < atom_words(b); i++) {
        found[READS][i] |= e->reads_atoms[i];
        found[WRITES][i] |= e->writes_atoms[i];
    }
}

/* What a node does beyond the files, which the variant has in a set. */
static void found_node(struct build *b, uint64_t *const *found, const struct sem *s)
{
    int group;

    switch (s->op) {
    case S_FLAG: add_flags(b, found[READS], s->a, 1ull << s->b); return;
    case S_SETFLAGS:
        add_flags(b, found[WRITES], AT(b, flagfns, struct isa_flagfn, s->d)->group,
                  AT(b, flagfns, struct isa_flagfn, s->d)->sets);
        return;
    case S_PUTF:
        if ((group = group_of(b, s->a)) >= 0)
            add_flags(b, found[WRITES], (unsigned)group, 1ull << s->b);
        return;
    case S_LD:
    case S_ST:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND: found_access(b, found, s); return;
    case S_HELPER: found_helper(b, found, s->a); return;
    case S_GOTO:
    case S_PUTNPC:
    case S_ANNUL: set_add(found[WRITES], outside_atom(b, OUT_PC)); return;
    case S_NPC: set_add(found[READS], outside_atom(b, OUT_PC)); return;
    case S_SYSREAD:
    case S_SYSWRITE:
        set_add(found[s->op == S_SYSREAD ? READS : WRITES], outside_atom(b, OUT_SYSREGS));
        if (b->isa.sysreg_trap != ISA_NONE)
            set_add(found[TRAPS], trap_atom(b, b->isa.sysreg_trap));
        return;
    case S_TRAP: set_add(found[TRAPS], trap_atom(b, s->a)); return;
    default: return;
    }
}

static void found_files(struct build *b, uint64_t *found, uint16_t set)
{
    const uint64_t *files = AT(b, effects, uint64_t, (uint32_t)set * effect_words(b));

    for (unsigned f = 0; f < b->files.count; f++)
        if (set_has(files, f) && group_of(b, f) < 0)
            set_add(found, f);
}

/* E-EFFECT: its variants, from `first` on, do more than was declared. */
void check_effects(struct build *b, const struct insn *insn, uint32_t first)
{
    struct insn_effects *e = insn->effects ? effects_of(b, insn) : NULL;

    for (uint32_t i = first; e && i < b->variants.count; i++) {
        const struct isa_variant *v = AT(b, variants, struct isa_variant, i);

        found_files(b, e->found[READS], v->reads);
        found_files(b, e->found[WRITES], v->writes);
        for (uint32_t n = 0; n < v->body.count; n++)
            found_node(b, e->found, AT(b, nodes, struct sem, v->body.first + n));
    }
    for (unsigned k = 0; e && k < KINDS; k++)
        for (unsigned i = 0; e->declared[k] && i < trap_atom(b, b->traps.count); i++)
            if (set_has(e->found[k], i) && !set_has(e->declared[k], i))
                error_at(b->g, insn->effects->pos, "E-EFFECT",
                         "%s %s %s, which is not among its effects", insn->name, does[k],
                         atom_name(b, i));
}

/* W-EFFECT: what was declared and no variant of any row does. */
void check_unused_effects(struct build *b)
{
    for (uint32_t n = 0; n < b->insn_effects.count; n++) {
        const struct insn_effects *e = AT(b, insn_effects, struct insn_effects, n);
        const char *name = e->insn->whole ? e->insn->whole : e->insn->name;

        for (unsigned k = 0; k < KINDS; k++)
            for (unsigned i = 0; e->declared[k] && i < trap_atom(b, b->traps.count); i++)
                if (set_has(e->declared[k], i) && !set_has(e->found[k], i) &&
                    !(k == READS && i == outside_atom(b, OUT_PC)))
                    warn_at(b->g, e->insn->effects->pos, "W-EFFECT",
                            "%s is said to %.*s %s, and does not", name,
                            (int)strlen(does[k]) - 1, does[k], atom_name(b, i));
    }
}
