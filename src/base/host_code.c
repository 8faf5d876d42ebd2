/* host_code.c - memory for machine code, and files that belong to the program. */
#include "base/host.h"

#include "base/report.h"

#if defined(__linux__)
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* A free place for the code that is within HOST_CODE_REACH of `near`. */
static void *find_place(size_t size, uintptr_t near)
{
    enum { STEP = 16 << 20, END = 1 << 30 };

    for (uintptr_t distance = size; distance < END && distance < near; distance += STEP) {
        void *at = (void *)((near - distance) & ~(uintptr_t)(STEP - 1));
        void *got =
            mmap(at, size, PROT_NONE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

        if (got == at)
            return at;
        if (got != MAP_FAILED)
            munmap(got, size);
    }
    return NULL;
}

/* Maps the pages of code->write to `run`, too, in place of what is there. */
static int map_again(struct host_code *code, uint8_t *run)
{
    if (mremap(code->write, 0, code->size, MREMAP_MAYMOVE | MREMAP_FIXED, run) ==
        MAP_FAILED)
        return -errno;
    if (mprotect(run, code->size, PROT_READ | PROT_EXEC)) {
        int error = errno;

        munmap(run, code->size);
        return -error;
    }
    code->run = run;
    return 0;
}

static uint8_t *map_writable(size_t size)
{
    uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

int host_code_map(struct host_code *code, size_t size, uintptr_t near)
{
    void *run = find_place(size, near);
    int error;

    if (!run)
        return -ENOMEM;
    code->size = size;
    code->write = map_writable(size);
    error = code->write ? map_again(code, run) : -ENOMEM;
    if (!error)
        return 0;
    munmap(run, size);
    if (code->write)
        munmap(code->write, size);
    code->write = NULL;
    return error;
}

int host_code_unshare(struct host_code *code, size_t used)
{
    struct host_code own = { .write = map_writable(code->size), .size = code->size };

    if (!own.write)
        return -ENOMEM;
    memcpy(own.write, code->run, used);
    if (map_again(&own, code->run))
        die("no memory for machine code in a new process");
    munmap(code->write, code->size);
    *code = own;
    return 0;
}

void host_code_unmap(struct host_code *code)
{
    if (code->write) {
        munmap(code->write, code->size);
        munmap(code->run, code->size);
    }
    code->write = code->run = NULL;
}

const void *host_map_beside(const char *name, size_t *size)
{
    char path[PATH_MAX], *slash;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    struct stat st;
    void *at = MAP_FAILED;
    int fd;

    path[length < 0 ? 0 : length] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(path + sizeof path - slash) <= strlen(name) + 1)
        return NULL;
    strcpy(slash + 1, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (!fstat(fd, &st) && st.st_size > 0)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    *size = (size_t)st.st_size;
    return at == MAP_FAILED ? NULL : at;
}

const void *host_load_module(const char *name, const char *symbol)
{
    static const char *const where[] = { "", "../lib/rhea/", "../../" };
    char path[PATH_MAX], *slash;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    void *module = NULL;

    path[length < 0 ? 0 : length] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(path + sizeof path - slash) <= strlen(name) + 16)
        return NULL;
    for (unsigned i = 0; !module && i < sizeof where / sizeof *where; i++) {
        strcpy(slash + 1, where[i]);
        strcat(slash + 1, name);
        module = access(path, R_OK) ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return module ? dlsym(module, symbol) : NULL;
}

/* Of the program: the linker knows it. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((weak, visibility("hidden")));

unsigned host_elf_machine(void)
{
    return &__ehdr_start ? __ehdr_start.e_machine : 0;
}

int host_mark_file(int fd)
{
    void *at = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_EXEC,
                    MAP_PRIVATE, fd, 0);

    return at == MAP_FAILED ? -errno : 0;
}

/* Spec: the tool interface standard's ELF, "Note Section". */
static size_t id_in_notes(const uint8_t *at, size_t size, uint8_t id[HOST_BUILD_ID])
{
    enum { GNU_BUILD_ID = 3 };
    ElfW(Nhdr) note;

    while (size > sizeof note) {
        size_t name, bytes;

        memcpy(&note, at, sizeof note);
        name = sizeof note + ((note.n_namesz + 3) & ~(size_t)3);
        bytes = note.n_descsz;
        if (name > size || bytes > size - name)
            break;
        if (note.n_type == GNU_BUILD_ID && note.n_namesz == 4 &&
            !memcmp(at + sizeof note, "GNU", 4) && bytes <= HOST_BUILD_ID)
            return memcpy(id, at + name, bytes), bytes;
        bytes = (bytes + 3) & ~(size_t)3;
        if (bytes > size - name)
            break;
        at += name + bytes;
        size -= name + bytes;
    }
    return 0;
}

size_t host_build_id(uint8_t id[HOST_BUILD_ID])
{
    const uint8_t *at = (const uint8_t *)&__ehdr_start;
    const ElfW(Phdr) *header = at ? (const void *)(at + __ehdr_start.e_phoff) : NULL;
    size_t size = 0;
    struct stat st;

    for (unsigned i = 0; header && !size && i < __ehdr_start.e_phnum; i++)
        if (header[i].p_type == PT_NOTE)
            size = id_in_notes(at + header[i].p_offset, header[i].p_filesz, id);
    if (!size && stat("/proc/self/exe", &st) == 0) {
        const uint64_t file[] = { (uint64_t)st.st_ino, (uint64_t)st.st_size,
                                  (uint64_t)st.st_mtim.tv_sec,
                                  (uint64_t)st.st_mtim.tv_nsec };

        memcpy(id, file, size = sizeof file);
    }
    return size;
}
#else
unsigned host_elf_machine(void)
{
    return 0;
}

int host_mark_file(int fd)
{
    (void)fd;
    return -1;
}

const void *host_load_module(const char *name, const char *symbol)
{
    (void)name, (void)symbol;
    return NULL;
}

const void *host_map_beside(const char *name, size_t *size)
{
    (void)name, (void)size;
    return NULL;
}

size_t host_build_id(uint8_t id[HOST_BUILD_ID])
{
    (void)id;
    return 0;
}

int host_code_map(struct host_code *code, size_t size, uintptr_t near)
{
    (void)code, (void)size, (void)near;
    return -1;
}

int host_code_unshare(struct host_code *code, size_t used)
{
    (void)code, (void)used;
    return -1;
}

void host_code_unmap(struct host_code *code)
{
    (void)code;
}
#endif
