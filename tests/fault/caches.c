/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of embeddings: opened, read and written. */
#include <string.h>

#include "training.h"

static mlsel_cache *cache;
static mlsel_dataset *dataset;

static mlsel_status open_in(const char *folder, mlsel_cache **out, mlsel_error *err) {
    return mlsel_cache_open(folder, "model", 3, out, err);
}

static mlsel_status open_new(mlsel_error *err) {
    return open_in(test_path("a/b"), (mlsel_cache **)&scenario_result.pointers[0], err);
}
static mlsel_status open_again(mlsel_error *err) {
    return open_in(test_folder(), (mlsel_cache **)&scenario_result.pointers[0], err);
}
static void close_opened(void) {
    mlsel_cache_close(SCENARIO_POINTER(mlsel_cache));
    test_empty(test_folder());
}

static void put_one(mlsel_cache *into, const char *text) {
    mlsel_error err;
    test_ok(mlsel_cache_put(into, text, 1, (const float[]){1, 2, 3}, 3, &err), &err);
}

/* A file with an entry in it; the handle has not looked at it since. */
static void make_file(void) {
    mlsel_cache *first = NULL;
    mlsel_error err;
    test_ok(open_in(test_folder(), &first, &err), &err);
    put_one(first, "x");
    mlsel_cache_close(first);
}

static void make(void) {
    mlsel_error err;
    test_ok(open_in(test_folder(), &cache, &err), &err);
    make_file();
}
static void make_read(void) {
    mlsel_error err;
    make_file();
    test_ok(open_in(test_folder(), &cache, &err), &err);
}
static void drop(void) {
    mlsel_cache_close(cache);
    test_empty(test_folder());
}

static mlsel_status get(mlsel_error *err) {
    return mlsel_cache_get(cache, "x", 1, (float *)(void *)scenario_result.bytes, 3, err);
}
/* Whoever could not take over the file lets others write. */
static void check_unlocked(void) {
    mlsel_cache *second = NULL;
    mlsel_error err;
    fault_end();
    test_ok(open_in(test_folder(), &second, &err), &err);
    put_one(second, "y");
    mlsel_cache_close(second);
}

static mlsel_status put(mlsel_error *err) {
    const mlsel_status status = mlsel_cache_put(cache, "y", 1, (const float[]){4, 5, 6}, 3, err);
    if (status != MLSEL_OK && strcmp(fault_last()->function, "fstat") == 0)
        check_unlocked();
    return status;
}

static void check_both(void) {
    mlsel_cache *again = NULL;
    mlsel_error err;
    float values[3];
    if (mlsel_cache_count(cache) != 2)
        scenario_fail("%u entries", (unsigned)mlsel_cache_count(cache));
    test_ok(open_in(test_folder(), &again, &err), &err);
    test_ok(mlsel_cache_get(again, "x", 1, values, 3, &err), &err);
    test_ok(mlsel_cache_get(again, "y", 1, values, 3, &err), &err);
    mlsel_cache_close(again);
}

/* --- with datasets -------------------------------------------------------------------------------------------------
 */

static void add(const char *query, const float *embedding) {
    mlsel_record record;
    mlsel_error err;
    mlsel_record_init(&record, sizeof record);
    record.query = query;
    record.model = "m";
    record.embedding = embedding;
    record.n_embedding = embedding == NULL ? 0 : 3;
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
}
static void make_both(const float *embedding) {
    mlsel_error err;
    make_read();
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    add("x", embedding);
    add("y", embedding);
}
static void make_bare(void) { make_both(NULL); }
static void make_embedded(void) { make_both((const float[]){1, 2, 3}); }
static void drop_both(void) {
    mlsel_dataset_free(dataset);
    drop();
}
static mlsel_status read_cache(mlsel_error *err) {
    return mlsel_dataset_read_cache(dataset, cache, (uint64_t *)(void *)scenario_result.pointers, err);
}
static mlsel_status write_cache(mlsel_error *err) {
    return mlsel_dataset_write_cache(dataset, cache, (uint64_t *)(void *)scenario_result.pointers, err);
}

#define BOTH (NEEDS_ALLOC | NEEDS_FILE)

const scenario cache_scenarios[] = {
    {"mlsel_cache_open", "no folder", BOTH, SCENARIO_KEEPS_FILES, NULL, open_new, NULL, close_opened, "/a",
     "close folder,fsync folder,open folder,unlink", 1, 0},
    {"mlsel_cache_open", "a file", BOTH, 0, make_file, open_again, NULL, close_opened, NULL, "mkdir", 0, 0},
    {"mlsel_cache_get", "", NEEDS_FILE, 0, make_read, get, NULL, drop, NULL, NULL, 0, 0},
    {"mlsel_cache_put", "", BOTH, SCENARIO_KEEPS_FILES, make, put, check_both, drop, NULL, NULL, 0, 0},
    {"mlsel_dataset_read_cache", "", BOTH, 0, make_bare, read_cache, NULL, drop_both, NULL, NULL, 0, 0},
    {"mlsel_dataset_write_cache", "", NEEDS_FILE, SCENARIO_KEEPS_FILES, make_embedded, write_cache, check_both,
     drop_both, NULL, NULL, 0, 0},
};
const size_t n_cache_scenarios = TEST_LENGTH(cache_scenarios);
