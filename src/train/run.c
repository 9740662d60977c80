/* SPDX-License-Identifier: Apache-2.0 */
/* A call in progress: reporting, cancelling, and the memory it uses. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "train.h"

double mlsel_i_now(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- places ------------------------------------------------------------------------------------------------------- */

run_place mlsel_i_run_place(const train_run *run) {
    run_place place = {.before = run->before, .share = run->share};
    memcpy(place.stage, run->stage, sizeof place.stage);
    return place;
}

void mlsel_i_run_return(train_run *run, const run_place *place) {
    memcpy(run->stage, place->stage, sizeof run->stage);
    run->before = place->before;
    run->share = place->share;
}

void mlsel_i_run_part(train_run *run, const run_place *whole, size_t part, size_t n, const char *format, ...) {
    mlsel_i_run_return(run, whole);
    run->before = whole->before + whole->share * (double)part / (double)n;
    run->share = whole->share / (double)n;
    if (format == NULL)
        return;
    const size_t kept = strnlen(run->stage, 60); /* of a long stage the beginning, so that something fits behind it */
    va_list args;
    va_start(args, format);
    (void)vsnprintf(run->stage + kept, sizeof run->stage - kept, format, args);
    va_end(args);
}

/* --- reporting ---------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_run_report(train_run *run, const char *stage, uint64_t done, uint64_t total, double loss,
                                double validation) {
    char text[2 * sizeof run->stage];
    if (run->progress == NULL)
        return MLSEL_OK;
    snprintf(text, sizeof text, "%s%s", run->stage, stage);
    const double part = total > 0 ? fmin((double)done / (double)total, 1) : (double)NAN;
    const double fraction = run->before + run->share * part;
    if (fraction > run->reached) /* which NaN is not */
        run->reached = fmin(fraction, 1);
    const mlsel_train_progress progress = {
        .struct_size = sizeof progress,
        .algorithm = run->algorithm,
        .stage = text,
        .done = done,
        .total = total,
        .fraction = isnan(fraction) ? fraction : run->reached,
        .loss = loss,
        .validation = validation,
    };
    if (run->progress(&progress, run->user) == 0)
        return MLSEL_OK;
    return mlsel_i_fail(run->err, MLSEL_ERROR_CANCELLED, "cancelled by the caller");
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* What a block of run memory starts with, in a cache line of its own so that the rest stays aligned. */
enum { HEAD = MLSEL_ALIGNMENT };

/* Rounded up, so that what is needed never looks like what is allowed. */
static uint64_t mebibytes_up(uint64_t a, uint64_t b) {
    const uint64_t sum = b > UINT64_MAX - a ? UINT64_MAX : a + b, rest = ((uint64_t)1 << 20) - 1;
    return (sum >> 20) + ((sum & rest) != 0);
}

bool mlsel_i_run_count(train_run *run, uint64_t bytes) {
    if (bytes > UINT64_MAX - run->bytes || (run->max_bytes > 0 && run->bytes + bytes > run->max_bytes)) {
        (void)mlsel_i_fail(
            run->err, MLSEL_ERROR_LIMIT, "training needs %llu MiB or more, and max_memory_bytes allows %llu MiB",
            (unsigned long long)mebibytes_up(run->bytes, bytes), (unsigned long long)(run->max_bytes >> 20));
        run->failed = MLSEL_ERROR_LIMIT;
        return false;
    }
    run->bytes += bytes;
    if (run->bytes > run->peak_bytes)
        run->peak_bytes = run->bytes;
    return true;
}

void mlsel_i_run_uncount(train_run *run, uint64_t bytes) { run->bytes -= bytes; }

static void *alloc(train_run *run, size_t count, size_t size, bool zeroed) {
    if (size > 0 && count > (SIZE_MAX - HEAD) / size) {
        run->failed = mlsel_i_no_memory(run->err);
        return NULL;
    }
    const uint64_t bytes = (uint64_t)count * size + HEAD;
    if (!mlsel_i_run_count(run, bytes))
        return NULL;
    unsigned char *block = zeroed ? mlsel_i_calloc(1, (size_t)bytes) : mlsel_i_alloc(1, (size_t)bytes);
    if (block == NULL) {
        mlsel_i_run_uncount(run, bytes);
        run->failed = mlsel_i_no_memory(run->err);
        return NULL;
    }
    memcpy(block, &bytes, sizeof bytes);
    return block + HEAD;
}

void *mlsel_i_run_alloc(train_run *run, size_t count, size_t size) { return alloc(run, count, size, false); }

void *mlsel_i_run_calloc(train_run *run, size_t count, size_t size) { return alloc(run, count, size, true); }

void mlsel_i_run_free(train_run *run, void *block) {
    if (block == NULL)
        return;
    unsigned char *head = (unsigned char *)block - HEAD;
    uint64_t bytes;
    memcpy(&bytes, head, sizeof bytes);
    mlsel_i_run_uncount(run, bytes);
    mlsel_i_free(head);
}

mlsel_status mlsel_i_run_status(const train_run *run) { return run->failed; }
