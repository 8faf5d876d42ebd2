/* parse.h - what the parts of the parser share. */
#ifndef ISAGEN_PARSE_H
#define ISAGEN_PARSE_H

#include "isagen.h"

struct list *parse_params(struct isagen *g);     /* (name [":" type], ...) */
const char *parse_dotted_name(struct isagen *g); /* fadd.s */
bool is_number_kind(const char *name);           /* sN, uN */
struct list *parse_effects(struct isagen *g);  /* pure reads(a, b) ...; expr: the atoms */
struct list *parse_budget(struct isagen *g);   /* variants N, nodes N ; */
struct list *parse_bindings(struct isagen *g); /* name = expr, ... ")" */
void parse_conditions(struct isagen *g, struct expr **needs, struct expr **when);
void parse_inserted(struct isagen *g, const struct source *source); /* its items, here */

/* parse_state.c: items; the keyword was read, `pos` is where it stands */
void parse_file_item(struct isagen *g, struct pos pos);
void parse_view(struct isagen *g, struct pos pos);
void parse_pc(struct isagen *g, struct pos pos);
void parse_space(struct isagen *g, struct pos pos);
void parse_fetch(struct isagen *g, struct pos pos);
void parse_trap(struct isagen *g, struct pos pos);
void parse_helper(struct isagen *g, struct pos pos);
void parse_mode(struct isagen *g, struct pos pos);
void parse_fn_item(struct isagen *g, struct pos pos);
void parse_proc_item(struct isagen *g, struct pos pos);
void parse_flags(struct isagen *g, struct pos pos);
void parse_flagfn(struct isagen *g, struct pos pos);
void parse_law(struct isagen *g, struct pos pos);
void parse_fpenv(struct isagen *g, struct pos pos);
void parse_gdb(struct isagen *g, struct pos pos);
void parse_sysreg(struct isagen *g, struct pos pos);
void parse_sysregs(struct isagen *g, struct pos pos);

#endif
