/* SPDX-License-Identifier: Apache-2.0 */
#include "json_members.h"

static const char *skip_blanks(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* Behind the string whose opening quote is at `at`. */
static const char *skip_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

static const char *skip_value(const char *at, const char *end) {
    const char *const start = at;
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == '}'))
            break;
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    }
    while (at > start && (at[-1] == ' ' || at[-1] == '\t' || at[-1] == '\n' || at[-1] == '\r'))
        at--;
    return at;
}

bool mlsel_i_members_next(const char *object, size_t size, const char **at, json_member *member) {
    const char *const end = object + size;
    const char *here = skip_blanks(*at == NULL ? object : *at, end);
    if (here < end && (*here == '{' || *here == ','))
        here = skip_blanks(here + 1, end);
    if (here >= end || *here != '"')
        return false;
    member->text = here;
    member->key = here + 1;
    here = skip_string(here, end);
    member->key_size = (size_t)(here - 1 - member->key);
    here = skip_blanks(here, end);
    if (here < end) /* the colon */
        here = skip_blanks(here + 1, end);
    member->value = here;
    here = skip_value(here, end);
    member->value_size = (size_t)(here - member->value);
    member->size = (size_t)(here - member->text);
    *at = here;
    return true;
}
