/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What models of equal content share comes and goes with them: the last release in one thread against a load of the
 * same content in another, thousands of times.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"
#include "support.h"

/* Small, so that most of a load is spent where threads meet. */
static const char artifact[] = "{\"algorithm\": \"knn\", \"k\": 1, \"embeddings\": [[1, 0], [0, 1]],"
                               " \"labels\": [\"first\", \"second\"], \"qualities\": [0.5, 1]}";

enum { HANDOVERS = 8000, N_CHURNERS = 4, CHURNS = 3000 };

/* A file with the artifact as a container, or "": then it is loaded as JSON from memory. */
static char container[64];

/* Loads and asks; false if anything is not as it must be. */
static bool load(mlsel_knn_rule rule, mlsel_model **out) {
    static const float query[2] = {0.5f, 2};
    mlsel_model_options options;
    mlsel_model_info info;
    mlsel_selection s;
    mlsel_model_options_init(&options, sizeof options);
    options.knn_rule = rule;
    const mlsel_status status = container[0] != '\0'
                                    ? mlsel_model_load(container, &options, out, NULL)
                                    : mlsel_model_load_memory(artifact, sizeof artifact - 1, &options, out, NULL);
    if (status != MLSEL_OK)
        return false;
    /* quality 1 and no latency are a vote of 1 under either rule */
    return mlsel_select(*out, query, 2, NULL, &s, NULL) == MLSEL_OK && s.index == 1 && fabs(s.score - 1) < 1e-12 &&
           strcmp(mlsel_model_label(*out, 0), "first") == 0 &&
           mlsel_model_get_info(*out, &info, sizeof info, NULL) == MLSEL_OK && info.knn_rule == rule;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- handing over ------------------------------------------------------------------------------------------------ */

typedef struct player {
    pthread_t thread;
    unsigned turn; /* 0 or 1: in which rounds it releases */
    bool mixed;    /* whether each load has another rule than the one before, so that only the artifact can be shared */
    bool good;
    mlsel_model *model;
} player;

static gate round_start;
static int64_t load_ns; /* how long a load takes */

/* One player gives up the only model there is while the other loads it anew; then they change sides. */
static void *hand_over(void *opaque) {
    player *p = opaque;
    uint32_t random = 12345 + p->turn;
    for (unsigned round = 0; round < HANDOVERS; round++) {
        gate_pass(&round_start);
        if (round % 2 == p->turn) {
            /* at any time while the other loads, so that the two meet at every step of it */
            random = random * 1664525 + 1013904223;
            const int64_t end = now_ns() + (int64_t)((double)random / 4294967296.0 * 1.2 * (double)load_ns);
            while (now_ns() < end) {
            }
            mlsel_model_release(p->model);
            p->model = NULL;
        } else {
            const mlsel_knn_rule rule = p->mixed && round % 4 < 2 ? MLSEL_KNN_RULE_LEGACY : MLSEL_KNN_RULE_COSINE;
            p->good = load(rule, &p->model) && p->good;
        }
    }
    return NULL;
}

static void run_handovers(bool mixed) {
    player players[2] = {{.turn = 0, .good = true, .mixed = mixed}, {.turn = 1, .good = true, .mixed = mixed}};
    load_ns = INT64_MAX;
    for (int i = 0; i < 20; i++) {
        mlsel_model *model = NULL;
        const int64_t begin = now_ns();
        assert_true(load(MLSEL_KNN_RULE_COSINE, &model));
        const int64_t took = now_ns() - begin;
        load_ns = took < load_ns ? took : load_ns;
        mlsel_model_release(model);
    }
    assert_true(load(MLSEL_KNN_RULE_COSINE, &players[0].model));
    round_start = (gate){.n_threads = 2};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&players[i].thread, NULL, hand_over, &players[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(players[i].thread, NULL), 0);
        assert_true(players[i].good);
        mlsel_model_release(players[i].model);
    }
}

static void last_release_against_load(void **state) {
    (void)state;
    run_handovers(false);
}

static void last_release_against_another_rule(void **state) {
    (void)state;
    run_handovers(true);
}

/* --- free running ------------------------------------------------------------------------------------------------ */

static atomic_bool churn_failed;

/* Two models at a time, so that some releases are the last and some are not. */
static void *churn(void *opaque) {
    const size_t number = (size_t)(uintptr_t)opaque;
    mlsel_model *kept = NULL;
    for (size_t i = 0; i < CHURNS; i++) {
        mlsel_model *model = NULL;
        if (!load((i + number) % 3 == 0 ? MLSEL_KNN_RULE_LEGACY : MLSEL_KNN_RULE_COSINE, &model))
            atomic_store(&churn_failed, true);
        mlsel_model_release(kept);
        kept = model;
        if (i % 4 == number % 4) {
            mlsel_model_release(kept);
            kept = NULL;
        }
    }
    mlsel_model_release(kept);
    return NULL;
}

static void loads_against_releases(void **state) {
    (void)state;
    pthread_t threads[N_CHURNERS];
    for (size_t i = 0; i < N_CHURNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < N_CHURNERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(atomic_load(&churn_failed));
}

static int make_container(void **state) {
    (void)state;
    mlsel_model *model = NULL;
    mlsel_save_options options;
    mlsel_save_options_init(&options, sizeof options);
    options.format = MLSEL_FORMAT_SAFETENSORS;
    options.replace = 1;
    char path[] = "/tmp/mlsel-registry-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0 || !load(MLSEL_KNN_RULE_COSINE, &model) ||
        mlsel_model_save(model, path, &options, NULL) != MLSEL_OK)
        return -1;
    mlsel_model_release(model);
    memcpy(container, path, sizeof path);
    return 0;
}

static int remove_container(void **state) {
    (void)state;
    return unlink(container);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_release_against_load),
        cmocka_unit_test(last_release_against_another_rule),
        cmocka_unit_test(loads_against_releases),
    };
    const int json = cmocka_run_group_tests_name("JSON", tests, NULL, NULL);
    const int mapped = cmocka_run_group_tests_name("a container", tests, make_container, remove_container);
    return json + mapped;
}
