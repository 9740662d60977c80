/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "json_out.h"
#include "text.h"
#include "tool.h"

const char cmd_devices_help[] = "Usage: mlsel devices [--json] [DEVICE...]\n"
                                "\n"
                                "Says which devices can score here, and of the others why not. DEVICE is cpu,\n"
                                "cuda, cuda:N, metal or auto, the best there is. With devices named, the exit\n"
                                "code is 4 if one of them cannot be used.\n"
                                "\n"
                                "Options:\n"
                                "  --json      one JSON object per device and line\n"
                                "  -h, --help  this text\n"
                                "\n"
                                "Examples:\n"
                                "  mlsel devices\n"
                                "  mlsel devices --json\n"
                                "  mlsel devices auto\n";

enum { NAME_WIDTH = 8 };

static const char *precision_list(uint32_t bits, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (mlsel_precision p = MLSEL_PRECISION_F32; p <= MLSEL_PRECISION_INT8; ++p)
        if ((bits >> p & 1u) != 0 && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", mlsel_precision_name(p));
    return out;
}

static void print_available(const char *device, const mlsel_device_info *info, bool colour) {
    char list[64], memory[TEXT_NUMBER];
    char *description = text_cleaned(info->description);
    printf("%-*s  %savailable%s      %s", NAME_WIDTH, device, tool_style(colour, STYLE_GOOD), tool_style_end(colour),
           description);
    if (strcmp(device, info->name) != 0)
        printf(" (%s)", info->name);
    if (info->isa[0] != '\0')
        printf(", %s kernels", info->isa);
    if (info->memory_bytes > 0)
        printf(", %s", text_bytes(memory, info->memory_bytes));
    printf(", %s\n", precision_list(info->precisions, list, sizeof list));
    free(description);
}

static void print_missing(const char *device, const mlsel_error *err, bool colour) {
    char reason[sizeof err->message];
    text_clean(reason, sizeof reason, err->message);
    printf("%-*s  %snot available%s  %s\n", NAME_WIDTH, device, tool_style(colour, STYLE_DIM), tool_style_end(colour),
           reason);
}

static void print_json(const char *device, const mlsel_device_info *info, const mlsel_error *err) {
    json_out j = {0};
    json_open(&j, '{');
    json_key(&j, "device");
    json_string(&j, device);
    json_key(&j, "available");
    json_bool(&j, info != NULL);
    if (info == NULL) {
        json_key(&j, "reason");
        json_string(&j, err->message);
    } else {
        json_key(&j, "name");
        json_string(&j, info->name);
        json_key(&j, "description");
        json_string(&j, info->description);
        json_key(&j, "isa");
        json_string(&j, info->isa[0] != '\0' ? info->isa : NULL);
        json_key(&j, "memory_bytes");
        json_unsigned(&j, info->memory_bytes);
        json_key(&j, "precisions");
        json_open(&j, '[');
        for (mlsel_precision p = MLSEL_PRECISION_F32; p <= MLSEL_PRECISION_INT8; ++p)
            if ((info->precisions >> p & 1u) != 0)
                json_string(&j, mlsel_precision_name(p));
        json_close(&j, ']');
    }
    json_close(&j, '}');
    json_end_line(&j);
}

/* Reports one device; `code` becomes that of the first failure. A string that names no device is a usage error. */
static mlsel_status report(const char *device, bool json, bool colour, int *code) {
    mlsel_device_info info = {0};
    mlsel_error err;
    mlsel_status status = mlsel_device_query(device, &info, sizeof info, &err);
    if (status != MLSEL_OK && *code == EXIT_ANSWER)
        *code = tool_exit_code(status);
    if (status != MLSEL_OK && status != MLSEL_ERROR_DEVICE)
        tool_error("%s", err.message);
    else if (json)
        print_json(device, status == MLSEL_OK ? &info : NULL, &err);
    else if (status == MLSEL_OK)
        print_available(device, &info, colour);
    else
        print_missing(device, &err, colour);
    return status;
}

/* Every kind of device, and each of several GPUs. What is missing is an answer here, not a failure. */
static int report_all(bool json, bool colour) {
    static const char *const devices[] = {"cpu", "cuda", "metal", "auto"};
    int code = EXIT_ANSWER;
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(devices); ++i) {
        mlsel_status status = report(devices[i], json, colour, &code);
        for (unsigned n = 1; status == MLSEL_OK && strcmp(devices[i], "cuda") == 0; ++n) {
            mlsel_device_info info = {0};
            char name[16];
            snprintf(name, sizeof name, "cuda:%u", n);
            if (mlsel_device_query(name, &info, sizeof info, NULL) != MLSEL_OK)
                break;
            report(name, json, colour, &code);
        }
    }
    return code == EXIT_NO_DEVICE ? EXIT_ANSWER : code;
}

int cmd_devices(char **arguments) {
    enum { HELP = 1, JSON };
    static const args_option options[] = {{"--help", HELP, false}, {"--json", JSON, false}};
    args a = {.command = "devices", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    const char *value;
    size_t count = 0;
    bool json = false, colour = tool_colour(STDOUT_FILENO);
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == ARGS_BAD)
            return EXIT_USAGE;
        if (id == HELP) {
            fputs(cmd_devices_help, stdout);
            return EXIT_ANSWER;
        }
        json = json || id == JSON;
        if (id == ARGS_OPERAND)
            arguments[count++] = a.rest[-1];
    }
    if (count == 0)
        return report_all(json, colour);
    int code = EXIT_ANSWER;
    for (size_t i = 0; i < count; ++i)
        report(arguments[i], json, colour, &code);
    return code;
}
