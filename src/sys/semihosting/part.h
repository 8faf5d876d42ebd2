/* part.h - what the parts of semihosting share: calls.c has the calls, memory.c reaches
 * the guest's memory, files.c has what is behind the numbers of files. */
#ifndef RHEA_SYS_SEMIHOSTING_PART_H
#define RHEA_SYS_SEMIHOSTING_PART_H

#include "sys/semihosting/semihosting.h"

enum {
    FILES = 64,       /* open at once; the first three are always there */
    PIECE = 4096,     /* bytes that are copied at once: no more than a pipe takes */
    KEYS = 256,       /* that came and were not read */
    WAIT_MS = 20,     /* for the console, at most, until a call is tried again */
    PATH_BYTES = 4096 /* the longest path, and its 0 */
};

/* What is behind a file's number. */
enum file_kind { NO_FILE, HOST_FILE, CONSOLE, FEATURES };
struct file {
    enum file_kind kind;
    bool is_own; /* to be closed */
    int fd;      /* of HOST_FILE */
    uint64_t at; /* in FEATURES */
};

/* A call that is to go on where it was when it is tried again. */
struct unfinished {
    bool is_there;
    uint64_t pc, number, argument, done;
};

struct semihosting {
    struct semihosting_config config;
    struct semihosting_host host;
    struct host_lock *lock;
    struct file files[FILES];
    int error;                     /* of the last call that failed: an errno */
    struct unfinished *unfinished; /* of each CPU */
    /* The console's keys; under the bus lock. */
    uint8_t keys[KEYS];
    size_t key_count;
};

/* A call that is under way. */
struct asking {
    struct semihosting *s;
    struct cpu *cpu;
    const struct host_call *call;
    const volatile bool *must_stop;
    unsigned word;  /* bytes of one of the guest's */
    bool will_wait; /* for this: */
    struct file wait_for;
    bool to_write;
};

/* ---- memory.c.  false: the CPU would fault (some of it may have been copied). */

enum { GUEST_PAGE = 1 << TLB_SHIFT, MOST_ARGS = 4 };
bool guest_get(const struct asking *a, uint64_t addr, void *bytes, size_t size);
bool guest_put(const struct asking *a, uint64_t addr, const void *bytes, size_t size);
/* At most MOST_ARGS words, as large as the guest's are. */
bool guest_get_words(const struct asking *a, uint64_t addr, uint64_t *words,
                     unsigned count);
bool guest_put_words(const struct asking *a, uint64_t addr, const uint64_t *words,
                     unsigned count);
bool guest_put_number(const struct asking *a, uint64_t addr, uint64_t value,
                      unsigned size);
/* 0, or a negated errno. */
int guest_get_path(const struct asking *a, uint64_t addr, uint64_t size,
                   char path[PATH_BYTES]);

/* ---- files.c.  A file that is NULL: -EBADF.  All return what they say, or a negated
 * errno; -EAGAIN: not yet. */

void sh_files_begin(struct semihosting *s);
void sh_files_end(struct semihosting *s);
struct file *sh_find(struct semihosting *s, uint64_t number); /* NULL: there is none */
/* Standard input, output and errors by their descriptors, or the console. */
enum { STDIN, STDOUT, STDERR, STANDARD_FILES };
struct file sh_standard(const struct semihosting *s, int fd);

int64_t sh_open(struct semihosting *s, const char *path, uint64_t mode); /* a number */
int64_t sh_close(struct file *file);
/* How many bytes, of at most PIECE; 0: the end. */
int64_t sh_read(struct semihosting *s, struct file *file, uint8_t *bytes, size_t size);
int64_t sh_write(struct semihosting *s, const struct file *file, const uint8_t *bytes,
                 size_t size);
int64_t sh_seek(struct file *file, uint64_t at); /* 0 */
int64_t sh_size(const struct file *file);
int64_t sh_is_terminal(const struct file *file);
/* Waits until it may be read, or written, but not for long; without the lock. */
void sh_wait(struct semihosting *s, const struct file *file, bool to_write);

#endif
