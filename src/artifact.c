/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts: what all kinds have in common. */
#include "artifact.h"

#include <math.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "artifact_read.h"
#include "backend.h"

mlsel_status mlsel_i_artifact_own(mlsel_artifact *artifact, void *block, size_t bytes, bool comparable,
                                  mlsel_error *err) {
    if (artifact->n_blocks == artifact->blocks_capacity) {
        const size_t capacity = artifact->blocks_capacity == 0 ? 32 : 2 * artifact->blocks_capacity;
        artifact_block *blocks =
            mlsel_i_resize(artifact->blocks, artifact->n_blocks, capacity, sizeof *artifact->blocks);
        if (blocks == NULL) {
            mlsel_i_free(block);
            return mlsel_i_no_memory(err);
        }
        artifact->blocks = blocks;
        artifact->blocks_capacity = capacity;
    }
    artifact->blocks[artifact->n_blocks++] = (artifact_block){.data = block, .bytes = bytes, .comparable = comparable};
    artifact->memory_bytes += bytes;
    return MLSEL_OK;
}

void *mlsel_i_artifact_alloc(mlsel_artifact *artifact, size_t count, size_t size, bool comparable, mlsel_error *err) {
    void *block = mlsel_i_calloc(count, size);
    if (block == NULL)
        mlsel_i_no_memory(err);
    else if (mlsel_i_artifact_own(artifact, block, count * size, comparable, err) != MLSEL_OK)
        block = NULL;
    return block;
}

void *mlsel_i_artifact_shrink(mlsel_artifact *artifact, void *block, size_t bytes) {
    size_t i = 0;
    while (artifact->blocks[i].data != block)
        i++;
    artifact_block *owned = &artifact->blocks[i];
    /* the smaller block is only a saving, so running out of memory here is no failure */
    void *smaller = bytes > owned->bytes / 8 * 7 ? NULL : mlsel_i_resize(block, bytes, bytes, 1);
    if (smaller != NULL)
        owned->data = smaller;
    artifact->memory_bytes -= smaller != NULL ? owned->bytes - bytes : 0;
    owned->bytes = smaller != NULL ? bytes : owned->bytes;
    return owned->data;
}

void mlsel_i_artifact_free(mlsel_artifact *artifact) {
    if (artifact == NULL)
        return;
    for (size_t i = 0; i < artifact->n_blocks; i++)
        mlsel_i_free(artifact->blocks[i].data);
    mlsel_i_free(artifact->blocks);
    mlsel_i_free(artifact->tensors);
    mlsel_i_file_unload(&artifact->content);
    mlsel_i_free(artifact);
}

bool mlsel_i_artifact_equal(const mlsel_artifact *a, const mlsel_artifact *b) {
    /* equal numbers written differently (0 and -0) may count as different: that only costs a copy
     * NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
    if (memcmp(&a->scalars, &b->scalars, sizeof a->scalars) != 0 || a->n_blocks != b->n_blocks)
        return false;
    if (a->content.data != NULL && b->content.data != NULL) /* of mapped ones the file's identity decides */
        return !a->content.is_mapped && !b->content.is_mapped && a->content.size == b->content.size &&
               memcmp(a->content.data, b->content.data, a->content.size) == 0;
    if (a->content.data != NULL || b->content.data != NULL)
        return false;
    for (size_t i = 0; i < a->n_blocks; i++) {
        const artifact_block *x = &a->blocks[i];
        const artifact_block *y = &b->blocks[i];
        if (x->bytes != y->bytes || x->comparable != y->comparable)
            return false;
        if (x->comparable && x->bytes > 0 && memcmp(x->data, y->data, x->bytes) != 0)
            return false;
    }
    return true;
}

void mlsel_i_artifact_view(const mlsel_artifact *artifact, mlsel_knn_rule rule, artifact_view *storage) {
    const mlsel_algorithm algorithm = artifact->scalars.algorithm;
    storage->knn = artifact->knn;
    storage->knn.normalize = rule != MLSEL_KNN_RULE_LEGACY;
    storage->knn.index = artifact->index;
    storage->view = (mlsel_model_view){
        .struct_size = sizeof(mlsel_model_view),
        .algorithm = algorithm,
        .n_features = artifact->scalars.n_features,
        .n_labels = artifact->scalars.n_labels,
        .knn = algorithm == MLSEL_ALGORITHM_KNN ? &storage->knn : NULL,
        .kmeans = algorithm == MLSEL_ALGORITHM_KMEANS ? &artifact->kmeans : NULL,
        .svm = algorithm == MLSEL_ALGORITHM_SVM ? &artifact->svm : NULL,
        .mlp = algorithm == MLSEL_ALGORITHM_MLP ? &artifact->mlp : NULL,
        .cpu = &mlsel_i_cpu_backend,
    };
}

/* --- parsing ----------------------------------------------------------------------------------------------------- */

/* Arrays held as float32; all others stay in double. */
bool mlsel_i_is_float32(const char *key, size_t key_size) {
    static const char *const keys[] = {"embeddings", "feature_vector", "support_vectors", "weights",
                                       "weight",     "bias",           "running_mean",    "running_var"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(keys); i++)
        if (strlen(keys[i]) == key_size && memcmp(keys[i], key, key_size) == 0)
            return true;
    return false;
}

typedef struct algorithm_reader {
    const char *name;
    mlsel_algorithm algorithm;
    mlsel_status (*read)(const artifact_reader *in, json_place root);
} algorithm_reader;

static mlsel_status find_algorithm(const artifact_reader *in, json_place root, const algorithm_reader **out) {
    static const algorithm_reader algorithms[] = {
        {"knn", MLSEL_ALGORITHM_KNN, mlsel_i_read_knn},
        {"kmeans", MLSEL_ALGORITHM_KMEANS, mlsel_i_read_kmeans},
        {"svm", MLSEL_ALGORITHM_SVM, mlsel_i_read_svm},
        {"mlp", MLSEL_ALGORITHM_MLP, mlsel_i_read_mlp},
    };
    const char *name = NULL;
    const mlsel_status status = mlsel_i_read_string(in, root, "algorithm", READ_REQUIRED, &name);
    if (status != MLSEL_OK)
        return status;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(algorithms); i++)
        if (strcmp(name, algorithms[i].name) == 0) {
            *out = &algorithms[i];
            return MLSEL_OK;
        }
    return mlsel_i_fail(in->err, MLSEL_ERROR_UNSUPPORTED,
                        "$.algorithm: \"%s\" is not supported, expected knn, kmeans, svm or mlp", name);
}

static mlsel_status check_trained(const artifact_reader *in, json_place root) {
    const cJSON *trained = mlsel_i_member(root, "trained");
    if (trained != NULL && !cJSON_IsBool(trained))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.trained must be true or false");
    if (cJSON_IsFalse(trained))
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED,
                            "the model is not trained ($.trained is false): train it before selecting with it");
    return MLSEL_OK;
}

static mlsel_status read_version(const artifact_reader *in, json_place root) {
    uint32_t version = 1;
    const mlsel_status status = mlsel_i_read_count(in, root, "format_version", READ_OPTIONAL, 1, &version);
    if (status != MLSEL_OK)
        return status;
    if (version > 2)
        return mlsel_i_fail(in->err, MLSEL_ERROR_VERSION,
                            "$.format_version: %u is newer than this library, which reads 1 and 2", (unsigned)version);
    in->artifact->scalars.format_version = version;
    return MLSEL_OK;
}

#define MAX_CATEGORIES 1024

/* The categories' names and weight: keys of mlsel's own trainer, which other readers ignore. */
static mlsel_status read_categories(const artifact_reader *in, json_place root) {
    mlsel_artifact *artifact = in->artifact;
    const json_strings *names;
    mlsel_status status = mlsel_i_read_names(in, root, "categories", READ_OPTIONAL, ANY_COUNT, &names);
    if (status != MLSEL_OK)
        return status;
    double weight = 1;
    status = mlsel_i_read_real(in, root, "category_weight", READ_OPTIONAL, &weight);
    if (status != MLSEL_OK)
        return status;
    if (!(weight > 0 && weight <= 1e6))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.category_weight must be above 0 and at most 1e6");
    artifact->scalars.category_weight = weight;
    artifact->scalars.has_categories = mlsel_i_member(root, "categories") != NULL;
    if (names == NULL)
        return MLSEL_OK;
    if (names->count > MAX_CATEGORIES)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "$.categories: %zu names, at most %d are accepted",
                            names->count, MAX_CATEGORIES);
    if (names->count >= artifact->scalars.n_features)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                            "$.categories: %zu names leave no room for an embedding in %u features", names->count,
                            (unsigned)artifact->scalars.n_features);
    size_t bytes = 0;
    for (size_t i = 0; i < names->count; i++)
        bytes += strlen(names->bytes + names->offsets[i]) + 1;
    char **categories = mlsel_i_artifact_alloc(artifact, names->count, sizeof *categories, false, in->err);
    char *text = mlsel_i_artifact_alloc(artifact, bytes, 1, true, in->err);
    if (categories == NULL || text == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->bytes + names->offsets[i];
        for (size_t j = 0; j < i; j++)
            if (strcmp(categories[j], name) == 0)
                return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.categories[%zu]: \"%s\" is listed twice", i, name);
        const size_t size = strlen(name) + 1;
        categories[i] = memcpy(text, name, size);
        text += size;
    }
    artifact->categories = categories;
    artifact->scalars.n_categories = (uint32_t)names->count;
    return MLSEL_OK;
}

mlsel_status mlsel_i_artifact_read(const artifact_reader *in) {
    const json_place root = {mlsel_i_json_root(in->doc), "$"};
    const algorithm_reader *algorithm = NULL;
    mlsel_status status;
    if (!cJSON_IsObject(root.object))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$ must be an object with the key \"algorithm\"");
    if ((status = find_algorithm(in, root, &algorithm)) != MLSEL_OK)
        return status;
    in->artifact->scalars.algorithm = algorithm->algorithm;
    if ((status = check_trained(in, root)) != MLSEL_OK || (status = read_version(in, root)) != MLSEL_OK)
        return status;
    if ((status = algorithm->read(in, root)) != MLSEL_OK)
        return status;
    if ((status = read_categories(in, root)) != MLSEL_OK || (status = mlsel_i_read_calibration(in, root)) != MLSEL_OK)
        return status;
    return mlsel_i_keep_document(in);
}

/* The lists of classifiers that repeat, in the Python exports, what the trained parameters of an SVM say. */
static bool is_classifier_list(const char *key, size_t key_size) {
    static const char *const keys[] = {"linear_classifiers", "rbf_classifiers"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(keys); i++)
        if (strlen(keys[i]) == key_size && memcmp(keys[i], key, key_size) == 0)
            return true;
    return false;
}

/* The classifier lists come before the trained parameters, so they are only checked at first, and read in a second pass
 * in the files that have nothing else. */
static mlsel_status parse_text(const char *text, size_t size, json_document **doc, mlsel_error *err) {
    mlsel_status status = mlsel_i_json_parse_without(text, size, is_classifier_list, mlsel_i_is_float32, doc, err);
    if (status != MLSEL_OK)
        return status;
    const json_place root = {mlsel_i_json_root(*doc), "$"};
    const cJSON *algorithm = mlsel_i_member(root, "algorithm");
    if (!cJSON_IsString(algorithm) || strcmp(algorithm->valuestring, "svm") != 0 || mlsel_i_svm_is_one_vs_one(root))
        return MLSEL_OK;
    mlsel_i_json_free(*doc);
    *doc = NULL;
    return mlsel_i_json_parse(text, size, NULL, mlsel_i_is_float32, doc, err);
}

mlsel_status mlsel_i_artifact_parse(const char *text, size_t size, mlsel_artifact **out, mlsel_error *err) {
    artifact_reader in = {.err = err};
    mlsel_status status = parse_text(text, size, &in.doc, err);
    if (status != MLSEL_OK)
        return status;
    in.artifact = mlsel_i_calloc(1, sizeof *in.artifact);
    if (in.artifact == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    const XXH128_hash_t hash = XXH3_128bits(text, size);
    in.artifact->scalars.text_bytes = size;
    in.artifact->scalars.hash_low = hash.low64;
    in.artifact->scalars.hash_high = hash.high64;
    in.artifact->references = 1;
    in.artifact->memory_bytes = sizeof *in.artifact;
    status = mlsel_i_artifact_read(&in);
    if (status == MLSEL_OK) {
        *out = in.artifact;
        in.artifact = NULL;
    }
out:
    mlsel_i_artifact_free(in.artifact);
    mlsel_i_json_free(in.doc);
    return status;
}
