/* SPDX-License-Identifier: Apache-2.0 */
#include "tradeoff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ns_per_second = 1e9;
static const char prefer_hint[] = "as in `--prefer quality=0.7,latency=0.2,cost=0.1`; what is left out weighs nothing";

static bool usage(const args *a, const char *hint) {
    tool_hint("%s", hint);
    args_help_hint(a->command, NULL);
    return false;
}

/* A finite number of at least 0 that ends the text, or one of its parts. */
static bool read_number(const char *text, const char *end, double *out) {
    char *stop = NULL;
    *out = strtod(text, &stop);
    return stop == end && stop != text && *out >= 0 && isfinite(*out);
}

static bool set_weights(tradeoff_options *t, const args *a, const char *value) {
    const struct {
        const char *name;
        double *weight;
    } known[] = {{"quality", &t->tradeoff.quality_weight},
                 {"latency", &t->tradeoff.latency_weight},
                 {"cost", &t->tradeoff.cost_weight}};
    for (const char *part = value;;) {
        const size_t length = strcspn(part, ","), name = strcspn(part, "=");
        size_t i = 0;
        while (i < TOOL_ARRAY_LENGTH(known) &&
               (strlen(known[i].name) != name || memcmp(known[i].name, part, name) != 0))
            i++;
        if (name >= length || i == TOOL_ARRAY_LENGTH(known) ||
            !read_number(part + name + 1, part + length, known[i].weight)) {
            tool_error("--prefer cannot be \"%s\": it takes a weight of at least 0 for quality, latency or cost each",
                       value);
            return usage(a, prefer_hint);
        }
        if (part[length] == '\0')
            break;
        part += length + 1;
    }
    if (t->tradeoff.quality_weight + t->tradeoff.latency_weight + t->tradeoff.cost_weight > 0)
        return true;
    tool_error("--prefer cannot be \"%s\": one of the weights must be above 0", value);
    return usage(a, prefer_hint);
}

static bool add_price(tradeoff_options *t, const args *a, const char *value) {
    const char *equals = strrchr(value, '=');
    double cost = 0;
    if (equals == NULL || equals == value || !read_number(equals + 1, value + strlen(value), &cost)) {
        tool_error("--cost takes MODEL=COST with a cost of at least 0, not \"%s\"", value);
        return usage(a, "as in `--cost mistral-7b=0.2 --cost llama-3.2-1b=0.04`, all in one unit");
    }
    t->prices = tool_resize(t->prices, t->n_prices + 1, sizeof *t->prices);
    t->prices[t->n_prices++] = (mlsel_price){tool_copy(value, (size_t)(equals - value)), cost};
    return true;
}

bool tradeoff_option(tradeoff_options *t, const args *a, int option, const char *value) {
    mlsel_tradeoff *own = &t->tradeoff;
    double seconds;
    if (own->struct_size == 0)
        mlsel_tradeoff_init(own, sizeof *own);
    t->given = t->given || option == TRADEOFF_PREFER || option == TRADEOFF_TOLERANCE;
    switch (option) {
    case TRADEOFF_PREFER:
        return set_weights(t, a, value);
    case TRADEOFF_TOLERANCE:
        own->flags |= MLSEL_TRADEOFF_TOLERANCE;
        return args_real(a, "--tolerance", value, 0, 1, "a number from 0 to 1", &own->tolerance);
    case TRADEOFF_COST:
        return add_price(t, a, value);
    case TRADEOFF_LATENCY_SCALE:
        if (!args_real(a, "--latency-scale", value, ARGS_ABOVE_0, 1e9, "seconds above 0", &seconds))
            return false;
        own->latency_scale_ns = seconds * ns_per_second;
        return true;
    default:
        return args_real(a, "--cost-scale", value, ARGS_ABOVE_0, DBL_MAX, "a cost above 0", &own->cost_scale);
    }
}

bool tradeoff_check(const tradeoff_options *t, const args *a) {
    const bool scales = t->tradeoff.latency_scale_ns > 0 || t->tradeoff.cost_scale > 0;
    if (!t->given && (t->n_prices > 0 || scales)) {
        tool_error("%s has no effect alone", t->n_prices > 0 ? "--cost" : "a scale");
        return usage(a, "add --prefer with the weights, or --tolerance for the cheapest of the best");
    }
    if (t->tradeoff.cost_weight > 0 && t->n_prices == 0) {
        tool_error("--prefer weighs the cost, but there are no costs");
        return usage(a, "name them with --cost, as in `--cost mistral-7b=0.2`");
    }
    return true;
}

double tradeoff_price(const tradeoff_options *t, const char *name) {
    for (size_t i = 0; i < t->n_prices; i++)
        if (strcmp(t->prices[i].model, name) == 0)
            return t->prices[i].cost;
    return NAN;
}

void tradeoff_free(tradeoff_options *t) {
    for (size_t i = 0; i < t->n_prices; i++)
        free((char *)t->prices[i].model);
    free(t->prices);
}
