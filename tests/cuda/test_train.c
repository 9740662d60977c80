/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel_train on a device: what comes of it beside the CPU's, the same again, cancelling, and what can go wrong: each
 * is a status that names the cause, and nothing is leaked. On the emulated card, as ../conformance/test_gpu_faults.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_plugin.h"
#include "folder.h"
#include "mlsel_train.h"
#include "support.h"

enum { WIDTH = 12, MODELS = 3 };

static uint64_t live(void) { return ask_plugin(FAKE_PREFIX "live"); }

/* The first two models are good where the embedding's first or second value is positive, the third is 0.4. */
static mlsel_dataset *make_dataset(size_t n) {
    static const char *const names[MODELS] = {"a", "b", "c"};
    mlsel_dataset *d = NULL;
    mlsel_error err;
    uint32_t noise = 1;
    test_ok(mlsel_dataset_create(&d, &err), &err);
    for (size_t q = 0; q < n; q++) {
        float embedding[WIDTH];
        char text[32];
        snprintf(text, sizeof text, "query %zu", q);
        for (int i = 0; i < WIDTH; i++) {
            noise = noise * 1664525U + 1013904223U;
            embedding[i] = (float)(noise >> 8) / 16777216.0F - 0.5F;
        }
        for (int m = 0; m < MODELS; m++) {
            mlsel_record r;
            mlsel_record_init(&r, sizeof r);
            r.query = text;
            r.model = names[m];
            r.quality = m == 2 ? 0.4 : embedding[m] > 0 ? 1 : 0;
            r.embedding = embedding;
            r.n_embedding = WIDTH;
            test_ok(mlsel_dataset_add(d, &r, &err), &err);
        }
    }
    return d;
}

static mlsel_train_options options_for(const char *device) {
    mlsel_train_options o;
    mlsel_train_options_init(&o, sizeof o);
    o.device = device;
    o.calibration = MLSEL_CALIBRATION_NONE;
    o.without_categories = 1;
    o.mlp_epochs = 4;
    o.mlp_hidden[0] = 40;
    o.mlp_hidden[1] = 9;
    o.mlp_learning_rate = 0.003;
    return o;
}

static mlsel_training *train_ok(const mlsel_dataset *d, const mlsel_train_options *o, mlsel_training_info *info) {
    mlsel_training *training = NULL;
    mlsel_error err;
    test_ok(mlsel_train(d, MLSEL_ALGORITHM_MLP, o, &training, &err), &err);
    test_ok(mlsel_training_get_info(training, info, sizeof *info, &err), &err);
    return training;
}

/* The artifact's bytes. */
static char *text_of(const mlsel_training *training, size_t *size) {
    mlsel_save_options options;
    mlsel_error err;
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    test_ok(mlsel_training_save(training, test_path("mlp.json"), &options, &err), &err);
    return test_need_file(test_path("mlp.json"), size);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

/* Adam divides a gradient by its size, so that one of nothing but rounding is a step like any other, and differences
 * grow with the steps: after many of them the CPU's instruction sets differ among themselves by more than this. */
static const double score_tolerance = 0.003, loss_tolerance = 5e-5;

/* Every query chooses alike where the choice is not too close to call. */
static void compare_answers(const mlsel_dataset *d, const mlsel_training *cpu, const mlsel_training *card) {
    mlsel_model *models[2] = {NULL, NULL};
    mlsel_dataset_info info;
    mlsel_error err;
    test_ok(mlsel_training_model(cpu, NULL, &models[0], &err), &err);
    test_ok(mlsel_training_model(card, NULL, &models[1], &err), &err);
    test_ok(mlsel_dataset_get_info(d, &info, sizeof info, &err), &err);
    for (size_t q = 0; q < info.n_queries; q++) {
        const float *features = mlsel_dataset_embedding(d, q);
        double scores[2][MODELS];
        mlsel_selection best[2];
        for (int i = 0; i < 2; i++) {
            test_ok(mlsel_score(models[i], features, WIDTH, NULL, scores[i], MODELS, &err), &err);
            test_ok(mlsel_select(models[i], features, WIDTH, NULL, &best[i], &err), &err);
        }
        for (int m = 0; m < MODELS; m++)
            test_close(scores[1][m], scores[0][m], score_tolerance, "score");
        const double margin = scores[0][best[0].index] - scores[0][best[1].index];
        assert_true(best[0].index == best[1].index || margin < 2 * score_tolerance);
    }
    mlsel_model_release(models[0]);
    mlsel_model_release(models[1]);
}

/* After all epochs of both objectives, and steps that do not divide the rows, and a linear model. */
static void as_on_the_cpu(void **state) {
    (void)state;
    static const struct {
        size_t queries;
        mlsel_objective objective;
        uint32_t batch, n_hidden;
        double decay;
    } cases[] = {
        {120, MLSEL_OBJECTIVE_OUTCOME, 32, 2, -1},   {97, MLSEL_OBJECTIVE_OUTCOME, 32, 1, -1},
        {120, MLSEL_OBJECTIVE_OUTCOME, 32, 1, 1000}, /* of which the weights grow: the first epoch is the best */
        {40, MLSEL_OBJECTIVE_COMPATIBLE, 50, 2, -1}, {33, MLSEL_OBJECTIVE_OUTCOME, 8, 0, -1},
        {1, MLSEL_OBJECTIVE_OUTCOME, 32, 2, -1}};
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        mlsel_dataset *d = make_dataset(cases[i].queries);
        mlsel_train_options o = options_for(NULL);
        mlsel_training_info cpu, card;
        o.objective = cases[i].objective;
        o.mlp_batch = cases[i].batch;
        o.n_mlp_hidden = cases[i].n_hidden;
        o.mlp_weight_decay = cases[i].decay;
        mlsel_training *on_cpu = train_ok(d, &o, &cpu);
        o.device = DEVICE;
        mlsel_training *on_card = train_ok(d, &o, &card);
        assert_string_equal(cpu.device, "cpu");
        assert_string_equal(card.device, DEVICE);
        if (cases[i].queries > 1) /* batch norm divides two equal rows by the root of its epsilon: rounding alone */
            test_close(card.training_loss, cpu.training_loss, loss_tolerance, "training loss");
        if (!isnan(cpu.validation_loss))
            test_close(card.validation_loss, cpu.validation_loss, loss_tolerance, "validation loss");
        assert_true(isnan(cpu.validation_loss) == isnan(card.validation_loss));
        assert_true(cases[i].decay < 0 || cpu.best_epoch < cpu.iterations);
        assert_int_equal(card.best_epoch, cpu.best_epoch);
        assert_int_equal(card.iterations, cpu.iterations);
        compare_answers(d, on_cpu, on_card);
        mlsel_training_free(on_cpu);
        mlsel_training_free(on_card);
        mlsel_dataset_free(d);
    }
    assert_int_equal(live(), 0);
}

/* Byte by byte, on either card, whatever the threads; another seed is another artifact. */
static void the_same_again(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(120);
    mlsel_train_options o = options_for(DEVICE);
    mlsel_training_info info;
    size_t size, size2;
    o.calibration = MLSEL_CALIBRATION_ISOTONIC; /* trains the folds too */
    o.folds = 2;
    mlsel_training *first = train_ok(d, &o, &info);
    char *text = text_of(first, &size);
    o.device = DEVICE ":1";
    o.threads = 2;
    mlsel_training *second = train_ok(d, &o, &info);
    assert_string_equal(info.device, DEVICE ":1");
    char *text2 = text_of(second, &size2);
    assert_int_equal(size, size2);
    assert_memory_equal(text, text2, size);
    free(text2);
    mlsel_training_free(second);
    o.seed = 43;
    second = train_ok(d, &o, &info);
    text2 = text_of(second, &size2);
    assert_true(size != size2 || memcmp(text, text2, size) != 0);
    free(text2);
    free(text);
    mlsel_training_free(second);
    mlsel_training_free(first);
    mlsel_dataset_free(d);
}

/* "auto" takes the card; the other kinds stay on the CPU and say so. */
static void which_device(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(40);
    mlsel_train_options o = options_for("auto");
    mlsel_training_info info;
    mlsel_training *training = NULL;
    mlsel_error err;
    o.mlp_epochs = 1;
    mlsel_training_free(train_ok(d, &o, &info));
    assert_string_equal(info.device, DEVICE);
    setenv(FAKE_VARIABLE, "no-device", 1);
    mlsel_training_free(train_ok(d, &o, &info));
    assert_string_equal(info.device, "cpu");
    unsetenv(FAKE_VARIABLE);
    o.device = DEVICE;
    test_ok(mlsel_train(d, MLSEL_ALGORITHM_KNN, &o, &training, &err), &err);
    test_ok(mlsel_training_get_info(training, &info, sizeof info, &err), &err);
    assert_string_equal(info.device, "cpu");
    mlsel_training_free(training);
    mlsel_dataset_free(d);
}

/* --- stopping ----------------------------------------------------------------------------------------------------- */

typedef struct listener {
    unsigned calls, stop_at;
    double last;
} listener;

static int32_t listen(const mlsel_train_progress *p, void *user) {
    listener *l = user;
    assert_true(p->fraction >= l->last && p->fraction <= 1 && p->done <= p->total);
    l->last = p->fraction;
    return ++l->calls == l->stop_at;
}

/* Between any two stretches of steps: the first ones are short, so that some are within an epoch. */
static void stops_when_asked(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(120);
    mlsel_train_options o = options_for(DEVICE);
    listener l = {0};
    mlsel_training_info info;
    mlsel_error err;
    o.mlp_batch = 8;
    o.progress = listen;
    o.user = &l;
    mlsel_training_free(train_ok(d, &o, &info));
    const unsigned least = o.mlp_epochs + 2; /* there are more where steps take longer */
    assert_true(l.calls >= least && l.last == 1);
    for (unsigned stop = 1; stop <= least; stop++) {
        mlsel_training *training = NULL;
        l = (listener){.stop_at = stop};
        assert_int_equal(mlsel_train(d, MLSEL_ALGORITHM_MLP, &o, &training, &err), MLSEL_ERROR_CANCELLED);
        assert_true(l.calls == stop && training == NULL);
        assert_int_equal(live(), 0);
    }
    mlsel_dataset_free(d);
}

/* --- what can be wrong -------------------------------------------------------------------------------------------- */

static mlsel_status try_train(const mlsel_dataset *d, const mlsel_train_options *o, mlsel_error *err) {
    mlsel_training *training = NULL;
    memset(err, 0, sizeof *err);
    const mlsel_status status = mlsel_train(d, MLSEL_ALGORITHM_MLP, o, &training, err);
    assert_true((status == MLSEL_OK) == (training != NULL));
    mlsel_training_free(training);
    return status;
}

static void machines(void **state) {
    (void)state;
    static const struct {
        const char *wrong, *word;
    } cases[] = {{"no-driver", "no NVIDIA driver found"}, {"old-driver", "too old"}, {"no-device", "no CUDA device"}};
    mlsel_dataset *d = make_dataset(20);
    mlsel_train_options o = options_for(DEVICE);
    mlsel_error err;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        setenv(FAKE_VARIABLE, cases[i].wrong, 1);
        assert_int_equal(try_train(d, &o, &err), MLSEL_ERROR_DEVICE);
        need_word(err.message, cases[i].word);
        unsetenv(FAKE_VARIABLE);
    }
    o.device = DEVICE ":2";
    assert_int_equal(try_train(d, &o, &err), MLSEL_ERROR_DEVICE);
    o.device = "gpu";
    assert_int_equal(try_train(d, &o, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_dataset_free(d);
}

static void out_of_memory(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(20);
    const mlsel_train_options o = options_for(DEVICE);
    mlsel_error err;
    for (uint64_t bytes = 100; bytes < 20000; bytes *= 3) {
        char wrong[64];
        snprintf(wrong, sizeof wrong, "memory=%llu", (unsigned long long)bytes);
        setenv(FAKE_VARIABLE, wrong, 1);
        assert_int_equal(try_train(d, &o, &err), MLSEL_ERROR_NO_MEMORY);
        need_word(err.message, "device \"" DEVICE "\": out of memory");
        unsetenv(FAKE_VARIABLE);
        assert_int_equal(live(), 0);
    }
    test_ok(try_train(d, &o, &err), &err);
    mlsel_dataset_free(d);
}

/* Every call that can fail does, one after the other: but for the last one, which waits before all is freed. */
static void every_call_fails(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(112); /* enough for a validation part */
    mlsel_train_options o = options_for(DEVICE);
    mlsel_error err;
    o.mlp_epochs = 2;
    o.mlp_batch = 200; /* one step an epoch, so that there are always as many calls */
    o.mlp_hidden[0] = 6;
    o.n_mlp_hidden = 1;
    test_ok(try_train(d, &o, &err), &err);
    const uint64_t before = ask_plugin(FAKE_PREFIX "calls");
    test_ok(try_train(d, &o, &err), &err);
    const uint64_t n_calls = ask_plugin(FAKE_PREFIX "calls") - before;
    assert_true(n_calls > 100);
    const uint64_t step = test_is_short() ? 5 : 1;
    for (uint64_t call = 1; call < n_calls; call += step) {
        char wrong[64];
        snprintf(wrong, sizeof wrong, "fail=%llu", (unsigned long long)(ask_plugin(FAKE_PREFIX "calls") + call));
        setenv(FAKE_VARIABLE, wrong, 1);
        const mlsel_status status = try_train(d, &o, &err);
        unsetenv(FAKE_VARIABLE);
        if (status != MLSEL_ERROR_DEVICE)
            fail_msg("call %llu of %llu failed, and the status is %d", (unsigned long long)call,
                     (unsigned long long)n_calls, (int)status);
        need_word(err.message, "device \"" DEVICE "\": ");
        if (live() != 0)
            fail_msg("call %llu failed and something was left", (unsigned long long)call);
    }
    print_message("%llu calls\n", (unsigned long long)n_calls);
    test_ok(try_train(d, &o, &err), &err); /* and all is well again */
    mlsel_dataset_free(d);
}

/* A device that is lost stays so: in a process of its own. */
static void lost(void **state) {
    (void)state;
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        mlsel_error err;
        mlsel_dataset *d = make_dataset(40);
        const mlsel_train_options o = options_for(DEVICE), on_cpu = options_for(NULL);
        setenv(FAKE_VARIABLE, "lost=3", 1);
        int good = try_train(d, &o, &err) == MLSEL_ERROR_DEVICE;
        good = good && strstr(err.message, "illegal memory access") != NULL;
        good = good && strstr(err.message, "lost to this process") != NULL;
        good = good && live() == 0;
        good = good && try_train(d, &o, &err) == MLSEL_ERROR_DEVICE && live() == 0;
        good = good && try_train(d, &on_cpu, &err) == MLSEL_OK;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost), /* first, as its child starts before any plugin is open */
        cmocka_unit_test(as_on_the_cpu),
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(which_device),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(machines),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(every_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
