/* qmp_query.c - the commands of QMP. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/isa.h"
#include "sys/block/async.h"
#include "sys/board.h"
#include "sys/char/chardev.h"
#include "sys/drives.h"
#include "sys/machine.h"
#include "sys/monitor/qmp.h"
#include "sys/options.h"
#include "sys/vcpu.h"

static const char *string_arg(const struct qmp_call *call, const char *name)
{
    return json_string_value(json_object_get(call->args, name));
}

/* `otherwise`: it is not there. */
static json_int_t integer_arg(const struct qmp_call *call, const char *name,
                              json_int_t otherwise)
{
    const json_t *value = json_object_get(call->args, name);

    return value ? json_integer_value(value) : otherwise;
}

/* -------------------------------------------------------------------------- running */

static json_t *do_quit(struct qmp_call *call)
{
    machine_quit(call->machine);
    return json_object();
}

static json_t *do_stop(struct qmp_call *call)
{
    if (!machine_is_paused(call->machine))
        machine_pause(call->machine);
    return json_object();
}

static json_t *do_cont(struct qmp_call *call)
{
    const char *why = machine_cannot_go_on(call->machine);

    if (why)
        return qmp_fail(call, "%s", why);
    if (machine_is_paused(call->machine))
        machine_resume(call->machine);
    return json_object();
}

static json_t *do_reset(struct qmp_call *call)
{
    machine_reset(call->machine);
    return json_object();
}

static json_t *do_powerdown(struct qmp_call *call)
{
    return qmp_fail(call, "this machine has no power button: use quit");
}

static json_t *do_human(struct qmp_call *call)
{
    json_int_t cpu = integer_arg(call, "cpu-index", call->monitor->cpu);
    unsigned before = call->monitor->cpu;
    struct text out = { 0 };
    json_t *result;

    if (cpu < 0 || cpu >= machine_board(call->machine)->cpus)
        return qmp_fail(call, "Parameter 'cpu-index' expects a CPU number");
    call->monitor->cpu = (unsigned)cpu;
    command_run(call->monitor, string_arg(call, "command-line"), &out);
    if (json_object_get(call->args, "cpu-index"))
        call->monitor->cpu = before;
    for (size_t i = 0; i < out.size; i++) /* as QEMU's */
        if (!out.bytes[i])
            out.bytes[i] = ' ';
    result = json_stringn(out.bytes ? out.bytes : "", out.size);
    out_free(&out);
    return result ? result : qmp_fail(call, "what it says is no UTF-8");
}

static json_t *save(struct qmp_call *call, int cpu)
{
    json_int_t addr = integer_arg(call, "val", 0), size = integer_arg(call, "size", 0);
    const char *path = string_arg(call, "filename");
    const char *why;

    if (size < 0)
        return qmp_fail(call, "Parameter 'size' expects a size");
    why = memory_save(call->machine, cpu, (uint64_t)addr, (uint64_t)size, path);
    return why ? qmp_fail(call, "%.200s: %s", path, why) : json_object();
}

static json_t *do_memsave(struct qmp_call *call)
{
    json_int_t cpu = integer_arg(call, "cpu-index", 0);

    if (cpu < 0 || cpu >= machine_board(call->machine)->cpus)
        return qmp_fail(call, "Parameter 'cpu-index' expects a CPU number");
    return save(call, (int)cpu);
}

static json_t *do_pmemsave(struct qmp_call *call)
{
    return save(call, -1);
}

/* ------------------------------------------------------------------- the machine is */

static json_t *query_status(struct qmp_call *call)
{
    return json_pack("{s:b, s:b, s:s}", "running", !machine_is_paused(call->machine),
                     "singlestep", 0, "status", machine_state(call->machine));
}

static json_t *query_name(struct qmp_call *call)
{
    const char *name = machine_config(call->machine)->name;
    json_t *text = name ? json_string(name) : NULL;

    return text ? json_pack("{s:o}", "name", text) : json_object();
}

static json_t *query_uuid(struct qmp_call *call)
{
    const char *uuid = machine_config(call->machine)->uuid;

    return json_pack("{s:s}", "UUID",
                     uuid ? uuid : "00000000-0000-0000-0000-000000000000");
}

static json_t *query_kvm(struct qmp_call *call)
{
    (void)call;
    return json_pack("{s:b, s:b}", "enabled", 0, "present", 0);
}

static json_t *query_cpus(struct qmp_call *call)
{
    const struct board *board = machine_board(call->machine);
    json_t *list = json_array();

    for (unsigned i = 0; i < board->cpus; i++) {
        char path[32];

        snprintf(path, sizeof(path), "/machine/cpu%u", i);
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:I, s:s, s:{}}", "cpu-index", (int)i, "qom-path",
                            path, "thread-id",
                            (json_int_t)vcpu_thread_id(machine_cpu(call->machine, i)),
                            "target", board->isa, "props"));
    }
    return list;
}

/* The one that runs; `rhea boot -M help` lists them all. */
static json_t *query_machines(struct qmp_call *call)
{
    const struct board *board = machine_board(call->machine);

    return json_pack("[{s:s, s:b, s:i, s:b, s:b}]", "name", board->name,
                     "hotpluggable-cpus", 0, "cpu-max", (int)board->max_cpus,
                     "numa-mem-supported", 0, "deprecated", 0);
}

static json_t *query_current_machine(struct qmp_call *call)
{
    (void)call;
    return json_pack("{s:b}", "wakeup-suspend-support", 0);
}

static json_t *query_target(struct qmp_call *call)
{
    return json_pack("{s:s}", "arch", machine_board(call->machine)->isa);
}

static json_t *query_memory(struct qmp_call *call)
{
    return json_pack("{s:I}", "base-memory", (json_int_t)memory_bytes(call->machine));
}

static json_t *query_cpu_models(struct qmp_call *call)
{
    const struct isa *isa = vcpu_cpu(machine_cpu(call->machine, 0))->isa;
    json_t *list = json_array();

    for (unsigned i = 0; i < isa->nmodels; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:b}", "name",
                                              isa_string(isa, isa->models[i].name),
                                              "typename", "cpu", "static", 0,
                                              "deprecated", 0, "migration-safe", 0));
    return list;
}

/* What machines have none of, and programs ask for. */
static json_t *none(struct qmp_call *call)
{
    (void)call;
    return json_array();
}

static json_t *query_migrate(struct qmp_call *call)
{
    (void)call;
    return json_object();
}

static json_t *inject_nmi(struct qmp_call *call)
{
    return qmp_fail(call, "this machine has no NMI");
}

/* ------------------------------------------------------------------------ back ends */

static json_t *image_facts(struct disk_image *image)
{
    struct disk_info info;
    json_t *facts;

    disk_get_info(image, &info);
    facts = json_pack("{s:s, s:s, s:I, s:b}", "filename", disk_path(image), "format",
                      disk_format_name(image), "virtual-size", (json_int_t)info.size,
                      "dirty-flag", info.is_dirty);
    if (!facts) /* a name that is no UTF-8 */
        facts = json_pack("{s:s, s:s, s:I}", "filename", "?", "format",
                          disk_format_name(image), "virtual-size", (json_int_t)info.size);
    if (info.used >= 0)
        json_object_set_new(facts, "actual-size", json_integer(info.used));
    if (info.cluster_size)
        json_object_set_new(facts, "cluster-size", json_integer(info.cluster_size));
    return facts;
}

static json_t *inserted(struct disk_image *image, unsigned flags)
{
    struct disk_image *backing = disk_backing(image);
    json_t *facts = image_facts(image), *result;
    int depth = 0;

    for (struct disk_image *at = backing; at; at = disk_backing(at))
        depth++;
    result = json_pack("{s:O, s:s, s:b, s:b, s:i, s:{s:b, s:b, s:b}, s:o}", "file",
                       json_object_get(facts, "filename"), "drv", disk_format_name(image),
                       "ro", !disk_is_writable(image), "encrypted", 0,
                       "backing_file_depth", depth, "cache", "writeback", 1, "direct", 0,
                       "no-flush", (flags & DISK_UNSAFE) != 0, "image", facts);
    if (backing)
        json_object_set_new(facts, "backing-image", image_facts(backing));
    return result;
}

static const char *io_status(const struct drives *drive)
{
    int error = drives_stopped(drive);

    return error == ENOSPC ? "nospace" : error ? "failed" : "ok";
}

static json_t *query_block(struct qmp_call *call)
{
    json_t *list = json_array();

    for (struct drives *d = machine_drives(call->machine); d; d = drives_next(d))
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:b, s:b, s:s, s:o}", "device",
                            drives_config(d)->id, "type", "unknown", "locked", 0,
                            "removable", 0, "io-status", io_status(d), "inserted",
                            inserted(drives_image(d), drives_config(d)->flags)));
    return list;
}

static json_t *query_blockstats(struct qmp_call *call)
{
    json_t *list = json_array();

    for (struct drives *d = machine_drives(call->machine); d; d = drives_next(d)) {
        const struct block_stats *s = drives_stats(d);

        json_array_append_new(
            list,
            json_pack("{s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "device",
                      drives_config(d)->id, "stats", "rd_bytes",
                      (json_int_t)s->bytes[BLOCK_READ], "wr_bytes",
                      (json_int_t)s->bytes[BLOCK_WRITE], "rd_operations",
                      (json_int_t)s->requests[BLOCK_READ], "wr_operations",
                      (json_int_t)s->requests[BLOCK_WRITE], "flush_operations",
                      (json_int_t)s->requests[BLOCK_FLUSH], "failed_rd_operations",
                      (json_int_t)s->failures[BLOCK_READ], "failed_wr_operations",
                      (json_int_t)s->failures[BLOCK_WRITE], "failed_flush_operations",
                      (json_int_t)s->failures[BLOCK_FLUSH]));
    }
    return list;
}

static json_t *query_chardev(struct qmp_call *call)
{
    json_t *list = json_array();

    for (struct chardevs *c = machine_chardevs(call->machine); c; c = chardevs_next(c)) {
        char about[256];
        json_t *facts;

        chardevs_describe(c, about, sizeof(about));
        facts = json_pack("{s:s, s:s, s:b}", "label", chardevs_id(c), "filename", about,
                          "frontend-open", chardevs_has_user(c));
        if (facts)
            json_array_append_new(list, facts);
    }
    return list;
}

static json_t *do_send_break(struct qmp_call *call)
{
    char error[CHARDEV_ERROR];

    if (chardevs_send_break(machine_chardevs(call->machine), string_arg(call, "id"),
                            error) < 0)
        return qmp_fail(call, "%s", error);
    return json_object();
}

/* --------------------------------------------------------------- devices, properties */

static const char *kind_name(unsigned kind)
{
    return kind == PROPERTY_BOOL                           ? "bool"
           : kind == PROPERTY_U32                          ? "uint32"
           : kind == PROPERTY_U64 || kind == PROPERTY_SIZE ? "uint64"
           : kind == PROPERTY_STRING                       ? "str"
                                                           : "link";
}

static json_t *class_properties(const struct dev_class *class)
{
    json_t *list = json_array();

    for (const struct property *p = class->properties; p && p->name; p++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", p->name, "type",
                                              kind_name(p->kind), "description",
                                              p->doc ? p->doc : ""));
    return list;
}

static json_t *device_list_properties(struct qmp_call *call)
{
    const char *name = string_arg(call, "typename");
    const struct dev_class *class = dev_class_find(name);

    return class ? class_properties(class)
                 : qmp_fail(call,
                            "Parameter 'typename' expects a device: `%.100s` is none",
                            name);
}

static json_t *qom_list_types(struct qmp_call *call)
{
    json_t *list = json_array();

    (void)call;
    for (size_t i = 0; dev_classes[i]; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:b}", "name", dev_classes[i]->name,
                                        "parent", "device", "abstract", 0));
    return list;
}

static void add_child(json_t *list, const char *name, const char *class)
{
    json_t *type = json_sprintf("child<%s>", class);

    json_array_append_new(list, json_pack("{s:s, s:o}", "name", name, "type", type));
}

static json_t *machine_children(struct machine *machine)
{
    json_t *list = json_array();
    const struct dev *dev;

    for (size_t i = 0; (dev = machine_dev(machine, i)); i++)
        add_child(list, dev->name, dev->class->name);
    return list;
}

/* /machine/NAME */
static const struct dev *device_at(const struct qmp_call *call)
{
    const char *path = string_arg(call, "path");

    return strncmp(path, "/machine/", 9) ? NULL
                                         : machine_find_dev(call->machine, path + 9);
}

static json_t *no_path(struct qmp_call *call)
{
    return qmp_fail(call, "Device '%.100s' not found", string_arg(call, "path"));
}

static json_t *qom_list(struct qmp_call *call)
{
    const char *path = string_arg(call, "path");
    const struct dev *dev = device_at(call);
    json_t *list;

    if (!strcmp(path, "/machine"))
        return machine_children(call->machine);
    if (!strcmp(path, "/")) {
        list = json_array();
        add_child(list, "machine", "machine");
        return list;
    }
    return dev ? class_properties(dev->class) : no_path(call);
}

static json_t *qom_get(struct qmp_call *call)
{
    const char *name = string_arg(call, "property");
    const struct dev *dev = device_at(call);
    const struct property *p = dev ? dev->class->properties : NULL;
    char text[512];
    json_t *result;

    if (!dev)
        return no_path(call);
    if (!strcmp(name, "type"))
        return json_string(dev->class->name);
    while (p && p->name && strcmp(p->name, name))
        p++;
    if (!p || !p->name)
        return qmp_fail(call, "Property '%s.%.100s' not found", dev->class->name, name);
    dev_get(dev, p, text, sizeof(text));
    if (p->kind == PROPERTY_BOOL)
        return json_boolean(!strcmp(text, "on"));
    if (p->kind < PROPERTY_STRING)
        return json_integer((json_int_t)strtoull(text, NULL, 10));
    result = json_string(text);
    return result ? result : qmp_fail(call, "the property is no UTF-8");
}

/* ------------------------------------------------------------------- about commands */

static json_t *query_commands(struct qmp_call *call)
{
    json_t *list = json_array();

    (void)call;
    json_array_append_new(list, json_pack("{s:s}", "name", "qmp_capabilities"));
    for (const struct qmp_command *c = qmp_commands; c->name; c++)
        json_array_append_new(list, json_pack("{s:s}", "name", c->name));
    return list;
}

static json_t *query_events(struct qmp_call *call)
{
    json_t *list = json_array();

    (void)call;
    for (size_t i = 0; qmp_events[i]; i++)
        json_array_append_new(list, json_pack("{s:s}", "name", qmp_events[i]));
    return list;
}

static void add_option(void *list, const char *word)
{
    json_array_append_new(list, json_pack("{s:s, s:[]}", "option", word, "parameters"));
}

static json_t *query_options(struct qmp_call *call)
{
    json_t *list = json_array();

    (void)call;
    options_each(add_option, list);
    return list;
}

const char *const qmp_events[] = { "STOP",     "RESUME",         "RESET",
                                   "SHUTDOWN", "BLOCK_IO_ERROR", NULL };

/* clang-format off */
const struct qmp_command qmp_commands[] = {
    { "quit", { { 0 } }, do_quit, false },
    { "stop", { { 0 } }, do_stop, true },
    { "cont", { { 0 } }, do_cont, false },
    { "system_reset", { { 0 } }, do_reset, false },
    { "system_powerdown", { { 0 } }, do_powerdown, false },
    { "human-monitor-command", { { "command-line", 's', false }, { "cpu-index", 'i', true } },
      do_human, false },
    { "memsave", { { "val", 'i', false }, { "size", 'i', false }, { "filename", 's', false },
                   { "cpu-index", 'i', true } }, do_memsave, true },
    { "pmemsave", { { "val", 'i', false }, { "size", 'i', false }, { "filename", 's', false } },
      do_pmemsave, true },
    { "query-version", { { 0 } }, qmp_version, false },
    { "query-commands", { { 0 } }, query_commands, false },
    { "query-events", { { 0 } }, query_events, false },
    { "query-qmp-schema", { { 0 } }, qmp_schema, false },
    { "query-command-line-options", { { "option", 's', true } }, query_options, false },
    { "query-status", { { 0 } }, query_status, false },
    { "query-name", { { 0 } }, query_name, false },
    { "query-uuid", { { 0 } }, query_uuid, false },
    { "query-kvm", { { 0 } }, query_kvm, false },
    { "query-cpus-fast", { { 0 } }, query_cpus, false },
    { "query-machines", { { 0 } }, query_machines, false },
    { "query-current-machine", { { 0 } }, query_current_machine, false },
    { "query-target", { { 0 } }, query_target, false },
    { "query-memory-size-summary", { { 0 } }, query_memory, false },
    { "query-block", { { 0 } }, query_block, false },
    { "query-blockstats", { { 0 } }, query_blockstats, false },
    { "query-chardev", { { 0 } }, query_chardev, false },
    { "query-cpu-definitions", { { 0 } }, query_cpu_models, false },
    { "query-pci", { { 0 } }, qmp_query_pci, false },
    { "query-block-jobs", { { 0 } }, none, false },
    { "query-jobs", { { 0 } }, none, false },
    { "query-iothreads", { { 0 } }, none, false },
    { "query-memory-devices", { { 0 } }, none, false },
    { "query-fdsets", { { 0 } }, none, false },
    { "query-mice", { { 0 } }, none, false },
    { "query-tpm", { { 0 } }, none, false },
    { "query-migrate", { { 0 } }, query_migrate, false },
    { "chardev-send-break", { { "id", 's', false } }, do_send_break, false },
    { "inject-nmi", { { 0 } }, inject_nmi, false },
    { "qom-list-types", { { 0 } }, qom_list_types, false },
    { "qom-list-properties", { { "typename", 's', false } }, device_list_properties, false },
    { "device-list-properties", { { "typename", 's', false } }, device_list_properties, false },
    { "qom-list", { { "path", 's', false } }, qom_list, false },
    { "qom-get", { { "path", 's', false }, { "property", 's', false } }, qom_get, false },
    { NULL, { { 0 } }, NULL, false },
};
/* clang-format on */
