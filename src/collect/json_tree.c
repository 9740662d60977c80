/* SPDX-License-Identifier: Apache-2.0 */
#include "json_tree.h"

#include "json.h"

cJSON *mlsel_i_json_tree(const char *text, size_t size, bool *lacks_memory) {
    const char *end = NULL;
    json_document *doc = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, size, &end, 0);
    *lacks_memory = false;
    if (tree != NULL && end == text + size)
        return tree;
    if (tree == NULL) {
        /* what the library can read, or cannot for the same want, was no fault of the text */
        const mlsel_status status = mlsel_i_json_parse(text, size, NULL, NULL, &doc, NULL);
        *lacks_memory = status == MLSEL_OK || status == MLSEL_ERROR_NO_MEMORY;
        mlsel_i_json_free(doc);
    }
    cJSON_Delete(tree);
    return NULL;
}
