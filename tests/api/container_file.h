/* SPDX-License-Identifier: Apache-2.0 */
/* Containers taken apart and put together again, for tests that need one with something wrong. */
#ifndef MLSEL_TEST_CONTAINER_FILE_H
#define MLSEL_TEST_CONTAINER_FILE_H

#include "bad_artifact.h"

typedef struct container_file {
    char *header; /* JSON text, terminated, without the blanks at its end */
    unsigned char *data;
    size_t data_size;
} container_file;

/* Saves a model as a container and takes it apart. */
void container_of_model(const mlsel_model *model, container_file *out);
void container_of_text(const char *json, container_file *out);
void container_free(container_file *c);
/* The bytes of the file, data beginning at a multiple of 64; free them. */
unsigned char *container_bytes(const container_file *c, size_t *size);
/* Where a tensor's values are; fails the test if there is no such tensor. */
void *container_tensor(const container_file *c, const char *name, size_t *bytes);

/* A KNN artifact that is large enough for estimates from integers, with repeated rows and categories. */
mlsel_model *container_large_knn(void);

/* Asks a model in all ways; whatever its values are, every answer must be within its labels and rows. */
void container_ask(const mlsel_model *model, const char *what);

#endif
