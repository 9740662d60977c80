/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { MAX_NAMES = 64 };

void args_help_hint(const char *command, const char *likely) {
    const char *blank = command != NULL ? " " : "";
    if (command == NULL)
        command = "";
    if (likely != NULL)
        tool_hint("did you mean %s? `mlsel %s%s--help` lists what there is", likely, command, blank);
    else
        tool_hint("`mlsel %s%s--help` shows how it is used", command, blank);
}

static int unknown_option(const args *a, const char *given, size_t length) {
    const char *names[MAX_NAMES];
    size_t count = a->option_count < MAX_NAMES ? a->option_count : MAX_NAMES;
    char *name = tool_copy(given, length);
    for (size_t i = 0; i < count; ++i)
        names[i] = a->options[i].name;
    const char *likely = tool_did_you_mean(name, names, count);
    tool_error("unknown option \"%s\"", name);
    args_help_hint(a->command, likely);
    free(name);
    return ARGS_BAD;
}

static int option_value(args *a, const args_option *option, const char *equals, const char **value) {
    if (!option->has_value) {
        if (equals == NULL)
            return option->id;
        tool_error("%s takes no value", option->name);
        args_help_hint(a->command, NULL);
        return ARGS_BAD;
    }
    *value = equals != NULL ? equals + 1 : *a->rest;
    if (*value == NULL) {
        tool_error("%s needs a value", option->name);
        args_help_hint(a->command, NULL);
        return ARGS_BAD;
    }
    if (equals == NULL)
        ++a->rest;
    return option->id;
}

int args_next(args *a, const char **value) {
    const char *arg = *a->rest;
    *value = arg;
    if (arg == NULL)
        return ARGS_END;
    ++a->rest;
    if (a->operands_only || arg[0] != '-' || arg[1] == '\0')
        return ARGS_OPERAND;
    if (strcmp(arg, "--") == 0) {
        a->operands_only = true;
        return args_next(a, value);
    }
    if (strcmp(arg, "-h") == 0)
        arg = "--help";
    const char *equals = strchr(arg, '=');
    size_t length = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
    for (size_t i = 0; i < a->option_count; ++i) {
        const args_option *option = &a->options[i];
        if (strlen(option->name) == length && memcmp(option->name, arg, length) == 0)
            return option_value(a, option, equals, value);
    }
    return unknown_option(a, arg, length);
}

int args_choice(const args *a, const char *option, const char *value, const char *const *names, size_t count) {
    char list[256] = "";
    for (size_t i = 0; i < count; ++i)
        if (strcmp(names[i], value) == 0)
            return (int)i;
    for (size_t i = 0; i < count; ++i) {
        size_t used = strlen(list);
        const char *joint = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        snprintf(list + used, sizeof list - used, "%s%s", joint, names[i]);
    }
    tool_error("%s cannot be \"%s\": it takes %s", option, value, list);
    args_help_hint(a->command, tool_did_you_mean(value, names, count));
    return -1;
}

static bool read_whole(const args *a, const char *option, const char *value, uint64_t min, uint64_t max,
                       uint64_t *out) {
    char *end = NULL;
    errno = 0;
    const unsigned long long number = strtoull(value, &end, 10);
    const bool digits_only = value[0] >= '0' && value[0] <= '9' && *end == '\0';
    if (digits_only && errno == 0 && number >= min && number <= max) {
        *out = number;
        return true;
    }
    if (digits_only && number >= min)
        tool_error("%s cannot be %s: the largest possible is %" PRIu64, option, value, max);
    else
        tool_error("%s cannot be \"%s\": it takes a whole number, at least %" PRIu64, option, value, min);
    args_help_hint(a->command, NULL);
    return false;
}

uint64_t args_count(const args *a, const char *option, const char *value, uint64_t max) {
    uint64_t number = 0;
    return read_whole(a, option, value, 1, max, &number) ? number : 0;
}

bool args_whole(const args *a, const char *option, const char *value, uint64_t max, uint64_t *out) {
    return read_whole(a, option, value, 0, max, out);
}

bool args_real(const args *a, const char *option, const char *value, double min, double max, const char *expected,
               double *out) {
    char *end = NULL;
    const double number = strtod(value, &end);
    if (end != value && *end == '\0' && number >= min && number <= max) {
        *out = number;
        return true;
    }
    tool_error("%s cannot be \"%s\": it takes %s", option, value, expected);
    args_help_hint(a->command, NULL);
    return false;
}
