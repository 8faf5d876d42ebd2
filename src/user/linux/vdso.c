/* vdso.c - the shared object that Linux maps into every process: functions that a C
 * library looks up by name, and the code that returns from signal handlers.
 *
 * It is put together in one page when a program starts: ELF header, program headers,
 * dynamic section, symbols, names, hash table, versions, then the code of abi->vdso.
 *
 * Not modelled: .eh_frame (unwinders know the code of rt_sigreturn). */
#include <elf.h>
#include <string.h>

#include "user/linux/linux.h"
#include "user/run.h"

enum { VDSO_SIZE = 4096, CODE_ALIGN = 16, TAGS = 9, MAX_FUNCTIONS = 32 };

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
    unsigned dynamic, symbols, names, hash, versym, verdef, code, count;
    unsigned name[MAX_FUNCTIONS], value[MAX_FUNCTIONS]; /* of each function */
    unsigned soname, version;                           /* among the names */
    unsigned end;
};

enum { VERDEF = 20, VERDAUX = 8, VERSIONS = 2 }; /* the object itself, and its only one */

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
    parts->version = names;
    names += (unsigned)strlen(abi->vdso_version) + 1;
    parts->dynamic = wide ? 64 + 2 * 56 : 52 + 2 * 32;
    parts->symbols = parts->dynamic + TAGS * 2 * (wide ? 8 : 4);
    parts->hash = parts->symbols + (1 + parts->count) * (wide ? 24 : 16);
    parts->verdef = parts->hash + 4 * (2 + 1 + 1 + parts->count);
    parts->versym = parts->verdef + VERSIONS * (VERDEF + VERDAUX);
    parts->names = parts->versym + 2 * (1 + parts->count);
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
        { DT_HASH, parts->hash },
        { DT_SYMTAB, parts->symbols },
        { DT_STRTAB, parts->names },
        { DT_STRSZ, parts->code - parts->names },
        { DT_SONAME, parts->soname },
        { DT_VERSYM, parts->versym },
        { DT_VERDEF, parts->verdef },
        { DT_VERDEFNUM, VERSIONS },
        { DT_NULL, 0 },
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

/* The hash of a name in ELF files. */
static uint32_t elf_hash(const char *name)
{
    uint32_t hash = 0;

    for (; *name; name++) {
        hash = (hash << 4) + (uint8_t)*name;
        hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
    }
    return hash;
}

static void put_version(struct writer *w, unsigned flags, unsigned index, uint64_t name,
                        const char *text)
{
    put(w, 2, VER_DEF_CURRENT);
    put(w, 2, flags);
    put(w, 2, index);
    put(w, 2, 1); /* names of it */
    put(w, 4, elf_hash(text));
    put(w, 4, VERDEF);
    put(w, 4, index == VERSIONS ? 0 : VERDEF + VERDAUX); /* to the next */
    put(w, 4, name);
    put(w, 4, 0);
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
    put_version(w, VER_FLG_BASE, 1, parts->soname, soname);
    put_version(w, 0, VERSIONS, parts->version, w->abi->vdso_version);
    for (unsigned i = 0; i <= parts->count; i++)
        put(w, 2, i ? VERSIONS : 0);
    for (unsigned i = 0; i < parts->count; i++)
        memcpy(w->bytes + parts->names + parts->name[i], functions[i].name,
               strlen(functions[i].name) + 1);
    memcpy(w->bytes + parts->names + parts->soname, soname, sizeof(soname));
    memcpy(w->bytes + parts->names + parts->version, w->abi->vdso_version,
           strlen(w->abi->vdso_version) + 1);
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
