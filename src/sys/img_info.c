/* img_info.c - `rhea img info` and `rhea img map`. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sys/img.h"

/* ---------------------------------------------------------------------------- info */

static char *full_backing(struct disk_image *image, const struct disk_info *info)
{
    char error[DISK_ERROR];

    return info->backing ? disk_backing_path(disk_path(image), info->backing, error)
                         : NULL;
}

static void say_snapshots(struct img_json *json, const struct disk_info *info)
{
    enum { SECOND = 1000000000 };

    if (!info->snapshot_count)
        return;
    say_open(json, "snapshots", '[');
    for (unsigned i = 0; i < info->snapshot_count; i++) {
        const struct disk_snapshot *snapshot = &info->snapshots[i];
        say_open(json, NULL, '{');
        if (snapshot->has_icount)
            say_number(json, "icount", snapshot->icount);
        say_number(json, "vm-clock-nsec", snapshot->vm_clock_ns % SECOND);
        say_string(json, "name", snapshot->name);
        say_number(json, "date-sec", snapshot->date_s);
        say_number(json, "date-nsec", snapshot->date_ns);
        say_number(json, "vm-clock-sec", snapshot->vm_clock_ns / SECOND);
        say_string(json, "id", snapshot->id);
        say_number(json, "vm-state-size", snapshot->vm_state_size);
        say_close(json, '}');
    }
    say_close(json, ']');
}

static void say_specific(struct img_json *json, const struct disk_info *info)
{
    say_open(json, "format-specific", '{');
    say_string(json, "type", "qcow2");
    say_open(json, "data", '{');
    say_string(json, "compat", info->version < 3 ? "0.10" : "1.1");
    say_string(json, "compression-type", info->use_zstd ? "zstd" : "zlib");
    if (info->version >= 3)
        say_bool(json, "lazy-refcounts", info->lazy_refcounts);
    say_number(json, "refcount-bits", info->refcount_bits);
    if (info->version >= 3) {
        say_bool(json, "corrupt", info->corrupt);
        say_bool(json, "extended-l2", info->extended_l2);
    }
    say_close(json, '}');
    say_close(json, '}');
}

static void say_info(struct img_json *json, struct disk_image *image,
                     const struct disk_info *info)
{
    char *full = full_backing(image, info);

    say_open(json, NULL, '{');
    say_snapshots(json, info);
    if (info->backing_format)
        say_string(json, "backing-filename-format", info->backing_format);
    say_number(json, "virtual-size", info->size);
    say_string(json, "filename", disk_path(image));
    if (info->cluster_size)
        say_number(json, "cluster-size", info->cluster_size);
    say_string(json, "format", disk_format_name(image));
    if (info->used >= 0)
        say_number(json, "actual-size", (uint64_t)info->used);
    if (info->is_encrypted)
        say_bool(json, "encrypted", true);
    if (info->version)
        say_specific(json, info);
    if (full)
        say_string(json, "full-backing-filename", full);
    if (info->backing)
        say_string(json, "backing-filename", info->backing);
    say_bool(json, "dirty-flag", info->is_dirty);
    say_close(json, '}');
    free(full);
}

static void print_snapshots(const struct disk_info *info)
{
    if (!info->snapshot_count)
        return;
    printf("Snapshot list:\n%-9s %-16s %8s %20s %14s %10s\n", "ID", "TAG", "VM SIZE",
           "DATE", "VM CLOCK", "ICOUNT");
    for (unsigned i = 0; i < info->snapshot_count; i++) {
        const struct disk_snapshot *snapshot = &info->snapshots[i];
        uint64_t ms = snapshot->vm_clock_ns / 1000000;
        time_t date = (time_t)snapshot->date_s;
        struct tm *local = localtime(&date);
        char text[64] = "";
        if (local)
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", local);
        printf("%-9s %-16s ", snapshot->id, snapshot->name);
        img_print_size(stdout, snapshot->vm_state_size);
        printf(" %20s %02u:%02u:%02u.%03u", text, (unsigned)(ms / 3600000),
               (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60),
               (unsigned)(ms % 1000));
        if (snapshot->has_icount)
            printf(" %10llu", (unsigned long long)snapshot->icount);
        printf("\n");
    }
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void print_info(struct disk_image *image, const struct disk_info *info)
{
    char *full = full_backing(image, info);

    printf("image: %s\nfile format: %s\nvirtual size: ", disk_path(image),
           disk_format_name(image));
    img_print_size(stdout, info->size);
    printf(" (%llu bytes)\ndisk size: ", (unsigned long long)info->size);
    if (info->used >= 0)
        img_print_size(stdout, (uint64_t)info->used);
    else
        printf("unavailable");
    printf("\n");
    if (info->is_encrypted)
        printf("encrypted: yes\n");
    if (info->cluster_size)
        printf("cluster_size: %lu\n", (unsigned long)info->cluster_size);
    if (info->is_dirty)
        printf("cleanly shut down: no\n");
    if (info->backing) {
        printf("backing file: %s", info->backing);
        if (full && strcmp(full, info->backing) != 0)
            printf(" (actual path: %s)", full);
        printf("\n");
    }
    if (info->backing_format)
        printf("backing file format: %s\n", info->backing_format);
    print_snapshots(info);
    if (info->version) {
        printf("Format specific information:\n    compat: %s\n    compression type: %s\n",
               info->version < 3 ? "0.10" : "1.1", info->use_zstd ? "zstd" : "zlib");
        if (info->version >= 3)
            printf("    lazy refcounts: %s\n", truth(info->lazy_refcounts));
        printf("    refcount bits: %u\n", info->refcount_bits);
        if (info->version >= 3)
            printf("    corrupt: %s\n    extended l2: %s\n", truth(info->corrupt),
                   truth(info->extended_l2));
    }
    free(full);
}

int img_info(struct img_args *args)
{
    static const struct img_long longs[] = { { "output", 'o', true },
                                             { "backing-chain", 'c', false },
                                             { "force-share", 'U', false },
                                             { NULL, 0, false } };
    unsigned flags = DISK_NO_DATA;
    const char *format = NULL;
    struct disk_image *image;
    bool json = false, chain = false, first = true;
    struct img_json out = { 0, true };
    int letter;

    while ((letter = img_option(args, "f:U", longs)) > 0) {
        switch (letter) {
        case 'f': format = args->value; break;
        case 'U': flags |= DISK_SHARE; break;
        case 'c': chain = true; break;
        default:
            if (img_output(args->value, &json))
                return 1;
        }
    }
    if (letter < 0)
        return 1;
    if (args->name_count != 1)
        return img_fail("img: info needs a file");
    image = img_open(args->names[0], format, flags | (chain ? 0 : DISK_NO_BACKING));
    if (!image)
        return 1;
    if (json && chain)
        say_open(&out, NULL, '[');
    for (struct disk_image *next = image; next; next = disk_backing(next)) {
        struct disk_info info;
        disk_get_info(next, &info);
        if (json)
            say_info(&out, next, &info);
        else
            printf("%s", first ? "" : "\n"), print_info(next, &info);
        first = false;
    }
    if (json && chain)
        say_close(&out, ']');
    return disk_close(image) != 0;
}

/* ----------------------------------------------------------------------------- map */

static bool is_same(const struct disk_extent *a, const struct disk_extent *b)
{
    return a->is_present == b->is_present && a->is_zero == b->is_zero &&
           a->has_data == b->has_data && a->has_offset == b->has_offset &&
           a->compressed == b->compressed && a->depth == b->depth &&
           (!a->has_offset || a->offset + a->size == b->offset);
}

static int map_line(uint64_t start, const struct disk_extent *extent, bool json)
{
    static bool later;

    if (json) {
        printf("%s{ \"start\": %llu, \"length\": %llu, \"depth\": %u, \"present\": %s, "
               "\"zero\": %s, \"data\": %s",
               later ? ",\n" : "[", (unsigned long long)start,
               (unsigned long long)extent->size, extent->depth, truth(extent->is_present),
               truth(extent->is_zero), truth(extent->has_data));
        if (extent->has_offset)
            printf(", \"offset\": %llu", (unsigned long long)extent->offset);
        printf("}");
        later = true;
        return 0;
    }
    if (!extent->has_data || extent->is_zero)
        return 0;
    if (!extent->has_offset)
        return img_fail("%s: has compressed clusters, which have no place for a map",
                        extent->path);
    printf("%#-16llx%#-16llx%#-16llx%s\n", (unsigned long long)start,
           (unsigned long long)extent->size, (unsigned long long)extent->offset,
           extent->path);
    return 0;
}

static int map_image(struct disk_image *image, uint64_t start, uint64_t end, bool json)
{
    struct disk_extent whole = { 0 }, extent;
    int status = 0;

    if (!json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    for (uint64_t at = start; at < end && !status; at += extent.size) {
        if (disk_extent_chain(image, at, end - at, &extent))
            return img_fail("%s: cannot be read", disk_path(image));
        if (whole.size && is_same(&whole, &extent)) {
            whole.size += extent.size;
            continue;
        }
        if (whole.size)
            status = map_line(at - whole.size, &whole, json);
        whole = extent;
    }
    if (whole.size && !status)
        status = map_line(end - whole.size, &whole, json);
    if (json && !status)
        printf(whole.size ? "]\n" : "[]\n");
    return status;
}

int img_map(struct img_args *args)
{
    static const struct img_long longs[] = {
        { "output", 'o', true },     { "start-offset", 's', true },
        { "max-length", 'l', true }, { "force-share", 'U', false },
        { NULL, 0, false },
    };
    uint64_t start = 0, length = UINT64_MAX, end;
    const char *format = NULL;
    struct disk_image *image;
    unsigned flags = 0;
    bool json = false;
    int letter, status = 0;

    while ((letter = img_option(args, "f:s:l:U", longs)) > 0) {
        switch (letter) {
        case 'f': format = args->value; break;
        case 'U': flags |= DISK_SHARE; break;
        case 'o': status = img_output(args->value, &json); break;
        default:
            if (!img_size(args->value, letter == 's' ? &start : &length))
                status = img_fail("img: `%s` is no size", args->value);
        }
        if (status)
            return 1;
    }
    if (letter < 0)
        return 1;
    if (args->name_count != 1)
        return img_fail("img: map needs a file");
    image = img_open(args->names[0], format, flags);
    if (!image)
        return 1;
    end = disk_size(image);
    if (start < end && length < end - start)
        end = start + length;
    status = map_image(image, start, end, json);
    return disk_close(image) || status;
}
