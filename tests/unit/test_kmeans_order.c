/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KMeans on every instruction set: distances are in the order of the format's strict sums, ties included, whatever was
 * only estimated; and a query that is not finite is refused wherever its bad value is. Shown on centroids made to break
 * estimates: equal ones, some that differ in the last bit, all on a sphere around the query, queries on a centroid,
 * large and tiny ones.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_WIDTH = 300, MAX_CLUSTERS = 130, N_QUERIES = 10 };

static uint64_t random_state = 0x2545f4914f6cdd1du;

static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(int64_t)random_state / 9223372036854775808.0;
}

typedef struct dataset {
    const char *name;
    size_t n_clusters, width;
    double centroids[MAX_CLUSTERS][MAX_WIDTH];
    double queries[N_QUERIES][MAX_WIDTH]; /* floats, so that they can be asked in either type */
} dataset;

static void fill(dataset *d, double scale) {
    for (size_t c = 0; c < d->n_clusters; c++)
        for (size_t i = 0; i < d->width; i++)
            d->centroids[c][i] = uniform() * scale;
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++)
            d->queries[q][i] = (double)(float)(uniform() * scale);
}

static void make_random(dataset *d) { fill(d, 1); }

static void make_large(dataset *d) { fill(d, 1e20); }

static void make_tiny(dataset *d) { fill(d, 1e-20); }

/* Every other centroid is the one before it, or differs in a last bit of double. */
static void make_repeated(dataset *d) {
    fill(d, 1);
    for (size_t c = 1; c < d->n_clusters; c += 2) {
        memcpy(d->centroids[c], d->centroids[c - 1], sizeof d->centroids[c]);
        if (c % 4 == 3)
            d->centroids[c][c % d->width] = nextafter(d->centroids[c][c % d->width], 2);
    }
}

/* Distances that float cannot tell apart and double can. */
static void make_close(dataset *d) {
    fill(d, 1);
    for (size_t c = 1; c < d->n_clusters; c++)
        for (size_t i = 0; i < d->width; i++)
            d->centroids[c][i] = d->centroids[0][i] + 1e-9 * d->centroids[c][i];
}

/* The same values in other places, so that all sums differ by their order alone. */
static void make_sphere(dataset *d) {
    fill(d, 1);
    for (size_t c = 1; c < d->n_clusters; c++)
        for (size_t i = 0; i < d->width; i++)
            d->centroids[c][i] = d->centroids[0][(i + c) % d->width];
    for (size_t i = 0; i < d->width; i++)
        d->queries[0][i] = 0.5;
}

static void make_on_centroids(dataset *d) {
    fill(d, 1);
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++) {
            double *x = &d->centroids[q % d->n_clusters][i];
            *x = d->queries[q][i] = (double)(float)*x;
        }
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static char *write_artifact(const dataset *d, size_t *size) {
    const size_t room = d->n_clusters * d->width * 26 + d->n_clusters * 10 + 1000;
    char *text = malloc(room), *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"algorithm\":\"kmeans\",\"centroids\":[");
    for (size_t c = 0; c < d->n_clusters; c++) {
        at += sprintf(at, "%s[", c == 0 ? "" : ",");
        for (size_t i = 0; i < d->width; i++)
            at += sprintf(at, "%s%.17g", i == 0 ? "" : ",", d->centroids[c][i]);
        *at++ = ']';
    }
    at += sprintf(at, "],\"cluster_models\":[");
    for (size_t c = 0; c < d->n_clusters; c++)
        at += sprintf(at, "%s\"m%zu\"", c == 0 ? "" : ",", c % 5);
    at += sprintf(at, "]}");
    assert_true((size_t)(at - text) < room);
    *size = (size_t)(at - text);
    return text;
}

static mlsel_model *load(const dataset *d) {
    mlsel_error err;
    mlsel_model *model = NULL;
    size_t size;
    char *text = write_artifact(d, &size);
    test_ok(mlsel_model_load_memory(text, size, NULL, &model, &err), &err);
    free(text);
    return model;
}

/* The rule itself. */
static double strict(const double *x, const double *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = q[i] - x[i];
        sum += difference * difference;
    }
    return sum;
}

static void expect_order(const dataset *d, size_t q, const double *got, const char *type) {
    double expected[MAX_CLUSTERS];
    for (size_t c = 0; c < d->n_clusters; c++) {
        expected[c] = strict(d->centroids[c], d->queries[q], d->width);
        if (!(fabs(got[c] - expected[c]) <= 1.01e-4 * fmax(1, expected[c])))
            fail_msg("%s, %s: query %zu, cluster %zu: %.17g, expected %.17g", d->name, type, q, c, got[c], expected[c]);
    }
    for (size_t a = 0; a < d->n_clusters; a++)
        for (size_t b = 0; b < d->n_clusters; b++)
            if ((got[a] < got[b]) != (expected[a] < expected[b]))
                fail_msg("%s, %s: %zu clusters of %zu, query %zu: %zu and %zu are at %.17g and %.17g, not %.17g and "
                         "%.17g",
                         d->name, type, d->n_clusters, d->width, q, a, b, got[a], got[b], expected[a], expected[b]);
}

static void compare(const dataset *d) {
    mlsel_model *model = load(d);
    double distances[MAX_CLUSTERS];
    mlsel_error err;
    mlsel_evidence e;
    mlsel_evidence_init(&e, sizeof e);
    e.cluster_distances = distances;
    e.cluster_distances_capacity = MAX_CLUSTERS;
    for (size_t q = 0; q < N_QUERIES; q++) {
        test_ok(mlsel_explain_f64(model, d->queries[q], d->width, NULL, &e, &err), &err);
        expect_order(d, q, distances, "double");
        float *narrow = test_to_floats(d->queries[q], d->width);
        test_ok(mlsel_explain(model, narrow, d->width, NULL, &e, &err), &err);
        expect_order(d, q, distances, "float");
        free(narrow);
    }
    mlsel_model_release(model);
}

/* --- what is not finite ------------------------------------------------------------------------------------------ */

static void expect_refused(const mlsel_model *model, const double *query, size_t width, size_t at) {
    mlsel_error err;
    mlsel_selection s;
    assert_int_equal(mlsel_select_f64(model, query, width, NULL, &s, &err), MLSEL_ERROR_NOT_FINITE);
    assert_int_equal(err.detail, at);
    assert_non_null(strstr(err.message, "feature"));
}

static void refuse(const dataset *d) {
    static const double bad[] = {NAN, INFINITY, -INFINITY, 3.5e38, -1e300};
    mlsel_model *model = load(d);
    mlsel_error err;
    mlsel_selection s;
    for (size_t b = 0; b < TEST_LENGTH(bad); b++)
        for (size_t at = 0; at < d->width; at++) {
            double query[MAX_WIDTH];
            memcpy(query, d->queries[0], sizeof query);
            query[at] = bad[b];
            expect_refused(model, query, d->width, at);
            if (fabs(query[at]) <= DBL_MAX)
                continue;
            float *narrow = test_to_floats(query, d->width);
            assert_int_equal(mlsel_select(model, narrow, d->width, NULL, &s, &err), MLSEL_ERROR_NOT_FINITE);
            assert_int_equal(err.detail, at);
            free(narrow);
        }
    double largest[MAX_WIDTH];
    for (size_t i = 0; i < d->width; i++)
        largest[i] = FLT_MAX;
    test_ok(mlsel_select_f64(model, largest, d->width, NULL, &s, &err), &err);
    mlsel_model_release(model);
}

static void run_all(void) {
    static const struct {
        const char *name;
        void (*make)(dataset *);
    } makers[] = {{"random", make_random},
                  {"large", make_large},
                  {"tiny", make_tiny},
                  {"repeated", make_repeated},
                  {"close", make_close},
                  {"sphere", make_sphere},
                  {"on centroids", make_on_centroids}};
    static const size_t clusters[] = {1, 2, 7, 8, 9, 17, 64, MAX_CLUSTERS}, widths[] = {1, 15, 16, 33, 70, MAX_WIDTH};
    static dataset d;
    for (size_t m = 0; m < TEST_LENGTH(makers); m++)
        for (size_t c = 0; c < TEST_LENGTH(clusters); c++)
            for (size_t w = 0; w < TEST_LENGTH(widths); w++) {
                d.name = makers[m].name;
                d.n_clusters = clusters[c];
                d.width = widths[w];
                makers[m].make(&d);
                compare(&d);
                if (m == 0 && clusters[c] <= 9)
                    refuse(&d);
            }
}

/* The level that is asked for, or skipped where the machine lacks it. */
static void run_level(const char *isa) {
    assert_int_equal(setenv("MLSEL_ISA", isa, 1), 0);
    if (!test_has_isa())
        skip();
    run_all();
}

static void reference(void **state) {
    (void)state;
    run_level("reference");
}

static void portable(void **state) {
    (void)state;
    run_level("portable");
}

#if defined(__x86_64__)
static void avx2(void **state) {
    (void)state;
    run_level("avx2");
}

static void avx512(void **state) {
    (void)state;
    run_level("avx512");
}
#elif defined(__aarch64__)
static void neon(void **state) {
    (void)state;
    run_level("neon");
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference),
        cmocka_unit_test(portable),
#if defined(__x86_64__)
        cmocka_unit_test(avx2),
        cmocka_unit_test(avx512),
#elif defined(__aarch64__)
        cmocka_unit_test(neon),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
