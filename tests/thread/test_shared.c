/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models shared by many threads: every answer must equal the single-threaded one to the last bit, while other threads
 * load and release the same artifacts, take and give references, and read what a model is. ThreadSanitizer watches
 * where it is built in.
 *
 * Threads report through their own `failure`: CMocka's assertions belong to the main thread.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_cases.h"
#include "gate.h"

enum { N_ASKERS = 32, N_LOADERS = 4, N_HOLDERS = 2, ASKER_ROUNDS = 2, LOADER_ROUNDS = 40, HOLDER_ROUNDS = 300 };

/* One expectation file of each kind and form. knn_cosine twice: two rules share one artifact. */
static const char *const names[] = {
    "knn_cosine",   "knn_cosine.legacy",   "knn_samples", "kmeans_v1_list",   "kmeans_v2",   "svm_rbf_4",
    "svm_linear_2", "svm_permodel_linear", "svm_v2",      "svm_permodel_rbf", "mlp_pytorch", "mlp_null_batch_norm",
};
enum { N_MODELS = sizeof names / sizeof *names };

/* A model that all threads use, and what it answers to a single one. */
typedef struct shared {
    fixture_set set;
    mlsel_model *model;
    mlsel_model_info info;
    fixture_answer *expected; /* [set.count] */
    char *text;               /* the artifact's bytes */
    size_t text_size;
} shared;

static shared models[N_MODELS];
enum { N_WORKERS = N_ASKERS + N_LOADERS + N_HOLDERS };
static gate start = {.n_threads = N_WORKERS};

typedef struct worker {
    pthread_t thread;
    size_t number;
    char failure[512];
} worker;

static void open_models(void) {
    mlsel_error err;
    for (size_t m = 0; m < N_MODELS; m++) {
        shared *s = &models[m];
        fixture_set_open(&s->set, names[m]);
        s->model = test_load(s->set.artifact, &s->set.options);
        test_ok(mlsel_model_get_info(s->model, &s->info, sizeof s->info, &err), &err);
        s->text = test_need_file(s->set.artifact, &s->text_size);
        s->expected = calloc(s->set.count, sizeof *s->expected);
        assert_non_null(s->expected);
        for (size_t q = 0; q < s->set.count; q++)
            test_ok(fixture_ask(s->model, &s->set, q, &s->expected[q], &err), &err);
    }
}

static void close_models(void) {
    for (size_t m = 0; m < N_MODELS; m++) {
        fixture_set_close(&models[m].set);
        free(models[m].expected);
        free(models[m].text);
    }
}

/* --- the threads ------------------------------------------------------------------------------------------------- */

static bool same_answer(worker *w, const shared *s, const mlsel_model *model, size_t query) {
    mlsel_error err;
    fixture_answer answer;
    if (fixture_ask(model, &s->set, query, &answer, &err) != MLSEL_OK) {
        snprintf(w->failure, sizeof w->failure, "%s, query %zu: %s", s->set.name, query, err.message);
        return false;
    }
    if (memcmp(&answer, &s->expected[query], sizeof answer) != 0) {
        snprintf(w->failure, sizeof w->failure, "%s, query %zu: not what a single thread is told", s->set.name, query);
        return false;
    }
    return true;
}

/* Asks everything of every model, each thread starting elsewhere, and gives its reference back at the end. */
static void *ask(void *opaque) {
    worker *w = opaque;
    gate_pass(&start);
    for (size_t round = 0; round < ASKER_ROUNDS; round++)
        for (size_t i = 0; i < N_MODELS; i++) {
            const shared *s = &models[(w->number + i) % N_MODELS];
            for (size_t q = 0; q < s->set.count; q++)
                if (!same_answer(w, s, s->model, (q + w->number) % s->set.count))
                    return NULL;
        }
    for (size_t m = 0; m < N_MODELS; m++)
        mlsel_model_release(models[m].model);
    return NULL;
}

static mlsel_status load(const shared *s, size_t turn, mlsel_model **out, mlsel_error *err) {
    mlsel_model_options options = s->set.options;
    options.device = turn % 3 == 0 ? "auto" : NULL;
    if (turn % 2 == 0)
        return mlsel_model_load(s->set.artifact, &options, out, err);
    return mlsel_model_load_memory(s->text, s->text_size, &options, out, err);
}

/* Loads what is already loaded, or was until a moment ago, and asks it one query. */
static void *reload(void *opaque) {
    worker *w = opaque;
    gate_pass(&start);
    for (size_t turn = 0; turn < LOADER_ROUNDS; turn++)
        for (size_t i = 0; i < N_MODELS; i++) {
            mlsel_error err;
            mlsel_model *model = NULL;
            const shared *s = &models[(w->number + i) % N_MODELS];
            if (load(s, turn, &model, &err) != MLSEL_OK) {
                snprintf(w->failure, sizeof w->failure, "%s: %s", s->set.name, err.message);
                return NULL;
            }
            const bool same = same_answer(w, s, model, turn % s->set.count);
            mlsel_model_release(model);
            if (!same)
                return NULL;
        }
    return NULL;
}

static bool same_description(const shared *s) {
    mlsel_model_info info;
    mlsel_layer_info layer;
    if (mlsel_model_get_info(s->model, &info, sizeof info, NULL) != MLSEL_OK ||
        memcmp(&info, &s->info, sizeof info) != 0 || mlsel_model_label_count(s->model) != info.n_labels)
        return false;
    for (int32_t i = 0; i < (int32_t)info.n_labels; i++)
        if (mlsel_model_find_label(s->model, mlsel_model_label(s->model, i)) != i)
            return false;
    for (uint32_t i = 0; i < info.n_layers; i++)
        if (mlsel_model_get_layer(s->model, i, &layer, sizeof layer, NULL) != MLSEL_OK)
            return false;
    return true;
}

static bool devices_are_there(void) {
    mlsel_device_info device;
    mlsel_error err;
    return mlsel_device_query("cpu", &device, sizeof device, NULL) == MLSEL_OK && strcmp(device.name, "cpu") == 0 &&
           mlsel_device_query("auto", &device, sizeof device, &err) == MLSEL_OK && strcmp(device.name, "cpu") == 0 &&
           mlsel_device_query("metal", &device, sizeof device, &err) == MLSEL_ERROR_DEVICE &&
           strstr(err.message, "metal") != NULL;
}

/* Takes and gives references, and reads what can be read. */
static void *hold(void *opaque) {
    worker *w = opaque;
    gate_pass(&start);
    for (size_t turn = 0; turn < HOLDER_ROUNDS; turn++) {
        const shared *s = &models[(w->number + turn) % N_MODELS];
        mlsel_model *model = mlsel_model_retain(s->model);
        const bool same = model == s->model && same_description(s) && (turn % 16 != 0 || devices_are_there());
        mlsel_model_release(model);
        if (!same) {
            snprintf(w->failure, sizeof w->failure, "%s: described differently", s->set.name);
            return NULL;
        }
    }
    for (size_t m = 0; m < N_MODELS; m++)
        mlsel_model_release(models[m].model);
    return NULL;
}

/* --- all together ------------------------------------------------------------------------------------------------ */

static void all_at_once(void **state) {
    (void)state;
    static worker workers[N_WORKERS];
    open_models();
    for (size_t i = 0; i < N_WORKERS; i++) {
        void *(*const body)(void *) = i < N_ASKERS ? ask : i < N_ASKERS + N_LOADERS ? reload : hold;
        workers[i].number = i;
        /* whoever uses the shared models has a reference of its own */
        for (size_t m = 0; m < N_MODELS && body != reload; m++)
            mlsel_model_retain(models[m].model);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
    /* so the last reference is given back in whichever thread ends last */
    for (size_t m = 0; m < N_MODELS; m++)
        mlsel_model_release(models[m].model);
    for (size_t i = 0; i < N_WORKERS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (size_t i = 0; i < N_WORKERS; i++)
        if (workers[i].failure[0] != '\0')
            fail_msg("thread %zu: %s", i, workers[i].failure);
    close_models();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
