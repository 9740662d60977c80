/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of a device whose plugin, PLUGIN_FILE, is an emulated one. */
#ifndef MLSEL_TEST_FAKE_PLUGIN_H
#define MLSEL_TEST_FAKE_PLUGIN_H

#include <dlfcn.h>
#include <string.h>

#include "support.h"

typedef uint64_t (*count_fn)(void);

/* A number that the plugin tells of itself. */
static inline uint64_t ask_plugin(const char *name) {
    void *handle = dlopen(PLUGIN_FILE, RTLD_NOW | RTLD_NOLOAD);
    if (handle == NULL)
        return 0;
    void *symbol = dlsym(handle, name);
    count_fn count;
    assert_non_null(symbol);
    memcpy(&count, &symbol, sizeof count);
    dlclose(handle);
    return count();
}

static inline void need_word(const char *message, const char *word) {
    if (strstr(message, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, word);
}

#endif
