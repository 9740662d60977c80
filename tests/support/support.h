/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests share: files, JSON access for recorded expectations, numeric comparison. Test code may fail hard. */
#ifndef MLSEL_TEST_SUPPORT_H
#define MLSEL_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "mlsel.h"

/* Folder of the source tree and of the shared measuring data, as configured. */
#ifndef TEST_SOURCE_DIR
#error "TEST_SOURCE_DIR is not defined"
#endif
#define TEST_LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define FIXTURE(name) TEST_SOURCE_DIR "/tests/fixtures/" name
#define EXAMPLE(name) TEST_SOURCE_DIR "/examples/" name

/* A whole file with a zero after it, or NULL if it does not exist. Freed with free(). */
char *test_read_file(const char *path, size_t *size);
/* The same, but a missing file fails the test. */
char *test_need_file(const char *path, size_t *size);
cJSON *test_parse_file(const char *path);

/* Members; missing ones fail the test where `need` is in the name. */
const cJSON *test_need(const cJSON *object, const char *key);
const char *test_need_string(const cJSON *object, const char *key);
double test_need_number(const cJSON *object, const char *key);
/* An array of numbers into fresh memory; null becomes -INFINITY. NULL if node is NULL. */
double *test_numbers(const cJSON *node, size_t *count);
float *test_to_floats(const double *values, size_t count);

/* Fails unless |got - expected| <= tolerance * max(1, |expected|), or both are the same infinity. */
void test_close(double got, double expected, double tolerance, const char *what);

/* Loads a model or fails the test with the library's message. */
mlsel_model *test_load(const char *path, const mlsel_model_options *options);
/* The device under test: MLSEL_TEST_DEVICE, or NULL, which is the CPU. */
const char *test_device(void);
/* Instruction set of the kernels in use on the CPU. */
const char *test_isa(void);
/* False, with a line that says so, if MLSEL_ISA asks for a level that this machine does not have. */
bool test_has_isa(void);
/* Whether MLSEL_TEST_SHORT is set: fewer sizes and random cases, where what runs them takes long (docs/checks.md). */
bool test_is_short(void);
/* So many random cases, or a tenth of them. */
unsigned test_rounds(unsigned usual);
/* Sets a locale with a decimal comma: an installed one, or that of TEST_LOCALE_DIR, which tests/api compiles. False:
 * there is none. */
bool test_set_comma_locale(void);
void test_ok(mlsel_status status, const mlsel_error *err);

#endif
