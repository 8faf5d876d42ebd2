/* state.h - guest registers by number, for code that is not generated.
 *
 * Generated handlers know offsets; the evaluator, traces, debuggers and tests come here.
 */
#ifndef RHEA_STATE_H
#define RHEA_STATE_H

#include "isa/cpu.h"
#include "isa/fp/u128.h"

/* `width` bits (1..128) from bit `low` of an element.  Zero registers are the caller's
 * business.  element < count, or count and count + 1 where the file has a zero register.
 */
struct fp128 state_get(const struct cpu *cpu, unsigned file, unsigned element,
                       unsigned low, unsigned width);
void state_put(struct cpu *cpu, unsigned file, unsigned element, unsigned low,
               unsigned width, struct fp128 value);

/* The same through a view: its zero register reads 0 and ignores writes, a computed view
 * runs its body. */
struct fp128 view_get(struct cpu *cpu, unsigned view, unsigned index, unsigned width);
void view_put(struct cpu *cpu, unsigned view, unsigned index, unsigned width,
              struct fp128 value);

/* Flags: read one, settling nothing; execute a flagfn, leaving its group settled; settle.
 */
unsigned flags_get(const struct cpu *cpu, unsigned group, unsigned flag);
void flags_put(struct cpu *cpu, unsigned group, unsigned flag, unsigned value);
void flags_set(struct cpu *cpu, unsigned flagfn, const struct fp128 args[3]);
void flags_settle(struct cpu *cpu, unsigned group);

/* Unit `unit` of 64 bits of a register that may be wider (cpu_get and cpu_put: unit 0).
 */
uint64_t cpu_get_unit(struct cpu *cpu, struct isa_reg reg, unsigned unit);
void cpu_put_unit(struct cpu *cpu, struct isa_reg reg, unsigned unit, uint64_t value);

/* The name an element prints under: "a0", or "x10" made in `text`. */
const char *file_element_name(const struct isa *isa, unsigned file, unsigned element,
                              char *text, size_t size);

/* Calls `each` for every architectural difference (64 bits at a time: `high` for the bits
 * above) until it returns nonzero, which it then returns.  "pc" first, then registers in
 * the order of files, then flags. */
int cpu_differences(const struct cpu *a, const struct cpu *b,
                    int (*each)(void *context, const char *name, unsigned high,
                                uint64_t in_a, uint64_t in_b),
                    void *context);

/* The first architectural difference ("a0 is 0x1 and 0x2") of two CPUs of one isa in
 * `text`; 0: none.  Lazy flags compare by value; hidden files do not count. */
int cpu_compare(const struct cpu *a, const struct cpu *b, char *text, size_t size);

#endif
