/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of requests. */
#ifndef MLSEL_COLLECT_HTTP_URL_H
#define MLSEL_COLLECT_HTTP_URL_H

#include "secrets.h"

/*
 * The address of a resource below a base address: "/chat/completions" below "http://localhost:8000/v1" or
 * "http://localhost:8000/v1/". A query part stays at the end; a base that ends in the path already is left as it is.
 *
 * False: the base is no http or https address that can be used, or has a user name or a password in it, and `reason`
 * says so, as in "\"ftp://a\" is no http or https address", without the secrets (may be NULL). True with *out NULL and
 * `reason` "": no memory. *out is to be given to mlsel_i_free.
 */
bool mlsel_i_http_url(const char *base, const char *path, const secret_list *secrets, char **out, char *reason,
                      size_t size);
/* The same of an address that mlsel_i_url_check has passed, which may have a user name. NO_MEMORY; INVALID_ARGUMENT for
 * one that libcurl does not understand all the same. */
mlsel_status mlsel_i_http_url_below(const char *base, const char *path, char **out, mlsel_error *err);

#endif
