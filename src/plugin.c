/* SPDX-License-Identifier: Apache-2.0 */
/* Device plugins: shared objects opened at run time, so that the library itself links no driver. */
#define _GNU_SOURCE /* dladdr, secure_getenv */
#include "plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#define PLUGIN_SUFFIX ".dylib"
#else
#define PLUGIN_SUFFIX ".so"
#endif

#ifndef MLSEL_PLUGIN_DIR
#define MLSEL_PLUGIN_DIR "/usr/local/lib/mlsel"
#endif

enum { PATH_BYTES = 4096 };

/* The environment names code to run, so it counts only where the process has no more rights than its caller. */
static const char *plugin_path(void) {
#ifdef __APPLE__
    const char *path = issetugid() != 0 ? NULL : getenv("MLSEL_PLUGIN_PATH");
#else
    const char *path = secure_getenv("MLSEL_PLUGIN_PATH");
#endif
    return path == NULL ? "" : path;
}

/* The folder of the file that this code was loaded from; "" if unknown. */
static void own_folder(char *out, size_t size) {
    static const char anchor = 0;
    Dl_info info;
    out[0] = '\0';
    if (dladdr(&anchor, &info) == 0 || info.dli_fname == NULL)
        return;
    const char *slash = strrchr(info.dli_fname, '/');
    if (slash != NULL && (size_t)(slash - info.dli_fname) < size) {
        memcpy(out, info.dli_fname, (size_t)(slash - info.dli_fname));
        out[slash - info.dli_fname] = '\0';
    }
}

/* Writes the plugin's path in a folder; false if it is not there. An empty folder is none. What is there but cannot be
 * read is taken, so that the failure to open it is what is told. */
static bool find_in(const char *folder, size_t folder_length, const char *name, char *out) {
    if (folder_length == 0)
        return false;
    const int length = snprintf(out, PATH_BYTES, "%.*s/libmlsel-%s" PLUGIN_SUFFIX, (int)folder_length, folder, name);
    return length > 0 && length < PATH_BYTES && access(out, F_OK) == 0;
}

static bool find_plugin(const char *name, const char *own, char *out) {
    for (const char *path = plugin_path(); *path != '\0';) {
        const size_t length = strcspn(path, ":");
        if (length < PATH_BYTES && find_in(path, length, name, out))
            return true;
        path += length + (path[length] == ':');
    }
    return find_in(own, strlen(own), name, out) || find_in(MLSEL_PLUGIN_DIR, strlen(MLSEL_PLUGIN_DIR), name, out);
}

static mlsel_status check_table(const mlsel_backend *table, const char *name, const char *path, mlsel_error *err) {
    if (table == NULL || table->api_version != MLSEL_BACKEND_API_VERSION)
        return mlsel_i_fail(err, MLSEL_ERROR_VERSION,
                            "device \"%s\": plugin %s is made for another version of mlsel (this is %s, interface %u)",
                            name, path, mlsel_version_string(), MLSEL_BACKEND_API_VERSION);
    if (table->struct_size < offsetof(mlsel_backend, extension))
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"%s\": plugin %s is incomplete (%u bytes, expected %zu)",
                            name, path, (unsigned)table->struct_size, offsetof(mlsel_backend, extension));
    if (table->name == NULL || strcmp(table->name, name) != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"%s\": plugin %s is one for \"%s\"", name, path,
                            table->name == NULL ? "" : table->name);
    if (table->probe == NULL || table->device_count == NULL || table->device_info == NULL || table->supports == NULL ||
        table->prepare == NULL || table->run == NULL || table->release == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"%s\": plugin %s is incomplete (a function is missing)",
                            name, path);
    return MLSEL_OK;
}

mlsel_status mlsel_i_plugin_open(const char *name, const mlsel_backend **out, mlsel_error *err) {
    mlsel_status status;
    void *handle = NULL;
    char *own = mlsel_i_alloc(PATH_BYTES, 1);
    char *path = mlsel_i_alloc(PATH_BYTES, 1);
    if (own == NULL || path == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    own_folder(own, PATH_BYTES);
    if (!find_plugin(name, own, path)) {
        const char *more = plugin_path();
        status =
            mlsel_i_fail(err, MLSEL_ERROR_DEVICE,
                         "device \"%s\": no plugin found (libmlsel-%s" PLUGIN_SUFFIX " is not in %s%s%s%s%s)", name,
                         name, more, *more == '\0' ? "" : ", ", own, *own == '\0' ? "" : ", ", MLSEL_PLUGIN_DIR);
        goto out;
    }
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *reason = dlerror();
        const size_t length = strlen(path);
        if (reason == NULL)
            reason = "no reason given";
        else if (strncmp(reason, path, length) == 0) /* most reasons start with the name that is there already */
            reason += length + strspn(reason + length, ": ");
        status =
            mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"%s\": plugin %s cannot be opened: %s", name, path, reason);
        goto out;
    }
    /* the detour through memcpy is how C turns an object pointer into a function pointer */
    void *symbol = dlsym(handle, MLSEL_BACKEND_ENTRY);
    mlsel_backend_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry);
    if (symbol == NULL) {
        status = mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"%s\": %s is no mlsel plugin (%s is missing)", name,
                              path, MLSEL_BACKEND_ENTRY);
        goto out;
    }
    const mlsel_backend *table = entry(MLSEL_BACKEND_API_VERSION);
    status = check_table(table, name, path, err);
    if (status == MLSEL_OK) {
        *out = table;
        handle = NULL; /* stays open */
    }
out:
    if (handle != NULL)
        dlclose(handle);
    mlsel_i_free(path);
    mlsel_i_free(own);
    return status;
}
