/* accel.h - what -accel says. */
#ifndef RHEA_ACCEL_H
#define RHEA_ACCEL_H

struct engine;

/* Those of this build, for people; the evaluator knows no machines. */
#ifdef RHEA_JIT
#define ACCEL_MACHINE_ENGINES "jit, template and interp"
#define ACCEL_MACHINE_CACHE "; jit,cache=on keeps machine code for later boots"
#define ACCEL_ENGINES "jit, template, interp and eval"
#else
#define ACCEL_MACHINE_ENGINES "template and interp"
#define ACCEL_MACHINE_CACHE ""
#define ACCEL_ENGINES "template, interp and eval"
#endif

/* The engine that is named, with the options behind it (jit,sync=on,...), which
 * jit_options has afterwards; NULL: the fastest.  die()s where this build has no such. */
const struct engine *accel_choose(const char *argument);

#endif
