/* human.h - a monitor that a person types at; its history is for `info history`. */
#ifndef RHEA_SYS_MONITOR_HUMAN_H
#define RHEA_SYS_MONITOR_HUMAN_H

#include "sys/monitor/part.h"

enum { HUMAN_LINE = 1024, HUMAN_LINES = 32 };

struct human {
    struct monitor monitor; /* first: found by it */
    char line[HUMAN_LINE];  /* that is typed; ended by a 0 */
    size_t size;
    char lines[HUMAN_LINES][HUMAN_LINE]; /* that were, a ring */
    unsigned line_count, shown;          /* all there were; the one that is shown */
    unsigned escape; /* bytes of an escape sequence so far: ESC, and what follows */
    bool was_return, is_greeted;
};

#endif
