/* abi.h - what Linux looks like to one kind of guest, as tables.
 *
 * Only abi_*.c files name guests.  Everything a guest lays out in memory is a table of
 * offsets and sizes here; no host struct ever lies over guest memory. */
#ifndef RHEA_USER_LINUX_ABI_H
#define RHEA_USER_LINUX_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct isa;

/* A field of a guest struct; size 0: this guest's struct does not have it. */
struct field {
    uint16_t offset;
    uint8_t size;
};
struct layout {
    uint16_t size; /* of the whole struct, in bytes */
    const struct field *fields;
};

/* The fields of each struct, in the order of its layout. */
enum { PAIR_A, PAIR_B, PAIR_FIELDS }; /* timespec, timeval, iovec, rlimit */
enum {
    STAT_DEV,
    STAT_INO,
    STAT_MODE,
    STAT_NLINK,
    STAT_UID,
    STAT_GID,
    STAT_RDEV,
    STAT_SIZE,
    STAT_BLKSIZE,
    STAT_BLOCKS,
    STAT_ATIME,
    STAT_ATIME_NS,
    STAT_MTIME,
    STAT_MTIME_NS,
    STAT_CTIME,
    STAT_CTIME_NS,
    STAT_FIELDS
};
enum {
    STATFS_TYPE,
    STATFS_BSIZE,
    STATFS_BLOCKS,
    STATFS_BFREE,
    STATFS_BAVAIL,
    STATFS_FILES,
    STATFS_FFREE,
    STATFS_FSID0,
    STATFS_FSID1,
    STATFS_NAMELEN,
    STATFS_FRSIZE,
    STATFS_FLAGS,
    STATFS_FIELDS
};
enum { SIGACT_HANDLER, SIGACT_FLAGS, SIGACT_MASK, SIGACT_RESTORER, SIGACT_FIELDS };
enum { STACK_SP, STACK_FLAGS, STACK_SIZE, STACK_FIELDS };
enum { FLOCK_TYPE, FLOCK_WHENCE, FLOCK_START, FLOCK_LEN, FLOCK_PID, FLOCK_FIELDS };
enum {
    MSG_NAME,
    MSG_NAMELEN,
    MSG_IOV,
    MSG_IOVLEN,
    MSG_CONTROL,
    MSG_CONTROLLEN,
    MSG_FLAGS,
    MSG_FIELDS
};
enum { CMSG_F_LEN, CMSG_F_LEVEL, CMSG_F_TYPE, CMSG_FIELDS };
enum { EPOLL_F_EVENTS, EPOLL_F_DATA, EPOLL_FIELDS };
enum {
    SYSINFO_UPTIME,
    SYSINFO_LOAD1,
    SYSINFO_LOAD5,
    SYSINFO_LOAD15,
    SYSINFO_TOTALRAM,
    SYSINFO_FREERAM,
    SYSINFO_SHARED,
    SYSINFO_BUFFER,
    SYSINFO_TOTALSWAP,
    SYSINFO_FREESWAP,
    SYSINFO_PROCS,
    SYSINFO_TOTALHIGH,
    SYSINFO_FREEHIGH,
    SYSINFO_UNIT,
    SYSINFO_FIELDS
};
enum { /* siginfo; which of the later ones are there depends on the signal */
       INFO_SIGNO,
       INFO_ERRNO,
       INFO_CODE,
       INFO_PID,
       INFO_UID,
       INFO_VALUE,
       INFO_STATUS,
       INFO_UTIME,
       INFO_STIME,
       INFO_ADDR,
       INFO_BAND,
       INFO_FD,
       INFO_TIMERID,
       INFO_OVERRUN,
       INFO_TIMERVALUE,
       INFO_FIELDS
};
enum { UC_FLAGS, UC_LINK, UC_SP, UC_SSFLAGS, UC_SSSIZE, UC_SIGMASK, UC_FIELDS };

enum { EVENT_VALUE, EVENT_SIGNO, EVENT_NOTIFY, EVENT_TID, EVENT_FIELDS };
enum { MQ_FLAGS, MQ_MAXMSG, MQ_MSGSIZE, MQ_CURMSGS, MQ_FIELDS };
enum { TIMEX_FIELDS = 21 }; /* in the order of struct timex */
/* struct ipc_perm and what follows it, in their order. */
enum { IPC_KEY, IPC_UID, IPC_GID, IPC_CUID, IPC_CGID, IPC_MODE, IPC_SEQ, IPC_FIELDS };
enum {
    MSQ_STIME = IPC_FIELDS,
    MSQ_RTIME,
    MSQ_CTIME,
    MSQ_CBYTES,
    MSQ_QNUM,
    MSQ_QBYTES,
    MSQ_LSPID,
    MSQ_LRPID,
    MSQ_FIELDS
};
enum { SEM_OTIME = IPC_FIELDS, SEM_CTIME, SEM_NSEMS, SEM_FIELDS };
enum {
    SHM_SEGSZ = IPC_FIELDS,
    SHM_ATIME,
    SHM_DTIME,
    SHM_CTIME,
    SHM_CPID,
    SHM_LPID,
    SHM_NATTCH,
    SHM_FIELDS
};

/* What a core file has: prstatus, without the registers that follow it, and prpsinfo,
 * whose name and arguments are its end. */
enum {
    PRSTATUS_SIGNO,
    PRSTATUS_CODE,
    PRSTATUS_CURSIG,
    PRSTATUS_PENDING,
    PRSTATUS_BLOCKED,
    PRSTATUS_PID,
    PRSTATUS_PPID,
    PRSTATUS_PGRP,
    PRSTATUS_SID,
    PRSTATUS_FIELDS
};
enum {
    PRPSINFO_SNAME,
    PRPSINFO_UID,
    PRPSINFO_GID,
    PRPSINFO_PID,
    PRPSINFO_PPID,
    PRPSINFO_PGRP,
    PRPSINFO_SID,
    PRPSINFO_FIELDS
};

struct layouts {
    struct layout prstatus, prpsinfo;
    struct layout timespec, timeval, iovec, rlimit, stat, statfs, sigaction, stack, flock,
        msghdr, cmsghdr, epoll_event, sysinfo, siginfo, ucontext, sigevent, timex,
        mq_attr, msqid, semid, shmid;
    uint8_t word; /* bytes of a long and of a pointer */
};
extern const struct layouts layouts_generic64, layouts_generic32; /* layout.c */

/* What a trap of the isa means.  A name that ends in '*' stands for all that begin so. */
enum trap_action { ON_SYSCALL, ON_SIGNAL };
struct abi_trap {
    const char *name;
    enum trap_action action;
    uint8_t signo, code; /* ON_SIGNAL */
};

enum { ABI_MAX_SIGREGS = 80, ABI_MAX_FRAME = 4096 };

/* Registers saved in a signal frame: offset from the frame's machine context.  Several
 * may share a word: each is `bits` wide (0: all of it) from bit `shift` on. */
struct abi_sigreg {
    const char *reg;
    uint16_t offset;
    uint8_t size;
    uint8_t shift, bits;
};

/* Helpers of the isa that tell the time: ticks since some start, `hz` a second. */
struct abi_helper {
    const char *name;
    uint64_t hz;
};

/* A function of the vDSO. */
struct abi_function {
    const char *name;
    const uint8_t *code;
    uint8_t size;
};

/* What riscv_hwprobe and its like tell: bits of a key's value, if the isa's feature is on
 * ("": always). */
struct abi_probe {
    const char *feature;
    unsigned key;
    uint64_t bits;
};

struct abi_hwcap {
    const char *feature; /* of the isa */
    uint8_t bit;
};

struct abi {
    const char *isa;     /* name of the isa (isa_find), and -cpu's guest */
    const char *machine; /* uname -m and AT_PLATFORM's kin */
    uint16_t elf_machine;
    uint8_t bits; /* ELF class: 32 or 64 */
    bool big;
    uint8_t address_bits;                  /* user addresses are below 2^address_bits */
    const char *number, *args[6], *result; /* registers of a system call */
    const char *sp, *tp;
    const char *handler_args[3], *return_address;
    const struct abi_trap *traps;  /* ended by name NULL */
    const struct abi_hwcap *hwcap; /* ended by feature NULL */
    const struct layouts *layouts;
    bool aligned_pairs; /* 64-bit arguments of 32-bit guests begin at an even register */
    bool clone_backwards; /* tls before ctid */
    uint16_t clock_ticks;
    const struct abi_helper *helpers; /* ended by name NULL */
    /* The signal frame: siginfo, then ucontext, then the machine context. */
    uint16_t frame_size, frame_uc, frame_mcontext;
    const struct abi_sigreg *sigregs; /* ended by reg NULL; "pc" is the pc */
    const struct abi_function
        *vdso;                /* ended by name NULL; the first calls rt_sigreturn */
    const char *vdso_version; /* of its symbols */
    /* Writes what /proc/cpuinfo says of one processor; `features`: bits of the isa's. */
    void (*cpuinfo)(FILE *out, unsigned cpu, const struct isa *isa,
                    const uint64_t *features);
    const struct abi_probe *probes;   /* ended by feature NULL; or NULL */
    uint16_t gregs_size, fpregs_size; /* of a core file: the first bytes of mcontext */
    const char *os_release;           /* the oldest kernel that the guest's libc takes */
};

extern const struct abi *const abi_list[]; /* abi_list.c; ended by NULL */

/* For a machine number, class and byte order of an ELF file; or NULL. */
const struct abi *abi_find(uint16_t elf_machine, unsigned bits, bool big);

#endif
