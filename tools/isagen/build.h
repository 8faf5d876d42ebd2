/* build.h - from the syntax tree to the tables of isa.h, for one target. */
#ifndef ISAGEN_BUILD_H
#define ISAGEN_BUILD_H

#include "isagen.h"

/* ---------------------------------------------------------------------- values */

/* A decode-time expression.  Numbers (signed, of no width of their own) have w = 64 here.
 */
struct dx {
    uint8_t
        op; /* enum sem_op: CONST, FIELD, PC, ILEN, MODE, FEATURE or a pure operation */
    uint16_t w;
    uint64_t k; /* of a leaf; EXTRACT: the lowest bit */
    const struct dx *a, *b, *c;
    uint64_t hash; /* of all of it: parts are shared, so as a tree it may be huge */
    uint32_t depth;
};

enum { MAX_DX_DEPTH = 400 };

enum time { SPEC, DECODE, RUN };

/* A value of a body: known now, known when the instruction is decoded, or when it runs.
 */
struct val {
    uint16_t w;         /* bits; 0: a number */
    uint8_t time;       /* enum time */
    uint64_t lo, hi;    /* SPEC; a number is lo, as int64_t */
    const struct dx *d; /* DECODE */
    uint16_t node;      /* RUN */
};

/* What can be read or assigned. */
enum place_kind {
    P_FILE, /* element `index` of a file */
    P_VIEW, /* element `index` of a view */
    P_FLAG,
    P_LOCAL,
    P_SLICE,
    P_MEM,
    P_NPC,
    P_LANE,
    P_COND,
    P_ALTS,
};
struct place {
    enum place_kind kind;
    struct pos pos;
    uint16_t w;       /* width */
    uint16_t number;  /* file, view, flag group, local, access */
    struct val index; /* FILE, VIEW; FLAG: its number; LANE: lane; MEM: address */
    struct place *of; /* SLICE, LANE */
    uint16_t low;     /* SLICE: lowest bit */
    struct val cond;  /* COND: of, of2 */
    struct place *of2;
    void *extra;
};

/* --------------------------------------------------------------------- symbols */

struct view { /* beside isa_view: how a view is computed */
    const char *name;
    uint16_t number;   /* in isa.views */
    struct item *item; /* NULL: the file itself */
    uint16_t file;
    bool simple;    /* low bits of one element */
    uint8_t policy; /* enum below, on a write of less than the element */
};
enum { POLICY_KEEP, POLICY_ZEXT, POLICY_BOX };

struct oper { /* an operand of the instruction being lowered */
    const char *name;
    struct pos pos;
    const struct kind *kind;     /* resolved; NULL: a bare field */
    const struct kind *kinds[2]; /* K_CHOICE */
    struct val number; /* index or immediate, bits of a bare field as a number */
    struct val raw;    /* the field's bits */
    bool used;
    struct alts *alts;          /* a place with alternatives instead */
    const struct expr *derived; /* no field: computed from the others */
};

struct symbol { /* a let, var, parameter or loop counter */
    struct symbol *next;
    const char *name;
    struct val val;
    struct place *place; /* `out` parameter or var */
    bool failed; /* what it stands for had an error: so has what uses it, silently */
    struct expr *expr; /* a parameter of a fn, by value: NULL */
};

/* ------------------------------------------------------------------ the builder */

struct vec { /* a growing array in the arena */
    void *items;
    uint32_t count, room;
};

struct decision {
    const struct dx *on;
    uint16_t value, values;
};

/* The tree of decisions of a body. */
struct path {
    const struct dx *on; /* NULL: a leaf */
    unsigned values;
    struct path **children;
    uint32_t variant; /* UINT32_MAX: ruled out */
};

enum {
    MAX_DECISIONS = 64,
    MAX_VARIANTS = 4096,
    MAX_NODES = (1 << BODY_COUNT_BITS) - 1,
    MAX_NESTING = 500,
    MAX_SLOTS = 100
};

struct lower {        /* the body being lowered */
    bool decode_only; /* where, guard, alias: no state */
    const struct insn *insn;
    struct oper *opers;
    unsigned nopers;
    struct symbol *scope;
    struct sem *nodes;
    unsigned nnodes, nodes_room;
    int nesting;
    struct isa_slot slots[MAX_SLOTS];
    const struct dx *slot_dx[MAX_SLOTS];
    unsigned nslots;
    unsigned locals;
    struct decision decisions[MAX_DECISIONS];
    unsigned ndecisions, used; /* decisions consumed on this path */
    bool returned;             /* a return, trap or goto was passed: the rest is dead */
    struct val result;         /* of a return */
    bool wrote;                /* an architectural write came before */
    struct pos wrote_at;
    uint16_t flags;                /* VAR_* */
    uint64_t *reads, *writes;      /* effects */
    const struct dx *wrote_dx[16]; /* register operands written so far, for W-ALIAS */
    uint16_t wrote_view[16];
    unsigned nwrote;
    struct write { /* the newest writes, for W-DUPSTORE and W-DEADWRITE */
        bool local;
        uint16_t file; /* or the local */
        struct val index;
        unsigned node;
    } writes_done[8];
    unsigned nwrites_done;
    struct nonzero { /* nonzero.c: values known not to be 0 here */
        uint16_t node;
        const struct dx *d; /* of decode time; or NULL */
    } nonzero[32];
    unsigned nnonzero;
    struct val lane; /* inside lanes */
    uint16_t lane_width;
    const char *lane_name;
    unsigned depth; /* of inlined functions */
    const struct item *space;
    const struct dx *where;   /* the constraint, with what is decided; NULL: none */
    jmp_buf *dead;            /* where a path ends that the constraint rules out */
    bool recovers;            /* an error in a statement goes on with the next one */
    unsigned failed;          /* so many times */
    bool failed_tests;        /* ... in a condition or a name: E-DIV cannot be told */
    const struct stmt *body;  /* what `body;` stands for */
    const struct stmt *after; /* comes before every end of the instruction */
};

struct build {
    struct isagen *g;
    struct isa isa; /* arrays point into the vecs below once done */
    const struct item *target;
    struct vec nodes, consts, files, views, regnames, pieces, fields, operands, slots,
        insns, variants, choices, literals, aliases, fetches, accesses, traps, helpers,
        fpcalls, fpenvs, flags, flagfns, laws, modes, features, feature_sets, models,
        sysregs, examples, effects, streams, strings, names, sources, numbers, texts,
        alt_rows, enums, fixes, lengths, sysreg_fields, ex_cases, ex_items, ex_codes,
        ex_bytes, links, view_bodies, values, flag_uses, flag_known, gdb_rows;
    struct vec kinds[32];                /* struct item *, by enum item_kind */
    struct vec view_info;                /* struct view, beside views */
    struct vec insn_items;               /* const struct insn *, beside insns */
    struct vec example_pos, alias_items; /* struct pos; const struct item * */
    struct vec fpenv_items, flags_items, flagfn_items, mode_items, sysreg_items,
        trap_items, helper_items; /* struct item *, beside the tables of their names */
    struct vec helper_effects;    /* effects.c, beside helpers */
    struct vec insn_effects;      /* effects.c */
    struct vec fpu_round;
    uint32_t *body_index;  /* hash table of bodies: 1 + first node */
    uint16_t *body_counts; /* beside it */
    struct stream_info *stream_infos;
    struct stream_info *stream; /* of the instruction being built, or NULL */
    uint32_t field_base;        /* first field of the instruction being built */
    uint16_t mode_bits;
    uint16_t flag_start; /* files of flag groups begin here */
    struct lower *l;
    uint64_t *mode_inputs; /* effect set: state that modes read */
    struct alts *alts;
};

/* vec.c */
void *vec_add(struct build *b, struct vec *v, size_t size);
#define VEC(b, v, type) ((type *)vec_add(b, &(b)->v, sizeof(type)))
#define AT(b, v, type, i) (&((type *)(b)->v.items)[i])
/* Appends `count` elements; returns the number of the first. */
uint32_t run_add(struct build *b, struct vec *v, const void *items, uint32_t count,
                 size_t size);
#define RUN(b, v, items, count) run_add(b, &(b)->v, items, count, sizeof *(items))
uint32_t text_add(struct build *b, const char *text); /* NULL is 0 */
const char *text_at(const struct build *b, uint32_t text);
struct isa_where where_is(struct build *b, struct pos pos);

/* value.c: decode-time expressions and values of all times */
struct val val_number(int64_t n);
struct val val_bits(uint64_t lo, unsigned w);
struct val val_run(uint16_t node, unsigned w);
struct val val_decode(const struct dx *d, unsigned w);
const struct dx *dx_new(struct build *b, int op, unsigned w, uint64_t k,
                        const struct dx *a, const struct dx *c, const struct dx *d);
bool dx_equal(const struct dx *a, const struct dx *c);
bool dx_range(struct build *b, const struct dx *d, int64_t *low, int64_t *high);
const struct dx *val_dx(struct build *b, struct val v, unsigned w); /* SPEC or DECODE */
uint64_t fold(int op, unsigned w, unsigned aw, uint64_t a, uint64_t c, uint64_t d);
bool can_fold(int op);
struct sem_body dx_body(struct build *b,
                        const struct dx *d); /* writes it to the node table */
uint32_t const_add(struct build *b, uint64_t lo, uint64_t hi, bool wide);
struct sem_body body_finish(struct build *b); /* the nodes lowered so far, as a body */

/* nodes.c: emission of run-time nodes */
uint16_t emit(struct build *b, int op, unsigned w, unsigned a, unsigned c, unsigned d);
struct sem *emitted(struct build *b, uint16_t node);
uint16_t val_node(struct build *b, struct val v, unsigned w, struct pos pos);
struct val adopt(struct build *b, struct val v, unsigned w, struct pos pos);
struct val op1(struct build *b, int op, unsigned w, struct val a, struct pos pos);
struct val op2(struct build *b, int op, unsigned w, struct val a, struct val c,
               struct pos pos);
struct val op3(struct build *b, int op, unsigned w, struct val a, struct val c,
               struct val d, struct pos pos);
struct val extract(struct build *b, struct val v, unsigned low, unsigned w,
                   struct pos pos);
struct val widen(struct build *b, int op, struct val v, unsigned w, struct pos pos);
struct val truth(struct build *b, struct val v, struct pos pos); /* to 1 bit */
uint64_t val_max(struct build *b, struct val v); /* an upper bound, unsigned */
/* The value at spec time, or a decision on a decode-time value of few bits. */
int64_t decide(struct build *b, struct val v, struct pos pos, const char *what);
void may_trap(struct build *b, struct pos pos);
void wrote(struct build *b, struct pos pos);
void effect(struct build *b, bool write, unsigned file);

/* nonzero.c: notes what the condition says, until nnonzero is set back to the result */
unsigned nonzero_learn(struct build *b, struct val cond, bool is);
bool is_nonzero(struct build *b, struct val v);
bool same_value(struct build *b, uint16_t x, uint16_t y); /* surely, of two nodes */

/* lower.c, place.c, stmt.c, calls.c, fpcalls.c */
void lower_meaning(struct build *b, const struct around *around, const struct stmt *body);
struct val lower_expr(struct build *b, const struct expr *e, unsigned want);
struct val lower_cond(struct build *b, const struct expr *e); /* 1 bit */
void lower_stmts(struct build *b, const struct stmt *s);
/* A whole body: all its errors are reported, then fail_again(). */
void lower_body(struct build *b, const struct stmt *s);
struct place *place_of(struct build *b, const struct expr *e, bool must);
struct val place_get(struct build *b, struct place *p);
struct val place_get_now(struct build *b, struct place *p);
void place_put(struct build *b, struct place *p, struct val v, struct pos pos);
struct place *place_new(struct build *b, enum place_kind kind, unsigned w,
                        struct pos pos);
struct place *oper_place(struct build *b, struct oper *o, struct pos pos);
struct val oper_value(struct build *b, struct oper *o, struct pos pos);
bool lower_call(struct build *b, const struct expr *e, unsigned want, struct val *out);
bool lower_fp(struct build *b, const struct expr *e, unsigned want, struct val *out);
struct val call_fn(struct build *b, const struct item *fn, struct expr **args,
                   unsigned nargs, struct pos pos, unsigned want);
struct val lower_memory(struct build *b, const struct expr *e, unsigned want);
struct symbol *bind_name(struct build *b, const char *name, struct val v);
uint64_t spec_number(struct build *b, const struct expr *e, const char *what,
                     uint64_t most);
void check_rmw(struct build *b, uint16_t store, struct pos pos); /* W-RMW */
uint16_t access_new(struct build *b, const struct item *space, bool big, unsigned align,
                    unsigned order, unsigned kind);

/* build.c, binsn.c, ...: items to tables */
/* Runs `make` for each item of a kind; an error in one goes on with the next. */
void each_item(struct build *b, enum item_kind kind,
               void (*make)(struct build *, struct item *));
struct item *find_item(struct build *b, enum item_kind kind, const char *name);
struct view *find_view(struct build *b, const char *name);
int find_flag(struct build *b, const char *group, const char *flag, uint16_t *out_group);
int find_named(struct build *b, struct vec *items,
               const char *name); /* vec of struct item * */
int find_feature(struct build *b, const char *name);
uint16_t feature_set(struct build *b, const struct expr *e);
void build_state(struct build *b);
void build_insns(struct build *b);
void check_vectors(struct build *b);                         /* vectors.c */
void build_helper_effects(struct build *b, uint32_t number); /* effects.c */
void check_helper_modes(struct build *b, uint32_t number);
void helper_called(struct build *b, unsigned number, struct pos pos);
void check_effects(struct build *b, const struct insn *insn, uint32_t first_variant);
void check_unused_effects(struct build *b); /* after all instructions */
/* budget.c: the limits that a spec gives itself; variants from `first` on */
struct path;
void check_budget(struct build *b, const struct insn *insn, uint32_t first,
                  const struct path *choices);
const char *choices_text(struct build *b,
                         const struct path *choices); /* "mod (4) x w (2)" */
void check_budget_of_all(struct build *b);
void build_aliases(struct build *b);
void build_streams(struct build *b); /* build_stream.c: `stream` blocks */
/* What a body is lowered with. */
struct insn_context {
    const struct insn *insn;
    struct oper *opers;
    unsigned nopers;
    const struct stmt *body;
    const struct dx *where; /* its constraint, or NULL */
};
uint32_t lower_variants(struct build *b, struct insn_context *c, uint16_t insn);

/* build_file.c, build_fpenv.c, build_sysreg.c, build_fetch.c: state */
uint16_t file_new(struct build *b, const char *name, unsigned count, unsigned width,
                  bool zero, bool hidden, struct pos pos);
struct view *view_new(struct build *b, struct isa_view row, struct view info);
void build_file(struct build *b, struct item *item);
void build_view(struct build *b, struct item *item);
void build_view_bodies(struct build *b, uint32_t number);
void build_flags(struct build *b, struct item *item);
void build_fpenv(struct build *b, struct item *item);
void build_sysreg(struct build *b, struct item *item);
void build_sysreg_bodies(struct build *b, uint32_t number);
void build_sysregs_item(struct build *b, struct item *item);
void build_fetch(struct build *b, struct item *item);
/* The nodes lowered so far with `v` as the last one's value. */
struct sem_body value_body(struct build *b, struct val v, unsigned w, struct pos pos);
uint64_t field_mask(uint64_t hi, uint64_t lo);

/* build_operand.c, build_enc.c: operands and encodings; `opers` in the order of `ops` */
struct oper *make_opers(struct build *b, const struct insn *insn, unsigned *count);
unsigned field_count(const struct oper *opers, unsigned n); /* those with a field */
void derive(struct build *b, struct oper *opers, unsigned n);
unsigned kind_bits(const struct oper *o);
unsigned log2_of(unsigned n); /* of a power of two; else of the next one */
const struct kind *resolve_kind(struct build *b, const struct kind *k, unsigned depth);
void add_operand(struct build *b, struct oper *o, unsigned field);
struct drawn { /* what enc has drawn so far */
    unsigned total, at;
    uint64_t mask, value;
    uint64_t seen[64]; /* bits drawn of each operand's field */
    struct vec pieces[ISA_MAX_FIELDS];
    char picture[512];
};
void draw_enc(struct build *b, struct drawn *d, const struct insn *insn,
              const struct oper *opers, unsigned nopers);
void add_field(struct build *b, const struct drawn *d, struct oper *o, unsigned i,
               unsigned bits);
uint32_t first_word(struct build *b, const char *text); /* the mnemonic */

/* stream_build.c, stream_rows.c, stream_lower.c: variable-length encodings */
void build_streams(struct build *b);  /* before instructions */
void finish_streams(struct build *b); /* after them */
void stream_examples(
    struct build *b); /* when the table is complete: whose rows they are */
bool decide_condition(struct build *b, const struct expr *e); /* of decode time */
const struct expr *stream_let(struct build *b, const char *name);
const struct expr *stream_name(struct build *b, const char *name, struct pos pos);
struct place *stream_place(struct build *b, const char *name);
bool stream_early(struct build *b, const char *name, struct val *v);
void stream_begin(struct build *b); /* around each body */
void stream_end(struct build *b);
bool stream_is_locked(struct build *b, const struct place *p);
struct val stream_locked_get(struct build *b, struct place *p);
void stream_locked_put(struct build *b, struct place *p, struct val v, struct pos pos);
void build_stream_insn(struct build *b, struct item *item); /* rows instead of enc */
void build_gdb(struct build *b, struct item *item);         /* build_gdb.c */
void build_examples(struct build *b);
void build_isa(struct build *b);
void begin_body(struct build *b, bool decode_only);
/* text.c: whose operands {name} in a text means */
struct text_holes {
    unsigned (*operand)(struct build *b, const struct text_holes *holes, const char *name,
                        struct pos pos);
    uint16_t insn;
    struct stream_info *row; /* of a stream, with the words of one of its rows; or NULL */
    const struct list *words;
};
/* In isa.texts, ends with TEXT_END.  `pos` is the string's opening quote. */
uint32_t text_of(struct build *b, const char *text, struct pos pos,
                 const struct text_holes *holes);
uint32_t build_text(struct build *b, const char *text, struct pos pos, uint16_t insn);
uint16_t text_literal(struct build *b, const char *text, size_t length, struct pos pos);
int find_operand(struct build *b, uint16_t insn, const char *name); /* index or -1 */
void stop_if_errors(struct isagen *g);
bool is_declared_insn(struct build *b, const char *name); /* perhaps of another target */
bool target_has(struct build *b, const struct expr *when);
unsigned effect_words(struct build *b);

#endif
