/* SPDX-License-Identifier: Apache-2.0 */
#include "container_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PREFIX = 8, LINE = 64, ROWS = 2100, WIDTH = 174, CATEGORIES = 14 };

void container_of_model(const mlsel_model *model, container_file *out) {
    mlsel_save_options options;
    mlsel_error err;
    size_t size, length = 0;
    const char *path = test_path("taken-apart.safetensors");
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    test_ok(mlsel_model_save(model, path, &options, &err), &err);
    unsigned char *bytes = (unsigned char *)test_need_file(path, &size);
    for (int i = PREFIX; i-- > 0;)
        length = length << 8 | bytes[i];
    assert_true(length + PREFIX <= size);
    assert_int_equal((length + PREFIX) % LINE, 0);
    out->header = calloc(length + 1, 1);
    memcpy(out->header, bytes + PREFIX, length);
    for (size_t i = length; i-- > 0 && out->header[i] == ' ';)
        out->header[i] = '\0';
    out->data_size = size - PREFIX - length;
    out->data = test_copy(bytes + PREFIX + length, out->data_size);
    free(bytes);
    unlink(path);
}

void container_of_text(const char *json, container_file *out) {
    mlsel_model *model = test_load_text(json, NULL);
    container_of_model(model, out);
    mlsel_model_release(model);
}

void container_free(container_file *c) {
    free(c->header);
    free(c->data);
}

unsigned char *container_bytes(const container_file *c, size_t *size) {
    const size_t length = strlen(c->header), padded = (length + PREFIX + LINE - 1) / LINE * LINE - PREFIX;
    *size = PREFIX + padded + c->data_size;
    unsigned char *bytes = malloc(*size);
    for (int i = 0; i < PREFIX; i++)
        bytes[i] = (unsigned char)(padded >> (8 * i));
    memset(bytes + PREFIX, ' ', padded);
    memcpy(bytes + PREFIX, c->header, length);
    memcpy(bytes + PREFIX + padded, c->data, c->data_size);
    return bytes;
}

void *container_tensor(const container_file *c, const char *name, size_t *bytes) {
    cJSON *root = cJSON_Parse(c->header);
    assert_non_null(root);
    const cJSON *offsets = test_need(test_need(root, name), "data_offsets");
    const size_t begin = (size_t)cJSON_GetArrayItem(offsets, 0)->valuedouble;
    *bytes = (size_t)cJSON_GetArrayItem(offsets, 1)->valuedouble - begin;
    cJSON_Delete(root);
    return c->data + begin;
}

mlsel_model *container_large_knn(void) {
    char *text = malloc((size_t)ROWS * WIDTH * 8 + 65536), *at = text;
    unsigned state = 1;
    assert_non_null(text);
    at += sprintf(at, "{\"algorithm\":\"knn\",\"k\":5,\"embeddings\":[");
    for (int r = 0; r < ROWS; r++) {
        if (r % 20 == 0) /* one time in four the rows that were there before */
            state = (unsigned)(r % 80 == 20 ? r - 20 : r);
        for (int c = 0; c < WIDTH - CATEGORIES; c++) {
            state = state * 1664525u + 1013904223u;
            at += sprintf(at, "%s%.3f", c == 0 ? r == 0 ? "[" : ",[" : ",", (double)(int)(state >> 20) / 2048 - 1);
        }
        for (int c = 0; c < CATEGORIES; c++)
            at += sprintf(at, ",%d", c == r % 20 % 7);
        at += sprintf(at, "]");
    }
    at += sprintf(at, "],\"labels\":[");
    for (int r = 0; r < ROWS; r++)
        at += sprintf(at, "%s\"m-%d\"", r == 0 ? "" : ",", r % 4);
    (void)sprintf(at, "]}");
    mlsel_model *model = test_load_text(text, NULL);
    free(text);
    return model;
}

void container_ask(const mlsel_model *model, const char *what) {
    enum { QUERIES = 3, BATCH = 40, MAX_WIDTH = 512, MAX_LABELS = 64, MAX_K = 64 };
    static float batch[BATCH * MAX_WIDTH];
    static mlsel_selection selections[BATCH];
    static float query[MAX_WIDTH];
    static double scores[MAX_LABELS];
    static mlsel_neighbour neighbours[MAX_K];
    mlsel_model_info info;
    mlsel_selection selection;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    if (info.n_features > MAX_WIDTH || info.n_labels > MAX_LABELS || info.k > MAX_K)
        return;
    for (int q = 0; q < QUERIES; q++) {
        const uint8_t mask[MAX_LABELS] = {[0] = 1};
        mlsel_query_options first;
        mlsel_query_options_init(&first, sizeof first);
        first.eligible_mask = mask;
        first.eligible_mask_size = info.n_labels;
        for (uint32_t i = 0; i < info.n_features; i++)
            query[i] = (float)((i * 7u + (unsigned)q * 3u) % 11u) - 5;
        mlsel_evidence evidence;
        mlsel_evidence_init(&evidence, sizeof evidence);
        evidence.neighbours = neighbours, evidence.neighbours_capacity = MAX_K;
        evidence.probabilities = scores, evidence.probabilities_capacity = MAX_LABELS;
        if (mlsel_explain(model, query, info.n_features, NULL, &evidence, &err) == MLSEL_OK) {
            selection = evidence.selection;
            if (selection.index < 0 || (uint32_t)selection.index >= info.n_labels ||
                selection.runner_up >= (int32_t)info.n_labels)
                fail_msg("%s: label %d", what, (int)selection.index);
            for (size_t i = 0; i < evidence.neighbour_count; i++)
                if (neighbours[i].row >= info.n_samples || neighbours[i].label < 0 ||
                    (uint32_t)neighbours[i].label >= info.n_labels)
                    fail_msg("%s: row %llu", what, (unsigned long long)neighbours[i].row);
        }
        (void)mlsel_score(model, query, info.n_features, NULL, scores, info.n_labels, &err);
        if (mlsel_select(model, query, info.n_features, &first, &selection, &err) == MLSEL_OK)
            assert_int_equal(selection.index, 0);
    }
    for (size_t i = 0; i < BATCH * info.n_features; i++)
        batch[i] = (float)(i * 13 % 29) - 14;
    if (mlsel_select_batch(model, batch, BATCH, info.n_features, info.n_features, NULL, selections, &err) != MLSEL_OK)
        return;
    for (int q = 0; q < BATCH; q++)
        if (selections[q].index < 0 || (uint32_t)selections[q].index >= info.n_labels)
            fail_msg("%s: label %d in a batch", what, (int)selections[q].index);
}
