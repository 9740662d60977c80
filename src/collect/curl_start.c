/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "curl_start.h"

#include <curl/curl.h>
#include <pthread.h>

/* One that fails, as for want of memory, may succeed later. */
mlsel_status mlsel_i_curl_start(mlsel_error *err) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool has_started;
    CURLcode code = CURLE_OK;
    pthread_mutex_lock(&lock);
    if (!has_started)
        code = curl_global_init(CURL_GLOBAL_DEFAULT);
    has_started = code == CURLE_OK;
    pthread_mutex_unlock(&lock);
    if (code == CURLE_OUT_OF_MEMORY)
        return mlsel_i_no_memory(err);
    return code == CURLE_OK ? MLSEL_OK : mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "libcurl does not start");
}
