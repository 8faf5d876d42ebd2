/* isa_bytes.c - the bytes of instructions as text, and files of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "debug/isa_cmd.h"

static const char *skip_0x(const char *text)
{
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

unsigned hex_to_bytes(const struct isa *isa, uint64_t mode, const char *text,
                      uint8_t *bytes, unsigned room)
{
    const struct isa_fetch *fetch = isa_fetch_of(isa, mode);
    size_t digits;
    uint64_t word = 0;

    text = skip_0x(text);
    digits = strspn(text, "0123456789abcdefABCDEF");
    if (!digits || text[digits] || digits % 2 || digits / 2 > room)
        return 0;
    for (size_t i = 0; i < digits; i += 2) {
        char two[3] = { text[i], text[i + 1], 0 };

        bytes[i / 2] = (uint8_t)strtoul(two, NULL, 16);
        word = word << 8 | bytes[i / 2];
    }
    if (fetch && fetch->stream == ISA_NONE && digits <= 16) {
        if (digits / 2 % fetch->parcel)
            return 0;
        isa_put_word(fetch, word, bytes, (unsigned)(digits / 2));
    }
    return (unsigned)(digits / 2);
}

void print_hex(FILE *out, const struct isa *isa, uint64_t mode, const uint8_t *bytes,
               unsigned length)
{
    const struct isa_fetch *fetch = isa_fetch_of(isa, mode);

    if (fetch && fetch->stream == ISA_NONE && length <= 8 &&
        length % fetch->parcel == 0) {
        fprintf(out, "%0*" PRIx64, (int)(2 * length), isa_get_word(fetch, bytes, length));
        return;
    }
    for (unsigned i = 0; i < length; i++)
        fprintf(out, "%02x", bytes[i]);
}

uint8_t *read_whole(const char *path, size_t *size)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    size_t room = 65536, n;
    uint8_t *bytes = malloc(room + 1);

    if (!file)
        die("%s: cannot be read", path);
    *size = 0;
    while (bytes && (n = fread(bytes + *size, 1, room - *size, file)) > 0) {
        *size += n;
        if (*size == room)
            bytes = realloc(bytes, (room *= 2) + 1);
    }
    if (!bytes)
        die("out of memory");
    if (ferror(file))
        die("%s: cannot be read", path);
    if (file != stdin)
        fclose(file);
    bytes[*size] = 0; /* text may be read as a string */
    return bytes;
}
