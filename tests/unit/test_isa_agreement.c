/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KNN answers are the reference's to the last bit on every instruction set: neighbours, their order, ties, distances.
 * Shown on data made to break a scan that estimates first: all rows equal, rows that differ in the last bit, rows on a
 * sphere around the query, one-hot rows, large, tiny and mixed norms, rows that 8 bits cannot tell apart, with and
 * without categories in the last columns. The larger ones are scanned in 8-bit integers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_WIDTH = 271, MAX_ROWS = 5000, N_QUERIES = 12, MAX_K = 64, N_CATEGORIES = 14 };

static uint64_t random_state = 1181783497276652981u;

static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(int64_t)random_state / 9223372036854775808.0;
}

/* A made-up artifact and queries for it. */
typedef struct dataset {
    const char *name;
    size_t n_rows, width;
    float rows[MAX_ROWS][MAX_WIDTH];
    double queries[N_QUERIES][MAX_WIDTH];
} dataset;

static void fill_random(dataset *d, double scale) {
    for (size_t r = 0; r < d->n_rows; r++)
        for (size_t i = 0; i < d->width; i++)
            d->rows[r][i] = (float)(uniform() * scale);
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++)
            d->queries[q][i] = uniform() * scale;
}

static void make_random(dataset *d) { fill_random(d, 1); }

static void make_large(dataset *d) { fill_random(d, 1e10); }

static void make_tiny(dataset *d) { fill_random(d, 1e-30); }

static void make_equal(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 1; r < d->n_rows; r++)
        memcpy(d->rows[r], d->rows[0], sizeof d->rows[0]);
}

/* Distances so close that float cannot tell them apart. */
static void make_last_bit(dataset *d) {
    make_equal(d);
    for (size_t r = 1; r < d->n_rows; r++) {
        float *x = &d->rows[r][r % d->width];
        *x = nextafterf(*x, r % 2 == 0 ? 2.0f : -2.0f);
    }
}

/* All rows at the same distance from the query (0, ..., 0, 1): permutations of one vector in the other places. */
static void make_sphere(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 0; r < d->n_rows; r++)
        for (size_t i = 0; i < d->width; i++)
            d->rows[r][i] = i == d->width - 1 ? 0.5f : d->rows[0][(i + r) % (d->width - 1)];
    memset(d->queries[0], 0, sizeof d->queries[0]);
    d->queries[0][d->width - 1] = 1;
}

static void make_one_hot(dataset *d) {
    memset(d->rows, 0, sizeof d->rows);
    memset(d->queries, 0, sizeof d->queries);
    for (size_t r = 0; r < d->n_rows; r++)
        d->rows[r][r * 7 % d->width] = 1;
    for (size_t q = 1; q < N_QUERIES; q++) /* the first stays zero */
        d->queries[q][q] = 1;
}

/* Queries that are rows, and rows that come twice. */
static void make_repeated(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 1; r < d->n_rows; r += 2)
        memcpy(d->rows[r], d->rows[r / 2], sizeof d->rows[0]);
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++)
            d->queries[q][i] = (double)d->rows[q * 31 % d->n_rows][i];
}

/* Rows and queries so close together that only a float can tell them apart. */
static void make_clustered(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 1; r < d->n_rows; r++)
        for (size_t i = 0; i < d->width; i++)
            d->rows[r][i] = d->rows[0][i] + 1e-4f * d->rows[r][i];
    for (size_t q = 1; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++)
            d->queries[q][i] = (double)d->rows[0][i] + 1e-4 * d->queries[q][i];
}

/* Neighbours of every query at slowly growing distances, some of them zero vectors and some far longer. */
static void make_norms(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 0; r < d->n_rows; r++)
        for (size_t i = 0; i < d->width; i++)
            d->rows[r][i] = r % 97 == 7 ? 0.0f : ldexpf(d->rows[r][i], (int)(r % 13) - 6);
    for (size_t q = 1; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++)
            d->queries[q][i] = ldexp((double)d->rows[q * 7 % d->n_rows][i] + 0.1 * d->queries[q][i], (int)q - 6);
}

/* One value far above the others, at places and of sizes that differ. */
static void make_outliers(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 0; r < d->n_rows; r++)
        d->rows[r][r % d->width] = (float)(1 + r % 5) * 10.0f;
    for (size_t q = 0; q < N_QUERIES; q++)
        d->queries[q][q] = 20;
}

/*
 * Values that 8 bits round all up or all down, so that the error of a dot product with the query is the largest
 * possible one, and the rows that are farther look nearer. The first value makes the steps 1. Most rows are far away,
 * so that 8 bits are worth using.
 */
static void make_rounded_rows(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 0; r < d->n_rows; r++)
        for (size_t i = 0; i < d->width; i++)
            if (r % 16 >= 2)
                d->rows[r][i] *= 100;
            else
                d->rows[r][i] = i == 0 ? 127.0f : (r % 2 == 0 ? 3.45f : 2.52f) + 0.02f * d->rows[r][i];
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++)
            d->queries[q][i] = i == 0 ? 127 : i == q ? 4 : 3;
}

/* The same for the query: rows of 4 and 5 are nearer to 3.49 than rows of 3 and 2, but not to 3. */
static void make_rounded_queries(dataset *d) {
    fill_random(d, 1);
    for (size_t r = 0; r < d->n_rows; r++)
        for (size_t i = 0; i < d->width; i++) {
            const bool is_rare = d->rows[r][i] > (r % 2 == 0 ? 0.95f : 0.8f);
            d->rows[r][i] = i == 0 ? 127.0f : r % 2 == 0 ? (is_rare ? 5.0f : 4.0f) : (is_rare ? 2.0f : 3.0f);
        }
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < d->width; i++)
            d->queries[q][i] = i == 0 ? 127 : i == q ? 4 : 3.49;
}

/* A category, one-hot in the last columns; some queries have none. */
static void add_categories(dataset *d) {
    const size_t first = d->width - N_CATEGORIES;
    for (size_t r = 0; r < d->n_rows; r++)
        for (size_t i = 0; i < N_CATEGORIES; i++)
            d->rows[r][first + i] = i == r * 5 % 11 ? 1.0f : 0.0f;
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < N_CATEGORIES; i++)
            d->queries[q][first + i] = q % 4 != 3 && i == q ? 1 : 0;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static char *write_artifact(const dataset *d, size_t *size) {
    const size_t room = d->n_rows * d->width * 20 + d->n_rows * 40 + 1000;
    char *text = malloc(room), *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"algorithm\":\"knn\",\"k\":5,\"embeddings\":[");
    for (size_t r = 0; r < d->n_rows; r++) {
        *at++ = r == 0 ? '[' : ',';
        if (r > 0)
            *at++ = '[';
        for (size_t i = 0; i < d->width; i++)
            at += sprintf(at, "%s%.9g", i == 0 ? "" : ",", (double)d->rows[r][i]);
        *at++ = ']';
    }
    at += sprintf(at, "],\"labels\":[");
    for (size_t r = 0; r < d->n_rows; r++)
        at += sprintf(at, "%s\"m%zu\"", r == 0 ? "" : ",", r % 5);
    at += sprintf(at, "]}");
    assert_true((size_t)(at - text) < room);
    *size = (size_t)(at - text);
    return text;
}

static size_t neighbours_of(const mlsel_model *model, const double *query, size_t width, mlsel_neighbour *out) {
    mlsel_error err;
    mlsel_evidence e;
    mlsel_evidence_init(&e, sizeof e);
    e.neighbours = out;
    e.neighbours_capacity = MAX_K;
    test_ok(mlsel_explain_f64(model, query, width, NULL, &e, &err), &err);
    return e.neighbour_count;
}

static mlsel_model *load_with(const char *isa, const char *text, size_t size, uint32_t k, mlsel_knn_rule rule) {
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.k = k;
    options.knn_rule = rule;
    assert_int_equal(setenv("MLSEL_ISA", isa, 1), 0);
    test_ok(mlsel_model_load_memory(text, size, &options, &model, &err), &err);
    return model;
}

static void compare(const dataset *d, const char *text, size_t size, const char *isa, uint32_t k, mlsel_knn_rule rule) {
    mlsel_neighbour expected[N_QUERIES][MAX_K], got[MAX_K];
    /* one after the other: two models of one content would share the first one's kernels */
    mlsel_model *model = load_with("reference", text, size, k, rule);
    for (size_t q = 0; q < N_QUERIES; q++)
        assert_int_equal(neighbours_of(model, d->queries[q], d->width, expected[q]), k < d->n_rows ? k : d->n_rows);
    mlsel_model_release(model);
    model = load_with(isa, text, size, k, rule);
    for (size_t q = 0; q < N_QUERIES; q++) {
        const size_t n = neighbours_of(model, d->queries[q], d->width, got);
        if (memcmp(got, expected[q], n * sizeof *got) != 0)
            fail_msg("%s on %s: %zu rows of %zu, k %u, rule %d, query %zu: not the reference's neighbours", d->name,
                     isa, d->n_rows, d->width, (unsigned)k, (int)rule, q);
    }
    mlsel_model_release(model);
}

static void compare_all(const dataset *d, const char *isa) {
    static const uint32_t ks[] = {1, 5, MAX_K};
    size_t size;
    char *text = write_artifact(d, &size);
    for (size_t k = 0; k < TEST_LENGTH(ks); k++)
        for (mlsel_knn_rule rule = MLSEL_KNN_RULE_COSINE; rule <= MLSEL_KNN_RULE_LEGACY; rule++)
            if (!test_is_short() || (ks[k] == 5 && (rule == MLSEL_KNN_RULE_COSINE || d->n_rows < 100)))
                compare(d, text, size, isa, ks[k], rule);
    free(text);
}

/* Most of the time goes into reading artifacts: of the large ones, those that were made for a way of scanning them. */
static bool is_in_short(size_t n_rows, size_t width, bool all_near, bool rounded) {
    return n_rows < 1000 || (width == MAX_WIDTH ? rounded : all_near && n_rows < MAX_ROWS);
}

static void run_all(const char *isa) {
    static const struct {
        const char *name;
        void (*make)(dataset *);
        bool all_near; /* many rows at nearly the same distance, which are all kept until they are measured */
        bool rounded;  /* made against the estimate in 8-bit integers */
    } makers[] = {{"random", make_random, false, false},
                  {"large", make_large, false, false},
                  {"tiny", make_tiny, false, false},
                  {"equal", make_equal, false, false},
                  {"last bit", make_last_bit, true, false},
                  {"sphere", make_sphere, true, false},
                  {"one-hot", make_one_hot, false, false},
                  {"repeated", make_repeated, false, false},
                  {"clustered", make_clustered, true, false},
                  {"mixed norms", make_norms, false, false},
                  {"outliers", make_outliers, false, true},
                  {"rounded rows", make_rounded_rows, false, true},
                  {"rounded queries", make_rounded_queries, false, true}};
    /* The last two are large enough for 8-bit integers; the last has more rows than wait to be measured at a time. */
    static const struct {
        size_t n_rows, width;
    } sizes[] = {{1, 70}, {33, 70}, {257, 70}, {1500, 70}, {1100, MAX_WIDTH}, {MAX_ROWS, 70}};
#ifdef __SANITIZE_THREAD__
    const size_t n_sizes = 4; /* one thread: the large ones would only take minutes */
#else
    const size_t n_sizes = TEST_LENGTH(sizes);
#endif
    static dataset d;
    for (size_t m = 0; m < TEST_LENGTH(makers); m++)
        for (size_t s = 0; s < n_sizes; s++) {
            if (sizes[s].n_rows == MAX_ROWS && !makers[m].all_near)
                continue;
            if (test_is_short() && !is_in_short(sizes[s].n_rows, sizes[s].width, makers[m].all_near, makers[m].rounded))
                continue;
            d.name = makers[m].name;
            d.n_rows = sizes[s].n_rows;
            d.width = sizes[s].width;
            makers[m].make(&d);
            compare_all(&d, isa);
            if (d.n_rows * d.width < 1 << 18 || test_is_short()) /* 1 MiB */
                continue;
            add_categories(&d);
            compare_all(&d, isa);
        }
}

/* The level that is asked for, or skipped where the machine lacks it. */
static void run_level(const char *isa) {
    assert_int_equal(setenv("MLSEL_ISA", isa, 1), 0);
    if (!test_has_isa())
        skip();
    run_all(isa);
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

static void avx512vnni(void **state) {
    (void)state;
    run_level("avx512vnni");
}
#elif defined(__aarch64__)
static void neon(void **state) {
    (void)state;
    run_level("neon");
}

static void neondot(void **state) {
    (void)state;
    run_level("neondot");
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable),
#if defined(__x86_64__)
        cmocka_unit_test(avx2),
        cmocka_unit_test(avx512),
        cmocka_unit_test(avx512vnni),
#elif defined(__aarch64__)
        cmocka_unit_test(neon),
        cmocka_unit_test(neondot),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
