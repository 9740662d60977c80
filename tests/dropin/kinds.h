/* SPDX-License-Identifier: Apache-2.0 */
/* The four selectors of the drop-in libraries in one table, with a small artifact of each. Nothing but the libraries
 * under test is used, so that the programs link with them alone, also without any shared library. */
#ifndef MLSEL_TEST_DROPIN_KINDS_H
#define MLSEL_TEST_DROPIN_KINDS_H

#include <stddef.h>

enum { N_KINDS = 4, KIND_KNN = 0, KIND_KMEANS = 1, KIND_SVM = 2, KIND_MLP = 3, QUERY_WIDTH = 2 };

typedef struct dropin_kind {
    const char *name;
    void *(*make)(void); /* untrained */
    void (*free)(void *h);
    char *(*select)(void *h, double *q, size_t n);
    int (*is_trained)(void *h);
    char *(*to_json)(void *h);
    void *(*from_json)(char *json);
    void (*free_string)(char *s);
    const char *artifact;         /* for queries of QUERY_WIDTH values */
    double query[2][QUERY_WIDTH]; /* two queries ... */
    const char *answer[2];        /* ... and what must be chosen */
    const char *untrained[4];     /* other documents that hold nothing to select with */
} dropin_kind;

extern const dropin_kind kinds[N_KINDS];

/* Fails the program with a line that names the place. */
#define CHECK(condition, what) check(condition, what, #condition, __FILE__, __LINE__)
void check(int condition, const char *what, const char *text, const char *file, int line);

/* A whole file, zero-terminated, in malloc's memory; NULL if there is none. */
char *read_all(const char *path, size_t *size);

#endif
