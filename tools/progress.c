/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "text.h"

static const double FIRST_SHOWN_AFTER = 2.0;
static const double SHOWN_EVERY = 0.2;

static double now_seconds(void) {
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool shows_on_terminal(void) {
    const char *term = getenv("TERM");
    return term != NULL && strcmp(term, "dumb") != 0 && isatty(STDERR_FILENO) == 1;
}

void progress_start(progress *p) {
    *p = (progress){.enabled = shows_on_terminal() && isatty(STDOUT_FILENO) != 1};
    p->started = p->updated = now_seconds();
}

void progress_start_stages(progress *p) {
    *p = (progress){.enabled = shows_on_terminal()};
    p->started = p->updated = now_seconds();
}

/* Whether it is time for another line; `elapsed` since the start. */
static bool is_due(progress *p, double *elapsed) {
    if (!p->enabled)
        return false;
    double now = now_seconds();
    *elapsed = now - p->started;
    if (*elapsed < FIRST_SHOWN_AFTER || now - p->updated < SHOWN_EVERY)
        return false;
    p->updated = now;
    p->shown = true;
    return true;
}

static void print_left(double seconds) {
    uint64_t left = (uint64_t)(seconds + 0.5);
    fprintf(stderr, ", %llu:%02llu left", (unsigned long long)(left / 60), (unsigned long long)(left % 60));
}

void progress_stage(progress *p, const char *stage, double fraction) {
    enum { STAGE_WIDTH = 56 };
    double elapsed;
    if (!is_due(p, &elapsed))
        return;
    char *text = text_shortened(stage, STAGE_WIDTH);
    fprintf(stderr, "\r\033[K%s", text);
    free(text);
    if (fraction > 0 && fraction <= 1) {
        fprintf(stderr, ", %.0f %%", 100 * fraction);
        print_left(elapsed * (1 - fraction) / fraction);
    }
    fflush(stderr);
}

int32_t progress_evaluation(const mlsel_train_progress *now, void *user) {
    progress_stage(user, now->stage, now->fraction);
    return interrupt_came();
}

void progress_update(progress *p, uint64_t queries, uint64_t bytes, uint64_t total_bytes) {
    char count[TEXT_NUMBER], rate[TEXT_NUMBER];
    double elapsed;
    if (!is_due(p, &elapsed))
        return;
    fprintf(stderr, "\r\033[K%s queries", text_count(count, queries));
    if (total_bytes > 0) {
        char done[TEXT_NUMBER], total[TEXT_NUMBER];
        fprintf(stderr, ", %s of %s (%.0f %%)", text_bytes(done, bytes), text_bytes(total, total_bytes),
                100.0 * (double)bytes / (double)total_bytes);
    }
    fprintf(stderr, ", %s/s", text_count(rate, (uint64_t)((double)queries / elapsed)));
    if (total_bytes > bytes && bytes > 0)
        print_left(elapsed * (double)(total_bytes - bytes) / (double)bytes);
    fflush(stderr);
}

void progress_clear(progress *p) {
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
