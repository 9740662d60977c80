/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of an artifact that is in no array: kept as JSON text when it is read, so that what selecting does not need
 * (a v2 artifact's objective, a trainer's notes) is there again when it is saved.
 */
#include "artifact_document.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact_read.h"

/* Members of the root that mlsel does not know are kept up to this size each. */
enum { MAX_UNKNOWN = 16384, MAX_PATH = 128 };

typedef struct printer {
    json_writer *w;
    const json_document *doc;
    const mlsel_artifact *artifact; /* whose arrays are written too, or NULL */
    bool is_knn;
    bool has_tables; /* a KNN container's, which take these names */
} printer;

static bool is_listed(const char *key, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(key, list[i]) == 0)
            return true;
    return false;
}

/* What the tables of a KNN artifact say, and what a container adds. */
static bool is_left_out(const printer *p, const char *key) {
    static const char *const knn[] = {"k",       "embeddings",  "labels",      "latencies", "model_names",
                                      "samples", "feature_dim", "num_samples", "qualities"};
    static const char *const tables[] = {"vectors", "vector_start", "vector_rows", "row_labels"};
    return strcmp(key, "mlsel_index") == 0 || (p->is_knn && is_listed(key, knn, MLSEL_ARRAY_LENGTH(knn))) ||
           (p->has_tables && is_listed(key, tables, MLSEL_ARRAY_LENGTH(tables)));
}

static bool is_known(const char *key) {
    static const char *const keys[] = {"algorithm",
                                       "format_version",
                                       "trained",
                                       "model_names",
                                       "feature_dim",
                                       "categories",
                                       "category_weight",
                                       "calibration",
                                       "n_classes",
                                       "hidden_sizes",
                                       "dropout",
                                       "layers",
                                       "kernel",
                                       "kernel_type",
                                       "gamma",
                                       "C",
                                       "classes",
                                       "n_support",
                                       "svc",
                                       "linear_classifiers",
                                       "rbf_classifiers",
                                       "num_clusters",
                                       "n_clusters",
                                       "objective",
                                       "efficiency_weight",
                                       "cluster_models",
                                       "candidate_set",
                                       "feature",
                                       "clustering",
                                       "training_snapshot_id",
                                       "target_contract",
                                       "distance",
                                       "tie_break",
                                       "cluster_sizes",
                                       "support",
                                       "fallback",
                                       "input_normalization",
                                       "outcomes"};
    return is_listed(key, keys, MLSEL_ARRAY_LENGTH(keys));
}

/* --- values ------------------------------------------------------------------------------------------------------ */

static void print_numbers(const printer *p, const json_array *array, size_t first, size_t count) {
    mlsel_i_write_open(p->w, '[');
    for (size_t i = first; i < first + count; i++)
        if (array->dtype == JSON_F32)
            mlsel_i_write_f32(p->w, ((const float *)array->data)[i]);
        else
            mlsel_i_write_number(p->w, ((const double *)array->data)[i]);
    mlsel_i_write_close(p->w, ']');
}

static void print_array(const printer *p, const json_array *array) {
    if (array->rank == 1) {
        print_numbers(p, array, 0, array->rows);
        return;
    }
    mlsel_i_write_open(p->w, '[');
    for (size_t r = 0; r < array->rows; r++)
        print_numbers(p, array, r * array->stride, array->cols);
    mlsel_i_write_close(p->w, ']');
}

/* Whether a node is still in the document: arrays that the artifact took, or whose values were not usable, are not. */
static bool is_there(const printer *p, const cJSON *node) {
    const json_array *array = mlsel_i_json_array(p->doc, node);
    const json_strings *strings = mlsel_i_json_strings(p->doc, node);
    if (array != NULL)
        return array->data != NULL && !array->is_tensor;
    return strings == NULL || strings->defect < 0;
}

/* The arrays that belong to the object at path. */
static void print_tensors(const printer *p, const char *path) {
    const size_t length = strlen(path);
    for (size_t i = 0; p->artifact != NULL && i < p->artifact->n_tensors; i++) {
        const artifact_tensor *tensor = &p->artifact->tensors[i];
        if (length > 0 && (strncmp(tensor->name, path, length) != 0 || tensor->name[length] != '.'))
            continue;
        const char *key = tensor->name + (length > 0 ? length + 1 : 0); /* a longer path is no tensor's */
        if (strchr(key, '.') != NULL)
            continue;
        mlsel_i_write_key(p->w, key);
        mlsel_i_write_array(p->w, &tensor->array);
    }
}

static void print_node(const printer *p, const cJSON *node, const char *path);

static void print_container(const printer *p, const cJSON *node, const char *path) {
    const bool is_object = cJSON_IsObject(node);
    char inner[MAX_PATH];
    size_t index = 0;
    mlsel_i_write_open(p->w, is_object ? '{' : '[');
    const cJSON *member;
    cJSON_ArrayForEach (member, node) {
        const size_t position = index++;
        if (!is_there(p, member)) {
            if (!is_object) /* a list keeps its length */
                mlsel_i_write_raw(p->w, p->w->needs_comma ? ",null" : "null", p->w->needs_comma ? 5 : 4);
            p->w->needs_comma = p->w->needs_comma || !is_object;
            continue;
        }
        if (is_object) {
            (void)snprintf(inner, sizeof inner, "%s.%s", path, member->string);
            mlsel_i_write_key(p->w, member->string);
        } else {
            (void)snprintf(inner, sizeof inner, "%s.%zu", path, position);
        }
        print_node(p, member, inner);
    }
    if (is_object)
        print_tensors(p, path);
    mlsel_i_write_close(p->w, is_object ? '}' : ']');
}

static void print_word(const printer *p, const char *word) {
    if (p->w->needs_comma)
        mlsel_i_write_raw(p->w, ",", 1);
    mlsel_i_write_raw(p->w, word, strlen(word));
    p->w->needs_comma = true;
}

static void print_node(const printer *p, const cJSON *node, const char *path) {
    const json_array *array = mlsel_i_json_array(p->doc, node);
    const json_strings *strings = mlsel_i_json_strings(p->doc, node);
    if (array != NULL)
        print_array(p, array);
    else if (strings != NULL)
        mlsel_i_write_strings(p->w, strings);
    else if (cJSON_IsString(node))
        mlsel_i_write_string(p->w, node->valuestring);
    else if (cJSON_IsNumber(node))
        mlsel_i_write_number(p->w, node->valuedouble);
    else if (cJSON_IsBool(node))
        print_word(p, cJSON_IsTrue(node) ? "true" : "false");
    else if (cJSON_IsObject(node) || cJSON_IsArray(node))
        print_container(p, node, path);
    else
        print_word(p, "null");
}

/* The members of the root, and of its arrays those that are wanted. */
static void print_root(const printer *p, bool is_limited) {
    const cJSON *member;
    cJSON_ArrayForEach (member, mlsel_i_json_root(p->doc)) {
        if (is_left_out(p, member->string) || !is_there(p, member))
            continue;
        const size_t before = p->w->size;
        const bool needed_comma = p->w->needs_comma;
        mlsel_i_write_key(p->w, member->string);
        print_node(p, member, member->string);
        if (is_limited && p->w->size - before > MAX_UNKNOWN && !is_known(member->string)) {
            p->w->size = before;
            p->w->needs_comma = needed_comma;
        }
    }
    print_tensors(p, "");
}

/* --- keeping, writing -------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_keep_document(const artifact_reader *in) {
    mlsel_artifact *artifact = in->artifact;
    json_writer w = {.err = in->err};
    const printer p = {.w = &w, .doc = in->doc, .is_knn = artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN};
    mlsel_i_write_open(&w, '{');
    print_root(&p, true);
    mlsel_i_write_close(&w, '}');
    mlsel_status status = mlsel_i_write_end(&w);
    if (status == MLSEL_OK) {
        /* not compared: equal numbers written differently make no other artifact */
        status = mlsel_i_artifact_own(artifact, w.text, w.capacity, false, in->err);
        artifact->document = status == MLSEL_OK ? w.text : NULL;
        artifact->document_size = w.size;
        w.text = NULL;
    }
    mlsel_i_write_free(&w);
    return status;
}

static void write_knn(json_writer *w, const mlsel_artifact *artifact) {
    mlsel_i_write_key(w, "k");
    mlsel_i_write_count(w, artifact->scalars.knn_k);
    mlsel_i_write_key(w, "feature_dim");
    mlsel_i_write_count(w, artifact->scalars.n_features);
    mlsel_i_write_key(w, "num_samples");
    mlsel_i_write_count(w, artifact->knn.n_rows);
    mlsel_i_write_key(w, "model_names");
    mlsel_i_write_open(w, '[');
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++)
        mlsel_i_write_string(w, artifact->labels[i]);
    mlsel_i_write_close(w, ']');
}

void mlsel_i_write_document(json_writer *w, const mlsel_artifact *artifact, bool with_tensors) {
    json_document *doc = NULL;
    if (w->status != MLSEL_OK)
        return;
    w->status = mlsel_i_json_parse(artifact->document, artifact->document_size, NULL, mlsel_i_is_float32, &doc, w->err);
    if (w->status != MLSEL_OK)
        return;
    const bool is_knn = artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN;
    const printer p = {
        .w = w, .doc = doc, .artifact = with_tensors ? artifact : NULL, .has_tables = is_knn && !with_tensors};
    print_root(&p, false);
    if (is_knn)
        write_knn(w, artifact);
    mlsel_i_json_free(doc);
}
