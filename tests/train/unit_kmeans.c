/* SPDX-License-Identifier: Apache-2.0 */
/* The KMeans trainer: what it makes of outcomes and of records, in both forms, and what it refuses. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap_expect.h"
#include "support.h"
#include "train/kmeans.h"
#include "train/options.h"

#define UNKNOWN ((double)NAN)

static const char *const names[] = {"alpha", "beta", "gamma", "omega"};

/* --- tables ------------------------------------------------------------------------------------------------------- */

/* Queries by models without a dataset; all unknown, all features 0. */
static train_table *make_table(size_t n_queries, size_t n_models, size_t n_features, size_t n_records) {
    train_table *t = mlsel_i_calloc(1, sizeof *t);
    assert_non_null(t);
    const size_t cells = n_queries * n_models, stride = (n_features + 15) / 16 * 16;
    *t = (train_table){.n_queries = n_queries,
                       .n_models = n_models,
                       .n_features = n_features,
                       .stride = stride,
                       .x = mlsel_i_calloc(n_queries, stride * sizeof *t->x),
                       .quality = mlsel_i_alloc(cells, sizeof *t->quality),
                       .latency_s = mlsel_i_alloc(cells, sizeof *t->latency_s),
                       .utility = mlsel_i_alloc(cells, sizeof *t->utility),
                       .models = mlsel_i_alloc(n_models, sizeof *t->models),
                       .records = mlsel_i_calloc(n_records, sizeof *t->records),
                       .n_records = n_records};
    assert_true(t->x != NULL && t->quality != NULL && t->latency_s != NULL && t->utility != NULL && t->models != NULL &&
                t->records != NULL);
    for (size_t i = 0; i < n_models; i++)
        ((const char **)t->models)[i] = names[i];
    for (size_t i = 0; i < cells; i++)
        t->quality[i] = t->latency_s[i] = t->utility[i] = UNKNOWN;
    return t;
}

static void set_utilities(train_table *t, size_t query, float x, const double *utilities) {
    t->x[query * t->stride] = x;
    memcpy(t->utility + query * t->n_models, utilities, t->n_models * sizeof *utilities);
}

static train_settings make_settings(mlsel_objective objective, uint32_t clusters, uint32_t format_version) {
    train_settings s = {0};
    assert_int_equal(mlsel_i_train_options_read(&s.options, NULL, NULL), MLSEL_OK);
    s.options.objective = objective;
    s.options.kmeans_clusters = clusters;
    s.options.format_version = format_version;
    return s;
}

/* --- artifacts ---------------------------------------------------------------------------------------------------- */

static mlsel_training *train_table_with(const train_table *t, const train_settings *settings) {
    mlsel_error err;
    train_run run = {.share = 1, .err = &err};
    mlsel_training *training = NULL;
    assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_kmeans, t, settings, &run, &training), MLSEL_OK);
    assert_true(run.bytes == 0);
    return training;
}

static json_writer text_of(const mlsel_training *training) {
    json_writer w = {0};
    assert_int_equal(mlsel_i_training_write(training, &w), MLSEL_OK);
    mlsel_i_write_raw(&w, "", 1); /* ends the text */
    return w;
}

static mlsel_model *model_of(const mlsel_training *training) {
    mlsel_error err;
    mlsel_model *model = NULL;
    if (mlsel_training_model(training, NULL, &model, &err) != MLSEL_OK)
        fail_msg("%s", err.message);
    return model;
}

static const char *select_at(const mlsel_model *model, float x, size_t n_features) {
    mlsel_selection best;
    float *query = calloc(n_features, sizeof *query);
    assert_non_null(query);
    query[0] = x;
    assert_int_equal(mlsel_select(model, query, n_features, NULL, &best, NULL), MLSEL_OK);
    free(query);
    return mlsel_model_label(model, best.index);
}

static void assert_scores(const mlsel_model *model, float x, const double *expected, size_t n) {
    double scores[MLSEL_ARRAY_LENGTH(names)];
    float query[4] = {x};
    assert_int_equal(mlsel_score(model, query, 4, NULL, scores, n, NULL), MLSEL_OK);
    for (size_t i = 0; i < n; i++)
        assert_true(fabs(scores[mlsel_model_find_label(model, names[i])] - expected[i]) < 1e-12);
}

/* --- outcomes ----------------------------------------------------------------------------------------------------- */

/*
 * Two clusters, at 0 and 10. With a shrinkage of 2, on paper: known utilities are of alpha 1, 1 | 0, 0.5, 0, of beta
 * 0, 0.5, 1 | 1, 0, of gamma 0.25 | nothing. Priors: 2.5/5 = 0.5, 2.5/5 = 0.5, 0.25, of the fourth model none.
 */
static train_table *paper_table(void) {
    train_table *t = make_table(6, 4, 4, 0);
    set_utilities(t, 0, 0.0F, (double[]){1, 0, UNKNOWN, UNKNOWN});
    set_utilities(t, 1, 0.5F, (double[]){1, 0.5, UNKNOWN, UNKNOWN});
    set_utilities(t, 2, 1.0F, (double[]){UNKNOWN, 1, 0.25, UNKNOWN});
    set_utilities(t, 3, 10.0F, (double[]){0, 1, UNKNOWN, UNKNOWN});
    set_utilities(t, 4, 10.5F, (double[]){0.5, 0, UNKNOWN, UNKNOWN});
    set_utilities(t, 5, 11.0F, (double[]){0, UNKNOWN, UNKNOWN, UNKNOWN});
    return t;
}

static const double near_0[] = {(2 + 2 * 0.5) / 4, (1.5 + 2 * 0.5) / 5, (0.25 + 2 * 0.25) / 3, 0};
static const double near_10[] = {(0.5 + 2 * 0.5) / 5, (1 + 2 * 0.5) / 4, 0.25, 0};

static void outcomes_by_cluster(void **state) {
    (void)state;
    train_table *t = paper_table();
    for (uint32_t version = 1; version <= 2; version++) {
        train_settings settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 2, version);
        settings.shrinkage = 2;
        mlsel_training *training = train_table_with(t, &settings);
        assert_int_equal(training->info.n_clusters, 2);
        assert_true(training->info.shrinkage == 2);
        assert_true(fabs(training->info.inertia - 4 * 0.25) < 1e-9);
        assert_true(training->info.iterations > 0);
        mlsel_model *model = model_of(training);
        assert_int_equal(mlsel_model_label_count(model), 4);
        assert_string_equal(select_at(model, 0.2F, 4), "alpha");
        assert_string_equal(select_at(model, 5.4F, 4), "alpha");
        assert_string_equal(select_at(model, 5.6F, 4), "beta");
        if (version == 2) {
            assert_scores(model, 0.2F, near_0, 4);
            assert_scores(model, 9, near_10, 4);
        }
        mlsel_model_release(model);
        mlsel_training_free(training);
    }
    mlsel_i_table_free(t);
}

/* A shrinkage that was not chosen is the default. */
static void shrinks_by_default(void **state) {
    (void)state;
    train_table *t = paper_table();
    const train_settings settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 2, 2);
    mlsel_training *training = train_table_with(t, &settings);
    mlsel_model *model = model_of(training);
    assert_true(training->info.shrinkage == 10);
    assert_scores(model, 0, (double[]){7.0 / 12, 6.5 / 13, 2.75 / 11, 0}, 4);
    mlsel_model_release(model);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

static void writes_what_others_read(void **state) {
    (void)state;
    train_table *t = paper_table();
    static const char *const members[2][18] = {
        {"\"algorithm\":\"kmeans\"", "\"trained\":true", "\"num_clusters\":2", "\"centroids\":[[",
         "\"cluster_models\":[", "\"n_clusters\":2", "\"efficiency_weight\":0.1",
         "\"model_names\":[\"alpha\",\"beta\",\"gamma\",", "\"feature_dim\":4"},
        {"\"format_version\":2", "\"target_contract\":\"selector.model-choice/v1\"", "\"objective\":{\"id\":\"",
         "\"weights\":{\"quality\":0.9,\"latency\":0.1", "\"latency_scale_ms\":10000", "\"candidate_set\":{\"id\":\"",
         "\"snapshot_id\":\"", "\"normalization\":\"none\"", "\"training_snapshot_id\":\"", "\"requested_k\":2",
         "\"effective_k\":2", "\"n_init\":10", "\"distance\":\"squared_l2\"", "\"tie_break\":\"lowest_index\"",
         "\"cluster_sizes\":[3,3]", "\"global_support\":[5,5,1,0]", "\"min_support\":1"}};
    for (uint32_t version = 1; version <= 2; version++) {
        train_settings settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 2, version);
        settings.options.quality_weight = 0.9;
        mlsel_training *training = train_table_with(t, &settings);
        json_writer w = text_of(training);
        char *packed = malloc(w.size), *to = packed;
        assert_non_null(packed);
        for (const char *c = w.text; *c != '\0'; c++)
            if (*c != ' ' && *c != '\n')
                *to++ = *c;
        *to = '\0';
        for (size_t i = 0; i < 18 && members[version - 1][i] != NULL; i++)
            if (strstr(packed, members[version - 1][i]) == NULL)
                fail_msg("%s is not in %s", members[version - 1][i], packed);
        assert_true((strstr(packed, "format_version") != NULL) == (version == 2));
        free(packed);
        mlsel_i_write_free(&w);
        mlsel_training_free(training);
    }
    mlsel_i_table_free(t);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

/* As the ecosystem's trainer has it: sums over records, so that a model that was asked more often wins; an unknown
 * quality is 0; of two equal sums the model met first. */
static void records_by_cluster(void **state) {
    (void)state;
    train_table *t = make_table(4, 3, 4, 9);
    static const struct {
        uint32_t query, model;
        double quality, latency_ms;
    } records[] = {
        /* at 0: alpha 0.9 * 0.4 * 3 + 0.3 = 1.38, beta 0.9 + 0.1 = 1, gamma 0.1 / 2 = 0.05 */
        {0, 1, 1, 0},
        {0, 0, 0.4, 0},
        {0, 0, 0.4, 0},
        {1, 0, 0.4, 0},
        {1, 2, UNKNOWN, 10000},
        /* at 10: all 0.55, gamma first */
        {2, 2, 0.5, 0},
        {2, 0, 0.5, 0},
        {3, 1, 0.5, 0},
        {3, 0, UNKNOWN, 1e300},
    };
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(records); i++)
        t->records[i] = (table_record){records[i].query, records[i].model, records[i].quality, records[i].latency_ms};
    for (size_t q = 0; q < 4; q++)
        t->x[q * t->stride] = q < 2 ? (float)q : (float)(8 + q);
    for (uint32_t version = 1; version <= 2; version++) {
        train_settings settings = make_settings(MLSEL_OBJECTIVE_COMPATIBLE, 2, version);
        mlsel_training *training = train_table_with(t, &settings);
        mlsel_model *model = model_of(training);
        assert_int_equal(training->info.n_rows, 9);
        assert_string_equal(select_at(model, 0, 4), "alpha");
        /* the mean of a cluster is that of its records: 3 of query 0 at 0, 2 of query 1 at 1, hence 0.4 */
        assert_true(fabs(training->info.inertia - (3 * 0.16 + 2 * 0.36 + 4 * 0.25)) < 1e-6);
        if (version == 1)
            assert_string_equal(select_at(model, 10, 4), "gamma");
        else
            assert_scores(model, 0, (double[]){1.38 / 5, 1.0 / 5, 0.05 / 5}, 3);
        mlsel_model_release(model);
        mlsel_training_free(training);
    }
    mlsel_i_table_free(t);
}

/* --- degenerate --------------------------------------------------------------------------------------------------- */

static void little_data(void **state) {
    (void)state;
    mlsel_error err;
    train_run run = {.share = 1, .err = &err};
    mlsel_training *training = NULL;
    train_settings settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 0, 1);
    /* one query */
    train_table *t = make_table(1, 3, 4, 0);
    set_utilities(t, 0, 3, (double[]){0.2, 0.7, UNKNOWN});
    training = train_table_with(t, &settings);
    assert_int_equal(training->info.n_clusters, 1);
    mlsel_model *model = model_of(training);
    assert_string_equal(select_at(model, -7, 4), "beta");
    mlsel_model_release(model);
    mlsel_training_free(training);
    /* what is not known is written as 0, and is no worse than a known 0 */
    set_utilities(t, 0, 3, (double[]){UNKNOWN, 0, UNKNOWN});
    training = train_table_with(t, &settings);
    model = model_of(training);
    assert_string_equal(select_at(model, -7, 4), "alpha");
    mlsel_model_release(model);
    mlsel_training_free(training);
    /* nothing known */
    t->utility[0] = t->utility[1] = UNKNOWN;
    training = NULL;
    assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_kmeans, t, &settings, &run, &training),
                     MLSEL_ERROR_NOT_TRAINED);
    assert_null(training);
    settings.options.objective = MLSEL_OBJECTIVE_COMPATIBLE;
    assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_kmeans, t, &settings, &run, &training),
                     MLSEL_ERROR_NOT_TRAINED);
    mlsel_i_table_free(t);
    /* one model, all rows equal, more clusters than rows */
    t = make_table(5, 1, 4, 5);
    for (uint32_t q = 0; q < 5; q++) {
        const double half = 0.5;
        set_utilities(t, q, 2.5F, &half);
        t->records[q] = (table_record){.query = q, .quality = 0.5};
    }
    for (uint32_t objective = 0; objective < 2; objective++) {
        settings = make_settings((mlsel_objective)objective, 9, 1 + objective);
        training = train_table_with(t, &settings);
        assert_int_equal(training->info.n_clusters, 1);
        assert_true(training->info.inertia == 0);
        model = model_of(training);
        assert_string_equal(select_at(model, 1, 4), "alpha");
        mlsel_model_release(model);
        mlsel_training_free(training);
    }
    mlsel_i_table_free(t);
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

/* Groups far apart, in each of which another model is right, three times in four; the last two features are a
 * category. */
static train_table *grouped_table(size_t n, size_t groups, bool by_category) {
    train_table *t = make_table(n, 3, 18, 0);
    random_state random;
    mlsel_i_random_seed(&random, 5, 5);
    t->n_categories = 2;
    for (size_t q = 0; q < n; q++) {
        const size_t group = q % groups;
        float *x = t->x + q * t->stride;
        double utilities[3];
        for (size_t i = 0; i < 16; i++)
            x[i] = (float)(0.3 * mlsel_i_random_normal(&random)) + (!by_category && i == group ? 3.0F : 0);
        if (by_category)
            x[16 + group % 2] = 1;
        for (size_t i = 0; i < 3; i++)
            utilities[i] = (i == group % 3) == (mlsel_i_random_unit(&random) < 0.75);
        for (size_t i = 0; i < 3; i++)
            t->utility[q * 3 + i] = utilities[i];
    }
    return t;
}

static void choose_with(train_table *t, train_settings *settings, mlsel_training_info *info) {
    mlsel_error err;
    train_run run = {.share = 1, .err = &err};
    memset(info, 0, sizeof *info);
    info->cv_utility = info->cv_standard_error = info->cv_best_single = (double)NAN;
    assert_int_equal(mlsel_i_trainer_kmeans.choose(t, settings, &run, info), MLSEL_OK);
    assert_true(run.bytes == 0 && run.before == 0 && run.share == 1 && run.stage[0] == '\0');
}

static void chooses_enough_clusters(void **state) {
    (void)state;
    train_table *t = grouped_table(300, 9, false);
    train_settings settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 0, 1);
    mlsel_training_info info;
    choose_with(t, &settings, &info);
    assert_true(settings.options.kmeans_clusters >= 8 && settings.shrinkage > 0);
    assert_true(info.n_candidates > 5 && info.n_candidates % 5 == 0);
    /* three in four are right, at most; a single model is right in 0.75 / 3 + 0.25 * 2 / 3 = 0.42 of the cases */
    assert_true(info.cv_utility > 0.68 && info.cv_utility < 0.82);
    assert_true(info.cv_best_single > 0.34 && info.cv_best_single < 0.5);
    assert_true(info.cv_standard_error > 0.015 && info.cv_standard_error < 0.04);
    assert_true(settings.options.category_weight == 1);
    /* a number that is given stays */
    settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 3, 1);
    choose_with(t, &settings, &info);
    assert_int_equal(settings.options.kmeans_clusters, 3);
    assert_int_equal(info.n_candidates, 5);
    mlsel_i_table_free(t);
}

static void chooses_category_weight(void **state) {
    (void)state;
    train_table *t = grouped_table(200, 2, true);
    train_settings settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 2, 1);
    mlsel_training_info info;
    float embedding[16];
    memcpy(embedding, t->x, sizeof embedding);
    mlsel_i_table_weigh(t, 1e-30); /* whatever it was before */
    settings.options.tune = 1;
    settings.options.category_weight = 0;
    choose_with(t, &settings, &info);
    assert_int_equal(info.n_candidates, 15);
    assert_true(settings.options.category_weight == 1); /* the others drown in what is around them */
    assert_true(info.cv_utility > 0.65);
    assert_true(t->x[16] == 1 && t->x[17] == 0); /* as weighed last; where there was no category is none now */
    assert_memory_equal(t->x, embedding, sizeof embedding);
    mlsel_i_table_free(t);
}

/* --- the same, whatever the threads; stopping; memory ------------------------------------------------------------- */

typedef struct stopper {
    size_t count, stop_at;
    double fraction;
} stopper;

static int32_t stop(const mlsel_train_progress *progress, void *user) {
    stopper *s = user;
    assert_true(progress->fraction >= s->fraction - 1e-9 && progress->fraction <= 1 + 1e-9);
    assert_true(progress->stage[0] != '\0' && progress->done <= progress->total);
    s->fraction = progress->fraction;
    return s->count++ == s->stop_at;
}

/* Chooses, trains and writes. */
static mlsel_status do_all(train_table *t, train_run *run, json_writer *w) {
    train_settings settings = make_settings(MLSEL_OBJECTIVE_OUTCOME, 0, 2);
    mlsel_training_info info = {0};
    mlsel_training *training = NULL;
    settings.options.kmeans_starts = 3;
    run->share = 0.5;
    mlsel_status status = mlsel_i_trainer_kmeans.choose(t, &settings, run, &info);
    run->before = 0.5;
    if (status == MLSEL_OK)
        status = mlsel_i_train_once(&mlsel_i_trainer_kmeans, t, &settings, run, &training);
    if (status == MLSEL_OK)
        status = mlsel_i_training_write(training, w);
    mlsel_training_free(training);
    assert_true(run->bytes == 0);
    return status;
}

static void threads_change_nothing(void **state) {
    (void)state;
    train_table *t = grouped_table(300, 7, false);
    mlsel_error err;
    json_writer one = {0}, four = {0};
    train_run run = {.err = &err};
    assert_int_equal(do_all(t, &run, &one), MLSEL_OK);
    run = (train_run){.err = &err};
    assert_int_equal(mlsel_i_team_create(4, &run.team, &err), MLSEL_OK);
    assert_int_equal(do_all(t, &run, &four), MLSEL_OK);
    mlsel_i_team_free(run.team);
    assert_int_equal(one.size, four.size);
    assert_memory_equal(one.text, four.text, one.size);
    mlsel_i_write_free(&one);
    mlsel_i_write_free(&four);
    mlsel_i_table_free(t);
}

static void stops_when_told(void **state) {
    (void)state;
    train_table *t = grouped_table(80, 4, false);
    mlsel_status status = MLSEL_ERROR_CANCELLED;
    size_t at = 0;
    for (; status != MLSEL_OK; at++) {
        mlsel_error err;
        json_writer w = {0};
        stopper s = {.stop_at = at};
        train_run run = {.progress = stop, .user = &s, .err = &err};
        status = do_all(t, &run, &w);
        assert_true(status == MLSEL_OK || (status == MLSEL_ERROR_CANCELLED && s.count == at + 1));
        mlsel_i_write_free(&w);
    }
    assert_true(at > 20);
    mlsel_i_table_free(t);
}

static void refuses_too_much_memory(void **state) {
    (void)state;
    train_table *t = grouped_table(80, 4, false);
    mlsel_error err;
    json_writer w = {0};
    train_run run = {.max_bytes = 20000, .err = &err};
    assert_int_equal(do_all(t, &run, &w), MLSEL_ERROR_LIMIT);
    assert_non_null(strstr(err.message, "max_memory_bytes"));
    mlsel_i_write_free(&w);
    mlsel_i_table_free(t);
}

static void survives_lack_of_memory(void **state) {
    (void)state;
    train_table *t = grouped_table(40, 2, false);
    size_t n = 0;
    for (size_t refused = 1; refused > 0; n++) {
        mlsel_error err;
        json_writer w = {.err = &err};
        train_run run = {.err = &err};
        heap_fail_begin(n, false);
        const mlsel_status status = do_all(t, &run, &w);
        refused = heap_fail_expect(status);
        if (refused > 0)
            assert_int_equal(err.code, MLSEL_ERROR_NO_MEMORY);
        mlsel_i_write_free(&w);
    }
    assert_true(n > 100);
    mlsel_i_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_by_cluster),
        cmocka_unit_test(shrinks_by_default),
        cmocka_unit_test(writes_what_others_read),
        cmocka_unit_test(records_by_cluster),
        cmocka_unit_test(little_data),
        cmocka_unit_test(chooses_enough_clusters),
        cmocka_unit_test(chooses_category_weight),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(refuses_too_much_memory),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
