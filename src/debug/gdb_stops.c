/* gdb_stops.c - gdb's break- and watchpoints in a set of stops. */
#include <errno.h>

#include "debug/gdb.h"
#include "isa/stops.h"

static const uint8_t accesses[] = {
    [GDB_WATCH_WRITE] = WATCH_WRITE,
    [GDB_WATCH_READ] = WATCH_READ,
    [GDB_WATCH] = WATCH_READ | WATCH_WRITE,
};

bool gdb_is_break(enum gdb_point point)
{
    return point == GDB_SOFT_BREAK || point == GDB_HARD_BREAK;
}

int gdb_add_stop(struct stops *stops, enum gdb_point point, uint64_t addr, uint64_t size)
{
    if (gdb_is_break(point))
        return stops_add_break(stops, addr) < 0 ? -ENOSPC : 0;
    if (!size)
        return -GDB_EINVAL;
    return stops_add_watch(stops, addr, size, accesses[point]) < 0 ? -ENOSPC : 0;
}

bool gdb_remove_stop(struct stops *stops, enum gdb_point point, uint64_t addr,
                     uint64_t size)
{
    return gdb_is_break(point) ? stops_remove_break(stops, addr)
                               : stops_remove_watch(stops, addr, size, accesses[point]);
}

enum gdb_point gdb_watch_point(unsigned access)
{
    enum gdb_point point = GDB_WATCH_WRITE;

    while (point < GDB_WATCH && accesses[point] != access)
        point++;
    return point;
}
