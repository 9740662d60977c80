/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char SIGNALS_HINT[] =
    "signals are {\"TYPE\": \"NAME\"} or {\"TYPE\": [\"NAME\", ...]}, as in {\"keyword\": [\"urgent\"], "
    "\"language\": \"de\"}";

/* --- lists ------------------------------------------------------------------------------------------------------- */

static void push_name(name_list *list, const char *name) {
    if (list->names == NULL || list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 8;
        list->names = tool_resize(list->names, list->capacity, sizeof *list->names);
    }
    list->names[list->count++] = name;
}

static void push_signal(mlsel_signal **signals, size_t *count, size_t *capacity, const char *type, const char *name) {
    if (*count == *capacity) {
        *capacity = *capacity > 0 ? 2 * *capacity : 8;
        *signals = tool_resize(*signals, *capacity, sizeof **signals);
    }
    (*signals)[(*count)++] = (mlsel_signal){type, name};
}

/* --- options ----------------------------------------------------------------------------------------------------- */

static const char *own(request_base *base, const char *text, size_t size) {
    char *copy = tool_copy(text, size);
    push_name(&base->owned, copy);
    return copy;
}

bool request_add_signal(request_base *base, const args *a, const char *value) {
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals[1] == '\0') {
        tool_error("--signal takes TYPE=NAME, not \"%s\"", value);
        tool_hint("as in `--signal keyword=urgent`; --category gives the domain");
        args_help_hint(a->command, NULL);
        return false;
    }
    push_signal(&base->signals, &base->signal_count, &base->signal_capacity, own(base, value, (size_t)(equals - value)),
                equals + 1);
    return true;
}

void request_add_names(request_base *base, name_list *list, const char *value) {
    for (;;) {
        size_t size = strcspn(value, ",");
        if (size > 0)
            push_name(list, own(base, value, size));
        if (value[size] == '\0')
            return;
        value += size + 1;
    }
}

static void free_list(name_list *list) {
    free(list->names);
    *list = (name_list){0};
}

void request_base_free(request_base *base) {
    for (size_t i = 0; i < base->owned.count; ++i)
        free((char *)base->owned.names[i]);
    free_list(&base->owned);
    free_list(&base->unavailable);
    free_list(&base->allowed);
    free(base->signals);
    tradeoff_free(&base->tradeoff);
}

/* --- members of a request ---------------------------------------------------------------------------------------- */

static bool fail(failure *problem, const char *hint, const char *member, const char *message) {
    failure_set(problem, EXIT_BAD_INPUT, "\"%s\" %s", member, message);
    failure_hint(problem, "%s", hint);
    return false;
}

static bool read_signals(const cJSON *item, request *out, failure *problem) {
    const cJSON *of_type, *name;
    if (item == NULL || cJSON_IsNull(item))
        return true;
    if (!cJSON_IsObject(item))
        return fail(problem, SIGNALS_HINT, "signals", "is not an object");
    cJSON_ArrayForEach (of_type, item) {
        if (cJSON_IsString(of_type)) {
            push_signal(&out->signals, &out->given.n_signals, &out->signal_capacity, of_type->string,
                        of_type->valuestring);
            continue;
        }
        if (!cJSON_IsArray(of_type))
            return fail(problem, SIGNALS_HINT, "signals", "has a value that is neither a name nor a list of names");
        cJSON_ArrayForEach (name, of_type) {
            if (!cJSON_IsString(name))
                return fail(problem, SIGNALS_HINT, "signals", "has a name that is not a string");
            push_signal(&out->signals, &out->given.n_signals, &out->signal_capacity, of_type->string,
                        name->valuestring);
        }
    }
    return true;
}

static bool read_names(const cJSON *item, const char *member, name_list *list, failure *problem) {
    const cJSON *name;
    if (item == NULL || cJSON_IsNull(item))
        return true;
    if (!cJSON_IsArray(item))
        return fail(problem, "models are named in a list, as in [\"mistral-7b\"]", member, "is not an array of names");
    cJSON_ArrayForEach (name, item) {
        if (!cJSON_IsString(name))
            return fail(problem, "models are named in a list, as in [\"mistral-7b\"]", member,
                        "has an element that is not a name");
        push_name(list, name->valuestring);
    }
    return true;
}

/* A slip in one of these would change the answer in silence; whatever else there is belongs to the data. */
static bool check_members(const cJSON *members, failure *problem) {
    static const char *const known[] = {"category", "signals", "unavailable",    "allowed",
                                        "tradeoff", "prices",  "min_probability"};
    const cJSON *item;
    cJSON_ArrayForEach (item, members) {
        const char *meant = tool_did_you_mean(item->string, known, TOOL_ARRAY_LENGTH(known));
        if (meant == NULL || strcmp(meant, item->string) == 0)
            continue;
        failure_set(problem, EXIT_BAD_INPUT, "\"%s\" is no member of a request", item->string);
        failure_hint(problem, "did you mean \"%s\"?", meant);
        return false;
    }
    return true;
}

static const char TRADEOFF_HINT[] =
    "a trade-off is {\"quality\": 0.7, \"latency\": 0.2, \"cost\": 0.1, \"tolerance\": 0.05}, whichever are wanted; "
    "\"latency_scale\" is in seconds, \"cost_scale\" in the unit of the \"prices\"";

/* The library checks the numbers themselves. */
static bool read_tradeoff(const cJSON *item, request *out, failure *problem) {
    static const double ns_per_second = 1e9;
    mlsel_tradeoff *t = &out->tradeoff;
    const struct {
        const char *name;
        double *value;
    } known[] = {{"quality", &t->quality_weight}, {"latency", &t->latency_weight},
                 {"cost", &t->cost_weight},       {"latency_scale", &t->latency_scale_ns},
                 {"cost_scale", &t->cost_scale},  {"tolerance", &t->tolerance}};
    const cJSON *member;
    if (item == NULL || cJSON_IsNull(item))
        return true;
    if (!cJSON_IsObject(item))
        return fail(problem, TRADEOFF_HINT, "tradeoff", "is not an object");
    mlsel_tradeoff_init(t, sizeof *t);
    cJSON_ArrayForEach (member, item) {
        size_t i = 0;
        while (i < TOOL_ARRAY_LENGTH(known) && strcmp(known[i].name, member->string) != 0)
            i++;
        if (i == TOOL_ARRAY_LENGTH(known))
            return fail(problem, TRADEOFF_HINT, member->string, "is no part of a trade-off");
        if (!cJSON_IsNumber(member))
            return fail(problem, TRADEOFF_HINT, member->string, "is not a number");
        *known[i].value = member->valuedouble;
    }
    t->latency_scale_ns *= ns_per_second;
    if (cJSON_GetObjectItemCaseSensitive(item, "tolerance") != NULL)
        t->flags |= MLSEL_TRADEOFF_TOLERANCE;
    out->given.tradeoff = t;
    return true;
}

/* The request's own prices, then those of the options: the first of a name counts. */
static bool read_prices(const cJSON *item, const tradeoff_options *base, request *out, failure *problem) {
    static const char hint[] = "prices are {\"MODEL\": COST, ...}, as in {\"mistral-7b\": 0.2}";
    const cJSON *price;
    size_t n = 0;
    if (item != NULL && !cJSON_IsNull(item) && !cJSON_IsObject(item))
        return fail(problem, hint, "prices", "is not an object");
    const size_t n_own = item == NULL ? 0 : (size_t)cJSON_GetArraySize(item);
    if (n_own + base->n_prices == 0)
        return true;
    out->prices = tool_resize(out->prices, n_own + base->n_prices, sizeof *out->prices);
    cJSON_ArrayForEach (price, item) {
        if (!cJSON_IsNumber(price))
            return fail(problem, hint, price->string, "has a price that is not a number");
        out->prices[n++] = (mlsel_price){price->string, price->valuedouble};
    }
    for (size_t i = 0; i < base->n_prices; ++i)
        out->prices[n++] = base->prices[i];
    out->given.prices = out->prices;
    out->given.n_prices = n;
    return true;
}

static bool read_preferences(const cJSON *members, const tradeoff_options *base, request *out, failure *problem) {
    const cJSON *floor = cJSON_GetObjectItemCaseSensitive(members, "min_probability");
    if (floor != NULL && !cJSON_IsNull(floor) && !cJSON_IsNumber(floor))
        return fail(problem, "it is a number from 0 to 1", "min_probability", "is not a number");
    if (floor != NULL && cJSON_IsNumber(floor))
        out->given.min_probability = floor->valuedouble;
    return read_tradeoff(cJSON_GetObjectItemCaseSensitive(members, "tradeoff"), out, problem) &&
           read_prices(cJSON_GetObjectItemCaseSensitive(members, "prices"), base, out, problem);
}

static bool read_members(const cJSON *members, request *out, bool *is_limited, failure *problem) {
    const cJSON *allowed = cJSON_GetObjectItemCaseSensitive(members, "allowed");
    *is_limited = *is_limited || cJSON_IsArray(allowed);
    return check_members(members, problem) &&
           read_signals(cJSON_GetObjectItemCaseSensitive(members, "signals"), out, problem) &&
           read_names(cJSON_GetObjectItemCaseSensitive(members, "unavailable"), "unavailable", &out->unavailable,
                      problem) &&
           read_names(allowed, "allowed", &out->allowed, problem);
}

bool request_make(request *out, const request_base *base, const chunk *c, const query *q, failure *problem) {
    bool is_limited = base->allowed.count > 0;
    mlsel_request_init(&out->given, sizeof out->given);
    out->unavailable.count = out->allowed.count = 0;
    for (size_t i = 0; i < base->signal_count; ++i)
        push_signal(&out->signals, &out->given.n_signals, &out->signal_capacity, base->signals[i].type,
                    base->signals[i].name);
    for (size_t i = 0; i < base->unavailable.count; ++i)
        push_name(&out->unavailable, base->unavailable.names[i]);
    out->given.tradeoff = base->tradeoff.given ? &base->tradeoff.tradeoff : NULL;
    if (q->members != NULL && !read_members(q->members, out, &is_limited, problem))
        return false;
    if (!read_preferences(q->members, &base->tradeoff, out, problem))
        return false;
    for (size_t i = 0; i < base->allowed.count; ++i)
        push_name(&out->allowed, base->allowed.names[i]);
    if (is_limited && out->allowed.names == NULL) { /* an empty list allows none, no list all */
        push_name(&out->allowed, "");
        out->allowed.count = 0;
    }
    if (q->count > 0) {
        out->given.embedding_f64 = c->values + q->offset;
        out->given.n_embedding = q->count;
    }
    out->given.category = q->category != NULL ? q->category : base->category;
    out->given.signals = out->signals;
    out->given.unavailable = out->unavailable.names;
    out->given.n_unavailable = out->unavailable.count;
    out->given.allowed = is_limited ? out->allowed.names : NULL;
    out->given.n_allowed = out->allowed.count;
    return true;
}

void request_free(request *r) {
    free(r->signals);
    free(r->prices);
    free_list(&r->unavailable);
    free_list(&r->allowed);
}
