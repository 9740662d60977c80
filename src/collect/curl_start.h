/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_COLLECT_CURL_START_H
#define MLSEL_COLLECT_CURL_START_H

#include "internal.h"

/* Starts libcurl, which threads may not do at once, unless that was done before. It is never ended. UNSUPPORTED. */
mlsel_status mlsel_i_curl_start(mlsel_error *err);

#endif
