/* SPDX-License-Identifier: Apache-2.0 */
#include "json_lines.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "input.h"
#include "json_tree.h"

/* Puts `length` bytes in the place of [begin, end); false: there is no room. */
static bool replace(uint8_t *data, size_t *size, size_t max_size, size_t begin, size_t end, const char *text,
                    size_t length) {
    if (*size - (end - begin) + length > max_size)
        return false;
    memmove(data + begin + length, data + end, *size - end);
    memcpy(data + begin, text, length);
    *size = *size - (end - begin) + length;
    return true;
}

static bool change_tree(uint8_t *data, size_t *size, size_t max_size, size_t begin, size_t end,
                        struct fuzz_random *random) {
    cJSON *const root = cJSON_ParseWithLength((const char *)data + begin, end - begin);
    char *text = NULL;
    if (cJSON_IsObject(root) || cJSON_IsArray(root)) {
        fuzz_json_change(root, random);
        text = cJSON_PrintUnformatted(root);
    }
    cJSON_Delete(root);
    const bool done = text != NULL && replace(data, size, max_size, begin, end, text, strlen(text));
    cJSON_free(text);
    return done;
}

/* A copy of a line behind it, so that there are pairs of rows that nearly are the same. */
static bool double_line(uint8_t *data, size_t *size, size_t max_size, size_t begin, size_t end) {
    const size_t length = end - begin + 1;
    char *const text = malloc(length);
    if (text == NULL)
        return false;
    memcpy(text, data + begin, length - 1);
    text[length - 1] = '\n';
    const bool done = replace(data, size, max_size, begin, begin, text, length);
    free(text);
    return done;
}

size_t fuzz_json_lines_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    struct fuzz_random random = {.state = (seed + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15)};
    const uint32_t way = fuzz_random_below(&random, 16);
    size_t text_size;
    (void)fuzz_split_text(data, size, &text_size);
    if (way < 6 || text_size == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    size_t begin = fuzz_random_below(&random, (uint32_t)text_size), end = begin;
    while (begin > 0 && data[begin - 1] != '\n')
        begin--;
    while (end < text_size && data[end] != '\n')
        end++;
    const bool done = way < 8 ? double_line(data, &size, max_size, begin, end)
                              : change_tree(data, &size, max_size, begin, end, &random);
    return done ? size : LLVMFuzzerMutate(data, size, max_size);
}
