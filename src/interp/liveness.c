/* liveness.c - see liveness.h
 *
 * Backwards: an op whose flags are all set again before anybody may see them becomes its
 * variant without flags.  Forwards: an op that reads a condition becomes the variant for
 * the flagfn that set the flags last, where a law made one. */
#include "interp/liveness.h"

#include "interp/interp.h"

static const struct isa_flag_use *use_of(const struct isa *isa, uint32_t variant)
{
    return &isa->flag_uses[isa->variants[variant].flag_use];
}

/* Bit i of *dead: op i need not write flags. */
static void find_dead(const struct isa *isa, const uint32_t *variants, unsigned count,
                      bool *dead)
{
    uint64_t live = UINT64_MAX;

    for (unsigned i = count; i-- > 0;) {
        const struct isa_flag_use *use = use_of(isa, variants[i]);
        uint16_t without = isa->variants[variants[i]].without_flags;

        dead[i] = without != ISA_NONE && !(use->may_set & live);
        if (dead[i])
            use = use_of(isa, without);
        live = use->observes ? UINT64_MAX : (live & ~use->sets) | use->reads;
    }
}

static uint32_t first_known(const struct isa *isa, uint32_t variant)
{
    uint32_t low = 0, high = isa->nflag_known;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (isa->flag_known[middle].variant < variant)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The variant for what is known, or the same. */
static uint32_t choose_known(const struct isa *isa, uint32_t variant,
                             const uint16_t *known)
{
    if (!use_of(isa, variant)->reads)
        return variant;
    for (uint32_t i = first_known(isa, variant);
         i < isa->nflag_known && isa->flag_known[i].variant == variant; i++) {
        unsigned flagfn = isa->flag_known[i].flagfn;

        if (known[isa->flagfns[flagfn].group] == flagfn + 1)
            return isa->flag_known[i].instead;
    }
    return variant;
}

static void update_known(const struct isa *isa, const struct isa_flag_use *use,
                         uint16_t *known)
{
    for (unsigned g = 0; g < isa->nflags && use->touches >> g; g++)
        if (use->touches >> g & 1)
            known[g] = 0;
    for (unsigned k = 0; k < 2; k++)
        if (use->kind[k])
            known[isa->flagfns[use->kind[k] - 1].group] = use->kind[k];
}

void liveness_choose(const struct isa *isa, uint32_t *variants, unsigned count,
                     uint16_t known[ISA_FLAG_GROUPS])
{
    bool dead[MAX_BLOCK_INSNS];

    find_dead(isa, variants, count, dead);
    for (unsigned i = 0; i < count; i++) {
        uint32_t chosen = choose_known(isa, variants[i], known);

        if (dead[i] && isa->variants[chosen].without_flags == ISA_NONE)
            chosen = variants[i];
        if (dead[i])
            chosen = isa->variants[chosen].without_flags;
        variants[i] = chosen;
        update_known(isa, use_of(isa, chosen), known);
    }
}
