/* SPDX-License-Identifier: Apache-2.0 */
#include "null_cases.h"

#include <stdlib.h>
#include <string.h>

static void refused(const null_case *one, bool with_error, void *out, size_t size) {
    char what[256];
    mlsel_error err = test_unset_error();
    (void)snprintf(what, sizeof what, "%s, %s", one->symbol, one->argument);
    test_fill(out, size);
    test_quiet_begin();
    const mlsel_status status = one->call(with_error ? &err : NULL);
    test_quiet_end(what);
    if (status != MLSEL_ERROR_INVALID_ARGUMENT)
        fail_msg("%s: %s", what, mlsel_status_name(status));
    test_untouched(out, size, what);
    if (!with_error)
        return;
    test_error_sound(&err, status, what);
    assert_int_equal(err.detail, 0);
    if (strstr(err.message, "NULL") == NULL)
        fail_msg("%s: %s", what, err.message);
}

void test_null_refused(const null_cases *all, void *out, size_t size) {
    for (size_t i = 0; i < all->n_cases; i++)
        for (int with_error = 0; with_error <= 1; with_error++)
            refused(&all->cases[i], with_error != 0, out, size);
}

static bool is_listed(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_tested(const null_cases *all, const char *symbol) {
    for (size_t i = 0; i < all->n_cases; i++)
        if (strcmp(all->cases[i].symbol, symbol) == 0)
            return true;
    return is_listed(all->others, all->n_others, symbol) ||
           is_listed(all->without_pointers, all->n_without_pointers, symbol);
}

void test_null_complete(const null_cases *all, const char *symbols, size_t least) {
    size_t count = 0;
    char *text = test_need_file(symbols, NULL);
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (*line == '#')
            continue;
        line[strcspn(line, " ")] = '\0';
        if (!is_tested(all, line))
            fail_msg("%s is not tested with NULL", line);
        count++;
    }
    free(text);
    assert_true(count >= least);
}
