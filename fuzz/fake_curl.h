/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the place of libcurl's easy interface, so that a fuzzer's bytes are what servers answer. A program that has it
 * is linked with --wrap for the functions that fuzz/collect.cmake names. Everything but the transfer is libcurl's own.
 */
#ifndef MLSEL_FUZZ_FAKE_CURL_H
#define MLSEL_FUZZ_FAKE_CURL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* What was asked for. */
typedef struct fake_request {
    const char *url;
    const struct curl_slist *headers;
    bool has_body, is_head;
} fake_request;

/*
 * What is answered from now on: texts with 0 bytes between them, each as it comes over the line,
 * "HTTP/1.1 200 OK\r\nName: value\r\n\r\nbody", or anything else. After the last there is no connection. `piece` is
 * how many bytes of a body come at a time. `look` (may be NULL) is shown every request.
 */
void fake_curl_answer(const char *replies, size_t size, size_t piece, void (*look)(const fake_request *, void *),
                      void *user);

#endif
