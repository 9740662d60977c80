/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "text.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dropin_text *shared; /* each with at least one reference */

static dropin_text *find(const char *bytes, size_t size, const char *hash) {
    pthread_mutex_lock(&lock);
    dropin_text *text = shared;
    while (text != NULL && (text->size != size || strcmp(text->hash, hash) != 0))
        text = text->next;
    if (text != NULL)
        text->references++;
    pthread_mutex_unlock(&lock);
    /* the hash is no proof; comparing takes a while, so not under the lock */
    if (text == NULL || memcmp(text->bytes, bytes, size) == 0)
        return text;
    mlsel_i_dropin_text_release(text);
    return NULL;
}

dropin_text *mlsel_i_dropin_text_acquire(const char *bytes, size_t size, const char *hash) {
    dropin_text *text = *hash == '\0' ? NULL : find(bytes, size, hash);
    if (text != NULL || size >= SIZE_MAX - sizeof *text)
        return text;
    text = malloc(sizeof *text + size + 1);
    if (text == NULL)
        return NULL;
    text->references = 1;
    text->size = size;
    snprintf(text->hash, sizeof text->hash, "%s", hash);
    memcpy(text->bytes, bytes, size);
    text->bytes[size] = '\0';
    text->next = NULL;
    if (*hash != '\0') {
        pthread_mutex_lock(&lock);
        text->next = shared;
        shared = text;
        pthread_mutex_unlock(&lock);
    }
    return text;
}

void mlsel_i_dropin_text_release(dropin_text *text) {
    if (text == NULL)
        return;
    pthread_mutex_lock(&lock);
    const int is_last = --text->references == 0;
    if (is_last && *text->hash != '\0') {
        dropin_text **link = &shared;
        while (*link != text)
            link = &(*link)->next;
        *link = text->next;
    }
    pthread_mutex_unlock(&lock);
    if (is_last)
        free(text);
}
