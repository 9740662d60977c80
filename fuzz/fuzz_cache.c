/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedding cache under all that can be done to it and to its file. Whatever happens, what it gives for a text is
 * what was put there for it, or nothing; and nothing only after the file was damaged. The input is a list of steps.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "fuzz.h"
#include "input.h"
#include "temporary.h"
#include "train/cache.h"

enum { TEXTS = 8, WIDTH = 2, MAX_STEPS = 64 };

static const char *const texts[TEXTS] = {"", "a", "b", "ab", "What is 2 + 2?", "\n", "\xff", "a longer text, of more"};
static const char model[] = "a/model";

typedef struct state {
    mlsel_cache *cache; /* NULL: closed, or it could not be opened */
    char path[512];     /* of its file; "" before there is one */
    bool is_there[TEXTS];
    bool is_damaged; /* the file was changed from outside */
} state;

static void value_of(size_t text, float out[WIDTH]) {
    for (size_t i = 0; i < WIDTH; i++)
        out[i] = (float)(text + 1) * (i == 0 ? 0.5f : -3.0f);
}

static void find_file(state *s) {
    DIR *const folder = opendir(fuzz_folder_path());
    FUZZ_CHECK(folder != NULL);
    s->path[0] = '\0';
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strstr(entry->d_name, ".mlselemb") != NULL)
            (void)snprintf(s->path, sizeof s->path, "%s/%s", fuzz_folder_path(), entry->d_name);
    closedir(folder);
}

static void reopen(state *s, struct fuzz_input *in) {
    mlsel_error err;
    mlsel_cache_close(s->cache);
    s->cache = NULL;
    fuzz_fail_begin(in);
    const mlsel_status status = mlsel_cache_open(fuzz_folder_path(), model, WIDTH, &s->cache, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK_THAT(status == MLSEL_OK || refused || s->is_damaged, "%s", err.message);
    FUZZ_CHECK((status == MLSEL_OK) == (s->cache != NULL));
    find_file(s);
    if (status == MLSEL_OK)
        FUZZ_CHECK(mlsel_i_cache_find_width(fuzz_folder_path(), model) == WIDTH);
}

static void get(const state *s, size_t text) {
    float got[WIDTH], expected[WIDTH];
    mlsel_error err;
    value_of(text, expected);
    const mlsel_status status = mlsel_cache_get(s->cache, texts[text], strlen(texts[text]), got, WIDTH, &err);
    FUZZ_CHECK(status == MLSEL_OK || status == MLSEL_ERROR_NOT_FOUND);
    FUZZ_CHECK(status != MLSEL_OK || memcmp(got, expected, sizeof got) == 0);
    FUZZ_CHECK(s->is_damaged || (status == MLSEL_OK) == s->is_there[text]);
}

static void put(state *s, size_t text, struct fuzz_input *in) {
    float values[WIDTH];
    bool added = false;
    mlsel_error err;
    value_of(text, values);
    fuzz_fail_begin(in);
    const mlsel_status status =
        mlsel_i_cache_put(s->cache, texts[text], strlen(texts[text]), values, WIDTH, &added, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK_THAT(status == MLSEL_OK || refused || s->is_damaged, "%s", err.message);
    FUZZ_CHECK(s->is_damaged || status != MLSEL_OK || added == !s->is_there[text]);
    if (status == MLSEL_OK) {
        s->is_there[text] = true;
        if (added)
            get(s, text);
    }
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

static void damage(state *s, uint32_t how, struct fuzz_input *in) {
    size_t size;
    char *const data = s->path[0] != '\0' ? fuzz_read(s->path, &size) : NULL;
    if (data == NULL)
        return;
    const size_t at = fuzz_u16(in) % (size + 1);
    FILE *const file = fopen(s->path, "r+b");
    FUZZ_CHECK(file != NULL);
    if (how == 0 && at < size) { /* a byte */
        (void)fseek(file, (long)at, SEEK_SET);
        (void)fputc(data[at] ^ (int)(1 + fuzz_below(in, 255)), file);
    } else if (how == 1) { /* an end that is missing */
        FUZZ_CHECK(ftruncate(fileno(file), (off_t)at) == 0);
    } else { /* more at the end */
        size_t more;
        const uint8_t *const bytes = fuzz_bytes(in, 1 + fuzz_u8(in), &more);
        (void)fseek(file, 0, SEEK_END);
        (void)fwrite(bytes, 1, more, file);
    }
    (void)fclose(file);
    free(data);
    s->is_damaged = true;
}

/* A file that cannot be used is removed, as messages advise. */
static void start_again(state *s) {
    mlsel_cache_close(s->cache);
    *s = (state){0};
    fuzz_folder_clear();
}

static void step(state *s, struct fuzz_input *in) {
    const uint32_t what = fuzz_below(in, 8);
    if (what < 3 && s->cache != NULL)
        put(s, fuzz_below(in, TEXTS), in);
    else if (what < 5 && s->cache != NULL)
        get(s, fuzz_below(in, TEXTS));
    else if (what == 7)
        damage(s, fuzz_below(in, 3), in);
    else if (what == 6 && s->cache == NULL && s->is_damaged)
        start_again(s);
    else
        reopen(s, in);
    FUZZ_CHECK(mlsel_cache_count(s->cache) <= TEXTS || s->is_damaged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = fuzz_input(data, size);
    state s = {0};
    for (int i = 0; i < MAX_STEPS && in.at < in.end; i++)
        step(&s, &in);
    start_again(&s);
    return 0;
}
