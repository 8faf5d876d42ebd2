/* host_memory.c - memory maps of the host. */
#include "base/host.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* kernels before 4.17 take it for a hint */
#endif

size_t host_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int prot_to_host(unsigned prot)
{
    return (prot & HOST_READ ? PROT_READ : 0) | (prot & HOST_WRITE ? PROT_WRITE : 0);
}

int64_t host_map(uintptr_t addr, size_t size, unsigned prot, unsigned flags, int fd,
                 uint64_t offset)
{
    int how = flags & HOST_SHARED ? MAP_SHARED : MAP_PRIVATE;
    void *at;

    if ((off_t)offset < 0 || (uint64_t)(off_t)offset != offset)
        return -EOVERFLOW;
    how |= fd < 0 ? MAP_ANONYMOUS : 0;
    how |= flags & HOST_FIXED ? MAP_FIXED : 0;
    how |= flags & HOST_NOREPLACE ? MAP_FIXED_NOREPLACE : 0;
    how |= flags & HOST_NORESERVE ? MAP_NORESERVE : 0;
    at = mmap((void *)addr, size, prot_to_host(prot), how, fd, (off_t)offset);
    if (at == MAP_FAILED)
        return -errno;
    if ((flags & HOST_NOREPLACE) && (uintptr_t)at != addr) {
        munmap(at, size);
        return -EEXIST;
    }
    return (int64_t)(uintptr_t)at;
}

#ifndef MADV_POPULATE_WRITE /* since Linux 5.14 */
enum { MADV_POPULATE_WRITE = 23 };
#endif

void host_populate(void *addr, size_t size)
{
    madvise(addr, size, MADV_POPULATE_WRITE);
}

int host_fill(void *addr, size_t size)
{
    volatile char *bytes = addr;

    if (madvise(addr, size, MADV_POPULATE_WRITE) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    for (size_t at = 0; at < size; at += host_page_size())
        bytes[at] = bytes[at];
    return 0;
}

int host_identify(int fd, struct host_file *file)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    *file = (struct host_file){ .dev = (uint64_t)st.st_dev,
                                .ino = (uint64_t)st.st_ino,
                                .size = (uint64_t)st.st_size,
                                .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                            st.st_mtim.tv_nsec };
    return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

int host_unmap(uintptr_t addr, size_t size)
{
    return munmap((void *)addr, size) < 0 ? -errno : 0;
}

int host_unnamed_file(uint64_t size)
{
#if defined(MFD_CLOEXEC)
    int fd = memfd_create("rhea", MFD_CLOEXEC);
#else
    FILE *file = tmpfile(); /* its descriptor is duplicated, and stays */
    int fd = file ? dup(fileno(file)) : -1;

    if (file)
        fclose(file);
#endif
    if (fd < 0)
        return -errno;
    if ((off_t)size < 0 || ftruncate(fd, (off_t)size) < 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

int host_protect(uintptr_t addr, size_t size, unsigned prot)
{
    return mprotect((void *)addr, size, prot_to_host(prot)) < 0 ? -errno : 0;
}

int64_t host_remap(uintptr_t addr, size_t size, size_t new_size, uintptr_t to)
{
    void *at;

    if (to == 0)
        at = mremap((void *)addr, size, new_size, 0);
    else if (to == HOST_ANYWHERE)
        at = mremap((void *)addr, size, new_size, MREMAP_MAYMOVE);
    else
        at = mremap((void *)addr, size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED,
                    (void *)to);
    return at == MAP_FAILED ? -errno : (int64_t)(uintptr_t)at;
}
