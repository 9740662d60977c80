/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datasets and the cache without memory: allocation number 0, 1, 2, ... fails, alone or with all that follow, until the
 * operation gets through without one. It must say NO_MEMORY, leave what is there as it was, leak nothing (which the
 * address sanitizer sees), and work when it is asked again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "heap_fail.h"
#include "train/dataset.h"

static bool is_on;

static void *json_malloc(size_t size) { return !is_on || heap_fail_allows(size, NULL) ? malloc(size) : NULL; }

/* What an operation starts from; each run gets a fresh one. */
typedef struct context {
    mlsel_dataset *dataset, *first, *second;
    mlsel_cache *cache;
    float values[16];
} context;

typedef mlsel_status (*operation)(context *c, mlsel_error *err);

static const char records[] =
    "{\"query\": \"a\", \"model_name\": \"m\", \"performance\": 0.5, \"category\": \"odd\", \"embedding\": [1, 2, 3]}\n"
    "{\"query\": \"a\", \"model_name\": \"n\", \"performance\": NaN, \"task_name\": \"t\"}\n"
    "{\"query\": \"b\", \"model_name\": \"n\", \"performance\": 1, \"response_time\": NaN, \"task_name\": \"t\"}\n"
    "{\"query\": \"b\", \"model_name\": \"m\", \"error\": \"x\"}\n"
    "not JSON\n"
    "{\"query\": \"c\", \"model_name\": \"o\", \"performance\": 0.25, \"embedding\": [1, 2, NaN]}\n"
    "{\"query\": \"a\", \"model_name\": \"m\", \"performance\": 0, \"embedding\": [3, 2, 1], \"category\": \"law\"}\n";

static mlsel_dataset *make_dataset(size_t size) {
    mlsel_error err;
    mlsel_dataset *dataset = NULL;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    if (size > 0)
        test_ok(mlsel_dataset_read_records_memory(dataset, records, size, NULL, NULL, &err), &err);
    return dataset;
}

static mlsel_status read_records(context *c, mlsel_error *err) {
    return mlsel_dataset_read_records_memory(c->dataset, records, sizeof records - 1, NULL, NULL, err);
}

static mlsel_status read_file(context *c, mlsel_error *err) {
    return mlsel_dataset_read_records(c->dataset, test_path("records.jsonl"), NULL, err);
}

static mlsel_status read_embeddings(context *c, mlsel_error *err) {
    static const char text[] = "{\"query\": \"b\", \"embedding\": [1, 2, 3]}\n{\"query\": \"?\", \"embedding\": [1]}\n"
                               "{\"query\": \"a\", \"embedding\": [9, 9, 9]}\n";
    return mlsel_dataset_read_embeddings_memory(c->dataset, text, sizeof text - 1, NULL, NULL, err);
}

static mlsel_status add_many(context *c, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    for (int i = 0; i < 70 && status == MLSEL_OK; i++) {
        char query[16], model[16];
        mlsel_record record;
        mlsel_record_init(&record, sizeof record);
        snprintf(query, sizeof query, "query %d", i);
        snprintf(model, sizeof model, "model %d", i % 35);
        record.query = query;
        record.model = model;
        record.category = query;
        record.quality = 1;
        status = mlsel_dataset_add(c->dataset, &record, err);
    }
    return status;
}

static mlsel_status embed(context *c, mlsel_error *err) {
    const mlsel_status status = add_many(c, err);
    return status == MLSEL_OK ? mlsel_dataset_embed(c->dataset, 16, err) : status;
}
static mlsel_status drop(context *c, mlsel_error *err) { return mlsel_dataset_drop_unembedded(c->dataset, NULL, err); }
static mlsel_status keep(context *c, mlsel_error *err) {
    static const char *const models[] = {"n"};
    return mlsel_dataset_keep_models(c->dataset, models, 1, err);
}
static mlsel_status split(context *c, mlsel_error *err) {
    return mlsel_dataset_split(c->dataset, 0.5, 1, &c->first, &c->second, err);
}
static mlsel_status set_embedding(context *c, mlsel_error *err) {
    return mlsel_dataset_set_embedding(c->dataset, 1, (const float[]){1, 2, 3}, 3, err);
}
static mlsel_status embed_text(context *c, mlsel_error *err) {
    static char text[20000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 26);
    return mlsel_embed_text(text, sizeof text, c->values, 16, err);
}
/* A cache that has no file yet must not close the program's standard input in its stead. */
static mlsel_status open_cache(context *c, mlsel_error *err) {
    if (fcntl(STDIN_FILENO, F_GETFD) < 0)
        assert_int_equal(open("/dev/null", O_RDONLY), STDIN_FILENO);
    const mlsel_status status = mlsel_cache_open(test_folder(), "opened", 3, &c->cache, err);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    return status;
}
static mlsel_status use_cache(context *c, mlsel_error *err) {
    mlsel_status status = mlsel_cache_open(test_folder(), "used", 3, &c->cache, err);
    for (int i = 0; i < 100 && status == MLSEL_OK; i++) {
        const char text = (char)i;
        status = mlsel_cache_put(c->cache, &text, 1, (const float[]){1, 2, 3}, 3, err);
    }
    if (status == MLSEL_OK)
        status = mlsel_dataset_write_cache(c->dataset, c->cache, NULL, err);
    return status == MLSEL_OK ? mlsel_dataset_read_cache(c->dataset, c->cache, NULL, err) : status;
}

/* Whether a dataset is whole: every index in it is one. */
static void check(const mlsel_dataset *dataset) {
    size_t embedded = 0;
    assert_int_equal(dataset->n_queries, dataset->texts.n);
    assert_int_equal(dataset->n_models, dataset->model_names.n);
    for (size_t q = 0; q < dataset->n_queries; q++) {
        const dataset_query *query = &dataset->queries[q];
        assert_int_equal(mlsel_i_dataset_find(dataset, query->text, query->size), q);
        embedded += query->embedding != NULL;
    }
    assert_int_equal(dataset->n_embedded, embedded);
    for (size_t rank = 0; rank < dataset->n_models; rank++) {
        assert_int_equal(dataset->model_rank[dataset->model_order[rank]], rank);
        if (rank > 0)
            assert_true(strcmp(mlsel_dataset_model(dataset, rank - 1), mlsel_dataset_model(dataset, rank)) < 0);
    }
    for (size_t i = 0; i < dataset->n_rows; i++) {
        const dataset_row *row = &dataset->rows[i];
        assert_true(row->query < dataset->n_queries && row->model < dataset->n_models);
        assert_non_null(mlsel_i_pairs_find(dataset, row->query, row->model));
    }
    uint64_t rows = 0;
    for (size_t i = 0; i < dataset->n_pairs; i++)
        rows += dataset->pairs[i].n_rows;
    assert_int_equal(rows, dataset->n_rows);
}

static void clean(context *c) {
    mlsel_dataset_free(c->dataset);
    mlsel_dataset_free(c->first);
    mlsel_dataset_free(c->second);
    mlsel_cache_close(c->cache);
    *c = (context){0};
}

static void remove_files(const char *name) {
    DIR *dir = opendir(test_folder());
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, name, strlen(name)) == 0)
            unlink(test_path(entry->d_name));
    }
    closedir(dir);
}

/* `spare`: allocations that are missed by nobody, as that for bringing a new file's name to disk. */
static void run(const char *what, operation operate, size_t size, size_t least, size_t spare) {
    for (int forever = 0; forever < 2; forever++) {
        size_t n = 0, n_spared = 0;
        for (bool is_through = false; !is_through; n++) {
            context c = {.dataset = make_dataset(size)};
            mlsel_error err;
            is_on = true;
            heap_fail_begin(n, forever != 0);
            const mlsel_status status = operate(&c, &err);
            is_through = heap_fail_end() == 0;
            is_on = false;
            if (status == MLSEL_OK && !is_through && n_spared < spare) {
                n_spared++;
                clean(&c);
                remove_files("used");
                remove_files("opened");
                continue;
            }
            if ((status == MLSEL_OK) != is_through || (!is_through && status != MLSEL_ERROR_NO_MEMORY))
                fail_msg("%s, allocation %zu: %s: %s", what, n, mlsel_status_name(status), err.message);
            assert_int_equal(err.code, status);
            check(c.dataset);
            if (!is_through) {
                assert_null(c.first);
                assert_null(c.second);
                mlsel_cache_close(c.cache);
                c.cache = NULL;
                test_ok(operate(&c, &err), &err);
                check(c.dataset);
            }
            clean(&c);
            remove_files("used");
            remove_files("opened");
        }
        if (n < least)
            fail_msg("%s: %zu allocations", what, n);
    }
}

static void each_allocation_fails(void **state) {
    (void)state;
    cJSON_Hooks hooks = {json_malloc, free};
    const size_t all = sizeof records - 1;
    test_write("records.jsonl", records, all);
    cJSON_InitHooks(&hooks);
    run("read records", read_records, 0, 50, 0);
    run("read a file", read_file, 0, 50, 0);
    run("read embeddings", read_embeddings, all, 20, 0);
    run("add rows", add_many, 0, 100, 0);
    run("embed", embed, 0, 200, 0);
    run("drop", drop, all, 3, 0);
    run("keep", keep, all, 3, 0);
    run("split", split, all, 20, 0);
    run("set an embedding", set_embedding, all, 2, 0);
    run("embed a text", embed_text, 0, 4, 0);
    run("open a cache", open_cache, 0, 5, 1);
    run("use a cache", use_cache, all, 10, 1);
    cJSON_InitHooks(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
