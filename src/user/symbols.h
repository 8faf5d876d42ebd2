/* symbols.h - what guest code is called: by the symbols of the ELF file that is mapped
 * where it is. */
#ifndef RHEA_USER_SYMBOLS_H
#define RHEA_USER_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct elf_source;
struct space;

/* The functions of one file. */
struct symbols;

#ifdef RHEA_JIT
/* From .symtab, or else .dynsym; any bytes do.  NULL: there are none, or no memory. */
struct symbols *symbols_read(const struct elf_source *source);
void symbols_free(struct symbols *symbols); /* NULL: nothing */
/* The one that has the byte at `offset` of the file, and how far behind its beginning
 * that is; or NULL.  The name is printable. */
const char *symbols_at(const struct symbols *symbols, uint64_t offset,
                       uint64_t *distance);

/* The function at pc, and how far behind its beginning that is; or NULL.  Files are read
 * once each.  These two are for one thread at a time. */
const char *symbols_find(struct space *space, uint64_t pc, uint64_t *distance);
/* As text: "main+0x12", else FILE+OFFSET, else "0x10078". */
enum { SYMBOLS_TEXT = 320 };
const char *symbols_name(struct space *space, uint64_t pc, char text[SYMBOLS_TEXT]);
#else
static inline const char *symbols_find(struct space *space, uint64_t pc,
                                       uint64_t *distance)
{
    (void)space, (void)pc, (void)distance;
    return NULL;
}
#endif

#endif
