/* options_console.c - serial lines, displays, monitors. */
#include <string.h>

#include "base/report.h"
#include "sys/options_read.h"

static void take_nographic(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->is_nographic = true;
}

static void take_display(struct reading *reading, const char *argument)
{
    if (strcmp(argument, "none"))
        die("-display %s is not supported; there is `none`", argument);
    reading->has_no_display = true;
}

void take_none(struct reading *reading, const char *argument)
{
    (void)reading;
    if (strcmp(argument, "none") && strcmp(argument, "null"))
        die("`%s` is not supported here yet; there is `none`", argument);
}

static void take_serial(struct reading *reading, const char *argument)
{
    if (reading->serials == MACHINE_SERIALS)
        die("-serial %s: a machine has at most %d", argument, MACHINE_SERIALS);
    reading->has_serial = true;
    reading->options->machine.serials[reading->serials++] = argument;
}

const struct option console_options[] = {
    { "serial", "TO", take_serial, "stdio, mon:stdio, file:PATH, null, none" },
    { "nographic", NULL, take_nographic,
      "serial line on the terminal; Ctrl-A x ends it" },
    { "display", "none", take_display, "no display" },
    { "monitor", "none", take_none, "no monitor" },
    { "vga", "none", take_none, NULL },
    { "parallel", "none", take_none, NULL },
    { NULL, NULL, NULL, NULL },
};
