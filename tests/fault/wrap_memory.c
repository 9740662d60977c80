/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: of the wrapped objects by --wrap, of cJSON and libcurl by their hooks, of libyaml by taking its names. */
#define _GNU_SOURCE
#include <cjson/cJSON.h>
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <yaml.h>

#include "inject.h"
#include "wrap.h"

static atomic_size_t live;

size_t fault_live_bytes(void) { return atomic_load(&live); }

static void *count(void *block) {
    if (block != NULL)
        atomic_fetch_add(&live, malloc_usable_size(block));
    return block;
}

WRAP(void *, malloc, (size_t size)) { return fault_has_memory("malloc") ? count(__real_malloc(size)) : NULL; }

WRAP(void *, calloc, (size_t n, size_t size)) {
    return fault_has_memory("calloc") ? count(__real_calloc(n, size)) : NULL;
}

WRAP(void *, realloc, (void *block, size_t size)) {
    if (!fault_has_memory("realloc"))
        return NULL;
    const size_t before = block == NULL ? 0 : malloc_usable_size(block);
    void *const grown = __real_realloc(block, size);
    if (grown != NULL)
        atomic_fetch_sub(&live, before);
    return count(grown);
}

WRAP(void *, aligned_alloc, (size_t alignment, size_t size)) {
    return fault_has_memory("aligned_alloc") ? count(__real_aligned_alloc(alignment, size)) : NULL;
}

WRAP(char *, strdup, (const char *text)) { return fault_has_memory("strdup") ? count(__real_strdup(text)) : NULL; }

WRAP(char *, strndup, (const char *text, size_t size)) {
    return fault_has_memory("strndup") ? count(__real_strndup(text, size)) : NULL;
}

WRAP(void, free, (void *block)) {
    if (block != NULL)
        atomic_fetch_sub(&live, malloc_usable_size(block));
    __real_free(block);
}

WRAP(locale_t, newlocale, (int mask, const char *name, locale_t base)) {
    return fault_has_memory("newlocale") ? __real_newlocale(mask, name, base) : (locale_t)0;
}

/* Memory, or a file. */
WRAP(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset)) {
    if ((flags & MAP_ANONYMOUS) != 0) {
        if (!fault_has_memory("mmap")) {
            errno = ENOMEM;
            return MAP_FAILED;
        }
    } else if (fault_decide(FAULT_FILE, "mmap", FAULT_PLAIN, ENODEV, EACCES, NULL, fd) != 0) {
        return MAP_FAILED;
    }
    void *const block = __real_mmap(at, size, protection, flags, fd, offset);
    if (block != MAP_FAILED)
        atomic_fetch_add(&live, size);
    return block;
}

WRAP(int, munmap, (void *block, size_t size)) {
    atomic_fetch_sub(&live, size);
    return __real_munmap(block, size);
}

/* --- other libraries ---------------------------------------------------------------------------------------------- */

/* libyaml calls these through the dynamic linker, which finds them here first. */
#define SEEN __attribute__((visibility("default")))
SEEN void *yaml_malloc(size_t size);
SEEN void *yaml_realloc(void *block, size_t size);
SEEN void yaml_free(void *block);
SEEN yaml_char_t *yaml_strdup(const yaml_char_t *text);

void *yaml_malloc(size_t size) { return __wrap_malloc(size > 0 ? size : 1); }
void *yaml_realloc(void *block, size_t size) { return __wrap_realloc(block, size > 0 ? size : 1); }
void yaml_free(void *block) { __wrap_free(block); }
yaml_char_t *yaml_strdup(const yaml_char_t *text) {
    return text == NULL ? NULL : (yaml_char_t *)__wrap_strdup((const char *)text);
}

void fault_hook_json(void) {
    cJSON_Hooks hooks = {__wrap_malloc, __wrap_free};
    cJSON_InitHooks(&hooks);
}
