/* table_test.c - a table that was compiled in is the one that a spec gives at run time,
 * whatever it shares with the other targets of its family. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/engine.h"
#include "isagen/emit.h"
#include "isagen/share.h"
#include "isagen/spec.h"
#include "run_cases.h"

/* The C text of a table by itself, without what other targets have in arrays they share:
 * every member is in it. */
static char *text_of(const struct isa *isa, size_t *size)
{
    struct isa alone = *isa, *const isas[] = { &alone };
    FILE *file = tmpfile();
    struct arena arena = { 0 };
    char *text;

    ck_assert_ptr_nonnull(file);
    for (int round = 0; round < 5; round++) /* leaves out what was only used by what */
        share_tables(isas, 1, &arena);      /* the last round left out */
    emit_table(isas, 1, file);
    arena_free(&arena);
    *size = (size_t)ftell(file);
    rewind(file);
    text = malloc(*size + 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(fread(text, 1, *size, file), *size);
    text[*size] = 0;
    fclose(file);
    return text;
}

/* The first line that differs, for the message. */
static const char *difference(const char *a, const char *b)
{
    static char line[200];
    const char *start = a;

    while (*a && *a == *b) {
        if (*a == '\n')
            start = a + 1;
        a++;
        b++;
    }
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(start, "\n"), start);
    return line;
}

START_TEST(a_loaded_table_is_the_compiled_one)
{
    const struct isa *isa = isa_list[_i];
    char path[200], error[2000];
    size_t size_a, size_b;
    struct isa *loaded;
    char *a, *b;

    snprintf(path, sizeof(path), "isa-specs/%s/%s.isa", isa->family, isa->family);
    loaded = spec_load(path, isa->name, error, sizeof(error));
    ck_assert_msg(loaded, "%s: %s", path, error);
    a = text_of(isa, &size_a);
    b = text_of(loaded, &size_b);
    ck_assert_msg(size_a == size_b && !memcmp(a, b, size_a), "%s: %s", isa->name,
                  difference(a, b));
    free(a);
    free(b);
    spec_free(loaded);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("table", 120);
    int count = 0;

    while (isa_list[count])
        count++;
    tcase_add_loop_test(cases.all, a_loaded_table_is_the_compiled_one, 0, count);
    return cases_run(cases);
}
