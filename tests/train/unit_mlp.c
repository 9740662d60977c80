/* SPDX-License-Identifier: Apache-2.0 */
/* The MLP trainer: what it learns, what it writes, and what it makes of too little. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap_expect.h"
#include "support.h"
#include "train/mlp_rows.h"
#include "train/options.h"

enum { MAX_MODELS = 40 };

static const char *const names[MAX_MODELS] = {"m00", "m01", "m02", "m03", "m04", "m05", "m06", "m07", "m08", "m09",
                                              "m10", "m11", "m12", "m13", "m14", "m15", "m16", "m17", "m18", "m19",
                                              "m20", "m21", "m22", "m23", "m24", "m25", "m26", "m27", "m28", "m29",
                                              "m30", "m31", "m32", "m33", "m34", "m35", "m36", "m37", "m38", "m39"};

/*
 * Queries of as many kinds as there are models, each kind around a direction of its own; the model of the same number
 * answers it with quality 1, the others with 0.2.
 */
static train_table *make_table(size_t n, size_t models, size_t features) {
    train_table *t = mlsel_i_calloc(1, sizeof *t);
    random_state r;
    assert_non_null(t);
    mlsel_i_random_seed(&r, 5, 0);
    t->n_queries = n;
    t->n_models = models;
    t->n_features = features;
    t->stride = (features + 15) / 16 * 16;
    t->x = mlsel_i_calloc(n * t->stride, sizeof *t->x);
    t->quality = mlsel_i_calloc(n * models, sizeof *t->quality);
    t->utility = mlsel_i_calloc(n * models, sizeof *t->utility);
    t->latency_s = mlsel_i_calloc(n * models, sizeof *t->latency_s);
    t->models = mlsel_i_calloc(models, sizeof *t->models);
    t->records = mlsel_i_calloc(n * models, sizeof *t->records);
    assert_true(t->x != NULL && t->quality != NULL && t->utility != NULL && t->models != NULL && t->records != NULL);
    memcpy((void *)t->models, names, models * sizeof *names);
    for (size_t q = 0; q < n; q++) {
        for (size_t f = 0; f < features; f++)
            t->x[q * t->stride + f] = (float)((f % models == q % models) + 0.3 * mlsel_i_random_normal(&r));
        for (size_t m = 0; m < models; m++) {
            t->utility[q * models + m] = t->quality[q * models + m] = m == q % models ? 1 : 0.2;
            t->records[t->n_records++] = (table_record){
                .query = (uint32_t)q, .model = (uint32_t)m, .quality = t->quality[q * models + m], .latency_ms = 100};
        }
    }
    return t;
}

static void set_outcome(train_table *t, size_t query, size_t model, double quality) {
    const size_t cell = query * t->n_models + model;
    t->quality[cell] = t->utility[cell] = t->records[cell].quality = quality;
}

static train_settings settings_of(mlsel_objective objective, uint32_t epochs) {
    train_settings s = {0};
    mlsel_error err;
    mlsel_train_options o;
    mlsel_train_options_init(&o, sizeof o);
    o.objective = objective;
    o.without_categories = 1;
    o.mlp_hidden[0] = 24;
    o.mlp_hidden[1] = 9;
    o.mlp_epochs = epochs;
    o.mlp_batch = 16;
    o.mlp_learning_rate = 0.01;
    test_ok(mlsel_i_train_options_read(&s.options, &o, &err), &err);
    return s;
}

static mlsel_status try_train(const train_table *table, const train_settings *settings, train_run *run,
                              mlsel_training **out) {
    return mlsel_i_train_once(&mlsel_i_trainer_mlp, table, settings, run, out);
}

static mlsel_training *train_ok(const train_table *table, const train_settings *settings, thread_team *team) {
    mlsel_error err = {0};
    train_run run = {.err = &err, .share = 1, .team = team};
    mlsel_training *training = NULL;
    test_ok(try_train(table, settings, &run, &training), &err);
    assert_true(run.bytes == 0 && run.peak_bytes > 0);
    return training;
}

static mlsel_model *model_of(const mlsel_training *training) {
    mlsel_error err = {0};
    mlsel_model *model = NULL;
    test_ok(mlsel_training_model(training, NULL, &model, &err), &err);
    return model;
}

/* Share of the queries for which the best model is chosen. */
static double share_right(const train_table *t, const mlsel_training *training) {
    mlsel_model *model = model_of(training);
    mlsel_error err = {0};
    size_t right = 0;
    for (size_t q = 0; q < t->n_queries; q++) {
        mlsel_selection best;
        test_ok(mlsel_select(model, t->x + q * t->stride, t->n_features, NULL, &best, &err), &err);
        right += strcmp(mlsel_model_label(model, best.index), names[q % t->n_models]) == 0 ? 1 : 0;
    }
    mlsel_model_release(model);
    return (double)right / (double)t->n_queries;
}

static char *text_of(const mlsel_training *training, size_t *size) {
    mlsel_error err = {0};
    json_writer w = {.err = &err};
    test_ok(mlsel_i_training_write(training, &w), &err);
    char *text = malloc(w.size + 1);
    assert_non_null(text);
    memcpy(text, w.text, w.size);
    text[w.size] = '\0';
    *size = w.size;
    mlsel_i_write_free(&w);
    return text;
}

/* --- what it learns ----------------------------------------------------------------------------------------------- */

static void learns_who_is_best(void **state) {
    (void)state;
    train_table *t = make_table(400, 4, 20);
    const train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 12);
    mlsel_training *training = train_ok(t, &s, NULL);
    const mlsel_training_info *info = &training->info;
    assert_true(share_right(t, training) > 0.97);
    assert_true(info->n_rows == 400 && info->iterations >= info->best_epoch && info->best_epoch >= 1);
    assert_true(info->training_loss > 0 && info->validation_loss > 0 && info->validation_loss < 0.69);
    assert_true(info->mlp_dropout > 0 && info->mlp_weight_decay > 0);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

/* Labels are all models in turn, weights say who is good: 1 to 0.28. */
static void compatible_learns_weights(void **state) {
    (void)state;
    train_table *t = make_table(200, 3, 15);
    train_settings s = settings_of(MLSEL_OBJECTIVE_COMPATIBLE, 10);
    mlsel_training *training = train_ok(t, &s, NULL);
    assert_true(share_right(t, training) > 0.9);
    assert_true(training->info.n_rows == 600);
    assert_true(training->info.iterations == 10 && training->info.best_epoch == 10); /* the last one is kept */
    assert_true(isnan(training->info.validation_loss));
    assert_true(training->info.mlp_dropout == 0.1 && training->info.mlp_weight_decay == 0);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

/* A rate of nearly 0 changes nothing by the threshold of the schedule, but a loss with dropout off and the same
 * weights would be the same forever: it stops 20 epochs after the best. */
static void compatible_stops(void **state) {
    (void)state;
    train_table *t = make_table(40, 2, 4);
    train_settings s = settings_of(MLSEL_OBJECTIVE_COMPATIBLE, 1000);
    s.options.mlp_learning_rate = 1e-12;
    s.options.mlp_dropout = 0;
    mlsel_training *training = train_ok(t, &s, NULL);
    assert_in_range(training->info.iterations, 21, 300);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

/* --- what it writes ----------------------------------------------------------------------------------------------- */

static const char *type_at(const cJSON *layers, int i) {
    return test_need_string(cJSON_GetArrayItem(layers, i), "type");
}

static void writes_the_known_form(void **state) {
    (void)state;
    static const char *const types[] = {"linear", "relu",       "batch_norm", "dropout", "linear",
                                        "relu",   "batch_norm", "dropout",    "linear"};
    train_table *t = make_table(60, 3, 7);
    train_settings s = settings_of(MLSEL_OBJECTIVE_COMPATIBLE, 2);
    s.options.mlp_dropout = 0.25;
    mlsel_training *training = train_ok(t, &s, NULL);
    size_t size;
    char *text = text_of(training, &size);
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    const char *members[] = {"algorithm", "trained", "model_names",   "feature_dim", "n_classes", "hidden_sizes",
                             "dropout",   "layers",  "learning_rate", "epochs",      "batch_size"};
    const cJSON *member = root->child;
    for (size_t i = 0; i < TEST_LENGTH(members); i++, member = member->next) {
        assert_non_null(member);
        assert_string_equal(member->string, members[i]);
    }
    assert_true(test_need_number(root, "feature_dim") == 7 && test_need_number(root, "n_classes") == 3);
    assert_true(test_need_number(root, "epochs") == 2 && test_need_number(root, "batch_size") == 16);
    assert_true(test_need_number(root, "learning_rate") == 0.01 && test_need_number(root, "dropout") == 0.25);
    assert_int_equal(cJSON_GetArraySize(test_need(root, "hidden_sizes")), 2);
    const cJSON *layers = test_need(root, "layers"), *norm = cJSON_GetArrayItem(layers, 2);
    assert_int_equal(cJSON_GetArraySize(layers), TEST_LENGTH(types));
    for (size_t i = 0; i < TEST_LENGTH(types); i++)
        assert_string_equal(type_at(layers, (int)i), types[i]);
    assert_int_equal(cJSON_GetArraySize(test_need(cJSON_GetArrayItem(layers, 0), "weight")), 24);
    assert_int_equal(cJSON_GetArraySize(test_need(cJSON_GetArrayItem(layers, 4), "bias")), 9);
    assert_true(test_need_number(norm, "num_features") == 24 && test_need_number(norm, "eps") == 1e-5);
    assert_int_equal(cJSON_GetArraySize(test_need(norm, "running_var")), 24);
    assert_true(test_need_number(cJSON_GetArrayItem(layers, 3), "p") == 0.25);
    cJSON_Delete(root);
    free(text);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

/* The validation loss that was measured can be had from the scores of the artifact read back: the weights kept are
 * those of the best epoch, and nothing is lost on the way. */
static void scores_are_the_nets(void **state) {
    (void)state;
    enum { MODELS = 3 };
    train_table *t = make_table(200, MODELS, 40);
    const train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 15);
    mlsel_training *training = train_ok(t, &s, NULL);
    mlsel_model *model = model_of(training);
    mlsel_error err = {0};
    train_run run = {.err = &err};
    mlp_rows rows;
    test_ok(mlsel_i_mlp_rows_create(t, &s.options, &run, &rows), &err);
    assert_true(rows.n_validation == 20 && rows.n_train == 180);
    double sum = 0;
    for (size_t i = rows.n_train; i < t->n_queries; i++) {
        const size_t q = rows.order[i];
        double scores[MODELS];
        test_ok(mlsel_score(model, t->x + q * t->stride, t->n_features, NULL, scores, MODELS, &err), &err);
        for (size_t m = 0; m < MODELS; m++) {
            const double p = 1 / (1 + exp(-scores[m])), target = (double)rows.target[q * MODELS + m];
            sum -= (target * log(p) + (1 - target) * log(1 - p)) / (20 * MODELS);
        }
    }
    test_close(sum, training->info.validation_loss, 1e-5, "validation loss");
    mlsel_i_mlp_rows_free(&run, &rows);
    mlsel_model_release(model);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

static void same_whatever_the_threads(void **state) {
    (void)state;
    train_table *t = make_table(150, 5, 70);
    for (int objective = 0; objective < 2; objective++) {
        const train_settings s = settings_of(objective, 3);
        mlsel_training *alone = train_ok(t, &s, NULL);
        size_t size;
        char *text = text_of(alone, &size);
        for (uint32_t threads = 2; threads <= 4; threads++) {
            mlsel_error err = {0};
            thread_team *team = NULL;
            test_ok(mlsel_i_team_create(threads, &team, &err), &err);
            mlsel_training *together = train_ok(t, &s, team);
            size_t size2;
            char *text2 = text_of(together, &size2);
            assert_true(size == size2);
            assert_memory_equal(text, text2, size);
            free(text2);
            mlsel_training_free(together);
            mlsel_i_team_free(team);
        }
        train_settings other = s;
        other.options.seed = 43;
        mlsel_training *differs = train_ok(t, &other, NULL);
        size_t size3;
        char *text3 = text_of(differs, &size3);
        assert_true(size != size3 || memcmp(text, text3, size) != 0);
        free(text3);
        mlsel_training_free(differs);
        free(text);
        mlsel_training_free(alone);
    }
    mlsel_i_table_free(t);
}

/* --- too little ----------------------------------------------------------------------------------------------------
 */

/* Trains with both objectives, and lets every query be answered. */
static void survives(const train_table *t, uint32_t batch, uint32_t n_hidden) {
    for (int objective = 0; objective < 2; objective++) {
        train_settings s = settings_of(objective, 2);
        s.options.mlp_batch = batch;
        s.options.n_mlp_hidden = n_hidden;
        mlsel_training *training = train_ok(t, &s, NULL);
        (void)share_right(t, training);
        mlsel_training_free(training);
    }
}

static void degenerate_tables(void **state) {
    (void)state;
    static const struct {
        size_t queries, models, features;
        uint32_t batch, n_hidden;
    } cases[] = {{1, 1, 1, 32, 2},  {1, 3, 5, 32, 2},   {2, 2, 3, 1, 1},   {3, 2, 3, 2, 1},    {33, 1, 9, 32, 2},
                 {33, 2, 9, 16, 0}, {40, 40, 33, 8, 1}, {97, 2, 1, 64, 2}, {5, 3, 200, 100, 2}};
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        train_table *t = make_table(cases[i].queries, cases[i].models, cases[i].features);
        survives(t, cases[i].batch, cases[i].n_hidden);
        mlsel_i_table_free(t);
    }
}

static void one_query_gets_its_best(void **state) {
    (void)state;
    train_table *t = make_table(1, 3, 5);
    set_outcome(t, 0, 0, 0.1);
    set_outcome(t, 0, 2, 0.9);
    const train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 100);
    mlsel_training *training = train_ok(t, &s, NULL);
    mlsel_model *model = model_of(training);
    mlsel_error err = {0};
    mlsel_selection best;
    test_ok(mlsel_select(model, t->x, t->n_features, NULL, &best, &err), &err);
    assert_string_equal(mlsel_model_label(model, best.index), "m02");
    mlsel_model_release(model);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

/* Features that say nothing: the best single model is chosen. */
static void constant_features(void **state) {
    (void)state;
    train_table *t = make_table(60, 2, 8);
    mlsel_error err = {0};
    for (size_t q = 0; q < t->n_queries; q++) {
        for (size_t f = 0; f < t->n_features; f++)
            t->x[q * t->stride + f] = 0.5F;
        set_outcome(t, q, 0, q % 4 == 0);
        set_outcome(t, q, 1, q % 4 != 0);
    }
    const train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 30);
    mlsel_training *training = train_ok(t, &s, NULL);
    mlsel_model *model = model_of(training);
    mlsel_selection best;
    test_ok(mlsel_select(model, t->x, t->n_features, NULL, &best, &err), &err);
    assert_string_equal(mlsel_model_label(model, best.index), "m01");
    mlsel_model_release(model);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

/* A model that nothing is known of is not chosen, though the others are bad. */
static void unknown_model_is_not_chosen(void **state) {
    (void)state;
    train_table *t = make_table(80, 3, 6);
    mlsel_error err = {0};
    for (size_t q = 0; q < t->n_queries; q++) {
        set_outcome(t, q, 0, 0);
        set_outcome(t, q, 1, NAN);
        set_outcome(t, q, 2, q % 3 == 0 ? NAN : 0.05);
    }
    const train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 5);
    mlsel_training *training = train_ok(t, &s, NULL);
    mlsel_model *model = model_of(training);
    for (size_t q = 0; q < t->n_queries; q++) {
        mlsel_selection best;
        test_ok(mlsel_select(model, t->x + q * t->stride, t->n_features, NULL, &best, &err), &err);
        assert_string_not_equal(mlsel_model_label(model, best.index), "m01");
    }
    mlsel_model_release(model);
    mlsel_training_free(training);
    mlsel_i_table_free(t);
}

static void nothing_known_is_refused(void **state) {
    (void)state;
    train_table *t = make_table(8, 2, 4);
    mlsel_error err = {0};
    train_run run = {.err = &err, .share = 1};
    mlsel_training *training = NULL;
    for (size_t q = 0; q < t->n_queries; q++)
        for (size_t m = 0; m < 2; m++)
            set_outcome(t, q, m, NAN);
    train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 2);
    assert_int_equal(try_train(t, &s, &run, &training), MLSEL_ERROR_NOT_TRAINED);
    assert_true(run.bytes == 0);
    s = settings_of(MLSEL_OBJECTIVE_COMPATIBLE, 2);
    t->n_records = 0;
    assert_int_equal(try_train(t, &s, &run, &training), MLSEL_ERROR_NOT_TRAINED);
    assert_true(run.bytes == 0 && training == NULL);
    mlsel_i_table_free(t);
}

/* The variance of such features is no float: that is said, not written. */
static void huge_features_are_refused(void **state) {
    (void)state;
    train_table *t = make_table(64, 2, 4);
    mlsel_error err = {0};
    train_run run = {.err = &err, .share = 1};
    mlsel_training *training = NULL;
    for (size_t i = 0; i < t->n_queries * t->stride; i++)
        t->x[i] *= 1e30F;
    const train_settings s = settings_of(MLSEL_OBJECTIVE_COMPATIBLE, 2);
    assert_int_equal(try_train(t, &s, &run, &training), MLSEL_ERROR_NOT_TRAINED);
    assert_non_null(strstr(err.message, "finite"));
    assert_true(training == NULL && run.bytes == 0);
    mlsel_i_table_free(t);
}

/* --- the run -------------------------------------------------------------------------------------------------------
 */

typedef struct listener {
    unsigned calls, stop_at;
    double last;
    bool sank;
} listener;

static int32_t listen(const mlsel_train_progress *progress, void *user) {
    listener *l = user;
    l->sank = l->sank || progress->fraction < l->last || progress->done > progress->total;
    l->last = progress->fraction;
    return ++l->calls == l->stop_at;
}

static void reports_and_stops(void **state) {
    (void)state;
    train_table *t = make_table(50, 2, 6);
    mlsel_error err = {0};
    listener l = {0};
    train_run run = {.err = &err, .share = 1, .progress = listen, .user = &l};
    train_settings s = settings_of(MLSEL_OBJECTIVE_COMPATIBLE, 6);
    mlsel_training *training = NULL;
    test_ok(try_train(t, &s, &run, &training), &err);
    assert_true(l.calls >= 6 && !l.sank && l.last == 1);
    mlsel_training_free(training);
    l = (listener){.stop_at = 3};
    training = NULL;
    assert_int_equal(try_train(t, &s, &run, &training), MLSEL_ERROR_CANCELLED);
    assert_true(l.calls == 3 && training == NULL && run.bytes == 0);
    mlsel_i_table_free(t);
}

static void memory_is_limited(void **state) {
    (void)state;
    train_table *t = make_table(50, 2, 6);
    mlsel_error err = {0};
    train_run run = {.err = &err, .share = 1, .max_bytes = 20000};
    const train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 2);
    mlsel_training *training = NULL;
    assert_int_equal(try_train(t, &s, &run, &training), MLSEL_ERROR_LIMIT);
    assert_true(run.bytes == 0);
    mlsel_i_table_free(t);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    train_table *t = make_table(30, 2, 6);
    for (int objective = 0; objective < 2; objective++) {
        const train_settings s = settings_of(objective, 1);
        size_t n = 0;
        for (size_t refused = 1; refused > 0; n++) {
            mlsel_error err = {0};
            train_run run = {.err = &err, .share = 1};
            mlsel_training *training = NULL;
            heap_fail_begin(n, false);
            const mlsel_status status = try_train(t, &s, &run, &training);
            refused = heap_fail_expect(status);
            assert_true(run.bytes == 0 && n < 1000);
            if (status == MLSEL_OK)
                mlsel_training_free(training);
        }
        assert_true(n > 10);
    }
    mlsel_i_table_free(t);
}

/* --- choosing ------------------------------------------------------------------------------------------------------
 */

static void chooses_what_is_open(void **state) {
    (void)state;
    train_table *t = make_table(60, 3, 9);
    mlsel_error err = {0};
    train_run run = {.err = &err, .share = 1};
    train_settings s = settings_of(MLSEL_OBJECTIVE_OUTCOME, 2);
    mlsel_training_info info = {.cv_utility = (double)NAN};
    const train_settings before = s;
    t->n_categories = 3; /* the last features */
    s.options.folds = 2;
    s.options.without_categories = 0;
    test_ok(mlsel_i_trainer_mlp.choose(t, &s, &run, &info), &err); /* without tune: nothing */
    assert_true(s.options.mlp_dropout == before.options.mlp_dropout && info.n_candidates == 0);
    s.options.tune = 1;
    s.options.category_weight = 0;
    test_ok(mlsel_i_trainer_mlp.choose(t, &s, &run, &info), &err);
    assert_true(s.options.mlp_dropout >= 0 && s.options.category_weight > 0);
    assert_true(info.n_candidates == 6 && info.cv_utility > info.cv_best_single);
    assert_true(run.bytes == 0);
    s.options.mlp_dropout = 0.2;
    test_ok(mlsel_i_trainer_mlp.choose(t, &s, &run, &info), &err); /* what is given stays */
    assert_true(s.options.mlp_dropout == 0.2 && info.n_candidates == 1);
    mlsel_i_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_who_is_best),       cmocka_unit_test(compatible_learns_weights),
        cmocka_unit_test(compatible_stops),         cmocka_unit_test(writes_the_known_form),
        cmocka_unit_test(scores_are_the_nets),      cmocka_unit_test(same_whatever_the_threads),
        cmocka_unit_test(degenerate_tables),        cmocka_unit_test(one_query_gets_its_best),
        cmocka_unit_test(constant_features),        cmocka_unit_test(unknown_model_is_not_chosen),
        cmocka_unit_test(nothing_known_is_refused), cmocka_unit_test(huge_features_are_refused),
        cmocka_unit_test(reports_and_stops),        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(any_allocation_may_fail),  cmocka_unit_test(chooses_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
