/* effects.c - what helpers are declared to read and write. */
#include <string.h>

#include "build.h"

struct helper_effects { /* beside isa.helpers */
    uint64_t *reads, *writes;
    bool writes_state; /* that a guest sees */
};

/* An atom: a file, view, flag group, flag or system register; or what is not CPU state.
 */
static void add_atom(struct build *b, const struct expr *atom, uint64_t *set,
                     bool *visible)
{
    static const char *const outside[] = { "mem", "mmu", "clock", "io", "pc" };
    const struct view *v = find_view(b, atom->name);
    int flags = find_named(b, &b->flags_items, atom->name);
    uint16_t group = 0;

    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (!strcmp(outside[i], atom->name))
            return;
    if (!strcmp(atom->name, "*")) {
        for (uint32_t f = 0; f < b->files.count; f++)
            set[f / 64] |= 1ull << f % 64;
        *visible = true;
        return;
    }
    if (flags >= 0 || find_flag(b, NULL, atom->name, &group) >= 0) {
        const struct isa_flags *f =
            AT(b, flags, struct isa_flags, flags >= 0 ? (unsigned)flags : group);

        set[f->bits_file / 64] |= 1ull << f->bits_file % 64;
        set[f->kind_file / 64] |= 1ull << f->kind_file % 64;
        set[f->args_file / 64] |= 1ull << f->args_file % 64;
        *visible = true;
        return;
    }
    if (!v)
        fail(b->g, atom->pos, "E-EFFECT",
             "%s is no file, view, flag or system register; nor mem, mmu, clock, io, pc",
             atom->name);
    set[v->file / 64] |= 1ull << v->file % 64;
    *visible |= !AT(b, files, struct isa_file, v->file)->hidden;
}

void build_helper_effects(struct build *b, uint32_t number)
{
    const struct item *item = ((struct item **)b->helper_items.items)[number];
    struct helper_effects e = { 0 };
    bool ignored = false;

    e.reads = arena_array(&b->g->arena, effect_words(b) + 1, sizeof *e.reads);
    e.writes = arena_array(&b->g->arena, effect_words(b) + 1, sizeof *e.writes);
    for (const struct list *l = item->list2; l; l = l->next) {
        bool is_write = !strcmp(l->name, "writes");

        for (unsigned i = 0; l->expr && i < l->expr->nargs; i++)
            add_atom(b, l->expr->args[i], is_write ? e.writes : e.reads,
                     is_write ? &e.writes_state : &ignored);
    }
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
        if (e->writes[f / 64] & b->mode_inputs[f / 64] & 1ull << f % 64)
            fail(b->g, item->pos, "E-MODE",
                 "helper %s writes %s, which a mode depends on: say ends_block",
                 item->name, AT(b, files, struct isa_file, f)->name);
}

/* What a call of it adds to the instruction's effects. */
void helper_called(struct build *b, unsigned number, struct pos pos)
{
    const struct helper_effects *e;

    if (number >= b->helper_effects.count)
        return; /* of a helper with an error */
    e = AT(b, helper_effects, struct helper_effects, number);
    for (unsigned f = 0; f < b->files.count; f++) {
        if (e->reads[f / 64] >> f % 64 & 1)
            effect(b, false, f);
        if (e->writes[f / 64] >> f % 64 & 1)
            effect(b, true, f);
    }
    if (e->writes_state)
        wrote(b, pos);
}
