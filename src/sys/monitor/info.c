/* info.c - `info`: what a machine is made of, and how it is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"
#include "isa/state.h"
#include "isa/sysreg.h"
#include "sys/block/async.h"
#include "sys/board.h"
#include "sys/char/chardev.h"
#include "sys/drives.h"
#include "sys/machine.h"
#include "sys/monitor/human.h"
#include "sys/net/net.h"
#include "sys/vcpu.h"

static void info_version(struct call *call)
{
    out_add(call->out, "rhea development version\n");
}

static void info_status(struct call *call)
{
    const char *state = machine_state(call->machine);

    if (machine_is_paused(call->machine))
        out_add(call->out, "VM status: paused%s%s%s\n",
                strcmp(state, "paused") ? " (" : "", strcmp(state, "paused") ? state : "",
                strcmp(state, "paused") ? ")" : "");
    else
        out_add(call->out, "VM status: running\n");
}

static void info_name(struct call *call)
{
    const char *name = machine_config(call->machine)->name;

    if (name)
        out_add(call->out, "%s\n", name);
}

static void info_uuid(struct call *call)
{
    const char *uuid = machine_config(call->machine)->uuid;

    out_add(call->out, "%s\n", uuid ? uuid : "00000000-0000-0000-0000-000000000000");
}

static void info_kvm(struct call *call)
{
    out_add(call->out, "kvm support: not compiled\n");
}

static void info_jit(struct call *call)
{
    out_add(call->out, "Accelerator settings:\naccelerator: %s\n",
            machine_config(call->machine)->is_qtest
                ? "qtest"
                : vcpu_engine(machine_cpu(call->machine, 0)));
}

static void info_history(struct call *call)
{
    const struct human *h = (const struct human *)call->monitor;
    unsigned first;

    if (call->monitor->kind != &monitor_human)
        return;
    first = h->line_count > HUMAN_LINES ? h->line_count - HUMAN_LINES : 0;
    for (unsigned i = first; i < h->line_count; i++)
        out_add(call->out, "%u: '%s'\n", i - first, h->lines[i % HUMAN_LINES]);
}

/* ---------------------------------------------------------------------------- CPUs */

static void info_cpus(struct call *call)
{
    for (unsigned i = 0; i < machine_board(call->machine)->cpus; i++)
        out_add(call->out, "%c CPU #%u: thread_id=%u\n",
                i == call->monitor->cpu ? '*' : ' ', i,
                vcpu_thread_id(machine_cpu(call->machine, i)));
}

/* One of many that are numbered, as pmpaddr17: shown if it is not zero. */
static bool is_numbered(const char *name)
{
    char last = name[strlen(name) - 1];

    return last >= '0' && last <= '9';
}

static void system_registers(struct text *out, struct cpu *cpu)
{
    const struct isa *isa = cpu->isa;

    for (unsigned i = 0; i < isa->nsysregs; i++) {
        const struct isa_sysreg *reg = &isa->sysregs[i];
        const char *name = isa_string(isa, reg->name);
        uint64_t value;

        if (gdb_get_sysreg(cpu, reg, &value) && (value || !is_numbered(name)))
            out_add(out, " %-8s %0*" PRIx64 "\n", name, reg->w > 32 ? 16 : 8, value);
    }
}

/* "x10/a0", as far as the two names differ. */
static void element_name(const struct isa *isa, unsigned file, unsigned element,
                         char *text, size_t size)
{
    char own[32], printed[32];
    const char *name = file_element_name(isa, file, element, printed, sizeof(printed));

    snprintf(own, sizeof(own), "%s%u", isa_string(isa, isa->files[file].name), element);
    if (isa->files[file].count > 1 && strcmp(own, name))
        snprintf(text, size, "%s/%s", own, name);
    else
        snprintf(text, size, "%s", name);
}

static void file_registers(struct text *out, const struct cpu *cpu, unsigned file)
{
    const struct isa_file *f = &cpu->isa->files[file];
    unsigned in_line = f->width > 64 ? 1 : 4;
    char name[80];

    for (unsigned i = 0; i < f->count; i++) {
        element_name(cpu->isa, file, i, name, sizeof(name));
        out_add(out, " %-8s ", name);
        for (unsigned low = f->width > 64 ? (f->width - 1u) / 64 * 64 : 0;; low -= 64) {
            unsigned width = f->width - low < 64 ? f->width - low : 64;

            out_add(out, "%0*" PRIx64, (int)(width + 3) / 4,
                    state_get(cpu, file, i, low, width).lo);
            if (!low)
                break;
        }
        if (i % in_line == in_line - 1 || i == f->count - 1u)
            out_add(out, "\n");
    }
}

static void registers(struct call *call, unsigned number, bool with_vectors)
{
    struct vcpu *vcpu = machine_cpu(call->machine, number);
    struct cpu *cpu = vcpu_cpu(vcpu);

    out_add(call->out, "\nCPU#%u%s\n pc       %0*" PRIx64 "\n", number,
            vcpu_waits(vcpu) ? " (halted)" : "", cpu->isa->pc_width / 4, cpu->pc);
    system_registers(call->out, cpu);
    for (unsigned i = 0; i < cpu->isa->nfiles; i++) {
        const struct isa_file *f = &cpu->isa->files[i];

        if (!f->hidden && f->count > 1 && (f->width <= 64 || with_vectors))
            file_registers(call->out, cpu, i);
    }
}

static void info_registers(struct call *call)
{
    unsigned cpus = machine_board(call->machine)->cpus, first = call->monitor->cpu;
    bool is_all = false, with_vectors = false;
    char word[WORD];

    while (call_word(call, word)) {
        char *end;

        if (!strcmp(word, "-a"))
            is_all = true;
        else if (!strcmp(word, "-v"))
            with_vectors = true;
        else if ((first = (unsigned)strtoul(word, &end, 0)) >= cpus || *end) {
            out_add(call->out, "CPU#%s not available\n", word);
            return;
        }
    }
    for (unsigned i = is_all ? 0 : first; i < (is_all ? cpus : first + 1); i++)
        registers(call, i, with_vectors);
}

/* ----------------------------------------------------------------------- back ends */

static void info_chardev(struct call *call)
{
    char about[256];

    for (struct chardevs *c = machine_chardevs(call->machine); c; c = chardevs_next(c)) {
        chardevs_describe(c, about, sizeof(about));
        out_add(call->out, "%s: filename=%s\n", chardevs_id(c), about);
    }
}

static void info_block(struct call *call)
{
    for (struct drives *d = machine_drives(call->machine); d; d = drives_next(d)) {
        const struct disk_image *image = drives_image(d);
        const struct drive_config *config = drives_config(d);
        struct disk_image *backing = disk_backing(image);

        out_add(call->out, "%s: %s (%s%s)\n    Cache mode:       writeback%s\n",
                config->id, config->file, disk_format_name(image),
                disk_is_writable(image) ? "" : ", read-only",
                config->flags & DISK_UNSAFE ? ", ignore flushes" : "");
        if (backing)
            out_add(call->out, "    Backing file:     %s\n", disk_path(backing));
    }
}

static void info_block_jobs(struct call *call)
{
    out_add(call->out, "No active jobs\n");
}

static void info_blockstats(struct call *call)
{
    for (struct drives *d = machine_drives(call->machine); d; d = drives_next(d)) {
        const struct block_stats *s = drives_stats(d);

        out_add(call->out,
                "%s: rd_bytes=%" PRIu64 " wr_bytes=%" PRIu64 " rd_operations=%" PRIu64
                " wr_operations=%" PRIu64 " flush_operations=%" PRIu64
                " failed_rd_operations=%" PRIu64 " failed_wr_operations=%" PRIu64 "\n",
                drives_config(d)->id, s->bytes[BLOCK_READ], s->bytes[BLOCK_WRITE],
                s->requests[BLOCK_READ], s->requests[BLOCK_WRITE],
                s->requests[BLOCK_FLUSH], s->failures[BLOCK_READ],
                s->failures[BLOCK_WRITE]);
    }
}

static void info_network(struct call *call)
{
    for (struct nets *n = machine_nets(call->machine); n; n = nets_next(n)) {
        const struct net_config *config = nets_config(n);

        out_add(call->out, "%s: index=0,type=%s", config->id, config->kind);
        for (const struct board_setting *s = config->settings; s; s = s->next)
            out_add(call->out, ",%s=%s", s->name, s->value);
        out_add(call->out, "\n");
    }
}

static void info_usernet(struct call *call)
{
    for (struct nets *n = machine_nets(call->machine); n; n = nets_next(n)) {
        char *report = nets_report(n);

        if (report)
            out_add(call->out, "%s (%s):\n%s", nets_config(n)->id, nets_config(n)->id,
                    report);
        free(report);
    }
}

const struct command info_commands[] = {
    { "version", "", "the version of rhea", info_version, false },
    { "status", "", "whether the machine runs", info_status, false },
    { "name", "", "the machine's name", info_name, false },
    { "uuid", "", "the machine's UUID", info_uuid, false },
    { "kvm", "", "whether KVM is used", info_kvm, false },
    { "jit", "", "what executes the guest", info_jit, false },
    { "history", "", "the lines typed so far", info_history, false },
    { "cpus", "", "the CPUs", info_cpus, false },
    { "registers", "[-a|CPU] [-v]",
      "the registers (-a: of all CPUs, -v: of vectors, too)", info_registers, true },
    { "mem", "", "what the CPU's page tables map", info_mem, true },
    { "tlb", "", "what the CPU's TLB has", info_tlb, true },
    { "mtree", "[-f]", "the memory map", info_mtree, false },
    { "ramblock", "", "the memories", info_ramblock, false },
    { "memory_size_summary", "", "how much memory there is", info_memory_size, false },
    { "numa", "", "the NUMA nodes", info_numa, false },
    { "roms", "", "the ROMs", info_roms, false },
    { "qtree", "", "the devices", info_qtree, false },
    { "qom-tree", "", "their paths for QMP", info_qom_tree, false },
    { "qdm", "", "the kinds of devices that there are", info_qdm, false },
    { "pci", "", "the PCI buses", info_pci, false },
    { "pic", "", "what interrupt controllers have in them", info_pic, false },
    { "device", "name", "what a device has in it", info_device, false },
    { "trace-events", "", "which devices are traced", info_trace_events, false },
    { "chardev", "", "the character devices", info_chardev, false },
    { "block", "", "the disks", info_block, false },
    { "block-jobs", "", "what goes on with them", info_block_jobs, false },
    { "blockstats", "", "what was read from and written to them", info_blockstats,
      false },
    { "network", "", "the networks", info_network, false },
    { "usernet", "", "the connections of user networks", info_usernet, false },
    { NULL, NULL, NULL, NULL, false },
};
