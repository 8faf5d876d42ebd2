/* options_object.c - -object: what machines have besides devices; and their memory. */
#include <string.h>

#include "base/report.h"
#include "sys/backing.h"
#include "sys/options_read.h"

/* ------------------------------------------------------------------------- memory */

static const struct backing_kind_name {
    const char *name;
    enum backing_kind kind;
    bool is_shared; /* unless something else is said */
} kinds[] = {
    { "memory-backend-ram", BACKING_RAM, false },
    { "memory-backend-file", BACKING_FILE, false },
    { "memory-backend-memfd", BACKING_MEMFD, true },
};

static struct backing_config *new_backing(struct reading *reading, const char *name)
{
    struct backing_config *backing = arena_alloc(&options_arena, sizeof(*backing));

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i].name, name))
            *backing = (struct backing_config){ .next = reading->backings,
                                                .kind = kinds[i].kind,
                                                .is_shared = kinds[i].is_shared };
    reading->backings = backing;
    return backing;
}

static bool is_on(const char *kind, const char *name, const char *value)
{
    if (strcmp(value, "on") && strcmp(value, "off"))
        die("-object %s: %s=%s: want on or off", kind, name, value);
    return !strcmp(value, "on");
}

static uint64_t memory_size(const char *kind, const char *value)
{
    uint64_t size;

    if (!board_number(value, &size) || !size || size % 4096)
        die("-object %s: size=%s: want a size, as 512M, of whole pages", kind, value);
    return size;
}

static void take_backing(struct reading *reading, const char *kind, const char *argument)
{
    struct backing_config *backing = new_backing(reading, kind);

    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "id"))
            backing->id = taken_id("-object", value);
        else if (!strcmp(part, "size"))
            backing->size_bytes = memory_size(kind, value);
        else if (!strcmp(part, "share"))
            backing->is_shared = is_on(kind, part, value);
        else if (!strcmp(part, "prealloc"))
            backing->is_filled = is_on(kind, part, value);
        else if (!strcmp(part, "mem-path") && backing->kind == BACKING_FILE)
            backing->path = value;
        else
            die("-object %s: %s=%s is not supported", kind, part, value);
    }
    if (!backing->id || !backing->size_bytes)
        die("-object %s wants id=NAME and size=SIZE", kind);
    if (backing->kind == BACKING_FILE && !backing->path)
        die("-object %s wants mem-path=FILE", kind);
}

/* A backing that only options of its own say. */
static struct backing_config *own_backing(struct reading *reading)
{
    if (!reading->own_backing)
        reading->own_backing = arena_alloc(&options_arena, sizeof(*reading->own_backing));
    return reading->own_backing;
}

static void take_mem_path(struct reading *reading, const char *argument)
{
    own_backing(reading)->kind = BACKING_FILE;
    own_backing(reading)->path = argument;
}

static void take_mem_prealloc(struct reading *reading, const char *argument)
{
    (void)argument;
    own_backing(reading)->is_filled = true;
}

static const struct backing_config *find_backing(const struct reading *reading)
{
    const struct backing_config *backing = reading->backings;

    while (backing && strcmp(backing->id, reading->memory_backend))
        backing = backing->next;
    if (!backing)
        die("-M memory-backend=%s: there is no -object memory-backend-... with id=%s",
            reading->memory_backend, reading->memory_backend);
    if (backing->next || backing != reading->backings)
        die("-object: a machine has one memory: %s; the others are of no use",
            backing->id);
    return backing;
}

void finish_memory(struct reading *reading)
{
    struct machine_config *machine = &reading->options->machine;

    machine->backing = reading->own_backing;
    if (reading->memory_backend && reading->own_backing)
        die("-mem-path and -mem-prealloc: say them of the memory-backend, as mem-path= "
            "and prealloc=on");
    if (reading->memory_backend)
        machine->backing = find_backing(reading);
    else if (reading->backings)
        die("-object ...,id=%s: nothing uses it; say -M ...,memory-backend=%s",
            reading->backings->id, reading->backings->id);
    if (!reading->memory_backend)
        return;
    if (!machine->choices.memory_bytes)
        machine->choices.memory_bytes = machine->backing->size_bytes;
    if (machine->choices.memory_bytes != machine->backing->size_bytes)
        die("-m is %llu MiB, and size= of the memory-backend %s %llu MiB: make them "
            "equal, or leave out -m",
            (unsigned long long)(machine->choices.memory_bytes >> 20),
            machine->backing->id,
            (unsigned long long)(machine->backing->size_bytes >> 20));
}

/* ------------------------------------------------------------------------ objects */

static const struct object {
    const char *name;
    void (*take)(struct reading *reading, const char *name, const char *argument);
} objects[] = {
    { "filter-dump", take_filter_dump },
    { "memory-backend-ram", take_backing },
    { "memory-backend-file", take_backing },
    { "memory-backend-memfd", take_backing },
};

static void take_object(struct reading *reading, const char *argument)
{
    const char *name = next_part(&argument);

    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
        if (!strcmp(objects[i].name, name)) {
            objects[i].take(reading, name, argument);
            return;
        }
    }
    die("-object: there is no `%s`; there are filter-dump and memory-backend-ram, -file "
        "and -memfd",
        name);
}

const struct option object_options[] = {
    { "mem-path", "FILE", take_mem_path, "the memory is in a file, or a folder's" },
    { "mem-prealloc", NULL, take_mem_prealloc, "all of it is there from the start" },
    { "object", "KIND,...", take_object,
      "memory-backend-ram|file|memfd,id=,size=,mem-path=,share=,prealloc=; or "
      "filter-dump,netdev=ID,file=FILE[,maxlen=N]: what a network carries, as a pcap "
      "file" },
    { NULL, NULL, NULL, NULL },
};
