/* dynamic.c - what a dynamic program sees of its process: auxiliary vector, vDSO, maps,
 * frames below a signal handler, links in a root.  Run as: dynamic HOST-FILE.
 *
 * The root holds /lib, the links /abs -> /data/file, /data/up -> ../data/file, /data/dir
 * -> /data/sub, /out -> HOST-FILE, /loop -> /loop, and /data/sub/inner. */
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static volatile int frames;
static void *trace[64];

static void handler(int signo)
{
    frames = backtrace(trace, 64);
}

__attribute__((noinline)) static void raises(void)
{
    raise(SIGUSR1);
    asm volatile("" ::: "memory");
}

static void show(const char *path)
{
    char text[64] = "", link[256] = "";
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd < 0)
        printf("%s: %s\n", path, strerror(errno));
    else
        printf("%s: %.*s\n", path, (int)n - 1, text);
    close(fd);
}

/* Whether `addr` lies on a line of maps that ends with `name`. */
static int in_map(unsigned long addr, const char *name)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    int found = 0;

    while (fgets(line, sizeof(line), f)) {
        unsigned long start, end;
        size_t n = strcspn(line, "\n"), m = strlen(name);

        sscanf(line, "%lx-%lx", &start, &end);
        if (addr >= start && addr < end && n >= m && memcmp(line + n - m, name, m) == 0)
            found = 1;
    }
    fclose(f);
    return found;
}

/* The version of the vDSO's symbol number 1, as a run-time library walks there. */
static const char *version_of_vdso(unsigned long vdso)
{
    Elf64_Ehdr *header = (void *)vdso;
    Elf64_Phdr *phdr = (void *)(vdso + header->e_phoff);
    Elf64_Dyn *d = (void *)(vdso + phdr[1].p_vaddr);
    unsigned long at[64] = { 0 }, names = 0, sym = 0, def = 0;
    Elf64_Verdef *v;

    for (; d->d_tag; d++) {
        if (d->d_tag == DT_STRTAB)
            names = vdso + d->d_un.d_ptr;
        if (d->d_tag == DT_VERSYM)
            sym = vdso + d->d_un.d_ptr;
        if (d->d_tag == DT_VERDEF)
            def = vdso + d->d_un.d_ptr;
    }
    for (v = (void *)def; v->vd_ndx != ((unsigned short *)sym)[1];
         v = (void *)((char *)v + v->vd_next))
        if (!v->vd_next)
            return "none";
    return (char *)names + ((Elf64_Verdaux *)((char *)v + v->vd_aux))->vda_name;
}

static void process(void)
{
    unsigned long vdso = getauxval(AT_SYSINFO_EHDR), aux[64] = { 0 };
    struct timespec now;
    int fd = open("/proc/self/auxv", O_RDONLY), same = 0, found = 0;
    char name[256] = "";
    ssize_t n = read(fd, aux, sizeof(aux));

    printf("vdso %d, in maps %d\n", vdso && memcmp((void *)vdso, "\177ELF", 4) == 0,
           in_map(vdso, "[vdso]"));
    for (int i = 0; i + 1 < n / 8; i += 2)
        same |= aux[i] == AT_ENTRY && aux[i + 1] == getauxval(AT_ENTRY);
    printf("auxv file %d, base %d\n", same, getauxval(AT_BASE) != 0);
    printf("version %s\n", version_of_vdso(vdso));
    printf("clock %d\n", clock_gettime(CLOCK_MONOTONIC, &now) == 0 && now.tv_sec > 0);
    printf("own code %d, libc %d, stack %d\n", in_map((unsigned long)process, "dynamic"),
           in_map((unsigned long)strlen, "libc.so.6"),
           in_map((unsigned long)&now, "[stack]"));
    readlink("/proc/self/exe", name, sizeof(name) - 1);
    printf("exe %s\n", strrchr(name, '/'));
    signal(SIGUSR1, handler);
    raises();
    for (int i = 0; i < frames; i++) /* through the frame of the signal up to here */
        found |= (char *)trace[i] > (char *)process &&
                 (char *)trace[i] < (char *)process + 4096;
    printf("unwound %d\n", found);
}

/* A directory that is too deep to have a name, made and removed again. */
static void deep(void)
{
    char name[200];
    int dir = open("/data", O_RDONLY | O_DIRECTORY), made = 0, removed = 0;

    memset(name, 'd', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    fchdir(dir);
    while (made < 25 && mkdir(name, 0700) == 0 && chdir(name) == 0)
        made++;
    while (removed < made && chdir("..") == 0 && rmdir(name) == 0)
        removed++;
    printf("deep %d %d\n", made, removed);
}

/* Is a socket with that name in the root found again, and is the name told as it was
 * given? */
static bool talks(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX }, told = { 0 };
    socklen_t size = sizeof(told);
    int server = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM, 0);
    char text[8] = "";
    struct stat st;
    bool works;

    strcpy(address.sun_path, name);
    works = bind(server, (void *)&address, sizeof(address)) == 0 &&
            lstat(name, &st) == 0 && S_ISSOCK(st.st_mode) &&
            getsockname(server, (void *)&told, &size) == 0 &&
            sendto(client, "datagram", 8, 0, (void *)&address, sizeof(address)) == 8 &&
            connect(client, (void *)&address, sizeof(address)) == 0 &&
            recv(server, text, 8, 0) == 8 && memcmp(text, "datagram", 8) == 0;
    close(server);
    close(client);
    if (strcmp(told.sun_path, name) == 0)
        printf("named in %d bytes, ", (int)size);
    return works && unlink(name) == 0;
}

/* The second name does not fit where the root's is before it. */
static void sockets(void)
{
    char name[104];

    printf("socket: %d\n", talks("/data/socket"));
    memset(name, 's', sizeof(name));
    memcpy(name, "/data/", 6);
    name[80] = 0;
    mkdir(name, 0700);
    name[80] = '/';
    name[sizeof(name) - 1] = 0;
    printf("long name: %d\n", talks(name));
    name[80] = 0;
    rmdir(name);
}

static void root(const char *host)
{
    struct {
        unsigned long flags, mode, resolve;
    } how = { O_RDONLY, 0, 8 };
    struct stat st;
    char text[64] = "";
    int dir;

    show("/data/file");
    show("/abs");
    show("/data/up");
    show("/data/dir/inner");
    show("/data/dir/../file");
    show("//data/./sub/..//file");
    show("/out");
    show(host);
    show("/loop");
    show("/data/file/x");
    show("/data/file/");
    show("/data/file/.");
    show("/data/file/../file");
    show("/data/none");
    printf("link %d\n", lstat("/abs", &st) == 0 && S_ISLNK(st.st_mode));
    readlink("/abs", text, sizeof(text));
    printf("reads %s\n", text);
    printf("nofollow %d\n", open("/abs", O_RDONLY | O_NOFOLLOW) < 0 && errno == ELOOP);
    printf("excl %d\n",
           open("/abs", O_RDWR | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST);
    dir = open("/data", O_RDONLY | O_DIRECTORY);
    printf("at %d %d\n", openat(dir, "dir/inner", O_RDONLY) >= 0,
           openat(dir, "up", O_RDONLY) >= 0);
    printf("beneath %d", syscall(SYS_openat2, dir, "file", &how, sizeof(how)) >= 0);
    printf(" %s\n", syscall(SYS_openat2, dir, "../abs", &how, sizeof(how)) < 0
                        ? strerror(errno)
                        : "");
    printf("big %s\n",
           syscall(SYS_openat2, dir, "file", &how, 8) < 0 ? strerror(errno) : "");
    printf("cd %d", chdir("/data/dir"));
    printf(" %d\n", open("inner", O_RDONLY) >= 0);
    printf("cd %d", chdir("/data"));
    printf(" %d\n", open("dir/inner", O_RDONLY) >= 0);
    printf("rmdir . %s\n", rmdir("/data/sub/.") < 0 ? strerror(errno) : "");
    printf("new/ %d, %d\n",
           open("/data/new/", O_WRONLY | O_CREAT, 0600) < 0 && errno == EISDIR,
           mkdir("/data/new/", 0700) == 0 && rmdir("/data/new/") == 0);
    printf("new in root %d", open("/data/new", O_WRONLY | O_CREAT, 0600) >= 0);
    printf(" %d\n", stat("/data/new", &st) == 0 && unlink("/data/new") == 0);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1 && strcmp(argv[1], "-env") == 0) {
        for (int i = 0; environ[i]; i++)
            if (strchr("AB", environ[i][0]) && environ[i][1] == '=')
                printf("%s ", environ[i]);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "-deep") == 0) {
        deep();
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "-socket") == 0) {
        sockets();
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "-exec") == 0) {
        char *const args[] = { "x", "1", "2", "3", NULL }, *const none[] = { NULL };

        chdir("/data/sub"); /* a relative -L is still found */
        execve("/data/dynamic", args, none);
        printf("exec: %s\n", strerror(errno));
        return 1;
    }
    if (argc > 2) {
        char name[256] = "";

        readlink("/proc/self/exe", name, sizeof(name) - 1);
        printf("again: %s, %d arguments, %s\n", argv[0], argc, strrchr(name, '/'));
        return 7;
    }
    process();
    root(argv[1]);
    execl("/script", "script", "one", NULL);
    printf("exec: %s\n", strerror(errno));
    return 1;
}
