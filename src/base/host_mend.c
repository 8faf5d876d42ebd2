/* host_mend.c - memory that is a file's, when the file has no bytes for it any more. */
#include "base/host.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANGES = 4 };

/* What is mended is noted, so that of two threads that meet the same page only the first
 * one maps it: what the second would replace may have been written to. */
static struct range {
    uintptr_t start;
    size_t pages; /* 0: there is none */
    int fd;
    const char *message;
    uint8_t *mended; /* a bit for each page */
    bool is_told;
} ranges[RANGES];
static atomic_flag is_busy = ATOMIC_FLAG_INIT;
static size_t page_size;

static struct range *range_of(uintptr_t addr)
{
    for (size_t i = 0; i < RANGES; i++)
        if (addr - ranges[i].start < ranges[i].pages * page_size)
            return &ranges[i];
    return NULL;
}

static bool is_mended(const struct range *range, size_t page)
{
    return range->mended[page / 8] >> page % 8 & 1;
}

/* All that is behind the file's end; or, where the file system has no room for it, one
 * page. */
static bool mend(struct range *range, size_t page)
{
    size_t end = page + 1;
    struct stat st;
    void *at;

    if (fstat(range->fd, &st) == 0 && (uint64_t)st.st_size <= page * page_size) {
        page = ((size_t)st.st_size + page_size - 1) / page_size;
        end = range->pages;
    }
    at = (void *)(range->start + page * page_size);
    if (mmap(at, (end - page) * page_size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
             0) == MAP_FAILED)
        return false;
    for (; page < end; page++)
        range->mended[page / 8] |= (uint8_t)(1 << page % 8);
    return true;
}

static void tell(struct range *range)
{
    if (!range->is_told && write(STDERR_FILENO, range->message, strlen(range->message)))
        range->is_told = true;
}

/* The access is made again when it returns: where nothing was mended, it ends the process
 * as if there were no handler. */
static void bus_handler(int signo, siginfo_t *info, void *context)
{
    int error = errno;
    struct range *range = range_of((uintptr_t)info->si_addr);
    bool is_done = false;
    size_t page;

    (void)context;
    if (range && info->si_code > 0) {
        page = ((uintptr_t)info->si_addr - range->start) / page_size;
        while (atomic_flag_test_and_set(&is_busy))
            ;
        is_done = is_mended(range, page) || mend(range, page);
        atomic_flag_clear(&is_busy);
        tell(range);
    }
    if (!is_done)
        signal(signo, SIG_DFL);
    if (info->si_code <= 0)
        raise(signo);
    errno = error;
}

int host_mend(void *addr, size_t size, int fd, const char *message)
{
    struct sigaction action = { .sa_sigaction = bus_handler,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK };
    struct range range = { .start = (uintptr_t)addr, .message = message };
    size_t i = 0;

    page_size = host_page_size();
    range.pages = size / page_size;
    range.fd = dup(fd);
    range.mended = calloc(1, range.pages / 8 + 1);
    while (i < RANGES && ranges[i].pages)
        i++;
    if (range.fd < 0 || !range.mended || i == RANGES) {
        free(range.mended);
        if (range.fd >= 0)
            close(range.fd);
        return -ENOMEM;
    }
    ranges[i] = range;
    return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

void host_mend_end(void *addr)
{
    struct range *range = range_of((uintptr_t)addr);

    if (!range)
        return;
    close(range->fd);
    free(range->mended);
    range->pages = 0;
}
