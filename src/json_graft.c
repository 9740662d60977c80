/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that come from elsewhere, put into a document's tree. */
#include <string.h>

#include "internal.h"
#include "json_parser.h"

enum { MAX_KEY = 128, MAX_INDEX_DIGITS = 5 };

/* The element of a list that a part of a path names; NULL if it is none. */
static cJSON *element(const cJSON *list, const char *digits) {
    const size_t length = strlen(digits);
    int index = 0;
    if (length == 0 || length > MAX_INDEX_DIGITS || strspn(digits, "0123456789") != length ||
        (length > 1 && digits[0] == '0'))
        return NULL;
    for (; *digits != '\0'; digits++)
        index = index * 10 + (*digits - '0');
    return cJSON_GetArrayItem(list, index);
}

static mlsel_status no_place(const char *path, mlsel_error *err) {
    return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "tensor \"%s\": the document has no object that it belongs to", path);
}

/* The object that the member at path belongs to; *key is the member's own name. NULL if there is none. */
static cJSON *find_parent(cJSON *root, const char *path, const char **key) {
    cJSON *at = root;
    for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        char part[MAX_KEY];
        const size_t length = (size_t)(dot - path);
        if (length >= sizeof part)
            return NULL;
        memcpy(part, path, length);
        part[length] = '\0';
        at = cJSON_IsArray(at) ? element(at, part) : cJSON_GetObjectItemCaseSensitive(at, part);
    }
    *key = path;
    return cJSON_IsObject(at) && *path != '\0' ? at : NULL;
}

mlsel_status mlsel_i_json_graft(json_document *doc, const char *path, const json_array *array, mlsel_error *err) {
    const char *key = path;
    cJSON *parent = find_parent(doc->root, path, &key);
    if (parent == NULL)
        return no_place(path, err);
    if (cJSON_GetObjectItemCaseSensitive(parent, key) != NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "tensor \"%s\": the document has such a member already", path);
    size_t index;
    const mlsel_status status = mlsel_i_json_add_flat(doc, &index, err);
    if (status != MLSEL_OK)
        return status;
    doc->flats[index].array = *array;
    cJSON *node = mlsel_i_json_flat_node(index);
    if (node == NULL)
        return mlsel_i_no_memory(err);
    if (cJSON_AddItemToObject(parent, key, node))
        return MLSEL_OK;
    cJSON_Delete(node);
    return mlsel_i_no_memory(err);
}
