/* qmp_none.c - in place of QMP where there is no libjansson. */
#include "sys/monitor/part.h"

const struct monitor_kind *const monitor_control = NULL;
