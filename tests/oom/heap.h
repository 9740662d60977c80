/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's heap under the tests' control: which allocations fail, and how many bytes are held. The library's own
 * allocations go through its hook and, for their sizes, through the linker (--wrap); cJSON's through its hooks.
 *
 * Only what is allocated between heap_enter and heap_leave counts: the tests' own blocks do not.
 */
#ifndef MLSEL_TEST_HEAP_H
#define MLSEL_TEST_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* No failure. */
#define HEAP_NEVER ((size_t)-1)

/* Before the first use. */
void heap_init(void);

/* From here on allocation number `failing` (from 0) fails, and if `forever` all after it. */
void heap_enter(size_t failing, bool forever);
/* Switches both off again. Returns whether an allocation was made to fail. */
bool heap_leave(void);

/* Allocations asked for since heap_enter. */
size_t heap_requests(void);
/* Bytes that the library holds now, and the most it held since heap_reset_peak. */
size_t heap_live(void);
size_t heap_peak(void);
void heap_reset_peak(void);

/* For the allocators of other libraries, which then fail and count like the library's own. */
void *heap_malloc(size_t size);
void *heap_realloc(void *block, size_t size);
void heap_free(void *block);

#endif
