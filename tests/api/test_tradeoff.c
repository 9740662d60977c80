/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trade-offs: outcomes, utilities, the tolerance, what is refused. The small artifact's numbers are worked out by hand
 * in comments; those of a larger one are computed here, without the library.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#endif
#include "api_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

#define WEIGHED MLSEL_SELECTION_TRADEOFF
#define SINGLE MLSEL_SELECTION_SINGLE
#define TIE MLSEL_SELECTION_TIE
#define WIDENED MLSEL_SELECTION_WIDENED

/*
 * From (1, 0) the four nearest rows are 0 to 3, which hold the vectors of rows 0 to 5:
 *   label  qualities  mean  latencies  mean  rows
 *   a      0.9, 0.7   0.8   8, 12 s    10 s  0, 3
 *   b      0.8, 0.7   0.75  2 s, none  2 s   1, 4
 *   c      0.3, 0.5   0.4   none             2, 5
 *   d      no row                            (6, 9, 10)
 */
static const char artifact[] =
    "{\"algorithm\": \"knn\", \"k\": 4, \"model_names\": [\"a\", \"b\", \"c\", \"d\"],"
    " \"embeddings\": [[1, 0], [1, 0], [1, 0], [0.8, 0.6], [0.8, 0.6], [0.8, 0.6], [0, 1], [0, 1], [-1, 0], [-1, 0],"
    " [-1, 0]],"
    " \"labels\": [\"a\", \"b\", \"c\", \"a\", \"b\", \"c\", \"d\", \"a\", \"a\", \"d\", \"d\"],"
    " \"qualities\": [0.9, 0.8, 0.3, 0.7, 0.7, 0.5, 1, 0.1, 0.2, 0.4, 0.6],"
    " \"latencies\": [8000000000, 2000000000, 0, 12000000000, 0, 0, 1000000000, 5000000000, 0, 3000000000, 0]}";
static const double query[2] = {1, 0};
static const float query_f32[2] = {1, 0};

static mlsel_model *load(const char *text, uint32_t k, uint32_t threads) {
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.k = k;
    options.threads = threads;
    test_ok(mlsel_model_load_memory(text, strlen(text), &options, &model, &err), &err);
    return model;
}

static mlsel_tradeoff weights(double quality, double latency, double cost) {
    mlsel_tradeoff t;
    mlsel_tradeoff_init(&t, sizeof t);
    t.quality_weight = quality, t.latency_weight = latency, t.cost_weight = cost;
    return t;
}

/* --- the small artifact ------------------------------------------------------------------------------------------- */

typedef struct expectation {
    const char *eligible; /* one letter for each; NULL: all */
    mlsel_tradeoff tradeoff;
    int32_t index, runner_up;
    double scores[4]; /* -1: -INFINITY */
    uint32_t flags;
} expectation;

static void check(const expectation *e, const mlsel_selection *s, const char *how) {
    double sum = 0;
    for (int32_t i = 0; i < 4; i++)
        sum += e->scores[i] >= 0 && (e->eligible == NULL || strchr(e->eligible, 'a' + i) != NULL) ? e->scores[i] : 0;
    if (s->index != e->index || s->runner_up != e->runner_up || s->flags != (e->flags | WEIGHED))
        fail_msg("%s: label %d, runner-up %d, flags %u; expected %d, %d, %u", how, (int)s->index, (int)s->runner_up,
                 (unsigned)s->flags, (int)e->index, (int)e->runner_up, (unsigned)(e->flags | WEIGHED));
    test_close(s->score, e->scores[e->index], 1e-12, how);
    test_close(s->margin, e->runner_up < 0 ? INFINITY : e->scores[e->index] - e->scores[e->runner_up], 1e-12, how);
    test_close(s->probability, e->scores[e->index] / sum, 1e-12, how);
    assert_int_equal(s->cluster, -1);
}

static void check_scores(const expectation *e, const double *scores) {
    for (size_t i = 0; i < 4; i++)
        test_close(scores[i], e->scores[i] < 0 ? -INFINITY : e->scores[i], 1e-12, "utility");
}

/* In every way of asking. */
static void ask(const mlsel_model *model, const expectation *e) {
    enum { BATCH = 3 };
    const double batch[2 * BATCH] = {1, 0, 1, 0, 1, 0};
    double scores[4 * BATCH];
    mlsel_selection s[BATCH];
    mlsel_query_options options;
    mlsel_evidence evidence;
    mlsel_error err;
    uint8_t mask[4] = {0};
    mlsel_query_options_init(&options, sizeof options);
    options.tradeoff = &e->tradeoff;
    if (e->eligible != NULL) {
        for (const char *c = e->eligible; *c != '\0'; c++)
            mask[*c - 'a'] = 1;
        options.eligible_mask = mask, options.eligible_mask_size = 4;
    }
    test_ok(mlsel_select(model, query_f32, 2, &options, s, &err), &err);
    check(e, s, "float");
    test_ok(mlsel_select_f64(model, query, 2, &options, s, &err), &err);
    check(e, s, "double");
    test_ok(mlsel_select_batch_f64(model, batch, BATCH, 2, 2, &options, s, &err), &err);
    for (size_t i = 0; i < BATCH; i++)
        check(e, &s[i], "batch");
    test_ok(mlsel_score_f64(model, query, 2, &options, scores, 4, &err), &err);
    check_scores(e, scores);
    test_ok(mlsel_score_batch_f64(model, batch, BATCH, 2, 2, &options, scores, 4, &err), &err);
    for (size_t i = 0; i < BATCH; i++)
        check_scores(e, scores + 4 * i);
    mlsel_evidence_init(&evidence, sizeof evidence);
    evidence.scores = scores, evidence.scores_capacity = 4;
    test_ok(mlsel_explain(model, query_f32, 2, &options, &evidence, &err), &err);
    check(e, &evidence.selection, "explained");
    check_scores(e, scores);
    assert_int_equal(evidence.outcome_count, 4);
}

static void utilities(void **state) {
    (void)state;
    static const double costs[4] = {3, 1, NAN, 0.5};
    mlsel_model *model = load(artifact, 0, 0);
    /* nothing weighed is quality alone, and so is quality alone */
    const double qualities[4] = {0.8, 0.75, 0.4, -1};
    expectation e = {.tradeoff = weights(0, 0, 0), .index = 0, .runner_up = 1};
    memcpy(e.scores, qualities, sizeof qualities);
    ask(model, &e);
    e.tradeoff = weights(1e300, 0, 0);
    ask(model, &e);
    /* a: 0.56 + 0.2 / (1 + 10/10) + 0.1 / (1 + 3), b: 0.525 + 0.2 / 1.2 + 0.1 / 2, c: 0.28 and nothing for unknowns */
    e = (expectation){.tradeoff = weights(7, 2, 1), .index = 1, .runner_up = 0, .scores = {0.685, 0, 0.28, -1}};
    e.scores[1] = 0.575 + 0.2 / 1.2;
    e.tradeoff.costs = costs, e.tradeoff.n_costs = 4;
    e.tradeoff.cost_scale = 1;
    ask(model, &e);
    /* without a scale the highest cost is worth half: 0.1 / (1 + 3/3) and 0.1 / (1 + 1/3) */
    e.tradeoff.cost_scale = 0;
    e.scores[0] = 0.56 + 0.1 + 0.05, e.scores[1] = 0.525 + 0.2 / 1.2 + 0.075;
    ask(model, &e);
    /* latency alone, worth half at 2 s: 1 / (1 + 5), 1 / 2; what is not known earns nothing */
    e = (expectation){.tradeoff = weights(0, 0.5, 0), .index = 1, .runner_up = 0, .scores = {1.0 / 6, 0.5, 0, -1}};
    e.tradeoff.latency_scale_ns = 2e9;
    ask(model, &e);
    /* weights as large as there are */
    e = (expectation){
        .tradeoff = weights(1.7e308, 1.7e308, 0), .index = 1, .runner_up = 0, .scores = {0.65, 0, 0.2, -1}};
    e.scores[1] = 0.375 + 0.5 / 1.2;
    ask(model, &e);
    mlsel_model_release(model);
}

static void tolerance(void **state) {
    (void)state;
    const double dear_a[4] = {3, 1, 0.1, 0}, dear_b[4] = {1, 3, 0.1, 0}, equal[4] = {2, 2, 2, 0};
    const double unknown_a[4] = {NAN, 5, NAN, 0}, unknown[4] = {NAN, NAN, NAN, NAN}, free_b[4] = {0.5, 0, 1, 0};
    static const struct {
        double tolerance;
        int costs; /* of the above, from 1; 0: none */
        int32_t index, runner_up;
        const char *eligible;
    } cases[] = {
        {0.05, 1, 1, 0, NULL},  /* 0.75 is within 0.05 of 0.8, and b costs less; c is cheap but far from good */
        {0.04, 1, 0, 1, NULL},  /* it is not within 0.04 */
        {0, 1, 0, 1, NULL},     /* only the best is */
        {0.05, 2, 0, 1, NULL},  /* a costs less and is better */
        {0.05, 0, 1, 0, NULL},  /* without costs: 2 s are less than 10 */
        {1, 0, 1, 0, NULL},     /* all are good enough; a latency that is not known is the longest */
        {1, 1, 2, 1, NULL},     /* all are, and c is the cheapest */
        {0.05, 3, 0, 1, NULL},  /* equal costs: utility, here quality */
        {0.05, 4, 1, 0, NULL},  /* a cost that is not known is the highest */
        {0.05, 5, 0, 1, NULL},  /* none known: utility */
        {0.05, 6, 1, 0, NULL},  /* for nothing */
        {0.35, 1, 2, 1, "bc"},  /* the best of those eligible has 0.75 */
        {0.34, 1, 1, 2, "bcd"}, /* d has no outcome and is none of them */
    };
    const double *const costs[] = {NULL, dear_a, dear_b, equal, unknown_a, unknown, free_b};
    mlsel_model *model = load(artifact, 0, 0);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expectation e = {.eligible = cases[i].eligible,
                         .tradeoff = weights(0, 0, 0),
                         .index = cases[i].index,
                         .runner_up = cases[i].runner_up,
                         .scores = {0.8, 0.75, 0.4, -1}};
        e.tradeoff.flags = MLSEL_TRADEOFF_TOLERANCE;
        e.tradeoff.tolerance = cases[i].tolerance;
        e.tradeoff.costs = costs[cases[i].costs];
        e.tradeoff.n_costs = e.tradeoff.costs == NULL ? 0 : 4;
        ask(model, &e);
    }
    mlsel_model_release(model);
}

static void eligible(void **state) {
    (void)state;
    mlsel_model *model = load(artifact, 0, 0);
    /* b alone; b and d, which has no outcome: nothing is compared either */
    ask(model, &(expectation){"b", weights(1, 0, 0), 1, NONE, {0.8, 0.75, 0.4, -1}, SINGLE});
    ask(model, &(expectation){"bd", weights(1, 0, 0), 1, NONE, {0.8, 0.75, 0.4, -1}, SINGLE});
    ask(model, &(expectation){"cb", weights(1, 0, 0), 1, 2, {0.8, 0.75, 0.4, -1}, 0});
    /* d alone: its rows 6, 9 and 10 hold the last two vectors, with rows 7 and 8 of a. (1 + 0.4 + 0.6) / 3 */
    ask(model, &(expectation){"d", weights(1, 0, 0), 3, NONE, {0.15, -1, -1, 2.0 / 3}, SINGLE | WIDENED});
    mlsel_model_release(model);
    /* k = 1: b is no neighbour, but its row has the neighbour's vector, so nothing is widened */
    model = load(artifact, 1, 0);
    ask(model, &(expectation){NULL, weights(1, 0, 0), 0, 1, {0.9, 0.8, 0.3, -1}, 0});
    ask(model, &(expectation){"bc", weights(1, 0, 0), 1, 2, {0.9, 0.8, 0.3, -1}, 0});
    /* row 6 is the nearest of d's */
    ask(model, &(expectation){"d", weights(1, 0, 0), 3, NONE, {0.1, -1, -1, 1}, SINGLE | WIDENED});
    mlsel_model_release(model);
}

static void ties(void **state) {
    (void)state;
    /* three times 0.1 have the same mean as once 0.1, to the last bit */
    static const char text[] = "{\"algorithm\": \"knn\", \"k\": 4, \"model_names\": [\"y\", \"x\"],"
                               " \"embeddings\": [[1, 0], [1, 0], [1, 0], [1, 0]],"
                               " \"labels\": [\"x\", \"y\", \"x\", \"x\"], \"qualities\": [0.1, 0.1, 0.1, 0.1]}";
    mlsel_model *model = load(text, 0, 0);
    mlsel_query_options options;
    mlsel_selection s;
    mlsel_error err;
    mlsel_tradeoff t = weights(1, 1, 0);
    mlsel_query_options_init(&options, sizeof options);
    options.tradeoff = &t;
    for (int i = 0; i < 2; i++) {
        test_ok(mlsel_select_f64(model, query, 2, &options, &s, &err), &err);
        assert_string_equal(mlsel_model_label(model, s.index), "x");
        assert_int_equal(s.flags, WEIGHED | TIE);
        test_close(s.probability, 0.5, 1e-15, "probability");
        t.flags = MLSEL_TRADEOFF_TOLERANCE;
    }
    mlsel_model_release(model);
}

static void outcome_is(const mlsel_outcome *o, double quality, double latency, double cost, uint64_t samples,
                       uint64_t latency_samples) {
    test_close(o->quality, quality, 1e-12, "quality");
    test_close(o->latency_ns, latency, 1e-12, "latency");
    assert_true(isnan(cost) ? isnan(o->cost) : fabs(o->cost - cost) <= 0);
    assert_int_equal(o->samples, samples);
    assert_int_equal(o->latency_samples, latency_samples);
    assert_int_equal(o->reserved, 0);
}

static void evidence(void **state) {
    (void)state;
    const double costs[4] = {3, 1, NAN, 0.5};
    mlsel_model *model = load(artifact, 0, 0);
    mlsel_outcome outcomes[4];
    mlsel_neighbour neighbours[4];
    mlsel_query_options options;
    mlsel_evidence e;
    mlsel_error err;
    mlsel_query_options_init(&options, sizeof options);
    mlsel_evidence_init(&e, sizeof e);
    e.outcomes = outcomes, e.outcomes_capacity = 4;
    e.neighbours = neighbours, e.neighbours_capacity = 4;
    /* without a trade-off they are told too, and the answer is that of the vote */
    test_ok(mlsel_explain_f64(model, query, 2, &options, &e, &err), &err);
    assert_int_equal(e.selection.flags, 0);
    outcome_is(&outcomes[0], 0.8, 1e10, NAN, 2, 2);
    outcome_is(&outcomes[3], 0, 0, NAN, 0, 0);
    mlsel_tradeoff t = weights(1, 0, 1);
    t.costs = costs, t.n_costs = 4;
    options.tradeoff = &t;
    test_ok(mlsel_explain_f64(model, query, 2, &options, &e, &err), &err);
    assert_int_equal(e.outcome_count, 4);
    assert_true(e.neighbour_count == 4 && neighbours[3].row == 3);
    outcome_is(&outcomes[0], 0.8, 1e10, 3, 2, 2);
    outcome_is(&outcomes[1], 0.75, 2e9, 1, 2, 1);
    outcome_is(&outcomes[2], 0.4, 0, NAN, 2, 0);
    outcome_is(&outcomes[3], 0, 0, 0.5, 0, 0);
    e.outcomes_capacity = 3;
    assert_int_equal(mlsel_explain_f64(model, query, 2, &options, &e, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "outcomes_capacity is 3, 4 are needed");
    /* a struct from before there were outcomes */
    mlsel_evidence_init(&e, offsetof(mlsel_evidence, outcomes));
    e.outcomes_capacity = 77;
    test_ok(mlsel_explain_f64(model, query, 2, &options, &e, &err), &err);
    assert_int_equal(e.outcomes_capacity, 77);
    mlsel_model_release(model);
}

/* --- what is refused ---------------------------------------------------------------------------------------------- */

static const double fine_costs[4] = {1, 2, 3, 4}, negative_cost[4] = {1, -2, 3, 4},
                    infinite_cost[4] = {1, 2, INFINITY, 4};

static void spoil_size(mlsel_tradeoff *t) { t->struct_size = 0; }
static void spoil_flags(mlsel_tradeoff *t) { t->flags = 2; }
static void spoil_nan(mlsel_tradeoff *t) { t->quality_weight = NAN; }
static void spoil_negative(mlsel_tradeoff *t) { t->latency_weight = -1; }
static void spoil_infinite(mlsel_tradeoff *t) { t->cost_weight = INFINITY; }
static void spoil_scale(mlsel_tradeoff *t) { t->latency_scale_ns = INFINITY; }
static void spoil_cost_scale(mlsel_tradeoff *t) { t->cost_scale = -0.5; }
static void spoil_tolerance(mlsel_tradeoff *t) { t->flags = 1, t->tolerance = 1.5; }
static void spoil_no_flag(mlsel_tradeoff *t) { t->tolerance = 0.1; }
static void spoil_no_costs(mlsel_tradeoff *t) { t->costs = NULL, t->n_costs = 0; }
static void spoil_null_costs(mlsel_tradeoff *t) { t->costs = NULL; }
static void spoil_count(mlsel_tradeoff *t) { t->n_costs = 3; }
static void spoil_negative_cost(mlsel_tradeoff *t) { t->costs = negative_cost; }
static void spoil_infinite_cost(mlsel_tradeoff *t) { t->costs = infinite_cost; }

static void refused(void **state) {
    (void)state;
    static const struct {
        void (*spoil)(mlsel_tradeoff *t);
        const char *message;
    } cases[] = {
        {spoil_size, "mlsel_tradeoff: struct_size is not set (use mlsel_tradeoff_init)"},
        {spoil_flags, "mlsel_tradeoff: flags has unknown bits (0x2)"},
        {spoil_nan, "mlsel_tradeoff: quality_weight is nan: it must be a finite number of at least 0"},
        {spoil_negative, "mlsel_tradeoff: latency_weight is -1: it must be a finite number of at least 0"},
        {spoil_infinite, "mlsel_tradeoff: cost_weight is inf: it must be a finite number of at least 0"},
        {spoil_scale, "mlsel_tradeoff: latency_scale_ns is inf: it must be a finite number of at least 0"},
        {spoil_cost_scale, "mlsel_tradeoff: cost_scale is -0.5: it must be a finite number of at least 0"},
        {spoil_tolerance, "mlsel_tradeoff: tolerance is 1.5: it must be from 0 to 1"},
        {spoil_no_flag, "mlsel_tradeoff: tolerance needs the flag MLSEL_TRADEOFF_TOLERANCE"},
        {spoil_no_costs, "mlsel_tradeoff: cost_weight needs costs, and there are none"},
        {spoil_null_costs, "mlsel_tradeoff: costs is NULL but n_costs is 4"},
        {spoil_count, "mlsel_tradeoff: n_costs is 3, expected 4"},
        {spoil_negative_cost, "mlsel_tradeoff: costs[1] is negative: a cost is finite and at least 0, or NaN for not "
                              "known"},
        {spoil_infinite_cost, "mlsel_tradeoff: costs[2] is infinite: a cost is finite and at least 0, or NaN for not "
                              "known"},
    };
    mlsel_model *model = load(artifact, 0, 0);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlsel_tradeoff t = weights(1, 1, 1);
        t.costs = fine_costs, t.n_costs = 4;
        mlsel_query_options options;
        mlsel_error err = test_unset_error();
        mlsel_selection s, before;
        mlsel_query_options_init(&options, sizeof options);
        options.tradeoff = &t;
        test_ok(mlsel_select_f64(model, query, 2, &options, &s, &err), &err);
        cases[i].spoil(&t);
        memset(&s, 0xa5, sizeof s);
        before = s;
        assert_int_equal(mlsel_select_f64(model, query, 2, &options, &s, &err), MLSEL_ERROR_INVALID_ARGUMENT);
        test_error_sound(&err, MLSEL_ERROR_INVALID_ARGUMENT, cases[i].message);
        assert_string_equal(err.message, cases[i].message);
        assert_memory_equal(&s, &before, sizeof s);
        /* probabilities ask only which labels are eligible */
        double scores[4] = {1, 0, 0, 0};
        test_ok(mlsel_probabilities(model, scores, 4, &options, scores, &err), &err);
    }
    mlsel_model_release(model);
}

static void other_kinds(void **state) {
    (void)state;
    static const char *const kinds[] = {"kmeans", "svm", "mlp"};
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        char path[512], message[256];
        (void)snprintf(path, sizeof path, EXAMPLE("models/%s_model.json"), kinds[i]);
        mlsel_model *model = test_load(path, NULL);
        double *zeros = calloc(1038, sizeof *zeros);
        mlsel_tradeoff t = weights(1, 1, 0);
        mlsel_query_options options;
        mlsel_selection s;
        mlsel_error err;
        mlsel_query_options_init(&options, sizeof options);
        options.tradeoff = &t;
        assert_non_null(zeros);
        assert_int_equal(mlsel_select_f64(model, zeros, 1038, &options, &s, &err), MLSEL_ERROR_UNSUPPORTED);
        (void)snprintf(message, sizeof message,
                       "a trade-off needs the outcomes of each model, and artifacts of kind %s record none: use a knn "
                       "artifact, or ask without a trade-off",
                       kinds[i]);
        assert_string_equal(err.message, message);
        free(zeros);
        mlsel_model_release(model);
    }
}

/* --- a larger artifact, against sums made here ---------------------------------------------------------------------
 */

enum { N_QUERIES = 48, WIDTH = 16, N_VECTORS = 60, MAX_ROWS = 4 * N_VECTORS, K = 7 };

typedef struct table {
    size_t n;
    double rows[MAX_ROWS * WIDTH]; /* [n][WIDTH] normalised */
    int32_t labels[MAX_ROWS];
    double qualities[MAX_ROWS], latencies[MAX_ROWS];
} table;

static void normalise(double *x) {
    double sum = 0;
    for (size_t i = 0; i < WIDTH; i++)
        sum += x[i] * x[i];
    const double norm = sqrt(sum);
    for (size_t i = 0; i < WIDTH; i++)
        x[i] /= norm;
}

static uint32_t next_random(uint32_t *seed) { return (*seed = *seed * 1664525u + 1013904223u) >> 16; }

/* Some of four models have a row for each vector, so that k rows often end within one; half have no latency. */
static void fill_table(table *t) {
    uint32_t seed = 7;
    for (size_t v = 0; v < N_VECTORS; v++) {
        double vector[WIDTH];
        for (size_t i = 0; i < WIDTH; i++) /* exact as float */
            vector[i] = ((double)next_random(&seed) - 32768) / 65536;
        const uint32_t who = 1 + next_random(&seed) % 15;
        for (int32_t label = 0; label < 4; label++) {
            if ((who >> label & 1) == 0)
                continue;
            memcpy(t->rows + t->n * WIDTH, vector, sizeof vector);
            t->labels[t->n] = label;
            t->qualities[t->n] = next_random(&seed) % 101 / 100.0;
            t->latencies[t->n++] = next_random(&seed) % 2 * 1e6 * next_random(&seed);
        }
    }
}

static void write_numbers(FILE *out, const char *name, const double *values, size_t n) {
    fprintf(out, ", \"%s\": [", name);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%.17g", i > 0 ? ", " : "", values[i]);
    fprintf(out, "]");
}

static mlsel_model *load_table(const table *t, uint32_t threads) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    fprintf(out, "{\"algorithm\": \"knn\", \"k\": %d, \"model_names\": [\"a\", \"b\", \"c\", \"d\"], \"embeddings\": [",
            K);
    for (size_t i = 0; i < t->n; i++)
        for (size_t c = 0; c < WIDTH; c++)
            fprintf(out, "%s%.17g%s",
                    c > 0   ? ", "
                    : i > 0 ? ", ["
                            : "[",
                    t->rows[i * WIDTH + c], c + 1 < WIDTH ? "" : "]");
    fprintf(out, "], \"labels\": [");
    for (size_t i = 0; i < t->n; i++)
        fprintf(out, "%s\"%c\"", i > 0 ? ", " : "", 'a' + (int)t->labels[i]);
    fprintf(out, "]");
    write_numbers(out, "qualities", t->qualities, t->n);
    write_numbers(out, "latencies", t->latencies, t->n);
    fprintf(out, "}");
    assert_int_equal(fclose(out), 0);
    mlsel_model *model = load(text, 0, threads);
    free(text);
    return model;
}

/* The k nearest by repeated search, then the means over every row that equals one of them. */
static void expect_utilities(const table *t, const double *features, const mlsel_tradeoff *want, double *utilities) {
    static double distances[MAX_ROWS];
    char chosen[MAX_ROWS] = {0}, counts[MAX_ROWS] = {0};
    double q[WIDTH], quality[4] = {0}, latency[4] = {0}, n[4] = {0}, timed[4] = {0};
    memcpy(q, features, sizeof q);
    normalise(q);
    for (size_t i = 0; i < t->n; i++) {
        distances[i] = 0;
        for (size_t c = 0; c < WIDTH; c++)
            distances[i] += (t->rows[i * WIDTH + c] - q[c]) * (t->rows[i * WIDTH + c] - q[c]);
    }
    for (uint32_t k = 0; k < K; k++) {
        size_t nearest = SIZE_MAX;
        for (size_t i = 0; i < t->n; i++)
            if (!chosen[i] && (nearest == SIZE_MAX || distances[i] < distances[nearest]))
                nearest = i;
        if (nearest >= MAX_ROWS) /* never; a compiler cannot know */
            break;
        chosen[nearest] = 1;
        for (size_t i = 0; i < t->n; i++)
            if (memcmp(t->rows + i * WIDTH, t->rows + nearest * WIDTH, WIDTH * sizeof *t->rows) == 0)
                counts[i] = 1;
    }
    for (size_t i = 0; i < t->n; i++)
        if (counts[i]) {
            quality[t->labels[i]] += t->qualities[i];
            n[t->labels[i]]++;
            latency[t->labels[i]] += t->latencies[i];
            timed[t->labels[i]] += t->latencies[i] > 0;
        }
    const double sum = want->quality_weight + want->latency_weight;
    for (size_t i = 0; i < 4; i++) {
        utilities[i] = n[i] > 0 ? want->quality_weight * quality[i] / n[i] / sum : -INFINITY;
        if (timed[i] > 0)
            utilities[i] += want->latency_weight / (1 + latency[i] / timed[i] / 1e10) / sum;
    }
}

static void large(void **state) {
    (void)state;
    static table t;
    static double features[N_QUERIES * WIDTH], scores[N_QUERIES * 4];
    static mlsel_selection batch[N_QUERIES], shared[N_QUERIES];
    fill_table(&t);
    mlsel_model *model = load_table(&t, 0), *divided = load_table(&t, 3);
    for (size_t i = 0; i < t.n; i++)
        normalise(t.rows + i * WIDTH);
    const mlsel_tradeoff want = weights(0.6, 0.4, 0);
    mlsel_query_options options;
    mlsel_error err;
    uint32_t seed = 3;
    mlsel_query_options_init(&options, sizeof options);
    options.tradeoff = &want;
    for (size_t i = 0; i < N_QUERIES * WIDTH; i++)
        features[i] = (double)next_random(&seed) - 32768;
    test_ok(mlsel_select_batch_f64(model, features, N_QUERIES, WIDTH, WIDTH, &options, batch, &err), &err);
    test_ok(mlsel_select_batch_f64(divided, features, N_QUERIES, WIDTH, WIDTH, &options, shared, &err), &err);
    test_ok(mlsel_score_batch_f64(model, features, N_QUERIES, WIDTH, WIDTH, &options, scores, 4, &err), &err);
    assert_memory_equal(batch, shared, sizeof batch);
    size_t n_others = 0, n_beyond = 0;
    for (size_t q = 0; q < N_QUERIES; q++) {
        mlsel_selection one, vote;
        mlsel_outcome outcomes[4];
        mlsel_evidence e;
        double expected[4], alone[4];
        const double *at = features + q * WIDTH;
        expect_utilities(&t, at, &want, expected);
        test_ok(mlsel_select_f64(model, at, WIDTH, &options, &one, &err), &err);
        assert_memory_equal(&one, &batch[q], sizeof one);
        test_ok(mlsel_score_f64(model, at, WIDTH, &options, alone, 4, &err), &err);
        assert_memory_equal(alone, scores + q * 4, sizeof alone);
        for (size_t i = 0; i < 4; i++)
            test_close(alone[i], expected[i], 1e-12, "utility");
        test_ok(mlsel_select_f64(model, at, WIDTH, NULL, &vote, &err), &err);
        n_others += vote.index != one.index;
        mlsel_evidence_init(&e, sizeof e);
        e.outcomes = outcomes, e.outcomes_capacity = 4;
        test_ok(mlsel_explain_f64(model, at, WIDTH, &options, &e, &err), &err);
        n_beyond += outcomes[0].samples + outcomes[1].samples + outcomes[2].samples + outcomes[3].samples > K;
    }
    print_message("%d queries: %zu answered otherwise than by votes, %zu with rows beyond the k nearest (%s)\n",
                  N_QUERIES, n_others, n_beyond, test_isa());
    assert_true(n_others > 10 && n_beyond > 10);
    mlsel_model_release(divided);
    mlsel_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utilities),   cmocka_unit_test(tolerance), cmocka_unit_test(eligible),
        cmocka_unit_test(ties),        cmocka_unit_test(evidence),  cmocka_unit_test(refused),
        cmocka_unit_test(other_kinds), cmocka_unit_test(large),
    };
    if (!test_has_isa())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
