/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "retry.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static const double LONGEST_WAIT = 60;

bool mlsel_i_retry_transport(int code) {
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR: /* the body is too large */
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        return false;
    default:
        return true;
    }
}

bool mlsel_i_retry_status(long status) {
    return status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599);
}

uint64_t mlsel_i_retry_seed(void) {
    static atomic_uint_fast64_t n_calls; /* as a clock may say the same twice */
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec) ^ (uint64_t)getpid() << 40 ^
           atomic_fetch_add(&n_calls, 1) * 0x9e3779b97f4a7c15u;
}

double mlsel_i_retry_wait(random_state *random, uint32_t attempt, double base, double asked) {
    const double unit = mlsel_i_random_unit(random);
    if (asked > 0)
        return asked + unit * base;
    double bound = base;
    for (uint32_t i = 1; i < attempt && bound < LONGEST_WAIT; i++)
        bound *= 2;
    return unit * (bound < LONGEST_WAIT ? bound : LONGEST_WAIT);
}
