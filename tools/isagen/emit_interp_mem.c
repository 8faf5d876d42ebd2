/* emit_interp_mem.c - accesses to guest memory, as calls of isa/mem.h. */
#include "isa/sem.h"
#include "isagen/emit_interp.h"

static const char *order_of(const struct isa_access *access)
{
    return access->big ? "be" : "le";
}

static void check_alignment(struct body *body, const struct sem *node, const char *addr,
                            bool is_write)
{
    const struct isa_access *access = &body->isa->accesses[node->x];

    if (access->align > 1) {
        body_line(body, "if (UNLIKELY(%s %% %u))", addr, access->align);
        body_line(body, "    MISALIGNED(%u, %u, %s, %s);", body->at / 16, access->trap,
                  addr, is_write ? "ACCESS_WRITE" : "ACCESS_READ");
    }
}

/* `size` 0: not in one piece, and no fault at all (see mem_paged_host). */
static void touch(struct body *body, const char *addr, const char *size, bool is_write)
{
    if (body->variant && sem_is_unrepeatable(body->isa, body->variant->body))
        body_line(body, "TOUCH(%s, %s, %s);", addr, size,
                  is_write ? "ACCESS_WRITE" : "ACCESS_READ");
}

static const char *bytes_text(struct body *body, unsigned w)
{
    return arena_printf(body->arena, "%u", (w + 7) / 8);
}

/* An access of any number of bytes as accesses of 8, 4, 2 and 1; `shift` in bits. */
static void store_pieces(struct body *body, const struct isa_access *access,
                         const char *addr, const char *value, unsigned w)
{
    unsigned size = (w + 7) / 8;

    body_line(body, "mem_need_last(cpu, base, %s, %u);", addr, size);
    for (unsigned done = 0; done < size;) {
        unsigned n = size - done >= 8   ? 8
                     : size - done >= 4 ? 4
                     : size - done >= 2 ? 2
                                        : 1;
        unsigned shift = 8 * (access->big ? size - done - n : done);

        body_line(body,
                  "mem_st%u_%s(cpu, base, %s + %u, (uint%u_t)wide_lo(wide_shr(%s, %u)));",
                  n * 8, order_of(access), addr, done, n * 8, value, shift);
        done += n;
    }
}

static void load_pieces(struct body *body, const struct isa_access *access,
                        const char *addr, unsigned i, unsigned w)
{
    unsigned size = (w + 7) / 8;

    body_line(body, "wide t%u = wide_from(0);", i);
    for (unsigned done = 0; done < size;) {
        unsigned n = size - done >= 8   ? 8
                     : size - done >= 4 ? 4
                     : size - done >= 2 ? 2
                                        : 1;
        unsigned shift = 8 * (access->big ? size - done - n : done);

        body_line(body,
                  "t%u = wide_or(t%u, wide_shl(wide_from(mem_ld%u_%s(cpu, base, %s + "
                  "%u)), %u));",
                  i, i, n * 8, order_of(access), addr, done, shift);
        done += n;
    }
    body_line(body, "%s v%u = %s;", expr_type(w), i,
              expr_mask(body->arena, w,
                        arena_printf(body->arena, w > 64 ? "t%u" : "wide_lo(t%u)", i)));
}

static bool is_access_width(unsigned w)
{
    return w == 8 || w == 16 || w == 32 || w == 64;
}

static void load(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];
    const struct isa_access *access = &body->isa->accesses[node->x];
    const char *addr = body->text[node->a];

    check_alignment(body, node, addr, false);
    touch(body, addr, bytes_text(body, node->w), false);
    if (access->order & 2)
        body_line(body, "mem_fence();");
    if (!is_access_width(node->w))
        load_pieces(body, access, addr, i, node->w);
    else if (body->uses[i])
        body_line(body, "%s v%u = mem_ld%u_%s(cpu, base, %s);", expr_type(node->w), i,
                  node->w, order_of(access), addr);
    else
        body_line(body, "mem_ld%u_%s(cpu, base, %s);", node->w, order_of(access), addr);
    if (access->order & 1)
        body_line(body, "mem_fence();");
}

static void store(struct body *body, const struct sem *node)
{
    const struct isa_access *access = &body->isa->accesses[node->x];
    const char *addr = body->text[node->a];
    unsigned w = body->nodes[node->b].w;

    check_alignment(body, node, addr, true);
    touch(body, addr, bytes_text(body, w), true);
    if (access->order & 2)
        body_line(body, "mem_fence();");
    if (is_access_width(w))
        body_line(body, "mem_st%u_%s(cpu, base, %s, (uint%u_t)%s);", w, order_of(access),
                  addr, w, body->text[node->b]);
    else
        store_pieces(body, access, addr, expr_wide(body, node->b), w);
    if (access->order & 1)
        body_line(body, "mem_fence();");
}

static void atomic(struct body *body, unsigned i)
{
    static const char *const amos[] = { "AMO_XCHG", "AMO_ADD",  "AMO_AND",
                                        "AMO_OR",   "AMO_XOR",  "AMO_MIN",
                                        "AMO_MAX",  "AMO_MINU", "AMO_MAXU" };
    const struct sem *node = &body->nodes[i];
    unsigned w = node->op == S_STCOND ? body->nodes[node->b].w : node->w;
    const char *addr = body->text[node->a], *call;
    const char *b = node->op == S_RESERVE ? NULL : body->text[node->b];
    const char *big = body->isa->accesses[node->x].big ? "true" : "false";

    check_alignment(body, node, addr, node->op != S_RESERVE);
    touch(body, addr,
          arena_printf(body->arena, "RHEA_PAGED ? 0 : %s", bytes_text(body, w)),
          node->op != S_RESERVE);
    switch (node->op) {
    case S_AMO:
        call = w > 64
                   ? arena_printf(body->arena, "mem_wide_amo(cpu, base, %s, %s, %s, %s)",
                                  addr, amos[node->d % 9], b, big)
                   : arena_printf(body->arena,
                                  "mem_amo%u(cpu, base, %s, %s, (uint%u_t)%s, %s)", w,
                                  addr, amos[node->d % 9], w, b, big);
        break;
    case S_CAS:
        call =
            w > 64
                ? arena_printf(body->arena, "mem_wide_cas(cpu, base, %s, %s, %s, %s)",
                               addr, b, body->text[node->c], big)
                : arena_printf(body->arena,
                               "mem_cas%u(cpu, base, %s, (uint%u_t)%s, (uint%u_t)%s, %s)",
                               w, addr, w, b, w, body->text[node->c], big);
        break;
    case S_RESERVE:
        call = w > 64 ? arena_printf(body->arena, "mem_wide_reserve(cpu, base, %s, %s)",
                                     addr, big)
                      : arena_printf(body->arena, "mem_reserve%u(cpu, base, %s, %s)", w,
                                     addr, big);
        break;
    default:
        call = w > 64
                   ? arena_printf(body->arena, "mem_wide_stcond(cpu, base, %s, %s, %s)",
                                  addr, b, big)
                   : arena_printf(body->arena,
                                  "mem_stcond%u(cpu, base, %s, (uint%u_t)%s, %s)", w,
                                  addr, w, b, big);
    }
    if (body->uses[i])
        body_line(body, "%s v%u = %s;", expr_type(node->w), i, call);
    else
        body_line(body, "%s;", call);
}

static void fence(struct body *body, const struct sem *node)
{
    if (node->x & ~FENCE_FETCH)
        body_line(body, "mem_fence();");
    if (node->x & FENCE_FETCH)
        body_line(body, "interp_fence_fetch(cpu);");
}

void memory_emit(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];

    switch (node->op) {
    case S_LD: load(body, i); break;
    case S_ST: store(body, node); break;
    case S_FENCE: fence(body, node); break;
    default: atomic(body, i); break;
    }
}
