/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Utilities that every part of the library uses: allocation, errors, option structs.
 * Internal functions start with mlsel_i_ so that the static archive collides with nothing.
 */
#ifndef MLSEL_INTERNAL_H
#define MLSEL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

#define MLSEL_ARRAY_LENGTH(a) (sizeof(a) / sizeof *(a))

#ifdef __cplusplus
extern "C" {
#endif

/* --- alloc.c: the only caller of the C allocator ---------------------------------------------------------------- */

/* Alignment of every block: a cache line, and the widest vector register. */
#define MLSEL_ALIGNMENT 64

/* count * size bytes, uninitialised, or NULL (also when the product overflows). A product of 0 gives a valid block. */
void *mlsel_i_alloc(size_t count, size_t size);
/* The same, zeroed. */
void *mlsel_i_calloc(size_t count, size_t size);
/* A block of new_count elements that holds the first min(old_count, new_count) of block, which is freed. On failure
 * NULL, and block stays. block may be NULL with old_count 0. */
void *mlsel_i_resize(void *block, size_t old_count, size_t new_count, size_t size);
void mlsel_i_free(void *block);
/* For a block that is large and needed for a moment, like the text of a file: size bytes, in huge pages where the
 * system has them, which are there twenty times sooner. Freed with the same size. */
void *mlsel_i_map(size_t size);
void mlsel_i_unmap(void *block, size_t size);
char *mlsel_i_strndup(const char *text, size_t size);

/* Test seam: asked before every allocation with its size; false makes it fail. NULL switches it off. Not thread-safe.
 */
typedef bool (*mlsel_i_alloc_hook)(size_t bytes, void *user);
void mlsel_i_set_alloc_hook(mlsel_i_alloc_hook hook, void *user);

/* --- error.c ---------------------------------------------------------------------------------------------------- */

#if defined(__GNUC__)
#define MLSEL_PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define MLSEL_PRINTF(text, args)
#endif

/* Fills err (may be NULL) and returns code, so that a caller can `return mlsel_i_fail(...)`. Control characters and
 * bytes that are not UTF-8 become '?'; what does not fit is cut at a character and ends in "...". Does not depend on
 * the locale. */
mlsel_status mlsel_i_fail(mlsel_error *err, mlsel_status code, const char *format, ...) MLSEL_PRINTF(3, 4);
/* The same with err->detail. */
mlsel_status mlsel_i_fail_detail(mlsel_error *err, mlsel_status code, uint64_t detail, const char *format, ...)
    MLSEL_PRINTF(4, 5);
mlsel_status mlsel_i_no_memory(mlsel_error *err);
#if (defined(__clang_analyzer__) || defined(MLSEL_ANALYZER)) && !defined(MLSEL_ERROR_C)
/* Analyzers (gcc's has no macro of its own) do not see into error.c: tell them that a failure is never MLSEL_OK. */
#define mlsel_i_fail(err, code, ...) ((void)mlsel_i_fail(err, code, __VA_ARGS__), (mlsel_status)(code))
#define mlsel_i_fail_detail(err, code, detail, ...)                                                                    \
    ((void)mlsel_i_fail_detail(err, code, detail, __VA_ARGS__), (mlsel_status)(code))
#define mlsel_i_no_memory(err) ((void)mlsel_i_no_memory(err), (mlsel_status)MLSEL_ERROR_NO_MEMORY)
#endif
/* Puts "prefix" in front of the message already there; a long one loses its beginning rather than the message its end.
 */
void mlsel_i_error_prefix(mlsel_error *err, const char *prefix);
/* Marks success: code 0, empty message. */
mlsel_status mlsel_i_ok(mlsel_error *err);
/* The same for the path of every query: an old message becomes "", but is not wiped. */
mlsel_status mlsel_i_ok_quickly(mlsel_error *err);

/* In format_double.c: the shortest of 15 to 17 digits that reads back as value, with '.' in every locale; "nan", "inf".
 * 32 bytes are enough. Messages use this: %f and %g depend on the locale. */
void mlsel_i_format_double(char *text, size_t size, double value);

/* Number of bytes (1 to 4) of the UTF-8 character at text, or 0 if the bytes up to end are none. */
size_t mlsel_i_utf8_length(const unsigned char *text, const unsigned char *end);

/* Writes the UTF-8 of a character below 0x110000 to out, 4 bytes at most, without a 0; the number of bytes. */
size_t mlsel_i_utf8_encode(uint32_t character, char *out);

/* --- options.c: structs that grow ------------------------------------------------------------------------------- */

/* Copies a caller's option struct into one of ours: missing fields become 0, an unknown non-zero tail is refused. */
mlsel_status mlsel_i_options_copy(void *own, size_t own_size, const void *given, const char *name, mlsel_error *err);
/* Zeroes a caller's struct of size bytes and sets its struct_size. NULL, or a size too small for one, does nothing. */
void mlsel_i_options_init(void *options, size_t size);
/* Copies our struct out into size bytes of the caller's; its first member becomes the number of bytes filled. */
mlsel_status mlsel_i_info_copy(void *out, size_t size, const void *own, size_t own_size, mlsel_error *err);

#ifdef __cplusplus
}
#endif

#endif
