/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of servers. */
#ifndef MLSEL_COLLECT_URL_H
#define MLSEL_COLLECT_URL_H

#include "internal.h"
#include "secrets.h"

/* Whether there is neither a space nor a control character in an address. libcurl decodes a host's name: of
 * "http://h%7f" it makes an address with a control character, which it does not read itself. */
bool mlsel_i_url_is_clean(const char *url);
/* INVALID_ARGUMENT, where an address is none of http or https; `what` begins the message. */
mlsel_status mlsel_i_url_check(const char *what, const char *url, mlsel_error *err);
/* The address without user name, password, query and fragment, for messages. Returns out. */
const char *mlsel_i_url_shown(const char *url, char *out, size_t size);
/* The same without secrets, wherever in the address they stand. list may be NULL. */
const char *mlsel_i_url_shown_without(const secret_list *list, const char *url, char *out, size_t size);
/* Whether both have the same scheme, host and port, so that what one may know the other may. */
bool mlsel_i_url_same_origin(const char *a, const char *b);
/* Where a redirect from `base` to `location` leads; to be freed with mlsel_i_free. True with NULL: nowhere that http or
 * https lead to. False: no memory. */
bool mlsel_i_url_resolve(const char *base, const char *location, char **out);
/* Appends text to out[size] from *used with every byte escaped that is not plain in a path; '/' stays if keep_slash.
 * False: no room. */
bool mlsel_i_url_append(char *out, size_t size, size_t *used, const char *text, bool keep_slash);

#endif
