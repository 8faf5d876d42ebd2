/* calls_all.h - the functions of calls.h, declared. */
#ifndef RHEA_USER_LINUX_CALLS_ALL_H
#define RHEA_USER_LINUX_CALLS_ALL_H

#include "user/linux/linux.h"

#define CALL(number, name, kinds) sys_fn sys_##name;
#define CALL64 CALL
#define CALL32 CALL
#define PASS CALL
#define REFUSE(number, name, error)
#include "user/linux/calls.h"
#undef CALL
#undef CALL64
#undef CALL32
#undef PASS
#undef REFUSE
#undef NONE

#endif
