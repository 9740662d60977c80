/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl allocates through here: it is started with the allocators that count. */
#include <curl/curl.h>

#include "wrap.h"

void *__wrap_malloc(size_t size);
void __wrap_free(void *block);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_calloc(size_t n, size_t size);

WRAP(CURLcode, curl_global_init, (long flags)) {
    return curl_global_init_mem(flags, __wrap_malloc, __wrap_free, __wrap_realloc, __wrap_strdup, __wrap_calloc);
}
