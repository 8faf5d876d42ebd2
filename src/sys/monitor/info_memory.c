/* info_memory.c - `info`: memory, and what leads to it. */
#include <inttypes.h>
#include <string.h>

#include "isa/machine.h"
#include "isa/space.h"
#include "isa/tlb.h"
#include "sys/board.h"
#include "sys/bus.h"
#include "sys/machine.h"
#include "sys/monitor/part.h"
#include "sys/vcpu.h"

static struct cpu *cpu_of(const struct call *call)
{
    return vcpu_cpu(machine_cpu(call->machine, call->monitor->cpu));
}

/* What the CPU has in its TLB now: a part of what its page tables say. */
void info_tlb(struct call *call)
{
    const struct mmu *mmu = cpu_of(call)->mmu;

    for (unsigned regime = 0; regime < TLB_REGIMES; regime++)
        for (unsigned i = 0; mmu->regimes[regime] && i < TLB_ENTRIES; i++) {
            const struct tlb_entry *entry = &mmu->regimes[regime][i];
            uint64_t page = entry->read & TLB_NONE ? entry->write : entry->read;

            if (page & TLB_NONE)
                continue;
            out_add(call->out, "%016" PRIx64 ": %016" PRIx64 " %c%c regime %u%s\n",
                    page & ~(uint64_t)0xfff, entry->physical & ~(uint64_t)0xfff,
                    entry->read & TLB_NONE ? '-' : 'r',
                    entry->write & TLB_NONE ? '-' : 'w', regime,
                    page & TLB_DEVICE ? " device" : "");
        }
}

/* ------------------------------------------------------------------------ `info mem` */

/* Mappings that follow each other are one line. */
struct table {
    struct text *out;
    struct mapping last;
    int width; /* digits of an address */
};

static void show_mapping(struct table *table)
{
    const struct mapping *m = &table->last;

    if (m->size)
        out_add(table->out, "%0*" PRIx64 " %016" PRIx64 " %0*" PRIx64 " %s\n",
                table->width, m->addr, m->physical, table->width, m->size, m->flags);
}

static bool add_mapping(void *context, const struct mapping *mapping)
{
    struct table *table = context;
    struct mapping *last = &table->last;

    if (last->size && last->addr + last->size == mapping->addr &&
        last->physical + last->size == mapping->physical &&
        !strcmp(last->flags, mapping->flags)) {
        last->size += mapping->size;
        return true;
    }
    show_mapping(table);
    *last = *mapping;
    return table->out->size < TEXT_MAX / 2;
}

void info_mem(struct call *call)
{
    static const char line[] = "----------------";
    struct cpu *cpu = cpu_of(call);
    struct table table = { .out = call->out, .width = machine_bits(call->machine) / 4 };
    struct text lines = { 0 };
    enum mappings found;

    table.out = &lines;
    found = machine_of(cpu)->machine->mappings(cpu, add_mapping, &table);
    show_mapping(&table);
    if (found == MAPPINGS_NONE) {
        out_add(call->out, "No translation or protection\n");
    } else {
        out_add(call->out, "%-*s %-16s %-*s attr\n%.*s %s %.*s -------\n", table.width,
                "vaddr", "paddr", table.width, "size", table.width, line, line,
                table.width, line);
        out_bytes(call->out, lines.bytes ? lines.bytes : "", lines.size);
    }
    if (found == MAPPINGS_SOME)
        out_add(call->out, "... and more\n");
    out_free(&lines);
}

/* ------------------------------------------------------------------------- the map */

static const char *const kinds[] = { "", "ram", "rom", "i/o" };

/* Ranges do not overlap: what -f shows is the same. */
void info_mtree(struct call *call)
{
    const struct bus_range *ranges;
    size_t count = bus_ranges(machine_bus(call->machine), &ranges);
    char word[WORD];

    while (call_word(call, word))
        if (word[0] != '-' || !word[1] || word[2] || !strchr("fdoD", word[1])) {
            out_add(call->out, "invalid option: %s\n", word);
            return;
        }
    out_add(call->out, "address-space: memory\n"
                       "  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n");
    for (size_t i = 0; i < count; i++) {
        out_add(call->out, "    %016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s",
                ranges[i].start, ranges[i].last, kinds[ranges[i].kind], ranges[i].name);
        if (ranges[i].region)
            out_add(call->out, " (region %u)", ranges[i].region);
        out_add(call->out, "\n");
    }
    out_add(call->out, "\n");
}

void info_roms(struct call *call)
{
    const struct bus_range *ranges;
    size_t count = bus_ranges(machine_bus(call->machine), &ranges);

    for (size_t i = 0; i < count; i++)
        if (ranges[i].kind == BUS_ROM)
            out_add(call->out,
                    "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n",
                    ranges[i].start, ranges[i].last - ranges[i].start + 1,
                    ranges[i].name);
}

void info_ramblock(struct call *call)
{
    const struct bus_range *ranges;
    size_t count = bus_ranges(machine_bus(call->machine), &ranges);

    out_add(call->out, "%20s  %-18s %-18s\n", "Block Name", "Offset", "Total");
    for (size_t i = 0; i < count; i++)
        if (ranges[i].kind != BUS_DEV)
            out_add(call->out, "%20s  0x%016" PRIx64 " 0x%016" PRIx64 "\n",
                    ranges[i].name, ranges[i].start,
                    ranges[i].last - ranges[i].start + 1);
}

uint64_t memory_bytes(const struct machine *machine)
{
    uint64_t size = 0;

    for (const struct board_memory *m = machine_board(machine)->memories; m; m = m->next)
        size += m->is_rom ? 0 : m->size_bytes;
    return size;
}

void info_memory_size(struct call *call)
{
    out_add(call->out, "base memory: %" PRIu64 "\n", memory_bytes(call->machine));
}

void info_numa(struct call *call)
{
    out_add(call->out, "0 nodes\n");
}

void command_gpa2hva(struct call *call)
{
    const struct bus_range *ranges;
    size_t count = bus_ranges(machine_bus(call->machine), &ranges), i = 0;
    uint64_t addr;
    uint8_t *host;

    if (!call_number(call, &addr) || !call_ends(call))
        return;
    while (i < count && ranges[i].last < addr)
        i++;
    if (i == count || ranges[i].start > addr)
        out_add(call->out, "No memory is mapped at address 0x%" PRIx64 "\n", addr);
    else if (!space_span(bus_space(machine_bus(call->machine)), addr, 1, SPACE_READ,
                         &host))
        out_add(call->out, "Memory at address 0x%" PRIx64 " is not RAM\n", addr);
    else
        out_add(call->out, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", addr,
                ranges[i].name, (void *)host);
}
