/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "curl_start.h"

#include <curl/curl.h>
#include <pthread.h>

static CURLcode result;

static void start(void) { result = curl_global_init(CURL_GLOBAL_DEFAULT); }

mlsel_status mlsel_i_curl_start(mlsel_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (pthread_once(&once, start) == 0 && result == CURLE_OK)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "libcurl does not start");
}
