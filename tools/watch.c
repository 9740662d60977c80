/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "watch.h"

#include <inttypes.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "text.h"
#include "tool.h"

/* How often to look. A change is taken up when the files have been the same for two looks, so that one that is still
 * being written is not. */
enum { INTERVAL_NS = 100000000 };

/* What tells two states of a set of files apart. */
typedef struct fingerprint {
    uint64_t value;
} fingerprint;

static void mix(fingerprint *f, uint64_t n) { f->value = (f->value ^ n) * 1099511628211u; }

static void add_file(fingerprint *f, const char *path) {
    struct stat info;
    const bool there = stat(path, &info) == 0;
    mix(f, there);
    if (!there)
        return;
    mix(f, (uint64_t)info.st_ino);
    mix(f, (uint64_t)info.st_size);
    mix(f, (uint64_t)info.st_mtim.tv_sec);
    mix(f, (uint64_t)info.st_mtim.tv_nsec);
}

static fingerprint look(const watch *w) {
    fingerprint f = {14695981039346656037u};
    mlsel_router_info info;
    mlsel_router_decision decision;
    add_file(&f, w->config);
    if (mlsel_router_get_info(w->router, &info, sizeof info, NULL) != MLSEL_OK)
        return f;
    for (uint32_t i = 0; i < info.n_decisions; ++i)
        if (mlsel_router_get_decision(w->router, i, &decision, sizeof decision, NULL) == MLSEL_OK &&
            decision.artifact != NULL)
            add_file(&f, decision.artifact);
    return f;
}

static void reload(const watch *w) {
    mlsel_error err;
    mlsel_router_info info;
    if (mlsel_router_reload(w->router, NULL, &err) != MLSEL_OK) {
        tool_error("%s", err.message);
        tool_hint("the configuration from before stays in use");
        return;
    }
    if (mlsel_router_get_info(w->router, &info, sizeof info, NULL) == MLSEL_OK)
        tool_notice("%s: reloaded, generation %" PRIu64 ", %" PRIu32 " decisions", text_base_name(w->config),
                    info.generation, info.n_decisions);
}

static void *watch_files(void *opaque) {
    watch *w = opaque;
    const struct timespec interval = {.tv_nsec = INTERVAL_NS};
    fingerprint loaded = look(w), seen = loaded;
    while (!atomic_load(&w->stop)) {
        nanosleep(&interval, NULL);
        const fingerprint now = look(w);
        if (now.value == seen.value && now.value != loaded.value) {
            reload(w);
            loaded = seen = look(w); /* other artifacts may be watched from here on */
            continue;
        }
        seen = now;
    }
    return NULL;
}

bool watch_start(watch *w, mlsel_router *router, const char *config) {
    w->router = router;
    w->config = config;
    atomic_init(&w->stop, false);
    w->running = pthread_create(&w->thread, NULL, watch_files, w) == 0;
    return w->running;
}

void watch_stop(watch *w) {
    if (!w->running)
        return;
    atomic_store(&w->stop, true);
    pthread_join(w->thread, NULL);
    w->running = false;
}
