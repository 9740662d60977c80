/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the public interface share: what a failed call may and may not leave behind. */
#ifndef MLSEL_TEST_API_SUPPORT_H
#define MLSEL_TEST_API_SUPPORT_H

#include "folder.h"
#include "support.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Memory that a call must leave alone: filled before it, compared after it. */
void test_fill(void *bytes, size_t size);
void test_untouched(const void *bytes, size_t size, const char *what);

/* Whatever is written to standard output or error between the two fails the test. No assertion in between: its message
 * would count. */
void test_quiet_begin(void);
void test_quiet_end(const char *what);

/* Fails unless err is what a call that failed with `status` leaves: its code, and one clean line of text. */
void test_error_sound(const mlsel_error *err, mlsel_status status, const char *what);
/* The same, with the message as it must be, and detail. */
void test_error(const mlsel_error *err, mlsel_status status, uint64_t detail, const char *message, const char *what);
/* Fails unless err is what a call that succeeded leaves. */
void test_no_error(const mlsel_error *err, const char *what);
/* An error that was never set, as a caller's is. */
mlsel_error test_unset_error(void);

/* text with its only occurrence of `from` replaced, in memory of exactly that size plus a terminator; freed with
 * free(). */
char *test_replace(const char *text, const char *from, const char *to);
/* A copy of exactly size bytes, so that a sanitizer sees who reads on. */
void *test_copy(const void *data, size_t size);

mlsel_model *test_load_text(const char *text, const mlsel_model_options *options);

#endif
