/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* getloadavg */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mlsel.h"

/* The first line of a file without its end, or "". */
static void read_line(const char *path, char *out, size_t size) {
    out[0] = '\0';
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    if (fgets(out, (int)size, file) == NULL)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

/* What follows "key" and a colon in a file of such lines, or "". */
static void read_value(const char *path, const char *key, char *out, size_t size) {
    char line[256];
    out[0] = '\0';
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    if (file != NULL)
        fclose(file);
}

static void describe_caches(char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < 8; i++) {
        char path[96], level[16], type[32], amount[32];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
        read_line(path, level, sizeof level);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/type", i);
        read_line(path, type, sizeof type);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        read_line(path, amount, sizeof amount);
        if (level[0] == '\0' || strcmp(type, "Instruction") == 0)
            continue;
        const int written = snprintf(out + used, size - used, "%sL%s %s", used > 0 ? ", " : "", level, amount);
        if (written < 0 || (size_t)written >= size - used)
            break;
        used += (size_t)written;
    }
}

void bench_machine_describe(bench_machine *out) {
    *out = (bench_machine){.load = -1};
    read_value("/proc/cpuinfo", "model name", out->processor, sizeof out->processor);
    mlsel_device_info device;
    if (out->processor[0] == '\0' && mlsel_device_query("cpu", &device, sizeof device, NULL) == MLSEL_OK)
        snprintf(out->processor, sizeof out->processor, "%s", device.description);
    describe_caches(out->caches, sizeof out->caches);
    struct utsname system;
    if (uname(&system) == 0)
        snprintf(out->kernel, sizeof out->kernel, "%.40s %.60s", system.sysname, system.release);
#if defined(__clang__)
    snprintf(out->compiler, sizeof out->compiler, "%s", __VERSION__);
#else
    snprintf(out->compiler, sizeof out->compiler, "gcc %s", __VERSION__);
#endif
    snprintf(out->library, sizeof out->library, "%s", mlsel_build_info());
    read_line("/sys/kernel/mm/transparent_hugepage/enabled", out->huge_pages, sizeof out->huge_pages);
    out->processors = sysconf(_SC_NPROCESSORS_ONLN);
    double load[1];
    if (getloadavg(load, 1) == 1)
        out->load = load[0];
}

static size_t status_kib(const char *key) {
    char text[64];
    read_value("/proc/self/status", key, text, sizeof text);
    return (size_t)strtoul(text, NULL, 10) * 1024;
}

size_t bench_resident(void) { return status_kib("VmRSS"); }

size_t bench_peak_resident(void) { return status_kib("VmHWM"); }

void bench_peak_reset(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file == NULL)
        return;
    fputs("5", file);
    fclose(file);
}
