/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets and what fills them. Rows that were read before a failure stay, so the output is the dataset's handle. */
#include <string.h>

#include "training.h"

static const char records[] =
    "{\"query\": \"a\", \"model_name\": \"m\", \"performance\": 0.5, \"category\": \"odd\", \"embedding\": [1, 2, 3]}\n"
    "{\"query\": \"a\", \"model_name\": \"n\", \"performance\": NaN, \"task_name\": \"t\"}\n"
    "{\"query\": \"b\", \"model_name\": \"n\", \"performance\": 1, \"response_time\": NaN, \"task_name\": \"t\"}\n"
    "not JSON\n"
    "{\"query\": \"c\", \"model_name\": \"o\", \"performance\": 0.25}\n";
static const char embeddings[] =
    "{\"query\": \"b\", \"embedding\": [1, 2, 3]}\n{\"query\": \"?\", \"embedding\": [1]}\n";

static mlsel_dataset *dataset;

static void make_empty(void) {
    mlsel_error err;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    test_write_text("records.jsonl", records);
    test_write_text("embeddings.jsonl", embeddings);
}

static void make(void) {
    mlsel_error err;
    make_empty();
    test_ok(mlsel_dataset_read_records_memory(dataset, records, sizeof records - 1, NULL, NULL, &err), &err);
}

static void drop(void) {
    mlsel_dataset_free(dataset);
    test_empty(test_folder());
}

static void drop_created(void) { mlsel_dataset_free(SCENARIO_POINTER(mlsel_dataset)); }
static void drop_parts(void) {
    mlsel_dataset_free(scenario_result.pointers[0]);
    mlsel_dataset_free(scenario_result.pointers[1]);
    drop();
}

static mlsel_status create(mlsel_error *err) {
    return mlsel_dataset_create((mlsel_dataset **)&scenario_result.pointers[0], err);
}
static mlsel_status add(mlsel_error *err) {
    mlsel_record record;
    mlsel_record_init(&record, sizeof record);
    record.query = "q";
    record.model = "new";
    record.category = "unknown";
    record.embedding = (const float[]){1, 2, 3};
    record.n_embedding = 3;
    return mlsel_dataset_add(dataset, &record, err);
}
static mlsel_status read_records(mlsel_error *err) {
    return mlsel_dataset_read_records(dataset, test_path("records.jsonl"), NULL, err);
}
static mlsel_status read_records_memory(mlsel_error *err) {
    return mlsel_dataset_read_records_memory(dataset, records, sizeof records - 1, NULL, NULL, err);
}
static mlsel_status read_embeddings(mlsel_error *err) {
    return mlsel_dataset_read_embeddings(dataset, test_path("embeddings.jsonl"), NULL, err);
}
static mlsel_status read_embeddings_memory(mlsel_error *err) {
    return mlsel_dataset_read_embeddings_memory(dataset, embeddings, sizeof embeddings - 1, NULL, NULL, err);
}
static mlsel_status set_embedding(mlsel_error *err) {
    return mlsel_dataset_set_embedding(dataset, 1, (const float[]){1, 2, 3}, 3, err);
}
static mlsel_status embed(mlsel_error *err) { return mlsel_dataset_embed(dataset, 16, err); }
static void make_without_embeddings(void) {
    mlsel_error err;
    make_empty();
    const char *text = strchr(records, '\n') + 1;
    test_ok(mlsel_dataset_read_records_memory(dataset, text, strlen(text), NULL, NULL, &err), &err);
}
static mlsel_status drop_unembedded(mlsel_error *err) {
    return mlsel_dataset_drop_unembedded(dataset, (uint64_t *)(void *)scenario_result.pointers, err);
}
static mlsel_status keep_models(mlsel_error *err) {
    static const char *const models[] = {"n"};
    return mlsel_dataset_keep_models(dataset, models, 1, err);
}
static mlsel_status split(mlsel_error *err) {
    return mlsel_dataset_split(dataset, 0.5, 1, (mlsel_dataset **)&scenario_result.pointers[0],
                               (mlsel_dataset **)&scenario_result.pointers[1], err);
}
static mlsel_status embed_text(mlsel_error *err) {
    static char text[4000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 26);
    return mlsel_embed_text(text, sizeof text, (float *)(void *)scenario_result.bytes, 16, err);
}

/* All is there once, however often it was begun. */
static void check_records(void) {
    mlsel_dataset_info info;
    mlsel_error err;
    test_ok(mlsel_dataset_get_info(dataset, &info, sizeof info, &err), &err);
    if (info.n_queries != 3 || info.n_models != 3 || info.n_embedded != 1)
        scenario_fail("%u queries, %u models", (unsigned)info.n_queries, (unsigned)info.n_models);
}
static void check_embeddings(void) {
    mlsel_dataset_info info;
    mlsel_error err;
    test_ok(mlsel_dataset_get_info(dataset, &info, sizeof info, &err), &err);
    if (info.n_embedded != 2)
        scenario_fail("%u embeddings", (unsigned)info.n_embedded);
}

#define ON(function, needs, prepare, run, check, clean)                                                                \
    { function, "", NEEDS_ALLOC | needs, 0, prepare, run, check, clean, NULL, "close", 0, 0 }

const scenario dataset_scenarios[] = {
    ON("mlsel_dataset_create", 0, NULL, create, NULL, drop_created),
    ON("mlsel_dataset_add", 0, make, add, NULL, drop),
    {"mlsel_dataset_read_records", "", NEEDS_ALLOC | NEEDS_FILE, 0, make_empty, read_records, check_records, drop, NULL,
     "close,fstat", 0, 0}, /* whether it is a folder, reading says as well */
    ON("mlsel_dataset_read_records_memory", 0, make_empty, read_records_memory, check_records, drop),
    {"mlsel_dataset_read_embeddings", "", NEEDS_ALLOC | NEEDS_FILE, 0, make, read_embeddings, check_embeddings, drop,
     NULL, "close,fstat", 0, 0},
    ON("mlsel_dataset_read_embeddings_memory", 0, make, read_embeddings_memory, check_embeddings, drop),
    ON("mlsel_dataset_set_embedding", 0, make, set_embedding, check_embeddings, drop),
    ON("mlsel_dataset_embed", 0, make_without_embeddings, embed, NULL, drop),
    ON("mlsel_dataset_drop_unembedded", 0, make, drop_unembedded, NULL, drop),
    ON("mlsel_dataset_keep_models", 0, make, keep_models, NULL, drop),
    ON("mlsel_dataset_split", 0, make, split, NULL, drop_parts),
    ON("mlsel_embed_text", 0, NULL, embed_text, NULL, NULL),
};
const size_t n_dataset_scenarios = TEST_LENGTH(dataset_scenarios);
