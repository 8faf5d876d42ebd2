/* vdso.c - the shared object that Linux maps into every process: functions that a C
 * library looks up by name, and the code that returns from signal handlers.
 *
 * It is put together in one page when a program starts: ELF header, program headers,
 * dynamic section, symbols, names, hash table, then the code of abi->vdso.
 *
 * Not modelled: symbol versions (an object without them satisfies any); .eh_frame
 * (unwinders know the code of rt_sigreturn). */
#include <elf.h>
#include <string.h>

#include "user/linux/linux.h"
#include "user/run.h"

enum { VDSO_SIZE = 4096, CODE_ALIGN = 16, TAGS = 6, MAX_FUNCTIONS = 32 };

struct writer {
    const struct abi *abi;
    uint8_t *bytes;
    unsigned at;
};

static void put(struct writer *w, unsigned size, uint64_t value)
{
    put_guest(w->abi, w->bytes + w->at, size, value);
    w->at += size;
}

static void word(struct writer *w, uint64_t value)
{
    put(w, w->abi->bits / 8, value);
}

/* Where the parts are. */
struct parts {
    unsigned dynamic, symbols, names, hash, code, count;
    unsigned name[MAX_FUNCTIONS], value[MAX_FUNCTIONS]; /* of each function */
    unsigned soname;
    unsigned end;
};

static const char soname[] = "linux-vdso.so.1";

static void place_parts(const struct abi *abi, struct parts *parts)
{
    bool wide = abi->bits == 64;
    unsigned names = 1;

    parts->end = 0;
    for (parts->count = 0; abi->vdso[parts->count].name; parts->count++) {
        parts->name[parts->count] = names;
        names += (unsigned)strlen(abi->vdso[parts->count].name) + 1;
    }
    parts->soname = names;
    names += sizeof(soname);
    parts->dynamic = wide ? 64 + 2 * 56 : 52 + 2 * 32;
    parts->symbols = parts->dynamic + TAGS * 2 * (wide ? 8 : 4);
    parts->hash = parts->symbols + (1 + parts->count) * (wide ? 24 : 16);
    parts->names = parts->hash + 4 * (2 + 1 + 1 + parts->count);
    parts->code = parts->names + names;
    for (unsigned i = 0, at = parts->code; i < parts->count; i++) {
        at = (at + CODE_ALIGN - 1) & ~(CODE_ALIGN - 1u);
        parts->value[i] = at;
        at += abi->vdso[i].size;
        parts->end = at;
    }
}

static void put_header(struct writer *w)
{
    const struct abi *abi = w->abi;
    bool wide = abi->bits == 64;

    memcpy(w->bytes, "\177ELF", 4);
    w->bytes[4] = wide ? ELFCLASS64 : ELFCLASS32;
    w->bytes[5] = abi->big ? ELFDATA2MSB : ELFDATA2LSB;
    w->bytes[6] = EV_CURRENT;
    w->at = 16;
    put(w, 2, ET_DYN);
    put(w, 2, abi->elf_machine);
    put(w, 4, EV_CURRENT);
    word(w, 0);
    word(w, wide ? 64 : 52); /* program headers */
    word(w, 0);
    put(w, 4, 0); /* flags */
    put(w, 2, wide ? 64 : 52);
    put(w, 2, wide ? 56 : 32);
    put(w, 2, 2);
    put(w, 2, 0);
    put(w, 2, 0);
    put(w, 2, 0);
}

static void put_segment(struct writer *w, unsigned type, unsigned flags, unsigned from,
                        unsigned size, unsigned align)
{
    bool wide = w->abi->bits == 64;

    put(w, 4, type);
    if (wide)
        put(w, 4, flags);
    word(w, from);
    word(w, from);
    word(w, from);
    word(w, size);
    word(w, size);
    if (!wide)
        put(w, 4, flags);
    word(w, align);
}

static void put_dynamic(struct writer *w, const struct parts *parts)
{
    const uint64_t tags[TAGS][2] = {
        { DT_HASH, parts->hash },     { DT_SYMTAB, parts->symbols },
        { DT_STRTAB, parts->names },  { DT_STRSZ, parts->code - parts->names },
        { DT_SONAME, parts->soname }, { DT_NULL, 0 },
    };

    for (unsigned i = 0; i < TAGS; i++) {
        word(w, tags[i][0]);
        word(w, tags[i][1]);
    }
}

static void put_symbol(struct writer *w, uint64_t name, uint64_t value, uint64_t size)
{
    unsigned info = name ? ELF32_ST_INFO(STB_GLOBAL, STT_FUNC) : 0;
    unsigned section =
        name ? 1 : SHN_UNDEF; /* there are no sections, but it is defined */

    put(w, 4, name);
    if (w->abi->bits == 64) {
        put(w, 1, info);
        put(w, 1, 0);
        put(w, 2, section);
        put(w, 8, value);
        put(w, 8, size);
    } else {
        put(w, 4, value);
        put(w, 4, size);
        put(w, 1, info);
        put(w, 1, 0);
        put(w, 2, section);
    }
}

static void put_tables(struct writer *w, const struct parts *parts)
{
    const struct abi_function *functions = w->abi->vdso;

    put_symbol(w, 0, 0, 0);
    for (unsigned i = 0; i < parts->count; i++)
        put_symbol(w, parts->name[i], parts->value[i], functions[i].size);
    put(w, 4, 1); /* one bucket, in which each symbol leads to the one before */
    put(w, 4, parts->count + 1);
    put(w, 4, parts->count);
    for (unsigned i = 0; i <= parts->count; i++)
        put(w, 4, i ? i - 1 : 0);
    for (unsigned i = 0; i < parts->count; i++)
        memcpy(w->bytes + parts->names + parts->name[i], functions[i].name,
               strlen(functions[i].name) + 1);
    memcpy(w->bytes + parts->names + parts->soname, soname, sizeof(soname));
    for (unsigned i = 0; i < parts->count; i++)
        memcpy(w->bytes + parts->value[i], functions[i].code, functions[i].size);
}

void vdso_map(struct task *t)
{
    uint8_t bytes[VDSO_SIZE] = { 0 };
    struct proc *p = t->proc;
    struct writer w = { p->abi, bytes, 0 };
    uint64_t page = space_page(p->space);
    struct parts parts;
    int64_t at;

    place_parts(p->abi, &parts);
    put_header(&w);
    put_segment(&w, PT_LOAD, PF_R | PF_X, 0, parts.end, VDSO_SIZE);
    put_segment(&w, PT_DYNAMIC, PF_R, parts.dynamic, parts.symbols - parts.dynamic, 8);
    put_dynamic(&w, &parts);
    put_tables(&w, &parts);
    at = space_map(p->space, 0, page, SPACE_READ | SPACE_WRITE, 0, false, -1, 0);
    if (at < 0 || space_write(p->space, (uint64_t)at, bytes, sizeof(bytes), NULL) < 0 ||
        space_protect(p->space, (uint64_t)at, page, SPACE_READ | SPACE_EXEC) < 0)
        refuse(EXIT_CANNOT_RUN, "no room for a page of the system's code");
    p->vdso = (uint64_t)at;
    p->trampoline = p->vdso + parts.value[0];
}
