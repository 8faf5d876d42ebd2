/* options_time.c - how time passes for a machine, and what chance is for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/accel.h"
#include "isa/engine.h"
#include "sys/options_read.h"

enum { NS_PER_S = 1000000000 };

/* ------------------------------------------------------------------------ -icount */

static void take_shift(struct icount_config *icount, const char *value)
{
    char *end;
    unsigned long shift = strtoul(value, &end, 10);

    icount->is_auto = !strcmp(value, "auto");
    if (!icount->is_auto && (end == value || *end || shift > ICOUNT_SHIFT_MAX))
        die("-icount shift=%s: want 0 to %d, or auto", value, ICOUNT_SHIFT_MAX);
    icount->shift = (unsigned)shift;
}

static bool take_switch(const char *name, const char *value)
{
    if (!strcmp(value, "on") || !strcmp(value, "off"))
        return !strcmp(value, "on");
    die("-icount %s=%s: want on or off", name, value);
}

/* shift=N|auto[,sleep=on|off][,align=off]; also without `shift=`. */
static void take_icount(struct reading *reading, const char *argument)
{
    struct icount_config *icount = &reading->options->machine.icount;
    bool has_shift = false;

    *icount = (struct icount_config){ .is_on = true, .sleeps = true };
    while (*argument) {
        char *part = next_part(&argument);
        bool is_named = strchr(part, '=') != NULL;
        const char *value = split_value(part);

        if (!is_named || !strcmp(part, "shift")) {
            take_shift(icount, is_named ? value : part);
            has_shift = true;
        } else if (!strcmp(part, "sleep")) {
            icount->sleeps = take_switch(part, value);
        } else if (strcmp(part, "align") || take_switch(part, value)) {
            die("-icount: %s=%s is not supported", part, value);
        }
    }
    if (!has_shift)
        die("-icount wants shift=N or shift=auto");
    if (icount->is_auto && !icount->sleeps)
        die("-icount: shift=auto and sleep=off do not go together");
}

/* --------------------------------------------------------------------------- -rtc */

/* Days from 1970 to a date of the Gregorian calendar. */
static int64_t days_from_1970(int64_t year, unsigned month, unsigned day)
{
    /* From March on months have the same lengths in all years. */
    int64_t y = year - (month <= 2);
    unsigned m = (month + 9) % 12;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* 2026-11-23, 2026-11-23T12:34:56: of UTC, from 1970 on. */
static bool parse_date(const char *text, uint64_t *seconds)
{
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    int used = 0;

    if (sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) != 3)
        return false;
    text += used;
    if (*text == 'T' || *text == ' ') {
        if (sscanf(text + 1, "%2u:%2u:%2u%n", &hour, &minute, &second, &used) != 3)
            return false;
        text += 1 + used;
    }
    if (*text || year < 1970 || month - 1 > 11 || day - 1 > 30 || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    *seconds = (uint64_t)days_from_1970(year, month, day) * 86400 + hour * 3600 +
               minute * 60 + second;
    return true;
}

/* What the host's clocks show at home, as if that were UTC. */
static uint64_t local_ns(void)
{
    uint64_t now = host_wall_ns();
    time_t seconds = (time_t)(now / NS_PER_S);
    const struct tm *tm = localtime(&seconds);

    if (!tm)
        return now;
    return (uint64_t)(days_from_1970(tm->tm_year + 1900, (unsigned)tm->tm_mon + 1,
                                     (unsigned)tm->tm_mday) *
                          86400 +
                      tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec) *
               NS_PER_S +
           now % NS_PER_S;
}

static void take_base(struct rtc_config *rtc, const char *value)
{
    uint64_t seconds;

    if (!strcmp(value, "utc"))
        rtc->wall_ns = host_wall_ns();
    else if (!strcmp(value, "localtime"))
        rtc->wall_ns = local_ns();
    else if (parse_date(value, &seconds))
        rtc->wall_ns = seconds * NS_PER_S;
    else
        die("-rtc base=%s: want utc, localtime or a date as 2026-11-23T12:34:56", value);
}

/* base=utc|localtime|DATE, clock=host|vm; rt is the host's, too. */
static void take_rtc(struct reading *reading, const char *argument)
{
    struct rtc_config *rtc = &reading->options->machine.rtc;

    *rtc = (struct rtc_config){ .is_set = true, .wall_ns = host_wall_ns() };
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "base"))
            take_base(rtc, value);
        else if (!strcmp(part, "clock") && !strcmp(value, "vm"))
            rtc->is_guest = true;
        else if (strcmp(part, "clock") || (strcmp(value, "host") && strcmp(value, "rt")))
            die("-rtc: %s=%s is not supported", part, value);
    }
}

/* -------------------------------------------------------------------------- -seed */

static void take_seed(struct reading *reading, const char *argument)
{
    uint64_t seed;

    if (!board_number(argument, &seed))
        die("-seed %s: want a number", argument);
    host_random_seed(seed);
    reading->has_seed = true;
}

/* ---------------------------------------------------------------------------- all */

/* Compiled regions do not count instructions. */
static void choose_engine(const struct reading *reading, struct machine_config *machine)
{
    if (machine->engine && strcmp(machine->engine->name, "jit"))
        return;
    if (reading->accel && !strncmp(reading->accel, "jit", 3))
        fprintf(stderr, "rhea: -icount: compiled code does not count instructions; it is "
                        "-accel template\n");
    machine->engine = accel_choose("template");
}

void finish_time(struct reading *reading)
{
    struct machine_config *machine = &reading->options->machine;

    if (!machine->icount.is_on)
        return;
    choose_engine(reading, machine);
    if (!reading->has_seed)
        host_random_seed(0);
    if (!machine->rtc.is_set)
        take_rtc(reading, "base=2000-01-01,clock=vm");
}

const struct option time_options[] = {
    { "icount", "shift=N|auto[,...]", take_icount,
      "an instruction takes 2^N ns; every run is the same: sleep=on|off" },
    { "rtc", "base=DATE[,...]", take_rtc,
      "the wall clock: base=utc|localtime|2026-11-23T12:34:56, clock=host|vm" },
    { "seed", "N", take_seed, "chance is always the same" },
    { NULL, NULL, NULL, NULL },
};
