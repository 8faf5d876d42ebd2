/* arena_test.c - the bump allocator. */
#include "base/arena.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "run_cases.h"

START_TEST(objects_are_zeroed_aligned_and_apart)
{
    struct arena arena = { 0 };
    unsigned char *last = NULL;

    for (size_t size = 1; size < 300; size++) {
        unsigned char *object = arena_alloc(&arena, size);

        ck_assert_uint_eq((uintptr_t)object % 16, 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(object[i], 0);
        memset(object, 0xff, size);
        ck_assert_ptr_ne(object, last);
        last = object;
    }
    arena_free(&arena);
    ck_assert_ptr_null(arena.chunks);
}
END_TEST

START_TEST(an_object_may_be_larger_than_a_chunk)
{
    struct arena arena = { 0 };
    char *small = arena_alloc(&arena, 10), *large = arena_alloc(&arena, 1 << 20);

    memset(large, 1, 1 << 20);
    ck_assert_int_eq(small[0], 0);
    arena_free(&arena);
}
END_TEST

START_TEST(growing_keeps_the_contents)
{
    struct arena arena = { 0 };
    char *old = arena_strndup(&arena, "hello, world", 5);
    char *grown = arena_grow(&arena, old, 5, 100);

    ck_assert_str_eq(old, "hello");
    ck_assert_str_eq(grown, "hello");
    arena_free(&arena);
}
END_TEST

START_TEST(printf_makes_text_of_any_length)
{
    struct arena arena = { 0 };
    char *text = arena_printf(&arena, "%0*d|%s", 5000, 7, "end");

    ck_assert_uint_eq(strlen(text), 5004);
    ck_assert_str_eq(text + 4999, "7|end");
    arena_free(&arena);
}
END_TEST

START_TEST(a_product_that_overflows_dies)
{
    struct arena arena = { 0 };

    arena_array(&arena, SIZE_MAX / 4, 8);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("arena", USUAL_LIMIT);

    tcase_add_test(cases.all, objects_are_zeroed_aligned_and_apart);
    tcase_add_test(cases.all, an_object_may_be_larger_than_a_chunk);
    tcase_add_test(cases.all, growing_keeps_the_contents);
    tcase_add_test(cases.all, printf_makes_text_of_any_length);
    tcase_add_exit_test(cases.all, a_product_that_overflows_dies, 1);
    return cases_run(cases);
}
