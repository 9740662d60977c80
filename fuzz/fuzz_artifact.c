/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Artifacts in JSON, of every kind: load, ask, save in both formats, load again, and get the same answers. The input is
 * the document and, behind a 0 byte, choices (options, an allocation that fails, queries).
 */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "fail.h"
#include "fuzz.h"
#include "json_tree.h"
#include "save.h"

static void compare_saved(const mlsel_model *model, const mlsel_model_options *options, struct fuzz_input in,
                          const struct fuzz_record *expected, mlsel_format format, bool with_index) {
    mlsel_error err;
    uint8_t *bytes = NULL;
    size_t size = 0;
    mlsel_model *again = NULL;
    struct fuzz_record got = {0};
    const mlsel_status status = fuzz_save(model, format, with_index, &bytes, &size, &err);
    FUZZ_CHECK_THAT(status == MLSEL_OK || status == MLSEL_ERROR_LIMIT, "%s", err.message);
    if (status != MLSEL_OK)
        return;
    mlsel_model_options large = *options; /* what is saved may well be longer */
    large.max_bytes = 0;
    FUZZ_CHECK_THAT(mlsel_model_load_memory(bytes, size, &large, &again, &err) == MLSEL_OK, "%s", err.message);
    FUZZ_CHECK(mlsel_model_label_count(again) == mlsel_model_label_count(model));
    for (int32_t i = 0; mlsel_model_label(model, i) != NULL; i++)
        FUZZ_CHECK(strcmp(mlsel_model_label(model, i), mlsel_model_label(again, i)) == 0);
    mlsel_model_options checked = large;
    mlsel_model *sound = NULL;
    checked.check_values = 1;
    FUZZ_CHECK_THAT(mlsel_model_load_memory(bytes, size, &checked, &sound, &err) == MLSEL_OK, "%s", err.message);
    mlsel_model_release(sound);
    fuzz_ask(again, in, &got);
    FUZZ_CHECK(got.size == expected->size && (got.size == 0 || memcmp(got.bytes, expected->bytes, got.size) == 0));
    mlsel_model_release(again);
    fuzz_record_free(&got);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mlsel_error err;
    mlsel_model *model = NULL;
    size_t text_size;
    struct fuzz_input in = fuzz_split_text(data, size, &text_size);
    mlsel_model_options options;
    fuzz_model_options(&in, &options);
    fuzz_fail_begin(&in);
    const mlsel_status status =
        mlsel_model_load_memory(text_size > 0 ? (const void *)data : "", text_size, &options, &model, &err);
    const size_t refused = fuzz_fail_end();
    FUZZ_CHECK(status == err.code && (status == MLSEL_OK) == (model != NULL));
    FUZZ_CHECK(status != MLSEL_ERROR_NO_MEMORY || refused > 0);
    FUZZ_CHECK_THAT(status != MLSEL_ERROR_INTERNAL && status != MLSEL_ERROR_INVALID_ARGUMENT, "%s", err.message);
    FUZZ_CHECK((status == MLSEL_OK) == (err.message[0] == '\0'));
    if (model == NULL)
        return 0;
    struct fuzz_record answers = {0};
    fuzz_ask(model, in, &answers);
    compare_saved(model, &options, in, &answers, MLSEL_FORMAT_JSON, false);
    compare_saved(model, &options, in, &answers, MLSEL_FORMAT_SAFETENSORS, false);
    compare_saved(model, &options, in, &answers, MLSEL_FORMAT_SAFETENSORS, true);
    fuzz_record_free(&answers);
    mlsel_model_release(model);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    return fuzz_json_mutate(data, size, max_size, seed);
}
