/* SPDX-License-Identifier: Apache-2.0 */
/* Text line by line, where the buffer ends inside of a line. */
#include "folder.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "train/lines.h"

enum { CAPACITY = 1 << 18, MAX_LINE = 40 };

static const char *path;

/* `before` bytes of short lines, a line of `length` bytes, and a last line. */
static void write_text(size_t before, size_t length) {
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    for (size_t i = 0; i < before; i++)
        fputc(i % 16 == 15 || i + 1 == before ? '\n' : 's', out);
    for (size_t i = 0; i < length; i++)
        fputc('l', out);
    fputs("\nlast\n", out);
    assert_int_equal(fclose(out), 0);
}

/* A line that is too long is one line, and those behind it are read, wherever it stands in the buffer. */
static void test_long_lines(void **state) {
    static const size_t lengths[] = {41, 42, 127, 128, 129, 1000, CAPACITY - 1, CAPACITY, 3 * CAPACITY};
    line_reader lines;
    line_view view;
    mlsel_error err;
    (void)state;
    for (size_t l = 0; l < TEST_LENGTH(lengths); l++)
        for (size_t back = 0; back < 300; back += back < 140 ? 1 : 53) {
            size_t n_long = 0, n_short = 0;
            bool has_last = false;
            write_text(CAPACITY - back, lengths[l]);
            test_ok(mlsel_i_lines_open(&lines, path, MAX_LINE, &err), &err);
            for (;;) {
                test_ok(mlsel_i_lines_next(&lines, &view, &err), &err);
                if (view.text == NULL)
                    break;
                n_long += view.is_too_long;
                n_short += view.size > 0 && view.text[0] == 's';
                has_last = view.size == 4 && memcmp(view.text, "last", 4) == 0;
                if (view.is_too_long) {
                    assert_true(view.size > 0 && view.size <= 128);
                    for (size_t i = 0; i < view.size; i++)
                        assert_int_equal(view.text[i], 'l');
                }
            }
            mlsel_i_lines_close(&lines);
            if (n_long != 1 || !has_last || n_short < (CAPACITY - back) / 16)
                fail_msg("%zu bytes, %zu before the buffer's end: %zu long, %zu short, %d", lengths[l], back, n_long,
                         n_short, has_last);
        }
}

static void test_blank(void **state) {
    (void)state;
    assert_true(mlsel_i_line_is_blank("", 0));
    assert_true(mlsel_i_line_is_blank(" \t\r", 3));
    assert_false(mlsel_i_line_is_blank(" .", 2));
    assert_false(mlsel_i_line_is_blank("\0", 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_lines), cmocka_unit_test(test_blank)};
    path = test_path("lines");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
