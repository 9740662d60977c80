/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <cjson/cJSON.h>
#include <stdio.h>
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
    static const char *const known[] = {"category", "signals", "unavailable", "allowed"};
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
    if (q->members != NULL && !read_members(q->members, out, &is_limited, problem))
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
    free_list(&r->unavailable);
    free_list(&r->allowed);
}
