/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets in memory: rows and what they come to, parts, embeddings. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mlsel_train.h"

static const double unknown = (double)NAN;

static mlsel_dataset *create(void) {
    mlsel_error err;
    mlsel_dataset *dataset = NULL;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    return dataset;
}

static mlsel_dataset_info info_of(const mlsel_dataset *dataset) {
    mlsel_dataset_info info;
    mlsel_error err;
    test_ok(mlsel_dataset_get_info(dataset, &info, sizeof info, &err), &err);
    return info;
}

static mlsel_record row(const char *query, const char *model, double quality) {
    mlsel_record record;
    mlsel_record_init(&record, sizeof record);
    record.query = query;
    record.model = model;
    record.quality = quality;
    return record;
}

static void add(mlsel_dataset *dataset, const char *query, const char *model, double quality) {
    mlsel_error err;
    const mlsel_record record = row(query, model, quality);
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
}

static mlsel_observation observe(const mlsel_dataset *dataset, size_t query, size_t model) {
    mlsel_observation o;
    mlsel_error err;
    test_ok(mlsel_dataset_observe(dataset, query, model, &o, &err), &err);
    return o;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void empty(void **state) {
    (void)state;
    mlsel_error err;
    uint64_t dropped = 7;
    mlsel_dataset *dataset = create(), *first, *second;
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_queries + info.n_models + info.n_rows + info.n_pairs + info.n_lines, 0);
    assert_null(mlsel_dataset_query(dataset, 0));
    assert_null(mlsel_dataset_category(dataset, 0));
    assert_null(mlsel_dataset_task(dataset, 0));
    assert_null(mlsel_dataset_model(dataset, 0));
    assert_null(mlsel_dataset_embedding(dataset, 0));
    assert_int_equal(mlsel_dataset_finding_count(dataset), 0);
    test_ok(mlsel_dataset_embed(dataset, 0, &err), &err);
    test_ok(mlsel_dataset_drop_unembedded(dataset, &dropped, &err), &err);
    assert_int_equal(dropped, 0);
    test_ok(mlsel_dataset_split(dataset, 0.5, 1, &first, &second, &err), &err);
    mlsel_dataset_free(first);
    mlsel_dataset_free(second);
    mlsel_dataset_free(dataset);
    mlsel_dataset_free(NULL);
    assert_null(mlsel_dataset_query(NULL, 0));
    assert_int_equal(mlsel_dataset_count_findings(NULL, 1), 0);
    assert_int_equal(mlsel_dataset_create(NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
}

static void order(void **state) {
    (void)state;
    mlsel_dataset *dataset = create();
    add(dataset, "second in bytes", "zeta", 1);
    add(dataset, "first in bytes", "alpha", 0.5);
    add(dataset, "second in bytes", "Beta", 0);
    add(dataset, "second in bytes", "a", 0.25);
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_queries, 2);
    assert_int_equal(info.n_models, 4);
    assert_int_equal(info.n_rows, 4);
    assert_string_equal(mlsel_dataset_query(dataset, 0), "second in bytes");
    assert_string_equal(mlsel_dataset_query(dataset, 1), "first in bytes");
    static const char *const models[] = {"Beta", "a", "alpha", "zeta"};
    for (size_t m = 0; m < 4; m++)
        assert_string_equal(mlsel_dataset_model(dataset, m), models[m]);
    assert_null(mlsel_dataset_model(dataset, 4));
    assert_true(observe(dataset, 0, 0).quality == 0);
    assert_true(observe(dataset, 0, 1).quality == 0.25);
    assert_true(observe(dataset, 0, 3).quality == 1);
    assert_true(observe(dataset, 1, 2).quality == 0.5);
    const mlsel_observation none = observe(dataset, 1, 0);
    assert_true(isnan(none.quality) && isnan(none.latency_s) && isnan(none.cost));
    assert_int_equal(none.rows, 0);
    mlsel_dataset_free(dataset);
}

/* Means of what is known, by hand. */
static void means(void **state) {
    (void)state;
    mlsel_error err;
    static const double values[][3] = {
        {0.25, 2, 1}, {unknown, unknown, 3}, {0.75, 4, unknown}, {0.5, unknown, unknown}};
    mlsel_dataset *dataset = create();
    for (size_t i = 0; i < TEST_LENGTH(values); i++) {
        mlsel_record record = row("q", "m", isnan(values[i][0]) ? unknown : values[i][0]);
        record.latency_s = values[i][1];
        record.cost = values[i][2];
        test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
    }
    const mlsel_observation o = observe(dataset, 0, 0);
    assert_true(o.quality == 0.5 && o.latency_s == 3 && o.cost == 2);
    assert_int_equal(o.rows, 4);
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_rows, 4);
    assert_int_equal(info.n_pairs, 1);
    assert_int_equal(info.n_latencies, 1);
    assert_int_equal(info.n_costs, 1);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_REPEATED), 3);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_UNKNOWN_QUALITY), 1);
    mlsel_finding finding;
    test_ok(mlsel_dataset_get_finding(dataset, 1, &finding, sizeof finding, &err), &err);
    assert_int_equal(finding.code, MLSEL_FINDING_REPEATED);
    assert_int_equal(finding.line, 0);
    assert_string_equal(finding.file, "");
    assert_int_equal(strncmp(finding.message, "model \"m\" has answered", 22), 0);
    mlsel_dataset_free(dataset);
}

static void failed_is_no_row(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_dataset *dataset = create();
    mlsel_record record = row("q", "m", 0);
    record.flags = MLSEL_RECORD_FAILED;
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_failed, 1);
    assert_int_equal(info.n_rows + info.n_queries + info.n_models, 0);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_FAILED), 1);
    mlsel_dataset_free(dataset);
}

static const float embedding[4] = {1, -2, 0.5f, 0};

static void no_query(mlsel_record *r) { r->query = NULL; }
static void empty_query(mlsel_record *r) { r->query = ""; }
static void no_model(mlsel_record *r) { r->model = NULL; }
static void bad_text(mlsel_record *r) { r->query = "a\xff"; }
static void bad_category(mlsel_record *r) { r->category = "\xc3"; }
static void bad_task(mlsel_record *r) { r->task = "t\xff"; }
static void quality_above(mlsel_record *r) { r->quality = 1.0000001; }
static void quality_below(mlsel_record *r) { r->quality = -1e-300; }
static void quality_infinite(mlsel_record *r) { r->quality = (double)INFINITY; }
static void latency_below(mlsel_record *r) { r->latency_s = -1; }
static void latency_infinite(mlsel_record *r) { r->latency_s = (double)INFINITY; }
static void cost_below(mlsel_record *r) { r->cost = -1; }
static void unknown_flag(mlsel_record *r) { r->flags = 2; }
static void no_size(mlsel_record *r) { r->struct_size = 0; }
static void no_embedding(mlsel_record *r) { r->n_embedding = 3; }
static void empty_embedding(mlsel_record *r) { r->embedding = embedding; }
static void other_width(mlsel_record *r) {
    r->embedding = embedding;
    r->n_embedding = 4;
}
static void not_finite(mlsel_record *r) {
    static const float values[3] = {0, 1, (float)NAN};
    r->embedding = values;
    r->n_embedding = 3;
}

static void refused(void **state) {
    (void)state;
    static const struct {
        void (*spoil)(mlsel_record *r);
        mlsel_status status;
    } wanted[] = {
        {no_query, MLSEL_ERROR_INVALID_ARGUMENT},
        {empty_query, MLSEL_ERROR_INVALID_ARGUMENT},
        {no_model, MLSEL_ERROR_INVALID_ARGUMENT},
        {bad_text, MLSEL_ERROR_INVALID_ARGUMENT},
        {bad_category, MLSEL_ERROR_INVALID_ARGUMENT},
        {bad_task, MLSEL_ERROR_INVALID_ARGUMENT},
        {quality_above, MLSEL_ERROR_INVALID_ARGUMENT},
        {quality_below, MLSEL_ERROR_INVALID_ARGUMENT},
        {quality_infinite, MLSEL_ERROR_INVALID_ARGUMENT},
        {latency_below, MLSEL_ERROR_INVALID_ARGUMENT},
        {latency_infinite, MLSEL_ERROR_INVALID_ARGUMENT},
        {cost_below, MLSEL_ERROR_INVALID_ARGUMENT},
        {unknown_flag, MLSEL_ERROR_INVALID_ARGUMENT},
        {no_size, MLSEL_ERROR_INVALID_ARGUMENT},
        {no_embedding, MLSEL_ERROR_INVALID_ARGUMENT},
        {empty_embedding, MLSEL_ERROR_INVALID_ARGUMENT},
        {other_width, MLSEL_ERROR_DIMENSION},
        {not_finite, MLSEL_ERROR_NOT_FINITE},
    };
    mlsel_error err;
    mlsel_dataset *dataset = create();
    mlsel_record record = row("q", "m", 0.5);
    record.embedding = embedding;
    record.n_embedding = 3;
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
    const uint64_t bytes = info_of(dataset).memory_bytes;
    for (size_t i = 0; i < TEST_LENGTH(wanted); i++) {
        record = row("new query", "new model", 0.5);
        wanted[i].spoil(&record);
        const mlsel_status status = mlsel_dataset_add(dataset, &record, &err);
        if (status != wanted[i].status)
            fail_msg("%zu: %s", i, mlsel_status_name(status));
        assert_int_equal(err.code, status);
        assert_true(err.message[0] != '\0');
    }
    assert_int_equal(mlsel_dataset_add(dataset, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_queries, 1);
    assert_int_equal(info.n_models, 1);
    assert_int_equal(info.n_rows, 1);
    assert_int_equal(info.memory_bytes, bytes);
    mlsel_dataset_free(dataset);
}

/* An older caller's struct, which ends before the embedding: what is missing has its default. */
static void shorter_struct(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_dataset *dataset = create();
    mlsel_record record = row("q", "m", 0.5);
    record.latency_s = 9;
    record.struct_size = (uint32_t)offsetof(mlsel_record, latency_s);
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
    assert_true(isnan(observe(dataset, 0, 0).latency_s));
    mlsel_dataset_free(dataset);
}

/* Many of everything, so that all tables grow; compared with plain arrays. */
static void many(void **state) {
    (void)state;
    enum { QUERIES = 700, MODELS = 37 };
    static double sums[QUERIES][MODELS];
    static uint32_t counts[QUERIES][MODELS];
    memset(sums, 0, sizeof sums);
    memset(counts, 0, sizeof counts);
    mlsel_dataset *dataset = create();
    uint32_t x = 1;
    for (int i = 0; i < 30000; i++) {
        char query[32], model[32];
        x = x * 1664525u + 1013904223u;
        const size_t q = (x >> 8) % QUERIES, m = (x >> 20) % MODELS;
        snprintf(query, sizeof query, "query %zu", q);
        snprintf(model, sizeof model, "model %02zu", m);
        const double quality = (double)(i % 5) / 4; /* exact sums */
        add(dataset, query, model, quality);
        sums[q][m] += quality;
        counts[q][m]++;
    }
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_rows, 30000);
    assert_int_equal(info.n_queries, QUERIES);
    assert_int_equal(info.n_models, MODELS);
    for (size_t i = 0; i < QUERIES; i++) {
        const size_t q = (size_t)atoi(mlsel_dataset_query(dataset, i) + 6);
        for (size_t m = 0; m < MODELS; m++) {
            const mlsel_observation o = observe(dataset, i, m);
            assert_int_equal(o.rows, counts[q][m]);
            if (counts[q][m] > 0)
                test_close(o.quality, sums[q][m] / counts[q][m], 1e-12, "mean");
        }
    }
    mlsel_dataset_free(dataset);
}

static void too_many_models(void **state) {
    (void)state;
    enum { MOST = 65536 };
    mlsel_error err;
    char model[32];
    mlsel_dataset *dataset = create();
    for (int i = 0; i < MOST; i++) {
        snprintf(model, sizeof model, "model %06d", i);
        add(dataset, "q", model, 1);
    }
    const mlsel_record record = row("another", "one too many", 1);
    assert_int_equal(mlsel_dataset_add(dataset, &record, &err), MLSEL_ERROR_LIMIT);
    assert_int_equal(info_of(dataset).n_queries, 1);
    assert_int_equal(info_of(dataset).n_models, MOST);
    assert_string_equal(mlsel_dataset_model(dataset, MOST - 1), "model 065535");
    mlsel_dataset_free(dataset);
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

static mlsel_dataset *four_rows(void) {
    mlsel_error err;
    mlsel_dataset *dataset = create();
    mlsel_record record = row("a", "z", 0.5);
    record.category = "math";
    record.task = "t";
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
    add(dataset, "b", "y", 0.25);
    add(dataset, "a", "x", 1);
    add(dataset, "c", "z", 0);
    return dataset;
}

/* One past the end of everything: nothing is written, and the message says how many there are. */
static void no_such(void **state) {
    (void)state;
    static const size_t pairs[][2] = {{3, 0}, {0, 3}, {SIZE_MAX, 0}, {0, SIZE_MAX}};
    mlsel_error err;
    mlsel_dataset *dataset = four_rows();
    mlsel_observation o, o_before;
    mlsel_finding finding, finding_before;
    memset(&o, 0xa5, sizeof o);
    memset(&finding, 0xa5, sizeof finding);
    o_before = o;
    finding_before = finding;
    for (size_t i = 0; i < TEST_LENGTH(pairs); i++) {
        assert_int_equal(mlsel_dataset_observe(dataset, pairs[i][0], pairs[i][1], &o, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "there are 3 queries, 3 models"));
    }
    assert_memory_equal(&o, &o_before, sizeof o);
    assert_null(mlsel_dataset_query(dataset, 3));
    assert_null(mlsel_dataset_model(dataset, 3));
    assert_non_null(mlsel_dataset_model(dataset, 2));
    add(dataset, "a", "x", 0); /* a second time */
    assert_int_equal(mlsel_dataset_finding_count(dataset), 1);
    assert_int_equal(mlsel_dataset_get_finding(dataset, 1, &finding, sizeof finding, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "finding 1: there are 1");
    assert_memory_equal(&finding, &finding_before, sizeof finding);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_REPEATED), 1);
    assert_int_equal(mlsel_dataset_count_findings(dataset, 0), 0);
    assert_int_equal(mlsel_dataset_count_findings(dataset, -1), 0);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_CODES + 1), 0);
    mlsel_dataset_free(dataset);
}

static void keep_models(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_dataset *dataset = four_rows();
    static const char *const missing[] = {"z", "nobody"};
    assert_int_equal(mlsel_dataset_keep_models(dataset, missing, 2, &err), MLSEL_ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "nobody"));
    assert_int_equal(info_of(dataset).n_rows, 4);
    assert_int_equal(mlsel_dataset_keep_models(dataset, missing, 0, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    static const char *const without_name[] = {"z", NULL};
    assert_int_equal(mlsel_dataset_keep_models(dataset, without_name, 2, &err), MLSEL_ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "no record is of the model \"\" (of 3 models)"));
    assert_int_equal(info_of(dataset).n_models, 3);

    static const char *const kept[] = {"z", "x", "z"};
    const char *text = mlsel_dataset_query(dataset, 2);
    test_ok(mlsel_dataset_keep_models(dataset, kept, 3, &err), &err);
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_models, 2);
    assert_int_equal(info.n_queries, 2); /* b was asked of y alone */
    assert_int_equal(info.n_rows, 3);
    assert_int_equal(info.n_pairs, 3);
    assert_string_equal(mlsel_dataset_model(dataset, 0), "x");
    assert_string_equal(mlsel_dataset_model(dataset, 1), "z");
    assert_string_equal(mlsel_dataset_query(dataset, 1), "c");
    assert_ptr_equal(mlsel_dataset_query(dataset, 1), text); /* texts stay where they are */
    assert_string_equal(mlsel_dataset_category(dataset, 0), "math");
    assert_true(observe(dataset, 0, 0).quality == 1);
    assert_true(observe(dataset, 0, 1).quality == 0.5);
    assert_true(observe(dataset, 1, 1).quality == 0);
    assert_int_equal(observe(dataset, 1, 0).rows, 0);
    add(dataset, "b", "w", 0.75); /* it goes on */
    assert_string_equal(mlsel_dataset_query(dataset, 2), "b");
    assert_string_equal(mlsel_dataset_model(dataset, 0), "w");
    assert_true(observe(dataset, 2, 0).quality == 0.75);
    mlsel_dataset_free(dataset);
}

static void drop_unembedded(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_dataset *dataset = four_rows();
    uint64_t dropped = 0;
    test_ok(mlsel_dataset_set_embedding(dataset, 1, embedding, 2, &err), &err);
    test_ok(mlsel_dataset_drop_unembedded(dataset, &dropped, &err), &err);
    assert_int_equal(dropped, 2);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_NO_EMBEDDING), 2);
    mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_queries, 1);
    assert_int_equal(info.n_models, 3);
    assert_int_equal(info.n_rows, 1);
    assert_int_equal(info.n_embedded, 1);
    assert_string_equal(mlsel_dataset_query(dataset, 0), "b");
    assert_true(mlsel_dataset_embedding(dataset, 0)[1] == -2.0f);
    assert_true(observe(dataset, 0, 1).quality == 0.25);
    mlsel_dataset_free(dataset);

    dataset = four_rows();
    test_ok(mlsel_dataset_drop_unembedded(dataset, NULL, &err), &err);
    info = info_of(dataset);
    assert_int_equal(info.n_queries + info.n_rows + info.n_pairs, 0);
    mlsel_dataset_free(dataset);
}

/* Everything of the whole is in exactly one part, whatever the order of the rows. */
static void split(void **state) {
    (void)state;
    enum { QUERIES = 4000 };
    mlsel_error err;
    mlsel_dataset *dataset = create(), *backwards = create();
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < QUERIES; i++) {
            char query[32];
            const int q = pass == 0 ? i : QUERIES - 1 - i;
            snprintf(query, sizeof query, "query %d", q);
            add(pass == 0 ? dataset : backwards, query, "m", (q % 5) / 4.0);
            add(pass == 0 ? dataset : backwards, query, q % 7 == 0 ? "rare" : "n", 1);
        }
    }
    test_ok(mlsel_dataset_set_embedding(dataset, 5, embedding, 4, &err), &err);
    mlsel_dataset *first, *second, *again, *again_second;
    test_ok(mlsel_dataset_split(dataset, 0.25, 42, &first, &second, &err), &err);
    test_ok(mlsel_dataset_split(backwards, 0.25, 42, &again, &again_second, &err), &err);
    const uint64_t n1 = info_of(first).n_queries, n2 = info_of(second).n_queries;
    assert_int_equal(n1 + n2, QUERIES);
    assert_int_equal(info_of(first).n_rows + info_of(second).n_rows, 2 * QUERIES);
    assert_int_equal(info_of(first).n_embedded + info_of(second).n_embedded, 1);
    assert_int_equal(mlsel_dataset_finding_count(first) + mlsel_dataset_finding_count(second), 0);
    /* within five standard deviations of a quarter: sqrt(4000 x 0.25 x 0.75) = 27.4 */
    assert_in_range(n2, 1000 - 137, 1000 + 137);
    for (size_t m = 0; m < 3; m++)
        assert_string_equal(mlsel_dataset_model(second, m), mlsel_dataset_model(dataset, m));
    for (size_t q = 0; q < n2; q++) { /* the order of the parts is that of the whole */
        assert_string_equal(mlsel_dataset_query(second, q), mlsel_dataset_query(again_second, (size_t)n2 - 1 - q));
        const int number = atoi(mlsel_dataset_query(second, q) + 6);
        assert_true(observe(second, q, 0).quality == (number % 5) / 4.0);
    }
    mlsel_dataset_free(again);
    mlsel_dataset_free(again_second);

    /* another seed, another half: of two independent quarters a quarter is shared */
    test_ok(mlsel_dataset_split(dataset, 0.25, 43, &again, &again_second, &err), &err);
    size_t shared = 0;
    for (size_t a = 0, b = 0; a < n2 && b < info_of(again_second).n_queries;) {
        const int qa = atoi(mlsel_dataset_query(second, a) + 6), qb = atoi(mlsel_dataset_query(again_second, b) + 6);
        shared += qa == qb;
        a += qa <= qb;
        b += qb <= qa;
    }
    assert_in_range(shared, 250 - 75, 250 + 75);
    mlsel_dataset_free(again);
    mlsel_dataset_free(again_second);
    mlsel_dataset_free(first);
    mlsel_dataset_free(second);

    static const double shares[] = {0, 1, -0.5, 1.5, (double)NAN};
    for (size_t i = 0; i < TEST_LENGTH(shares); i++)
        assert_int_equal(mlsel_dataset_split(dataset, shares[i], 1, &first, &second, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_dataset_free(dataset);
    mlsel_dataset_free(backwards);
}

static void one_of_each(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_dataset *dataset = create(), *first, *second;
    add(dataset, "only", "only", 0.5);
    test_ok(mlsel_dataset_embed(dataset, 16, &err), &err);
    test_ok(mlsel_dataset_split(dataset, 0.5, 7, &first, &second, &err), &err);
    const uint64_t n1 = info_of(first).n_queries, n2 = info_of(second).n_queries;
    assert_int_equal(n1 + n2, 1);
    assert_int_equal(info_of(first).n_models + info_of(second).n_models, 2);
    const mlsel_dataset *full = n1 == 1 ? first : second, *none = n1 == 1 ? second : first;
    assert_memory_equal(mlsel_dataset_embedding(full, 0), mlsel_dataset_embedding(dataset, 0), 16 * sizeof(float));
    assert_int_equal(info_of(none).embedding_width, 0);
    mlsel_dataset_free(first);
    mlsel_dataset_free(second);
    mlsel_dataset_free(dataset);
}

/* --- embeddings --------------------------------------------------------------------------------------------------- */

static void set_embedding(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_dataset *dataset = four_rows();
    const float other[3] = {9, 8, 7}, bad[3] = {0, (float)INFINITY, 0};
    test_ok(mlsel_dataset_set_embedding(dataset, 0, embedding, 3, &err), &err);
    test_ok(mlsel_dataset_set_embedding(dataset, 0, other, 3, &err), &err);
    assert_true(mlsel_dataset_embedding(dataset, 0)[2] == 7.0f);
    assert_int_equal(info_of(dataset).n_embedded, 1);
    assert_int_equal(mlsel_dataset_set_embedding(dataset, 1, embedding, 4, &err), MLSEL_ERROR_DIMENSION);
    assert_int_equal(err.detail, 3);
    assert_int_equal(mlsel_dataset_set_embedding(dataset, 0, embedding, 4, &err), MLSEL_ERROR_DIMENSION);
    assert_int_equal(mlsel_dataset_set_embedding(dataset, 3, embedding, 3, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_dataset_set_embedding(dataset, 1, bad, 3, &err), MLSEL_ERROR_NOT_FINITE);
    assert_int_equal(err.detail, 1);
    assert_int_equal(mlsel_dataset_set_embedding(dataset, 1, embedding, 0, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_dataset_set_embedding(dataset, 1, NULL, 3, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_dataset_free(dataset);
}

static void embed(void **state) {
    (void)state;
    mlsel_error err;
    float expected[MLSEL_EMBEDDING_WIDTH];
    mlsel_dataset *dataset = four_rows();
    test_ok(mlsel_dataset_embed(dataset, 0, &err), &err);
    assert_int_equal(info_of(dataset).embedding_width, MLSEL_EMBEDDING_WIDTH);
    assert_int_equal(info_of(dataset).n_embedded, 3);
    test_ok(mlsel_embed_text("b", 1, expected, MLSEL_EMBEDDING_WIDTH, &err), &err);
    assert_memory_equal(mlsel_dataset_embedding(dataset, 1), expected, sizeof expected);
    assert_int_equal(mlsel_dataset_embed(dataset, 64, &err), MLSEL_ERROR_DIMENSION);
    mlsel_dataset_free(dataset);

    dataset = four_rows();
    float given[64] = {1};
    test_ok(mlsel_dataset_set_embedding(dataset, 1, given, 64, &err), &err);
    test_ok(mlsel_dataset_embed(dataset, 0, &err), &err); /* takes the width that is there, and leaves what is there */
    assert_int_equal(info_of(dataset).embedding_width, 64);
    assert_memory_equal(mlsel_dataset_embedding(dataset, 1), given, sizeof given);
    mlsel_dataset_free(dataset);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(mlsel_finding_name(MLSEL_FINDING_NOT_JSON), "not-json");
    assert_string_equal(mlsel_finding_name(MLSEL_FINDING_UNKNOWN_QUERY), "unknown-query");
    assert_string_equal(mlsel_finding_name(0), "unknown");
    assert_string_equal(mlsel_finding_name(-1), "unknown");
    assert_string_equal(mlsel_finding_name(MLSEL_FINDING_CODES + 1), "unknown");
    for (mlsel_finding_code a = 1; a <= MLSEL_FINDING_CODES; a++)
        for (mlsel_finding_code b = 0; b < a; b++)
            assert_string_not_equal(mlsel_finding_name(a), mlsel_finding_name(b));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),         cmocka_unit_test(order),
        cmocka_unit_test(means),         cmocka_unit_test(failed_is_no_row),
        cmocka_unit_test(refused),       cmocka_unit_test(shorter_struct),
        cmocka_unit_test(many),          cmocka_unit_test(too_many_models),
        cmocka_unit_test(keep_models),   cmocka_unit_test(drop_unembedded),
        cmocka_unit_test(split),         cmocka_unit_test(one_of_each),
        cmocka_unit_test(set_embedding), cmocka_unit_test(embed),
        cmocka_unit_test(names),         cmocka_unit_test(no_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
