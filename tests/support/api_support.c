/* SPDX-License-Identifier: Apache-2.0 */
#include "api_support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATTERN = 0xa5 };

void test_fill(void *bytes, size_t size) { memset(bytes, PATTERN, size); }

void test_untouched(const void *bytes, size_t size, const char *what) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        if (at[i] != PATTERN)
            fail_msg("%s: byte %zu of %zu of the output was written", what, i, size);
}

/* --- printing ---------------------------------------------------------------------------------------------------- */

/* Sanitizers report to standard error too; their reports must not end up in the file that is thrown away. */
#if defined(__GNUC__)
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));
#endif

static FILE *printed;
static int own_output = -1;
static int own_error = -1;

static void open_printed(void) {
    if (printed != NULL)
        return;
    printed = tmpfile();
    own_output = dup(STDOUT_FILENO);
    own_error = dup(STDERR_FILENO);
    if (printed == NULL || own_output < 0 || own_error < 0)
        fail_msg("standard output cannot be redirected");
#if defined(__GNUC__)
    if (__sanitizer_set_report_fd != NULL)
        __sanitizer_set_report_fd((void *)(intptr_t)own_error);
#endif
}

void test_quiet_begin(void) {
    open_printed();
    fflush(stdout);
    fflush(stderr);
    dup2(fileno(printed), STDOUT_FILENO);
    dup2(fileno(printed), STDERR_FILENO);
}

void test_quiet_end(const char *what) {
    fflush(stdout);
    fflush(stderr);
    dup2(own_output, STDOUT_FILENO);
    dup2(own_error, STDERR_FILENO);
    char text[256];
    const ssize_t n = pread(fileno(printed), text, sizeof text - 1, 0);
    if (n == 0)
        return;
    text[n > 0 ? n : 0] = '\0';
    fail_msg("%s: the library printed: %s", what, text);
}

/* --- errors ------------------------------------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character at text, or 0 if there is none. By the table of RFC 3629. */
static size_t character_length(const unsigned char *c) {
    static const struct {
        unsigned char first[2], second[2];
        size_t length;
    } forms[] = {
        {{0x20, 0x7e}, {0, 0xff}, 1},    {{0xc2, 0xc2}, {0xa0, 0xbf}, 2}, {{0xc3, 0xdf}, {0x80, 0xbf}, 2},
        {{0xe0, 0xe0}, {0xa0, 0xbf}, 3}, {{0xe1, 0xec}, {0x80, 0xbf}, 3}, {{0xed, 0xed}, {0x80, 0x9f}, 3},
        {{0xee, 0xef}, {0x80, 0xbf}, 3}, {{0xf0, 0xf0}, {0x90, 0xbf}, 4}, {{0xf1, 0xf3}, {0x80, 0xbf}, 4},
        {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
    };
    for (size_t i = 0; i < LENGTH(forms); i++) {
        if (c[0] < forms[i].first[0] || c[0] > forms[i].first[1] || c[1] < forms[i].second[0] ||
            c[1] > forms[i].second[1])
            continue;
        for (size_t j = 2; j < forms[i].length; j++)
            if (c[j] < 0x80 || c[j] > 0xbf)
                return 0;
        return forms[i].length;
    }
    return 0;
}

mlsel_error test_unset_error(void) {
    mlsel_error err;
    test_fill(&err, sizeof err);
    return err;
}

void test_error_sound(const mlsel_error *err, mlsel_status status, const char *what) {
    if (err->code != status)
        fail_msg("%s: err.code is %d, the status is %d", what, (int)err->code, (int)status);
    if (strcmp(mlsel_status_name(status), "MLSEL_ERROR_UNKNOWN") == 0 || status == MLSEL_ERROR_INTERNAL)
        fail_msg("%s: status %d: %s", what, (int)status, err->message);
    assert_int_equal(err->reserved, 0);
    assert_non_null(memchr(err->message, '\0', sizeof err->message));
    if (err->message[0] == '\0')
        fail_msg("%s: the message is empty", what);
    for (const char *c = err->message; *c != '\0';) {
        const size_t length = character_length((const unsigned char *)c);
        if (length == 0)
            fail_msg("%s: the message has a control character or is not UTF-8: %s", what, err->message);
        c += length;
    }
}

void test_error(const mlsel_error *err, mlsel_status status, uint64_t detail, const char *message, const char *what) {
    test_error_sound(err, status, what);
    if (strcmp(err->message, message) != 0)
        fail_msg("%s:\n  message  %s\n  expected %s", what, err->message, message);
    if (err->detail != detail)
        fail_msg("%s: detail is %llu, expected %llu", what, (unsigned long long)err->detail,
                 (unsigned long long)detail);
}

void test_no_error(const mlsel_error *err, const char *what) {
    if (err->code != MLSEL_OK || err->detail != 0 || err->reserved != 0 || err->message[0] != '\0')
        fail_msg("%s: success, but err says %d, %.239s", what, (int)err->code, err->message);
}

/* --- texts ----------------------------------------------------------------------------------------------------- */

void *test_copy(const void *data, size_t size) {
    void *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

char *test_replace(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (at == NULL || strstr(at + 1, from) != NULL)
        fail_msg("%s occurs %s in %s", from, at == NULL ? "never" : "more than once", text);
    const size_t before = (size_t)(at - text);
    const size_t size = strlen(text) - strlen(from) + strlen(to) + 1;
    char *result = malloc(size);
    assert_non_null(result);
    memcpy(result, text, before);
    (void)snprintf(result + before, size - before, "%s%s", to, at + strlen(from));
    return result;
}

mlsel_model *test_load_text(const char *text, const mlsel_model_options *options) {
    mlsel_model *model = NULL;
    mlsel_error err;
    test_ok(mlsel_model_load_memory(text, strlen(text), options, &model, &err), &err);
    assert_non_null(model);
    return model;
}
