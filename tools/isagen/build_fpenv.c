/* build_fpenv.c - floating-point environments: rules, rounding, where flags are kept. */
#include <string.h>

#include "build.h"
#include "isa/fp/fp.h"

/* clang-format off */
static const struct { const char *name; uint32_t rules; } rules[] = {
    { "RISCV", FP_RULES_RISCV }, { "ARM", FP_RULES_ARM }, { "ARM_DN", FP_RULES_ARM_DN },
    { "SSE", FP_RULES_SSE }, { "X87", FP_RULES_X87 }, { "POWER", FP_RULES_POWER },
    { "SPARC", FP_RULES_SPARC }, { "MIPS", FP_RULES_MIPS }, { "MIPS2008", FP_RULES_MIPS2008 },
    { "S390", FP_RULES_S390 }, { "M68K", FP_RULES_M68K },
};
static const char *const fp_flags[] = { "nx", "uf", "of", "dz", "nv", "id", "up" };
/* clang-format on */

static const char *const fp_causes[] = { "vxsnan", "vxisi", "vxidi",  "vxzdz",
                                         "vximz",  "vxvc",  "vxsqrt", "vxcvi" };

static unsigned fp_bit(struct build *b, const struct list *l, const char *const *names,
                       unsigned n, const char *what, unsigned width)
{
    if (l->number >= width || l->number > 62)
        fail(b->g, l->pos, "E-WIDTH", "bit %llu of %u", (unsigned long long)l->number,
             width);
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(names[i], l->name))
            return i;
    fail(b->g, l->pos, "E-NAME", "%s", what);
}

/* Where the flags of an operation go. */
static void fpenv_bits(struct build *b, const struct item *item, struct isa_fpenv *env,
                       unsigned width)
{
    static const char what[] = "FP flags are nx uf of dz nv id up";

    for (const struct list *l = item->list; l; l = l->next)
        env->bit[fp_bit(b, l, fp_flags, 7, what, width)] = (uint8_t)l->number;
    for (const struct list *l = item->list2; l; l = l->next)
        env->each[fp_bit(b, l, fp_flags, 7, what, width)] = (uint8_t)(l->number + 1);
    for (const struct list *l = item->list3; l; l = l->next)
        env->cause[fp_bit(b, l, fp_causes, 8,
                          "causes are vxsnan vxisi vxidi vxzdz vximz vxvc vxsqrt vxcvi",
                          width)] = (uint8_t)(l->number + 1);
}

void build_fpenv(struct build *b, struct item *item)
{
    struct isa_fpenv env = { .name = text_add(b, item->name), .file = ISA_NONE };
    bool found = false;

    memset(env.bit, 0xff, sizeof env.bit);
    for (size_t i = 0; item->word && i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].name, item->word)) {
            env.rules = rules[i].rules;
            found = true;
        }
    if (!found)
        fail(b->g, item->pos, "E-FPENV", "fpenv %s needs `rules NAME;` of fp.h",
             item->name);
    begin_body(b, false);
    if (item->expr3) {
        struct place *p = place_of(b, item->expr3, true);
        const struct view *v = AT(b, view_info, struct view, p->number);

        if (p->kind != P_VIEW || v->item || p->index.time != SPEC)
            fail(b->g, item->expr3->pos, "E-FPENV", "flags are kept in one register");
        env.file = v->file;
        env.index = (uint16_t)p->index.lo;
        fpenv_bits(b, item, &env, p->w);
    }
    if (item->expr2) {
        begin_body(b, false);
        bind_name(b, "FP_DAZ", val_bits(FP_DAZ, 32));
        bind_name(b, "FP_FTZ", val_bits(FP_FTZ, 32));
        bind_name(b, "FP_NAN_ARM", val_bits(FP_NAN_ARM, 32));
        bind_name(b, "FP_RULES_ARM_FZ", val_bits(FP_RULES_ARM_FZ, 32));
        bind_name(b, "FP_RULES_SSE_FZ", val_bits(FP_RULES_SSE_FZ, 32));
        env.more_rules = value_body(b, lower_expr(b, item->expr2, 32), 32, item->pos);
    }
    *VEC(b, fpenvs, struct isa_fpenv) = env;
    *VEC(b, fpenv_items, struct item *) = item;
}
