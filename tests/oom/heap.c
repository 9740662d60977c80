/* SPDX-License-Identifier: Apache-2.0 */
#include "heap.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cjson/cJSON.h>

#include "internal.h"

static bool inside;
static size_t requests;
static size_t first_failing;
static bool fails_forever;
static bool has_failed;
static size_t live;
static size_t peak;

static bool may_allocate(size_t bytes, void *user) {
    (void)bytes, (void)user;
    const size_t number = requests++;
    const bool fails = fails_forever ? number >= first_failing : number == first_failing;
    has_failed = has_failed || fails;
    return !fails;
}

static void *count_block(void *block) {
    if (inside && block != NULL) {
        live += malloc_usable_size(block);
        peak = live > peak ? live : peak;
    }
    return block;
}

static void forget_block(void *block) {
    if (inside && block != NULL)
        live -= malloc_usable_size(block);
}

/* --- the library -------------------------------------------------------------------------------------------------- */

/* --wrap sends calls of NAME to __wrap_NAME, and those of __real_NAME to NAME. */
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) { return count_block(__real_aligned_alloc(alignment, size)); }

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block) {
    forget_block(block);
    __real_free(block);
}

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    void *block = __real_mmap(at, size, protection, flags, fd, offset);
    if (inside && block != MAP_FAILED)
        live += size; /* not yet in the peak: what is too much for the alignment goes at once */
    return block;
}

int __real_munmap(void *block, size_t size);
int __wrap_munmap(void *block, size_t size);
int __wrap_munmap(void *block, size_t size) {
    if (inside)
        live -= size;
    return __real_munmap(block, size);
}

/* --- other libraries ---------------------------------------------------------------------------------------------- */

void *heap_malloc(size_t size) {
    if (inside && !may_allocate(size, NULL))
        return NULL;
    return count_block(malloc(size));
}

void *heap_realloc(void *block, size_t size) {
    if (inside && !may_allocate(size, NULL))
        return NULL;
    const size_t before = block == NULL ? 0 : malloc_usable_size(block);
    void *const grown = realloc(block, size);
    if (grown != NULL && inside)
        live -= before;
    return grown == NULL ? NULL : count_block(grown);
}

void heap_free(void *block) { free(block); /* which is wrapped too */ }

/* --- control ----------------------------------------------------------------------------------------------------- */

void heap_init(void) {
    cJSON_Hooks hooks = {heap_malloc, heap_free};
    cJSON_InitHooks(&hooks);
}

void heap_enter(size_t failing, bool forever) {
    requests = 0;
    first_failing = failing;
    fails_forever = forever;
    has_failed = false;
    inside = true;
    mlsel_i_set_alloc_hook(may_allocate, NULL);
}

bool heap_leave(void) {
    mlsel_i_set_alloc_hook(NULL, NULL);
    inside = false;
    return has_failed;
}

size_t heap_requests(void) { return requests; }

size_t heap_live(void) { return live; }

size_t heap_peak(void) { return peak; }

void heap_reset_peak(void) { peak = live; }
