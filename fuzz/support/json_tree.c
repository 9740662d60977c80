/* SPDX-License-Identifier: Apache-2.0 */
#include "json_tree.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "input.h"

enum { MAX_NODES = 4096 };

uint32_t fuzz_random_below(struct fuzz_random *random, uint32_t n) {
    /* xorshift64*, from Vigna, An experimental exploration of Marsaglia's xorshift generators */
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (uint32_t)((random->state * UINT64_C(2685821657736338717)) >> 32) % n;
}

/* Keys and words of artifacts: what names other than those of the document at hand are worth trying. */
static const char *const words[] = {
    "algorithm",
    "knn",
    "kmeans",
    "svm",
    "mlp",
    "trained",
    "format_version",
    "k",
    "embeddings",
    "labels",
    "qualities",
    "latencies",
    "model_names",
    "feature_dim",
    "num_samples",
    "samples",
    "feature_vector",
    "model_name",
    "quality",
    "latency_ms",
    "outcomes",
    "utility",
    "latency_ns",
    "prior",
    "beta",
    "shrinkage",
    "categories",
    "category_weight",
    "num_clusters",
    "n_clusters",
    "centroids",
    "cluster_models",
    "efficiency_weight",
    "target_contract",
    "selector.model-choice/v1",
    "objective",
    "id",
    "version",
    "weights",
    "candidate_set",
    "models",
    "feature",
    "snapshot_id",
    "dim",
    "normalization",
    "none",
    "clustering",
    "distance",
    "squared_l2",
    "tie_break",
    "lowest_index",
    "cluster_sizes",
    "scores",
    "support",
    "fallback",
    "min_support",
    "global_scores",
    "cluster_utilities",
    "kernel_type",
    "kernel",
    "Rbf",
    "Linear",
    "rbf",
    "linear",
    "gamma",
    "C",
    "support_vectors",
    "dual_coef",
    "intercept",
    "n_support",
    "classes",
    "svc",
    "input_normalization",
    "linear_classifiers",
    "rbf_classifiers",
    "alpha",
    "rho",
    "n_classes",
    "hidden_sizes",
    "layers",
    "type",
    "relu",
    "batch_norm",
    "dropout",
    "in_features",
    "out_features",
    "weight",
    "bias",
    "num_features",
    "running_mean",
    "running_var",
    "eps",
    "p",
    "calibration",
    "method",
    "isotonic",
    "platt",
    "probabilities",
    "slope",
    "records",
    "__metadata__",
    "mlsel.format",
    "mlsel.artifact",
    "mlsel.columns",
    "mlsel.hash",
    "dtype",
    "shape",
    "data_offsets",
    "F32",
    "F64",
    "I64",
    "I32",
    "I8",
    "vectors",
    "vector_start",
    "vector_rows",
    "row_labels",
    "mlsel_index",
    "head",
    "a",
    "b",
    "",
};

static const char *const tokens[] = {"NaN",
                                     "-Infinity",
                                     "1e999",
                                     "-1e-400",
                                     "-0",
                                     "0.1e+2",
                                     "01",
                                     "18446744073709551616",
                                     "4294967296",
                                     "2147483648",
                                     "9007199254740993",
                                     "1.",
                                     "\"\\u0000\"",
                                     "\"\\ud800\"",
                                     "[1,\"x\"]",
                                     "[[1,2],[3]]",
                                     "[[],[]]",
                                     "{}",
                                     "[]",
                                     "3.5e38",
                                     "0.30000000000000004e-5"};

static const double numbers[] = {0,          1,       -1,     2,      3,     0.5, 1e-10, 1e10,  1e30,
                                 3.4e38,     -3.4e38, 3.5e38, 1e-45,  1e300, 255, 256,   65536, 2147483647,
                                 4294967295, 1.5,     100,    1e-300, -0.0,  7,   14};

#define PICK(random, array) (array)[fuzz_random_below(random, (uint32_t)(sizeof(array) / sizeof *(array)))]

/* --- the nodes of a tree ----------------------------------------------------------------------------------------- */

/* A node and what holds it; the root has no parent. */
struct place {
    cJSON *node, *parent;
};

struct places {
    struct place all[MAX_NODES];
    size_t count;
};

static void collect(cJSON *node, cJSON *parent, struct places *places) {
    if (places->count == MAX_NODES)
        return;
    places->all[places->count++] = (struct place){node, parent};
    for (cJSON *child = node->child; child != NULL; child = child->next)
        collect(child, node, places);
}

static bool is_inside(const cJSON *node, const cJSON *tree) {
    if (node == tree)
        return true;
    for (const cJSON *child = tree->child; child != NULL; child = child->next)
        if (is_inside(node, child))
            return true;
    return false;
}

/* Puts `fresh` in the place of a node, under its key. */
static void replace(struct place at, cJSON *fresh) {
    if (fresh == NULL)
        return;
    cJSON_free(fresh->string);
    fresh->string = at.node->string == NULL ? NULL : strdup(at.node->string);
    if (!cJSON_ReplaceItemViaPointer(at.parent, at.node, fresh))
        cJSON_Delete(fresh);
}

static cJSON *any_value(struct fuzz_random *random) {
    switch (fuzz_random_below(random, 8)) {
    case 0:
        return cJSON_CreateNull();
    case 1:
        return cJSON_CreateBool(fuzz_random_below(random, 2) == 0);
    case 2:
        return cJSON_CreateString(PICK(random, words));
    case 3:
    case 4:
        return cJSON_CreateRaw(PICK(random, tokens));
    default:
        return cJSON_CreateNumber(PICK(random, numbers));
    }
}

/* --- changes ----------------------------------------------------------------------------------------------------- */

static void change_number(cJSON *node, struct fuzz_random *random) {
    const double old = node->valuedouble;
    switch (fuzz_random_below(random, 6)) {
    case 0:
        cJSON_SetNumberHelper(node, old + 1);
        break;
    case 1:
        cJSON_SetNumberHelper(node, old - 1);
        break;
    case 2:
        cJSON_SetNumberHelper(node, nextafter(old, fuzz_random_below(random, 2) == 0 ? -INFINITY : INFINITY));
        break;
    case 3:
        cJSON_SetNumberHelper(node, -old);
        break;
    case 4:
        cJSON_SetNumberHelper(node, ((double)fuzz_random_below(random, 2001) - 1000) / 500);
        break;
    default:
        cJSON_SetNumberHelper(node, PICK(random, numbers));
    }
}

static void change_value(struct place at, struct fuzz_random *random) {
    if (cJSON_IsNumber(at.node) && fuzz_random_below(random, 4) != 0)
        change_number(at.node, random);
    else if (cJSON_IsString(at.node) && fuzz_random_below(random, 4) != 0)
        replace(at, cJSON_CreateString(PICK(random, words)));
    else
        replace(at, any_value(random));
}

static void rename_key(struct place at, const struct places *places, struct fuzz_random *random) {
    if (at.node->string == NULL)
        return;
    const struct place other = places->all[fuzz_random_below(random, (uint32_t)places->count)];
    const char *name =
        other.node->string != NULL && fuzz_random_below(random, 2) == 0 ? other.node->string : PICK(random, words);
    char *copy = strdup(name);
    cJSON_free(at.node->string);
    at.node->string = copy;
}

static void repeat(struct place at, struct fuzz_random *random) {
    cJSON *copy = cJSON_Duplicate(at.node, true);
    if (copy == NULL)
        return;
    if (cJSON_IsArray(at.parent)) {
        const int where = (int)fuzz_random_below(random, (uint32_t)cJSON_GetArraySize(at.parent) + 1);
        if (!cJSON_InsertItemInArray(at.parent, where, copy))
            cJSON_Delete(copy);
    } else if (!cJSON_AddItemToObject(at.parent, copy->string == NULL ? "" : at.node->string, copy))
        cJSON_Delete(copy);
}

static void copy_over(struct place at, struct place from) {
    if (!is_inside(at.node, from.node) && !is_inside(from.node, at.node))
        replace(at, cJSON_Duplicate(from.node, true));
}

static void swap(struct place a, struct place b) {
    if (is_inside(a.node, b.node) || is_inside(b.node, a.node))
        return;
    cJSON *copy_a = cJSON_Duplicate(a.node, true), *copy_b = cJSON_Duplicate(b.node, true);
    replace(a, copy_b);
    replace(b, copy_a);
}

static void nest(struct place at, struct fuzz_random *random) {
    cJSON *copy = cJSON_Duplicate(at.node, true);
    cJSON *whole = fuzz_random_below(random, 2) == 0 ? cJSON_CreateArray() : cJSON_CreateObject();
    if (cJSON_IsArray(whole))
        cJSON_AddItemToArray(whole, copy);
    else
        cJSON_AddItemToObject(whole, PICK(random, words), copy);
    replace(at, whole);
}

/* At most `most`: it does not matter how many more there are. */
static size_t count_nodes(const cJSON *tree, size_t most) {
    size_t count = 1;
    for (const cJSON *child = tree->child; child != NULL && count < most; child = child->next)
        count += count_nodes(child, most - count);
    return count;
}

/* Takes element i out of an array, or repeats it at its end if it has no more than so many nodes, which it then uses
 * up. */
static void resize(cJSON *array, int i, bool grow, size_t *room) {
    if (!grow) {
        cJSON_DeleteItemFromArray(array, i);
        return;
    }
    const cJSON *element = cJSON_GetArrayItem(array, i);
    const size_t count = count_nodes(element, *room + 1);
    if (count > *room)
        return;
    *room -= count;
    cJSON_AddItemToArray(array, cJSON_Duplicate(element, true));
}

/* Of all arrays that are as long as this one: shapes that belonged together still do. Arrays within each other would
 * double with each level, hence the room. */
static void resize_alike(const cJSON *array, const struct places *places, struct fuzz_random *random) {
    const int length = cJSON_GetArraySize(array);
    if (length == 0)
        return;
    const int i = (int)fuzz_random_below(random, (uint32_t)length);
    const bool grow = fuzz_random_below(random, 2) == 0;
    size_t room = MAX_NODES;
    /* inner ones first, as those in what is taken out are gone afterwards */
    for (size_t p = places->count; p > 0; p--) {
        cJSON *node = places->all[p - 1].node;
        if (cJSON_IsArray(node) && cJSON_GetArraySize(node) == length)
            resize(node, i, grow, &room);
    }
}

static void change_once(cJSON *root, struct fuzz_random *random) {
    static struct places places;
    places.count = 0;
    collect(root, NULL, &places);
    if (places.count < 2) {
        cJSON_AddItemToObject(root, PICK(random, words), any_value(random));
        return;
    }
    /* mostly not a number of a long array: a number among all nodes, or a member of one of the first nodes */
    const uint32_t n = (uint32_t)places.count;
    const uint32_t bound = fuzz_random_below(random, 2) == 0 || n < 32 ? n : 32;
    const struct place at = places.all[1 + fuzz_random_below(random, bound - 1)];
    const struct place other = places.all[1 + fuzz_random_below(random, n - 1)];
    switch (fuzz_random_below(random, 12)) {
    case 0:
        cJSON_Delete(cJSON_DetachItemViaPointer(at.parent, at.node));
        break;
    case 1:
        repeat(at, random);
        break;
    case 2:
        rename_key(at, &places, random);
        break;
    case 3:
        swap(at, other);
        break;
    case 4:
        copy_over(at, other);
        break;
    case 5:
        nest(at, random);
        break;
    case 6:
    case 7:
        resize_alike(cJSON_IsArray(at.node)     ? at.node
                     : cJSON_IsArray(at.parent) ? at.parent
                                                : other.parent,
                     &places, random);
        break;
    case 8:
        if (cJSON_IsObject(at.parent))
            cJSON_AddItemToObject(at.parent, PICK(random, words), any_value(random));
        break;
    default:
        change_value(at, random);
    }
}

void fuzz_json_change(cJSON *root, struct fuzz_random *random) {
    for (uint32_t n = 1 + fuzz_random_below(random, 4); n > 0; n--)
        change_once(root, random);
}

/* --- the mutator ------------------------------------------------------------------------------------------------- */

size_t fuzz_json_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    struct fuzz_random random = {.state = (seed + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15)};
    size_t text_size;
    const struct fuzz_input rest = fuzz_split_text(data, size, &text_size);
    const size_t tail = text_size < size ? size - text_size : 0; /* with the 0 byte */
    const uint32_t way = fuzz_random_below(&random, 16);
    (void)rest;
    if (way == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    if (way <= 2 && text_size < max_size) { /* the choices */
        if (tail == 0)
            data[text_size] = 0;
        const size_t old = tail > 0 ? tail - 1 : 0, room = max_size - text_size - 1;
        return text_size + 1 + (room > 0 ? LLVMFuzzerMutate(data + text_size + 1, old, room < 256 ? room : 256) : 0);
    }
    cJSON *root = cJSON_ParseWithLength((const char *)data, text_size);
    if (root == NULL || !(cJSON_IsObject(root) || cJSON_IsArray(root))) {
        cJSON_Delete(root);
        return LLVMFuzzerMutate(data, size, max_size);
    }
    fuzz_json_change(root, &random);
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    const size_t length = text == NULL ? 0 : strlen(text);
    if (text == NULL || length + tail > max_size) {
        cJSON_free(text);
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memmove(data + length, data + text_size, tail);
    memcpy(data, text, length);
    cJSON_free(text);
    return length + tail;
}
