/* run_cases.h - the end of a test's main function: Check runs its cases.
 *
 * Cases alone are a list for run_cases().  Those with fixtures, loops or exit statuses
 * are added with Check's own functions between cases_new() and cases_run(). */
#ifndef RHEA_RUN_CASES_H
#define RHEA_RUN_CASES_H

#include <check.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Limits for each case, besides numbers of seconds. */
enum { USUAL_LIMIT = -1 /* Check's: 4 s, or CK_DEFAULT_TIMEOUT */, NO_LIMIT = 0 };

struct cases {
    Suite *suite;
    TCase *all;
};

static inline struct cases cases_new(const char *name, int limit_s)
{
    struct cases cases = { suite_create(name), tcase_create(name) };

    tcase_set_timeout(cases.all, limit_s); /* which ignores negative ones */
    suite_add_tcase(cases.suite, cases.all);
    return cases;
}

/* The exit status of the program. */
static inline int cases_run(struct cases cases)
{
    SRunner *runner = srunner_create(cases.suite);
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int run_cases_within(const char *name, int limit_s,
                                   const TTest *const *list, size_t n)
{
    struct cases cases = cases_new(name, limit_s);

    for (size_t i = 0; i < n; i++)
        tcase_add_test(cases.all, list[i]);
    return cases_run(cases);
}

static inline int run_cases(const char *name, const TTest *const *list, size_t n)
{
    return run_cases_within(name, USUAL_LIMIT, list, n);
}

#endif
