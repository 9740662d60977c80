/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads use one handle of each kind while others load, use and free their own. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declarations.h"
#include "kinds.h"

enum { N_ASKERS = 64, N_LOADERS = 8, ASKER_ROUNDS = 100, LOADER_ROUNDS = 60 };

static void *shared[N_KINDS];
static pthread_barrier_t start;

static void answers(const dropin_kind *kind, void *handle) {
    for (int i = 0; i < 2; i++) {
        double query[QUERY_WIDTH];
        memcpy(query, kind->query[i], sizeof query);
        char *label = kind->select(handle, query, QUERY_WIDTH);
        CHECK(label != NULL && strcmp(label, kind->answer[i]) == 0, kind->name);
        kind->free_string(label);
    }
    CHECK(kind->is_trained(handle) == 1, kind->name);
    char *json = kind->to_json(handle);
    CHECK(json != NULL && strcmp(json, kind->artifact) == 0, kind->name);
    kind->free_string(json);
}

static void *ask(void *unused) {
    (void)unused;
    pthread_barrier_wait(&start);
    for (int round = 0; round < ASKER_ROUNDS; round++) {
        for (int k = 0; k < N_KINDS; k++)
            answers(&kinds[k], shared[k]);
        double query[QUERY_WIDTH] = {1, 1}, scores[4];
        CHECK(ml_kmeans_score(shared[KIND_KMEANS], query, QUERY_WIDTH, scores, 4) == 0, "score");
        char *names = ml_kmeans_candidates(shared[KIND_KMEANS]);
        CHECK(names != NULL && strncmp(names, "[\"a\",", 5) == 0, "candidates");
        ml_free_string(names);
    }
    return NULL;
}

static void *load(void *unused) {
    (void)unused;
    pthread_barrier_wait(&start);
    for (int round = 0; round < LOADER_ROUNDS; round++) {
        const dropin_kind *kind = &kinds[round % N_KINDS];
        char *text = malloc(strlen(kind->artifact) + 1);
        CHECK(text != NULL, "memory");
        void *handle = kind->from_json(strcpy(text, kind->artifact));
        text[strlen(text) - 1] = '\0';
        CHECK(kind->from_json(text) == NULL, "broken");
        free(text);
        CHECK(handle != NULL, kind->name);
        answers(kind, handle);
        kind->free(handle);
        handle = kind->make();
        CHECK(handle != NULL && kind->is_trained(handle) == 0, kind->name);
        kind->free(handle);
    }
    return NULL;
}

int main(void) {
    CHECK(setenv("MLSEL_DROPIN_RULES", "current", 1) == 0, "setenv"); /* however the library was built */
    pthread_t threads[N_ASKERS + N_LOADERS];
    for (int k = 0; k < N_KINDS; k++) {
        char *text = malloc(strlen(kinds[k].artifact) + 1);
        CHECK(text != NULL, "memory");
        shared[k] = kinds[k].from_json(strcpy(text, kinds[k].artifact));
        free(text);
        CHECK(shared[k] != NULL, kinds[k].name);
    }
    CHECK(pthread_barrier_init(&start, NULL, N_ASKERS + N_LOADERS) == 0, "barrier");
    for (int i = 0; i < N_ASKERS + N_LOADERS; i++)
        CHECK(pthread_create(&threads[i], NULL, i < N_ASKERS ? ask : load, NULL) == 0, "thread");
    for (int i = 0; i < N_ASKERS + N_LOADERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    for (int k = 0; k < N_KINDS; k++)
        kinds[k].free(shared[k]);
    printf("%d threads asked, %d loaded and freed\n", N_ASKERS, N_LOADERS);
    return 0;
}
