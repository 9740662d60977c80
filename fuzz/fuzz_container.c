/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers: load with and without looking at all values, ask, save, load again. The first byte is not part of the
 * file: it chooses options, and the queries come from the file's own end.
 */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "fail.h"
#include "fuzz.h"
#include "json_tree.h"
#include "save.h"

static void save_again(const mlsel_model *model, mlsel_format format) {
    mlsel_error err;
    uint8_t *bytes = NULL;
    size_t size = 0;
    mlsel_model *again = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = 1;
    /* values that nobody has looked at may turn out to be no numbers */
    const mlsel_status status = fuzz_save(model, format, true, &bytes, &size, &err);
    FUZZ_CHECK_THAT(status == MLSEL_OK || status == MLSEL_ERROR_LIMIT || status == MLSEL_ERROR_SCHEMA, "%s",
                    err.message);
    if (status != MLSEL_OK)
        return;
    FUZZ_CHECK_THAT(mlsel_model_load_memory(bytes, size, &options, &again, &err) == MLSEL_OK, "%s", err.message);
    FUZZ_CHECK(mlsel_model_label_count(again) == mlsel_model_label_count(model));
    mlsel_model_release(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t none[1];
    mlsel_error err;
    mlsel_model *model = NULL;
    struct fuzz_input in = fuzz_input(data, size);
    const uint8_t choice = fuzz_u8(&in);
    const uint8_t *file = size > 1 ? data + 1 : none;
    const size_t file_size = size > 1 ? size - 1 : 0;
    const size_t tail = file_size < 24 ? file_size : 24;
    struct fuzz_input choices = fuzz_input(file + file_size - tail, tail);
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = choice & 1;
    options.knn_rule = (mlsel_knn_rule)(choice >> 1 & 3);
    options.k = choice >> 3 & 3;
    if ((choice & 0xe0) == 0xe0) {
        fuzz_fail_begin(&choices);
        const mlsel_status status = mlsel_model_load_memory(file, file_size, &options, &model, &err);
        const size_t refused = fuzz_fail_end();
        FUZZ_CHECK(status != MLSEL_ERROR_NO_MEMORY || refused > 0);
    } else {
        const mlsel_status status = mlsel_model_load_memory(file, file_size, &options, &model, &err);
        FUZZ_CHECK_THAT(status != MLSEL_ERROR_INTERNAL && status != MLSEL_ERROR_NO_MEMORY, "%s", err.message);
    }
    if (model == NULL)
        return 0;
    fuzz_ask(model, choices, NULL);
    save_again(model, choice & 0x20 ? MLSEL_FORMAT_JSON : MLSEL_FORMAT_SAFETENSORS);
    mlsel_model_release(model);
    return 0;
}

/* --- a mutator that knows the parts of the file ------------------------------------------------------------------- */

enum { PREFIX = 9 }; /* the choice, and the size of the header */

/* The document is JSON in a string of the header. */
static void change_document(cJSON *header, struct fuzz_random *random) {
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(header, "__metadata__");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(metadata, "mlsel.artifact");
    cJSON *document = cJSON_IsString(text) ? cJSON_Parse(text->valuestring) : NULL;
    if (document == NULL)
        return;
    if (cJSON_IsObject(document))
        fuzz_json_change(document, random);
    char *printed = cJSON_PrintUnformatted(document);
    if (printed != NULL)
        cJSON_ReplaceItemInObjectCaseSensitive(metadata, "mlsel.artifact", cJSON_CreateString(printed));
    cJSON_free(printed);
    cJSON_Delete(document);
}

/* Another header before the same tensors, its size put right; 0 if it does not fit. */
static size_t change_header(uint8_t *data, size_t size, size_t max_size, struct fuzz_random *random) {
    size_t header_size = 0;
    for (size_t i = 0; i < 4; i++)
        header_size |= (size_t)data[1 + i] << 8 * i;
    if (header_size > size - PREFIX)
        return 0;
    cJSON *header = cJSON_ParseWithLength((const char *)data + PREFIX, header_size);
    if (!cJSON_IsObject(header)) {
        cJSON_Delete(header);
        return 0;
    }
    if (fuzz_random_below(random, 2) == 0)
        change_document(header, random);
    else
        fuzz_json_change(header, random);
    if (fuzz_random_below(random, 2) == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(header, "__metadata__"), "mlsel.hash");
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    if (text == NULL)
        return 0;
    const size_t length = strlen(text), padded = (length + 8 + 63) / 64 * 64 - 8;
    const size_t tensors = size - PREFIX - header_size;
    if (PREFIX + padded + tensors <= max_size) {
        memmove(data + PREFIX + padded, data + PREFIX + header_size, tensors);
        memcpy(data + PREFIX, text, length);
        memset(data + PREFIX + length, ' ', padded - length);
        for (size_t i = 0; i < 8; i++)
            data[1 + i] = (uint8_t)((uint64_t)padded >> 8 * i);
    }
    cJSON_free(text);
    return PREFIX + padded + tensors <= max_size ? PREFIX + padded + tensors : 0;
}

/* A value of a tensor becomes one that is worth trying: of 1, 4 or 8 bytes. */
static void change_value(uint8_t *data, size_t size, struct fuzz_random *random) {
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      UINT64_MAX,
                                      UINT64_C(0x7ff8000000000000),
                                      UINT64_C(0x7ff0000000000000),
                                      UINT64_C(0x3ff0000000000000),
                                      0x7f800000,
                                      0x7fc00000,
                                      0x3f800000,
                                      0xbf800000,
                                      0x7fffffff,
                                      UINT64_C(0xbff0000000000000),
                                      255,
                                      64};
    static const size_t sizes[] = {1, 4, 8};
    const size_t bytes = sizes[fuzz_random_below(random, 3)];
    if (size < PREFIX + bytes)
        return;
    const uint64_t value = values[fuzz_random_below(random, sizeof values / sizeof *values)];
    const size_t from_end = (1 + fuzz_random_below(random, (uint32_t)((size - PREFIX) / bytes))) * bytes;
    for (size_t i = 0; i < bytes; i++)
        data[size - from_end + i] = (uint8_t)(value >> 8 * i);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    struct fuzz_random random = {.state = (seed + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15)};
    const uint32_t way = fuzz_random_below(&random, 16);
    if (size <= PREFIX || way == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    if (way == 1) {
        data[0] = (uint8_t)fuzz_random_below(&random, 256);
        return size;
    }
    if (way <= 6) {
        change_value(data, size, &random);
        return size;
    }
    const size_t changed = change_header(data, size, max_size, &random);
    return changed > 0 ? changed : LLVMFuzzerMutate(data, size, max_size);
}
