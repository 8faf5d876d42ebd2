/* board_write.c - a board as text: what reading that text makes is the same board. */
#include <stdarg.h>
#include <string.h>

#include "sys/board.h"

/* ------------------------------------------------------------------------- words */

enum { INDENT = 4, IRQS_OF_LINE = 8, CELLS_OF_LINE = 12 };

static void line(FILE *out, unsigned depth, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The beginning of one, in a block of that depth. */
static void line(FILE *out, unsigned depth, const char *fmt, ...)
{
    va_list ap;

    fprintf(out, "%*s", (int)(depth * INDENT), "");
    va_start(ap, fmt);
    vfprintf(out, fmt, ap);
    va_end(ap);
}

/* With `$` and `"` as the reader wants them. */
static void put_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '$' || *text == '"')
            putc('$', out);
        putc(*text, out);
    }
}

static void put_string(FILE *out, const char *text)
{
    putc('"', out);
    put_escaped(out, text);
    putc('"', out);
}

static void put_word(FILE *out, const char *before, const char *word)
{
    fputs(before, out);
    put_escaped(out, word);
}

/* As a word where it is one. */
static void put_text(FILE *out, const char *text)
{
    if (board_is_word(text))
        put_escaped(out, text);
    else
        put_string(out, text);
}

static void put_number(FILE *out, const char *before, uint64_t value)
{
    fprintf(out, value < 10 ? "%s%llu" : "%s0x%llx", before, (unsigned long long)value);
}

static void put_setting(FILE *out, const struct board_setting *setting)
{
    put_word(out, "", setting->name);
    fputs(" = ", out);
    put_text(out, setting->value);
    putc('\n', out);
}

/* ------------------------------------------------------------------------- nodes */

static bool is_cell(const struct tree_part *part)
{
    return part && part->kind != TREE_STRING;
}

static void put_cell(FILE *out, const struct tree_part *part)
{
    if (part->kind == TREE_REF)
        put_word(out, "&", part->text);
    else
        put_number(out, "", part->cell);
}

/* = "a", <1 &b>, "c"; a line ends behind CELLS_OF_LINE cells. */
static void put_value(FILE *out, unsigned depth, const struct tree_part *part)
{
    unsigned cells = 0; /* of the `<` that is open */

    for (const struct tree_part *before = NULL; part; before = part, part = part->next) {
        if (cells) {
            putc(' ', out);
        } else if (before && is_cell(before) && is_cell(part)) {
            fputs(",\n", out);
            line(out, depth + 1, "%s", "");
        } else {
            fputs(before ? ", " : " = ", out);
        }
        if (!is_cell(part)) {
            put_string(out, part->text);
            continue;
        }
        fputs(cells ? "" : "<", out);
        put_cell(out, part);
        cells = is_cell(part->next) ? (cells + 1) % CELLS_OF_LINE : 0;
        fputs(cells ? "" : ">", out);
    }
}

static void put_property(FILE *out, unsigned depth, const struct tree_property *property)
{
    line(out, depth, "%s", "");
    put_word(out, "", property->name);
    put_value(out, depth, property->parts);
    putc('\n', out);
}

/* The inside of a node, and its end. */
static void put_body(FILE *out, unsigned depth, const struct tree_node *node)
{
    fputs(" {\n", out);
    for (const struct tree_property *p = node->properties; p; p = p->next)
        put_property(out, depth + 1, p);
    for (const struct tree_node *child = node->children; child; child = child->next) {
        line(out, depth + 1, "%s", "");
        put_word(out, "", child->name);
        put_body(out, depth + 1, child);
    }
    line(out, depth, "}\n");
}

/* ------------------------------------------------------------------------- parts */

static void put_cpu(FILE *out, const struct board *board)
{
    fputs("\ncpu {\n", out);
    if (board->cpu_model)
        put_word(out, "    model ", board->cpu_model);
    if (board->cpu_features)
        put_word(out, "\n    features ", board->cpu_features);
    if (board->timebase_hz)
        fprintf(out, "\n    timebase %llu", (unsigned long long)board->timebase_hz);
    putc('\n', out);
    for (const struct board_cpu_line *l = board->cpu_lines; l; l = l->next) {
        put_word(out, "    line ", l->name);
        fprintf(out, " %lu\n", (unsigned long)l->number);
    }
    if (board->cpu_node) {
        line(out, 1, "node");
        put_body(out, 1, board->cpu_node);
    }
    fputs("}\n\n", out);
}

static void put_memory(FILE *out, const struct board *board,
                       const struct board_memory *memory)
{
    put_word(out, memory->is_rom ? "rom " : "ram ", memory->name);
    put_number(out, " at ", memory->addr);
    if (!memory->is_rom && memory->size_bytes == board->memory_bytes)
        fputs(" size $memory", out); /* so that -m has a meaning */
    else
        put_number(out, " size ", memory->size_bytes);
    putc('\n', out);
}

static void put_range(FILE *out, const struct board_range *range)
{
    put_number(out, "    at ", range->addr);
    if (range->size_bytes)
        put_number(out, " size ", range->size_bytes);
    if (range->region)
        fprintf(out, " region %u", range->region);
    putc('\n', out);
}

static bool same_target(const struct board_irq *a, const struct board_irq *b)
{
    if (!a->device || !b->device)
        return a->device == b->device && a->cpu == b->cpu;
    return !strcmp(a->device, b->device);
}

/* irq plic 32 33 34 */
static void put_irqs(FILE *out, const struct board_irq *irq)
{
    unsigned count = 0;

    for (const struct board_irq *before = NULL; irq; before = irq, irq = irq->next) {
        if (!before || !same_target(before, irq) || count == IRQS_OF_LINE) {
            fputs(before ? "\n    irq " : "    irq ", out);
            if (irq->device)
                put_word(out, "", irq->device);
            else
                fprintf(out, "cpu%u", irq->cpu);
            count = 0;
        }
        count++;
        if (irq->device)
            fprintf(out, " %u", irq->line);
        else
            put_word(out, " ", irq->cpu_line);
    }
    if (count)
        putc('\n', out);
}

static void put_device(FILE *out, const struct board_device *device)
{
    put_word(out, "\ndevice ", device->name);
    put_word(out, " ", device->class);
    fputs(" {\n", out);
    if (device->in) {
        put_word(out, "    in ", device->in);
        putc('\n', out);
    }
    for (const struct board_range *r = device->ranges; r; r = r->next)
        put_range(out, r);
    put_irqs(out, device->irqs);
    for (const struct board_setting *s = device->settings; s; s = s->next) {
        line(out, 1, "set ");
        put_setting(out, s);
    }
    if (device->node) {
        put_word(out, "    node ", device->parent);
        put_word(out, "/", device->node->name);
        put_body(out, 1, device->node);
    }
    fputs("}\n", out);
}

static void put_boot(FILE *out, const struct board *board)
{
    put_word(out, "\nboot ", board->boot);
    fputs(" {\n", out);
    for (const struct board_setting *s = board->boot_settings; s; s = s->next) {
        line(out, 1, "%s", "");
        put_setting(out, s);
    }
    fputs("}\n", out);
}

/* ------------------------------------------------------------------------- whole */

static void put_head(FILE *out, const struct board *board)
{
    put_word(out, "board ", board->name);
    putc(' ', out);
    put_string(out, board->doc);
    put_word(out, "\nisa ", board->isa);
    fprintf(out, "\naddress-bits %u\n", board->address_bits);
    if (board->memory_bytes)
        fprintf(out, "memory 0x%llx\n", (unsigned long long)board->memory_bytes);
    fprintf(out, "cpus %u\n", board->cpus);
    for (const struct board_option *o = board->options; o; o = o->next)
        fprintf(out, "# %s=%s: %s\n", o->name, o->value, o->doc);
}

void board_write(const struct board *board, FILE *out)
{
    put_head(out, board);
    put_cpu(out, board);
    for (const struct board_memory *m = board->memories; m; m = m->next)
        put_memory(out, board, m);
    fputs("\ntree", out);
    put_body(out, 0, board->tree);
    for (const struct board_device *d = board->devices; d; d = d->next)
        put_device(out, d);
    if (board->stdout_device)
        put_word(out, "\nstdout ", board->stdout_device);
    putc('\n', out);
    if (board->boot)
        put_boot(out, board);
}
