/* accel.c - which engine, and how it is to work. */
#include "interp/accel.h"

#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "interp/jit.h"

#if HAS_JIT
#define FIRST_ENGINE (&jit_engine)

/* 65536, 64K, 256M */
static uint64_t take_size(const char *at, char **end)
{
    uint64_t size = strtoull(at, end, 10);

    if (**end == 'K' || **end == 'M')
        size <<= *(*end)++ == 'K' ? 10 : 20;
    return size;
}

/* false: `at`, of that length, is no switch. */
static bool take_switch(const char *at, size_t length)
{
    static const struct {
        const char *text;
        bool *to, value;
    } switches[] = {
        { "sync=on", &jit_options.sync, true },
        { "sync=off", &jit_options.sync, false },
        { "cache=on", &jit_options.cache, true },
        { "cache=off", &jit_options.cache, false },
    };

    for (unsigned i = 0; i < sizeof switches / sizeof *switches; i++)
        if (strlen(switches[i].text) == length &&
            strncmp(at, switches[i].text, length) == 0) {
            *switches[i].to = switches[i].value;
            return true;
        }
    return false;
}

/* ",sync=on,threshold=N,threads=N,memory=SIZE,templates=SIZE,cache=on" */
static void take_jit_options(const char *at)
{
    while (*at == ',') {
        size_t length = strcspn(++at, ",");
        char *end = NULL;

        if (strncmp(at, "threshold=", 10) == 0)
            jit_options.threshold = (uint32_t)strtoul(at + 10, &end, 10);
        else if (strncmp(at, "threads=", 8) == 0)
            jit_options.threads = (uint32_t)strtoul(at + 8, &end, 10);
        else if (strncmp(at, "memory=", 7) == 0)
            jit_options.memory = take_size(at + 7, &end);
        else if (strncmp(at, "templates=", 10) == 0)
            jit_options.templates = take_size(at + 10, &end);
        else if (!take_switch(at, length))
            die("-accel: %s is none of sync=on, threshold=N, threads=N, memory=SIZE, "
                "templates=SIZE, cache=on and cache=off",
                at);
        at = end ? end : at + length;
    }
    if (*at)
        die("-accel: %s is not a number", at);
}
#else
#define FIRST_ENGINE (&template_engine)

static void take_jit_options(const char *at)
{
    if (*at)
        die("-accel: %s: this build has no JIT", at);
}
#endif

static const struct engine *const engines[] = {
    FIRST_ENGINE,
    &template_engine,
    &interp_engine,
#ifndef RHEA_SYSTEM
    &eval_engine,
#endif
};
#ifdef RHEA_SYSTEM
#define ENGINES ACCEL_MACHINE_ENGINES
#else
#define ENGINES ACCEL_ENGINES
#endif

const struct engine *accel_choose(const char *argument)
{
    size_t length = argument ? strcspn(argument, ",") : 0;
    const struct engine *engine =
        !argument || (length == 3 && strncmp(argument, "tcg", 3) == 0) ? FIRST_ENGINE
                                                                       : NULL;

    for (unsigned i = 0; !engine && i < sizeof engines / sizeof *engines; i++)
        if (strlen(engines[i]->name) == length &&
            strncmp(argument, engines[i]->name, length) == 0)
            engine = engines[i];
    if (!engine)
        die("-accel %s: this build has " ENGINES, argument);
    if (argument)
        take_jit_options(argument + length);
    return engine;
}
