/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

char *test_read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    char *text = malloc((size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)length, file), (size_t)length);
    fclose(file);
    text[length] = '\0';
    if (size != NULL)
        *size = (size_t)length;
    return text;
}

char *test_need_file(const char *path, size_t *size) {
    char *text = test_read_file(path, size);
    if (text == NULL)
        fail_msg("%s is missing", path);
    return text;
}

cJSON *test_parse_file(const char *path) {
    char *text = test_need_file(path, NULL);
    cJSON *root = cJSON_Parse(text);
    free(text);
    if (root == NULL)
        fail_msg("%s is not JSON", path);
    return root;
}

const cJSON *test_need(const cJSON *object, const char *key) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    if (member == NULL)
        fail_msg("key %s is missing", key);
    return member;
}

const char *test_need_string(const cJSON *object, const char *key) {
    const cJSON *member = test_need(object, key);
    assert_true(cJSON_IsString(member));
    return member->valuestring;
}

double test_need_number(const cJSON *object, const char *key) {
    const cJSON *member = test_need(object, key);
    assert_true(cJSON_IsNumber(member));
    return member->valuedouble;
}

double *test_numbers(const cJSON *node, size_t *count) {
    if (node == NULL)
        return NULL;
    assert_true(cJSON_IsArray(node));
    *count = (size_t)cJSON_GetArraySize(node);
    double *values = malloc((*count + 1) * sizeof *values);
    assert_non_null(values);
    size_t i = 0;
    const cJSON *value;
    cJSON_ArrayForEach (value, node)
        values[i++] = cJSON_IsNull(value) ? -INFINITY : value->valuedouble;
    return values;
}

float *test_to_floats(const double *values, size_t count) {
    float *floats = malloc((count + 1) * sizeof *floats);
    assert_non_null(floats);
    for (size_t i = 0; i < count; i++)
        floats[i] = (float)values[i];
    return floats;
}

void test_close(double got, double expected, double tolerance, const char *what) {
    if (isinf(expected) || isinf(got)) {
        if (!(got >= expected && got <= expected))
            fail_msg("%s: got %.17g, expected %.17g", what, got, expected);
        return;
    }
    if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%s: got %.17g, expected %.17g, differ by %.3g, allowed %.3g", what, got, expected, got - expected,
                 tolerance);
}

mlsel_model *test_load(const char *path, const mlsel_model_options *options) {
    mlsel_error err;
    mlsel_model *model = NULL;
    test_ok(mlsel_model_load(path, options, &model, &err), &err);
    assert_non_null(model);
    return model;
}

void test_ok(mlsel_status status, const mlsel_error *err) {
    if (status != MLSEL_OK)
        fail_msg("%s: %s", mlsel_status_name(status), err->message);
}

const char *test_device(void) {
    const char *device = getenv("MLSEL_TEST_DEVICE");
    return device == NULL || *device == '\0' ? NULL : device;
}

const char *test_isa(void) {
    static mlsel_device_info info;
    mlsel_error err;
    test_ok(mlsel_device_query("cpu", &info, sizeof info, &err), &err);
    return info.isa;
}

bool test_is_short(void) { return getenv("MLSEL_TEST_SHORT") != NULL; }

unsigned test_rounds(unsigned usual) { return test_is_short() ? (usual + 9) / 10 : usual; }

bool test_has_isa(void) {
    const char *wanted = getenv("MLSEL_ISA");
    if (wanted == NULL || *wanted == '\0' || strcmp(wanted, test_isa()) == 0)
        return true;
    printf("skipped: this machine or build has no %s kernels\n", wanted);
    return false;
}

bool test_set_comma_locale(void) {
    static const char name[] = "de_DE.UTF-8";
    const char *const compiled = getenv("TEST_LOCALE_DIR");
    if (setlocale(LC_ALL, name) == NULL && compiled != NULL)
        setenv("LOCPATH", compiled, 1);
    return setlocale(LC_ALL, name) != NULL && strcmp(localeconv()->decimal_point, ",") == 0;
}
