/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "json_number.h"

/* Replaces whatever the locale uses as decimal separator, which may be several bytes. */
static void restore_point(char *text) {
    const size_t before = strspn(text, "-0123456789");
    const size_t separator = strcspn(text + before, "0123456789e");
    if (separator == 0)
        return;
    text[before] = '.';
    if (separator > 1)
        memmove(text + before + 1, text + before + separator, strlen(text + before + separator) + 1);
}

void mlsel_i_format_double(char *text, size_t size, double value) {
    if (!isfinite(value)) {
        (void)snprintf(text, size, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    char digits[64];
    void *locale = NULL;
    for (int precision = 15; precision <= 17; precision++) {
        double read = 0;
        (void)snprintf(digits, sizeof digits, "%.*g", precision, value);
        restore_point(digits);
        const char *at = digits;
        if (mlsel_i_json_number(&at, digits + strlen(digits), &locale, &read) == JSON_NUMBER_OK && read == value)
            break;
    }
    mlsel_i_json_number_done(locale);
    (void)snprintf(text, size, "%s", digits);
}
