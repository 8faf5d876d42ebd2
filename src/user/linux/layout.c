/* layout.c - structs of Linux' generic ABI: the guests whose kernels use asm-generic. */
#include "user/linux/abi.h"

/* clang-format off */
#define FIELDS(...) (const struct field[]){ __VA_ARGS__ }

#define SIGINFO_COMMON { 0, 4 }, { 4, 4 }, { 8, 4 }

const struct layouts layouts_generic64 = {
    .word = 8,
    .timespec = { 16, FIELDS({ 0, 8 }, { 8, 8 }) },
    .timeval = { 16, FIELDS({ 0, 8 }, { 8, 8 }) },
    .iovec = { 16, FIELDS({ 0, 8 }, { 8, 8 }) },
    .rlimit = { 16, FIELDS({ 0, 8 }, { 8, 8 }) },
    .stat = { 128, FIELDS({ 0, 8 }, { 8, 8 }, { 16, 4 }, { 20, 4 }, { 24, 4 }, { 28, 4 },
                          { 32, 8 }, { 48, 8 }, { 56, 4 }, { 64, 8 }, { 72, 8 }, { 80, 8 },
                          { 88, 8 }, { 96, 8 }, { 104, 8 }, { 112, 8 }) },
    .statfs = { 120, FIELDS({ 0, 8 }, { 8, 8 }, { 16, 8 }, { 24, 8 }, { 32, 8 }, { 40, 8 },
                            { 48, 8 }, { 56, 4 }, { 60, 4 }, { 64, 8 }, { 72, 8 }, { 80, 8 }) },
    .sigaction = { 24, FIELDS({ 0, 8 }, { 8, 8 }, { 16, 8 }, { 0, 0 }) },
    .stack = { 24, FIELDS({ 0, 8 }, { 8, 4 }, { 16, 8 }) },
    .flock = { 32, FIELDS({ 0, 2 }, { 2, 2 }, { 8, 8 }, { 16, 8 }, { 24, 4 }) },
    .msghdr = { 56, FIELDS({ 0, 8 }, { 8, 4 }, { 16, 8 }, { 24, 8 }, { 32, 8 }, { 40, 8 },
                           { 48, 4 }) },
    .cmsghdr = { 16, FIELDS({ 0, 8 }, { 8, 4 }, { 12, 4 }) },
    .epoll_event = { 16, FIELDS({ 0, 4 }, { 8, 8 }) },
    .sysinfo = { 112, FIELDS({ 0, 8 }, { 8, 8 }, { 16, 8 }, { 24, 8 }, { 32, 8 }, { 40, 8 },
                             { 48, 8 }, { 56, 8 }, { 64, 8 }, { 72, 8 }, { 80, 2 }, { 88, 8 },
                             { 96, 8 }, { 104, 4 }) },
    .siginfo = { 128, FIELDS(SIGINFO_COMMON,
                             { 16, 4 }, { 20, 4 }, { 24, 8 },  /* pid, uid, value */
                             { 24, 4 }, { 32, 8 }, { 40, 8 },  /* status, utime, stime */
                             { 16, 8 }, { 16, 8 }, { 24, 4 },  /* addr; band, fd */
                             { 16, 4 }, { 20, 4 }, { 24, 8 }) }, /* timer, overrun, value */
    .ucontext = { 168, FIELDS({ 0, 8 }, { 8, 8 }, { 16, 8 }, { 24, 4 }, { 32, 8 }, { 40, 8 }) },
};

const struct layouts layouts_generic32 = {
    .word = 4,
    .timespec = { 16, FIELDS({ 0, 8 }, { 8, 8 }) }, /* time64 calls only */
    .timeval = { 8, FIELDS({ 0, 4 }, { 4, 4 }) },
    .iovec = { 8, FIELDS({ 0, 4 }, { 4, 4 }) },
    .rlimit = { 16, FIELDS({ 0, 8 }, { 8, 8 }) },
    .stat = { 104, FIELDS({ 0, 8 }, { 8, 8 }, { 16, 4 }, { 20, 4 }, { 24, 4 }, { 28, 4 },
                          { 32, 8 }, { 48, 8 }, { 56, 4 }, { 64, 8 }, { 72, 4 }, { 76, 4 },
                          { 80, 4 }, { 84, 4 }, { 88, 4 }, { 92, 4 }) },
    .statfs = { 88, FIELDS({ 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 8 }, { 24, 8 }, { 32, 8 },
                           { 40, 8 }, { 48, 4 }, { 52, 4 }, { 56, 4 }, { 60, 4 }, { 64, 4 }) },
    .sigaction = { 16, FIELDS({ 0, 4 }, { 4, 4 }, { 8, 8 }, { 0, 0 }) },
    .stack = { 12, FIELDS({ 0, 4 }, { 4, 4 }, { 8, 4 }) },
    .flock = { 32, FIELDS({ 0, 2 }, { 2, 2 }, { 8, 8 }, { 16, 8 }, { 24, 4 }) },
    .msghdr = { 28, FIELDS({ 0, 4 }, { 4, 4 }, { 8, 4 }, { 12, 4 }, { 16, 4 }, { 20, 4 },
                           { 24, 4 }) },
    .cmsghdr = { 12, FIELDS({ 0, 4 }, { 4, 4 }, { 8, 4 }) },
    .epoll_event = { 16, FIELDS({ 0, 4 }, { 8, 8 }) },
    .sysinfo = { 64, FIELDS({ 0, 4 }, { 4, 4 }, { 8, 4 }, { 12, 4 }, { 16, 4 }, { 20, 4 },
                            { 24, 4 }, { 28, 4 }, { 32, 4 }, { 36, 4 }, { 40, 2 }, { 44, 4 },
                            { 48, 4 }, { 52, 4 }) },
    .siginfo = { 128, FIELDS(SIGINFO_COMMON,
                             { 12, 4 }, { 16, 4 }, { 20, 4 },
                             { 20, 4 }, { 24, 4 }, { 28, 4 },
                             { 12, 4 }, { 12, 4 }, { 16, 4 },
                             { 12, 4 }, { 16, 4 }, { 20, 4 }) },
    .ucontext = { 148, FIELDS({ 0, 4 }, { 4, 4 }, { 8, 4 }, { 12, 4 }, { 16, 4 }, { 20, 8 }) },
};
/* clang-format on */
