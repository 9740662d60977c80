/* SPDX-License-Identifier: Apache-2.0 */
#include "prometheus.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the format -------------------------------------------------------------------------------------------------- */

static void print_family(FILE *out, const char *name, const char *type, const char *help) {
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and newline are escaped, everything else is as it is. */
static void print_label(FILE *out, const char *name, const char *value) {
    fprintf(out, "%s=\"", name);
    for (; *value != '\0'; ++value) {
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
    fputc('"', out);
}

static void print_plain(FILE *out, const char *name, const char *type, const char *help, uint64_t value) {
    print_family(out, name, type, help);
    fprintf(out, "%s %" PRIu64 "\n", name, value);
}

/* --- decisions --------------------------------------------------------------------------------------------------- */

typedef struct decisions {
    mlsel_decision_metrics *metrics;
    uint32_t count;
} decisions;

/* Reads all decisions of one generation; begins again if a reload comes between. */
static decisions read_decisions(const mlsel_router *router) {
    decisions d = {0};
    mlsel_router_info info;
    while (mlsel_router_get_info(router, &info, sizeof info, NULL) == MLSEL_OK) {
        bool same = true;
        d.metrics = tool_resize(d.metrics, info.n_decisions, sizeof *d.metrics);
        for (d.count = 0; d.count < info.n_decisions && same; d.count += same) {
            mlsel_decision_metrics *m = &d.metrics[d.count];
            same = mlsel_router_get_decision_metrics(router, d.count, m, sizeof *m, NULL) == MLSEL_OK &&
                   m->generation == info.generation;
        }
        if (same)
            break;
    }
    return d;
}

static const struct counter {
    const char *name;
    const char *label; /* a second label with its value, or NULL */
    const char *help;  /* NULL: of the family before */
    size_t offset;
} counters[] = {
    {"mlsel_decision_requests_total", NULL, "Requests that a decision was asked for.",
     offsetof(mlsel_decision_metrics, requests)},
    {"mlsel_decision_errors_total", NULL, "Requests that a decision could not answer.",
     offsetof(mlsel_decision_metrics, errors)},
    {"mlsel_decision_scored_total", NULL, "Requests answered by the choice of a decision's selector.",
     offsetof(mlsel_decision_metrics, scored)},
    {"mlsel_decision_fallbacks_total", "selector_failed", "Requests answered without the selector's choice, by reason.",
     offsetof(mlsel_decision_metrics, selector_failed)},
    {"mlsel_decision_fallbacks_total", "unknown_models", NULL, offsetof(mlsel_decision_metrics, unknown_models)},
    {"mlsel_decision_fallbacks_total", "low_confidence", NULL, offsetof(mlsel_decision_metrics, low_confidence)},
    {"mlsel_decision_category_fallbacks_total", NULL, "Requests whose category counted as other.",
     offsetof(mlsel_decision_metrics, category_fell_back)},
};

static void print_counters(FILE *out, const decisions *d, size_t first, size_t count) {
    for (uint32_t i = 0; i < d->count; ++i)
        for (size_t c = first; c < first + count; ++c) {
            uint64_t value;
            memcpy(&value, (const char *)&d->metrics[i] + counters[c].offset, sizeof value);
            fprintf(out, "%s{", counters[c].name);
            print_label(out, "decision", d->metrics[i].name);
            if (counters[c].label != NULL) {
                fputc(',', out);
                print_label(out, "reason", counters[c].label);
            }
            fprintf(out, "} %" PRIu64 "\n", value);
        }
}

static void print_histogram(FILE *out, const mlsel_decision_metrics *m) {
    static const char name[] = "mlsel_decision_duration_seconds";
    uint64_t total = 0;
    for (uint32_t b = 0; b < MLSEL_LATENCY_BUCKETS; ++b) {
        const double bound = mlsel_latency_bound(b);
        char text[32] = "+Inf";
        if (!isinf(bound))
            snprintf(text, sizeof text, "%g", bound);
        total += m->latency[b];
        fprintf(out, "%s_bucket{", name);
        print_label(out, "decision", m->name);
        fprintf(out, ",le=\"%s\"} %" PRIu64 "\n", text, total);
    }
    fprintf(out, "%s_sum{", name);
    print_label(out, "decision", m->name);
    fprintf(out, "} %.9f\n%s_count{", (double)m->latency_ns / 1e9, name);
    print_label(out, "decision", m->name);
    fprintf(out, "} %" PRIu64 "\n", total);
}

/* A name that is served twice by one decision has one count. */
static bool is_repeated(const mlsel_router *router, uint32_t decision, uint32_t index, const char *served) {
    mlsel_router_candidate other;
    for (uint32_t i = 0; i < index; ++i)
        if (mlsel_router_get_candidate(router, decision, i, &other, sizeof other, NULL) == MLSEL_OK &&
            other.served == served)
            return true;
    return false;
}

static void print_selections(FILE *out, const mlsel_router *router, const decisions *d) {
    static const char name[] = "mlsel_decision_selections_total";
    print_family(out, name, "counter", "How often a decision answered with a model.");
    for (uint32_t i = 0; i < d->count; ++i) {
        mlsel_router_candidate candidate;
        for (uint32_t c = 0; mlsel_router_get_candidate(router, i, c, &candidate, sizeof candidate, NULL) == MLSEL_OK &&
                             candidate.generation == d->metrics[i].generation;
             ++c) {
            uint64_t count = 0;
            if (is_repeated(router, i, c, candidate.served) ||
                mlsel_router_get_selections(router, i, c, &count, NULL) != MLSEL_OK)
                continue;
            fprintf(out, "%s{", name);
            print_label(out, "decision", d->metrics[i].name);
            fputc(',', out);
            print_label(out, "model", candidate.served);
            fprintf(out, "} %" PRIu64 "\n", count);
        }
    }
}

/* --- all --------------------------------------------------------------------------------------------------------- */

void prometheus_print(FILE *out, const mlsel_router *router) {
    mlsel_router_metrics all;
    if (mlsel_router_get_metrics(router, &all, sizeof all, NULL) != MLSEL_OK)
        return;
    const decisions d = read_decisions(router);
    print_plain(out, "mlsel_requests_total", "counter", "Requests routed, answered or not.", all.requests);
    print_plain(out, "mlsel_request_errors_total", "counter", "Requests without an answer.", all.errors);
    print_plain(out, "mlsel_requests_unmatched_total", "counter", "Requests that no decision matched and no default.",
                all.no_decision);
    print_plain(out, "mlsel_requests_default_total", "counter", "Requests answered by the default.", all.defaults);
    print_plain(out, "mlsel_config_generation", "gauge", "Number of the configuration in use.", all.generation);
    print_family(out, "mlsel_config_reloads_total", "counter", "Reloads of the configuration, by result.");
    fprintf(out, "mlsel_config_reloads_total{result=\"success\"} %" PRIu64 "\n", all.reloads);
    fprintf(out, "mlsel_config_reloads_total{result=\"failure\"} %" PRIu64 "\n", all.failed_reloads);
    for (size_t first = 0, next; first < TOOL_ARRAY_LENGTH(counters); first = next) {
        for (next = first + 1; next < TOOL_ARRAY_LENGTH(counters) && counters[next].help == NULL; ++next)
            ;
        print_family(out, counters[first].name, "counter", counters[first].help);
        print_counters(out, &d, first, next - first);
    }
    print_selections(out, router, &d);
    print_family(out, "mlsel_decision_duration_seconds", "histogram", "Time to route a request, by decision.");
    for (uint32_t i = 0; i < d.count; ++i)
        print_histogram(out, &d.metrics[i]);
    free(d.metrics);
}

bool prometheus_write(const char *path, const mlsel_router *router, failure *problem) {
    size_t size = strlen(path) + sizeof ".new";
    char *beside = tool_alloc(size, 1);
    snprintf(beside, size, "%s.new", path);
    FILE *file = fopen(beside, "w");
    bool ok = file != NULL;
    if (ok) {
        tool_unfinished(beside);
        prometheus_print(file, router);
        ok = ferror(file) == 0;
        ok = fclose(file) == 0 && ok;
        ok = ok && rename(beside, path) == 0;
    }
    if (!ok) {
        failure_set(problem, EXIT_BAD_INPUT, "cannot write %s: %s", path, strerror(errno));
        if (file != NULL)
            remove(beside);
    }
    tool_finished(beside);
    free(beside);
    return ok;
}
