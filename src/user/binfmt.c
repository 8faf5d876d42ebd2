/* binfmt.c - `rhea binfmt`: the kernel's binfmt_misc starts rhea for guest programs; and
 * the command line that it then gives.
 *
 * Spec: Linux, Documentation/admin-guide/binfmt-misc.rst. */
#include "user/binfmt.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/report.h"
#include "isa/engine.h"
#include "user/linux/abi.h"
#include "user/run.h"

enum { HEAD = 20, LINE = 8192 }; /* bytes that tell a guest; Linux takes lines of 1,920 */

static const char folder[] = "/proc/sys/fs/binfmt_misc";

static const char help[] =
    "rhea binfmt [OPTION]... [GUEST]...\n\n"
    "Lets the kernel start rhea for programs of other CPUs (all guests, or those "
    "named).\n\n"
    "  --print          the lines, as for /etc/binfmt.d\n"
    "  --install        register them (needs root, and binfmt_misc mounted)\n"
    "  --uninstall      take them back\n"
    "  --path PROGRAM   rhea's path (of this one)\n"
    "  --root DIR       where binfmt_misc is mounted (/proc/sys/fs/binfmt_misc)\n";

/* Magic, or mask, of a guest's ELF files: all but the ABI bytes and ET_EXEC or ET_DYN. */
static void head_of(const struct abi *abi, bool mask, uint8_t head[HEAD])
{
    unsigned low = abi->big ? 1 : 0; /* of two bytes, which is the low one */

    memset(head, mask ? 0xff : 0, HEAD);
    if (mask) {
        head[7] = 0; /* ABI and its version, and what follows */
        memset(head + 8, 0, 8);
        head[16 + low] = 0xfe;
        return;
    }
    memcpy(head, ELFMAG, SELFMAG);
    head[4] = abi->bits == 64 ? ELFCLASS64 : ELFCLASS32;
    head[5] = abi->big ? ELFDATA2MSB : ELFDATA2LSB;
    head[6] = EV_CURRENT;
    head[16 + low] = ET_EXEC;
    head[18 + low] = (uint8_t)abi->elf_machine;
    head[19 - low] = (uint8_t)(abi->elf_machine >> 8);
}

/* P: argv[0] is kept; F: the file is opened now, so that it is found in other roots, too.
 */
static void line_of(const struct abi *abi, const char *path, char line[LINE])
{
    uint8_t head[HEAD];
    int n = snprintf(line, LINE, ":rhea-%s:M::", abi->isa);

    for (int mask = 0; mask < 2; mask++) {
        head_of(abi, mask, head);
        for (unsigned i = 0; i < HEAD; i++)
            n += snprintf(line + n, LINE - (size_t)n, "\\x%02x", head[i]);
        n += snprintf(line + n, LINE - (size_t)n, ":");
    }
    snprintf(line + n, LINE - (size_t)n, "%s:PF", path);
}

static int write_file(const char *name, const char *text)
{
    char path[PATH_MAX];
    int fd, error = 0;

    snprintf(path, sizeof(path), "%s", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (write(fd, text, strlen(text)) < 0)
        error = -errno;
    close(fd);
    return error;
}

enum action { PRINT = 1, INSTALL, UNINSTALL };

static void act(enum action action, const char *root, const struct abi *abi,
                const char *path)
{
    char line[LINE], entry[PATH_MAX];
    int error = 0;

    line_of(abi, path, line);
    if (action == PRINT) {
        puts(line);
        return;
    }
    snprintf(entry, sizeof(entry), "%s/rhea-%s", root, abi->isa);
    if (action == INSTALL || access(entry, F_OK) == 0)
        error = write_file(entry, "-1");
    if (action == INSTALL) {
        snprintf(entry, sizeof(entry), "%s/register", root);
        error = write_file(entry, line);
    }
    if (error)
        die("binfmt: %s: %s%s", entry, strerror(-error),
            error == -ENOENT ? " (mount -t binfmt_misc binfmt_misc "
                               "/proc/sys/fs/binfmt_misc)"
                             : "");
}

static bool is_wanted(const struct abi *abi, char **names, int count)
{
    bool wanted = count == 0;

    for (int i = 0; i < count; i++)
        wanted = wanted || strcmp(names[i], abi->isa) == 0;
    return wanted && isa_find(abi->isa);
}

static void check_names(char **names, int count)
{
    for (int i = 0; i < count; i++) {
        bool found = false;

        for (const struct abi *const *abi = abi_list; *abi; abi++)
            found = found || is_wanted(*abi, &names[i], 1);
        if (!found)
            die("binfmt: no guest `%s`; see rhea --version", names[i]);
    }
}

int binfmt_main(int argc, char **argv)
{
    char own[PATH_MAX] = "";
    const char *path = own, *root = folder;
    enum action action = 0;
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1);

        if (strcmp(name, "print") == 0)
            action = PRINT;
        else if (strcmp(name, "install") == 0)
            action = INSTALL;
        else if (strcmp(name, "uninstall") == 0)
            action = UNINSTALL;
        else if (strcmp(name, "path") == 0 && i + 1 < argc)
            path = argv[++i];
        else if (strcmp(name, "root") == 0 && i + 1 < argc)
            root = argv[++i];
        else if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0)
            return fputs(help, stdout) < 0;
        else
            die("binfmt: no option %s; see rhea binfmt --help", argv[i]);
    }
    if (!action) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    if (path == own && readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
        die("binfmt: cannot find rhea's own path; say it with --path");
    check_names(argv + i, argc - i);
    for (const struct abi *const *abi = abi_list; *abi; abi++)
        if (is_wanted(*abi, argv + i, argc - i))
            act(action, root, *abi, path);
    return 0;
}

/* RHEA PATH ARGV0 ARGUMENT...: as `rhea run -0 ARGV0 -- PATH ARGUMENT...`. */
bool binfmt_called(int argc)
{
    enum { PRESERVED_ARGV0 = 1 }; /* since Linux 5.12 */

    return argc >= 3 && getauxval(AT_FLAGS) & PRESERVED_ARGV0;
}

int binfmt_run(int argc, char **argv)
{
    char **all = malloc(((size_t)argc + 3) * sizeof(*all));
    int n = 0;

    if (!all)
        die("no memory");
    all[n++] = argv[0];
    all[n++] = "-0";
    all[n++] = argv[2];
    all[n++] = "--";
    all[n++] = argv[1];
    for (int i = 3; i <= argc; i++) /* with the NULL at the end */
        all[n++] = argv[i];
    return run_main(n - 1, all);
}
