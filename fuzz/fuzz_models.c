/* SPDX-License-Identifier: Apache-2.0 */
/*
 * models.yaml of the benchmark: which models there are, where, and that no message has a key. The input is the text;
 * behind its last 0 byte which models are wanted and the allocation that fails.
 */
#define _GNU_SOURCE /* memmem */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collect/endpoints.h"
#include "fail.h"
#include "fuzz.h"
#include "input.h"

/* In the environment. Inputs that have them otherwise are passed over, so that messages have them from there. */
static const char key[] = "sk-secret~key~1", team[] = "team~of~the~key";

static void check_said(const char *message) {
    FUZZ_CHECK_THAT(strstr(message, key) == NULL && strstr(message, team) == NULL, "%s", message);
    FUZZ_CHECK(message[0] != '\0' && message[strcspn(message, "\r\n")] == '\0');
}

static void warn(const char *message, void *user) {
    (void)user;
    check_said(message);
}

static bool is_header_value(const char *text) {
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static void check_endpoints(const endpoint_list *list) {
    FUZZ_CHECK(list->n > 0 && list->n <= ENDPOINTS_MAX);
    for (size_t i = 0; i < list->n; i++) {
        const endpoint *const e = &list->items[i];
        FUZZ_CHECK(e->name != NULL && e->name[0] != '\0');
        FUZZ_CHECK(e->url != NULL && strncmp(e->url, "http", 4) == 0 && strstr(e->url, "/chat/completions") != NULL);
        FUZZ_CHECK(is_header_value(e->url));
        FUZZ_CHECK(e->authorization == NULL || is_header_value(e->authorization));
        for (size_t h = 0; h < e->n_headers; h++)
            FUZZ_CHECK(is_header_value(e->headers[h]) && strpbrk(e->headers[h], ":;") != NULL);
        FUZZ_CHECK(e->temperature >= 0 && isfinite(e->temperature) && e->max_tokens > 0);
        FUZZ_CHECK(isnan(e->input_price) || (e->input_price >= 0 && isfinite(e->input_price)));
        FUZZ_CHECK(isnan(e->output_price) || (e->output_price >= 0 && isfinite(e->output_price)));
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(strcmp(list->items[j].name, e->name) != 0);
    }
}

static void read_text(const char *text, size_t size, const char *models, struct fuzz_input *choices) {
    const endpoint_defaults defaults = {
        .url = "http://localhost:8000/v1", .max_tokens = 1024, .temperature = 0, .warn = warn};
    endpoint_list list;
    mlsel_error err;
    fuzz_fail_begin(choices);
    const mlsel_status status = mlsel_i_endpoints_parse(text, size, "models.yaml", models, &defaults, &list, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
    if (status == MLSEL_OK)
        check_endpoints(&list);
    else
        check_said(err.message);
    mlsel_i_endpoints_free(&list);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    FUZZ_CHECK(setenv("KEY", key, 1) == 0 && setenv("TEAM", team, 1) == 0 && setenv("LINE", "a\nb", 1) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char wanted[64];
    size_t text_size;
    if (size > 0 &&
        (memmem(data, size, key, sizeof key - 1) != NULL || memmem(data, size, team, sizeof team - 1) != NULL))
        return 0;
    struct fuzz_input choices = fuzz_split_text(data, size, &text_size);
    char *const text = malloc(text_size > 0 ? text_size : 1);
    FUZZ_CHECK(text != NULL);
    if (text_size > 0)
        memcpy(text, data, text_size);
    const bool wants_some = fuzz_bool(&choices);
    const char *const models = wants_some ? fuzz_string(&choices, wanted, sizeof wanted) : NULL;
    read_text(text, text_size, models, &(struct fuzz_input){choices.at, choices.at});
    read_text(text, text_size, models, &choices);
    free(text);
    return 0;
}
