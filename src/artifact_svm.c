/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading SVM artifacts. The trained one-vs-one parameters (at top level, or under "svc" in v2) win over the per-model
 * lists: in the Python exports those lists are only an approximation of the model that was trained.
 */
#include <math.h>
#include <string.h>

#include "artifact_read.h"

/* --- common ------------------------------------------------------------------------------------------------------ */

static bool equal_ignoring_case(const char *a, const char *b) {
    /* ASCII only, whatever the locale */
    for (;; a++, b++) {
        const int x = *a >= 'A' && *a <= 'Z' ? *a - 'A' + 'a' : *a;
        if (x != *b)
            return false;
        if (*b == '\0')
            return true;
    }
}

/* The kernel: "kernel" is what was trained; "kernel_type" says Rbf in the exports even of linear models. */
static mlsel_status read_kernel(const artifact_reader *in, json_place place, json_place root, mlsel_svm_kernel *out) {
    const json_place places[] = {place, place, root, root};
    const char *const keys[] = {"kernel", "kernel_type", "kernel", "kernel_type"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(keys); i++) {
        const char *name = NULL;
        const mlsel_status status = mlsel_i_read_string(in, places[i], keys[i], READ_OPTIONAL, &name);
        if (status != MLSEL_OK)
            return status;
        if (name == NULL)
            continue;
        if (equal_ignoring_case(name, "rbf"))
            *out = MLSEL_SVM_KERNEL_RBF;
        else if (equal_ignoring_case(name, "linear"))
            *out = MLSEL_SVM_KERNEL_LINEAR;
        else
            return mlsel_i_fail(in->err, MLSEL_ERROR_UNSUPPORTED,
                                "%s.%s: kernel \"%s\" is not supported, expected \"rbf\" or \"linear\"", places[i].path,
                                keys[i], name);
        return MLSEL_OK;
    }
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.kernel is missing", place.path);
}

static mlsel_status read_gamma(const artifact_reader *in, json_place place, int required, double *out) {
    const mlsel_status status = mlsel_i_read_real(in, place, "gamma", required, out);
    if (status != MLSEL_OK || mlsel_i_member(place, "gamma") == NULL || *out > 0)
        return status;
    char text[32];
    mlsel_i_format_double(text, sizeof text, *out);
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.gamma: %s must be above 0", place.path, text);
}

static mlsel_status read_model_names(const artifact_reader *in, json_place root, int required, label_set *labels) {
    const json_strings *named;
    const mlsel_status status = mlsel_i_read_names(in, root, "model_names", required, ANY_COUNT, &named);
    if (status != MLSEL_OK || named == NULL)
        return status;
    return mlsel_i_labels_add_list(in, labels, named, "$", "model_names");
}

/* --- one-vs-one -------------------------------------------------------------------------------------------------- */

/* Which label each class is: by number (index into model_names) or by name; without `classes`, in order. */
static mlsel_status read_classes(const artifact_reader *in, json_place place, size_t n_classes,
                                 const label_set *labels) {
    mlsel_artifact *artifact = in->artifact;
    json_array numbers = {0};
    const json_strings *names = NULL;
    const cJSON *member = mlsel_i_member(place, "classes");
    mlsel_status status = MLSEL_OK;
    if (member != NULL && mlsel_i_json_strings(in->doc, member) != NULL)
        status = mlsel_i_read_names(in, place, "classes", READ_REQUIRED, n_classes, &names);
    else if (member != NULL)
        status = mlsel_i_read_vector(in, place, "classes", READ_REQUIRED, n_classes, &numbers);
    else if (labels->count != n_classes)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.model_names: %zu names, expected %zu as in %s.n_support",
                            labels->count, n_classes, place.path);
    if (status != MLSEL_OK)
        return status;
    int32_t *class_labels = mlsel_i_artifact_alloc(artifact, n_classes, sizeof *class_labels, true, in->err);
    int32_t *tie_rank = mlsel_i_artifact_alloc(artifact, labels->count, sizeof *tie_rank, true, in->err);
    uint8_t *choosable = mlsel_i_artifact_alloc(artifact, labels->count, 1, true, in->err);
    if (class_labels == NULL || tie_rank == NULL || choosable == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    const double *values = numbers.data;
    for (size_t c = 0; c < n_classes; c++) {
        double label = (double)c;
        if (names != NULL)
            label = mlsel_i_labels_find(labels, names->bytes + names->offsets[c]);
        else if (values != NULL)
            label = values[c];
        if (!(label >= 0 && label < (double)labels->count) || label != floor(label))
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.classes[%zu] is none of the %zu in $.model_names",
                                place.path, c, labels->count);
        class_labels[c] = (int32_t)label;
        if (choosable[class_labels[c]])
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.classes[%zu] is listed twice", place.path, c);
        choosable[class_labels[c]] = 1;
        tie_rank[class_labels[c]] = (int32_t)c;
    }
    artifact->class_labels = class_labels;
    artifact->tie_rank = tie_rank;
    artifact->choosable = choosable;
    return MLSEL_OK;
}

/* The support vectors come sorted by class; n_support says how many each class has. */
static mlsel_status read_n_support(const artifact_reader *in, json_place place, size_t n_vectors, size_t *n_classes) {
    json_array counts;
    const mlsel_status status = mlsel_i_read_vector(in, place, "n_support", READ_REQUIRED, ANY_COUNT, &counts);
    if (status != MLSEL_OK)
        return status;
    if (counts.rows < 2)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.n_support: %zu classes, expected at least 2", place.path,
                            counts.rows);
    if (counts.rows > 4096)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%s.n_support: %zu classes, at most 4096 are accepted",
                            place.path, counts.rows);
    uint64_t *start = mlsel_i_artifact_alloc(in->artifact, counts.rows + 1, sizeof *start, true, in->err);
    if (start == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    const double *values = counts.data;
    for (size_t c = 0; c < counts.rows; c++) {
        const double rest = (double)(n_vectors - start[c]);
        if (!(values[c] >= 0 && values[c] <= rest) || values[c] != floor(values[c]))
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                                "%s.n_support[%zu] does not fit the %zu rows of support_vectors", place.path, c,
                                n_vectors);
        start[c + 1] = start[c] + (uint64_t)values[c];
    }
    if (start[counts.rows] != n_vectors)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                            "%s.n_support sums to %llu, expected %zu as in support_vectors", place.path,
                            (unsigned long long)start[counts.rows], n_vectors);
    in->artifact->svm.class_start = start;
    *n_classes = counts.rows;
    return MLSEL_OK;
}

/* (c-1) x n; with two classes also accepted as a plain list of n. */
static mlsel_status read_dual_coef(const artifact_reader *in, json_place place, size_t n_classes, size_t n_vectors) {
    const cJSON *member = mlsel_i_member(place, "dual_coef");
    const json_array *array = member == NULL ? NULL : mlsel_i_json_array(in->doc, member);
    json_array coef;
    mlsel_status status;
    if (n_classes == 2 && array != NULL && array->rank == 1)
        status = mlsel_i_take_vector(in, place, "dual_coef", READ_REQUIRED, n_vectors, &coef);
    else
        status = mlsel_i_take_matrix(in, place, "dual_coef", READ_REQUIRED, n_classes - 1, n_vectors, &coef);
    in->artifact->svm.dual_coef = coef.data;
    return status;
}

/* v2 says how queries are normalised, in svc or at top level; only "none" is defined. */
static mlsel_status check_normalization(const artifact_reader *in, json_place place) {
    const char *normalization = "none";
    const mlsel_status status = mlsel_i_read_string(in, place, "input_normalization", READ_OPTIONAL, &normalization);
    if (status != MLSEL_OK || strcmp(normalization, "none") == 0)
        return status;
    return mlsel_i_fail(in->err, MLSEL_ERROR_UNSUPPORTED,
                        "%s.input_normalization: \"%s\" is not supported, expected \"none\"", place.path,
                        normalization);
}

/* With the norms that a container brings along, loading it does not read the vectors. */
static mlsel_status read_norms(const artifact_reader *in, json_place root, const json_array *vectors) {
    const json_place place = {mlsel_i_member(root, "mlsel_index"), "$.mlsel_index"};
    json_array norms;
    if (!vectors->is_tensor)
        return MLSEL_OK;
    if (!cJSON_IsObject(place.object) || mlsel_i_find_tensor(in, place, "squared_norms") == NULL)
        return mlsel_i_check_float32(vectors, "support_vectors", in->err);
    const mlsel_status status = mlsel_i_read_vector(in, place, "squared_norms", READ_REQUIRED, vectors->rows, &norms);
    if (status != MLSEL_OK)
        return status;
    const double *values = norms.data;
    for (size_t i = 0; i < norms.rows; i++)
        if (!(values[i] >= 0))
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.squared_norms[%zu] is negative", place.path, i);
    in->artifact->svm.squared_norms = values;
    in->artifact->unchecked = *vectors;
    return MLSEL_OK;
}

static mlsel_status read_one_vs_one(const artifact_reader *in, json_place place, json_place root, label_set *labels) {
    mlsel_artifact *artifact = in->artifact;
    mlsel_svm_view *svm = &artifact->svm;
    json_array vectors, intercept;
    size_t n_classes = 0;
    mlsel_status status = check_normalization(in, place);
    if (status != MLSEL_OK || (status = check_normalization(in, root)) != MLSEL_OK ||
        (status = read_kernel(in, place, root, &svm->kernel)) != MLSEL_OK)
        return status;
    if (svm->kernel == MLSEL_SVM_KERNEL_RBF) {
        const json_place owner = mlsel_i_member(place, "gamma") != NULL ? place : root;
        if ((status = read_gamma(in, owner, READ_REQUIRED, &svm->gamma)) != MLSEL_OK)
            return status;
    }
    if ((status = mlsel_i_take_rows(in, place, "support_vectors", &vectors)) != MLSEL_OK)
        return status;
    if (vectors.rows == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED, "%s.support_vectors is empty: the model is not trained",
                            place.path);
    if (vectors.cols > INT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%zu features are too many", vectors.cols);
    if ((status = read_n_support(in, place, vectors.rows, &n_classes)) != MLSEL_OK ||
        (status = read_dual_coef(in, place, n_classes, vectors.rows)) != MLSEL_OK ||
        (status = mlsel_i_take_vector(in, place, "intercept", READ_REQUIRED, n_classes * (n_classes - 1) / 2,
                                      &intercept)) != MLSEL_OK ||
        (status = read_model_names(in, root, READ_REQUIRED, labels)) != MLSEL_OK)
        return status;
    if (labels->count == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.model_names is empty");
    if ((status = read_classes(in, place, n_classes, labels)) != MLSEL_OK)
        return status;
    if ((status = mlsel_i_record_tensor(in, place, "support_vectors", &vectors)) != MLSEL_OK ||
        (status = read_norms(in, root, &vectors)) != MLSEL_OK)
        return status;
    svm->form = MLSEL_SVM_FORM_ONE_VS_ONE;
    svm->n_classes = (uint32_t)n_classes;
    svm->support_vectors = vectors.data;
    svm->stride = vectors.stride;
    svm->n_support_vectors = vectors.rows;
    svm->intercept = intercept.data;
    artifact->scalars.n_features = (uint32_t)vectors.cols;
    /* n_classes counts the classes of the SVC, which may be fewer than the names */
    uint32_t declared = (uint32_t)n_classes;
    if ((status = mlsel_i_read_count(in, root, "n_classes", READ_OPTIONAL, 0, &declared)) != MLSEL_OK)
        return status;
    if (declared != n_classes && declared != labels->count)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.n_classes: %u, expected %zu as in %s.n_support",
                            (unsigned)declared, n_classes, place.path);
    return MLSEL_OK;
}

/* --- per model --------------------------------------------------------------------------------------------------- */

static mlsel_status read_classifier(const artifact_reader *in, json_place place, mlsel_svm_classifier *out) {
    mlsel_artifact *artifact = in->artifact;
    const size_t width = artifact->scalars.n_features == 0 ? ANY_COUNT : artifact->scalars.n_features;
    json_array vectors, alpha = {0};
    mlsel_status status;
    if (artifact->svm.kernel == MLSEL_SVM_KERNEL_LINEAR) {
        status = mlsel_i_take_vector(in, place, "weights", READ_REQUIRED, width, &vectors);
        vectors.cols = vectors.stride = vectors.rows; /* one vector */
        vectors.rows = 1;
    } else {
        status = mlsel_i_take_matrix(in, place, "support_vectors", READ_REQUIRED, ANY_COUNT, width, &vectors);
        if (status == MLSEL_OK)
            status = mlsel_i_take_vector(in, place, "alpha", READ_REQUIRED, vectors.rows, &alpha);
    }
    if (status != MLSEL_OK)
        return status;
    if (vectors.rows == 0 || vectors.cols == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED, "%s has no support vectors or weights", place.path);
    if (vectors.cols > INT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%zu features are too many", vectors.cols);
    artifact->scalars.n_features = (uint32_t)vectors.cols;
    artifact->svm.n_support_vectors += vectors.rows;
    out->vectors = vectors.data;
    out->stride = vectors.stride;
    out->n_vectors = vectors.rows;
    out->alpha = alpha.data;
    out->gamma = artifact->svm.gamma;
    if (artifact->svm.kernel == MLSEL_SVM_KERNEL_RBF) {
        const int required = out->gamma > 0 ? READ_OPTIONAL : READ_REQUIRED;
        if ((status = read_gamma(in, place, required, &out->gamma)) != MLSEL_OK)
            return status;
    }
    return mlsel_i_read_real(in, place, "rho", READ_REQUIRED, &out->rho);
}

static mlsel_status read_classifiers(const artifact_reader *in, const cJSON *list, const char *key, label_set *labels,
                                     mlsel_svm_classifier *classifiers) {
    char path[64];
    size_t i = 0;
    const cJSON *node;
    cJSON_ArrayForEach (node, list) {
        mlsel_i_path_index(path, sizeof path, "$", key, i);
        const json_place place = {node, path};
        const char *name = NULL;
        int32_t label = 0;
        if (!cJSON_IsObject(node))
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s must be an object", path);
        mlsel_status status = mlsel_i_read_string(in, place, "model_name", READ_REQUIRED, &name);
        if (status != MLSEL_OK)
            return status;
        if (name[0] == '\0')
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.model_name is an empty name", path);
        if ((status = mlsel_i_labels_add(labels, name, &label, in->err)) != MLSEL_OK)
            return status;
        if ((size_t)label != i)
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.model_name: \"%s\" is listed twice", path, name);
        if ((status = read_classifier(in, place, &classifiers[i])) != MLSEL_OK)
            return status;
        i++;
    }
    return MLSEL_OK;
}

/* gamma of the whole model if all classifiers share one, else 0 */
static double common_gamma(const mlsel_svm_classifier *classifiers, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (classifiers[i].gamma < classifiers[0].gamma || classifiers[i].gamma > classifiers[0].gamma)
            return 0;
    return classifiers[0].gamma;
}

/* Labels: the classifiers in order, so that label, class and tie order are one, then names without a classifier. */
static mlsel_status read_per_model(const artifact_reader *in, json_place root, const char *key, const cJSON *list,
                                   label_set *labels) {
    mlsel_artifact *artifact = in->artifact;
    mlsel_svm_view *svm = &artifact->svm;
    const json_strings *named;
    const size_t n = (size_t)cJSON_GetArraySize(list);
    svm->form = MLSEL_SVM_FORM_PER_MODEL;
    svm->n_classes = (uint32_t)n;
    mlsel_svm_classifier *classifiers = mlsel_i_artifact_alloc(artifact, n, sizeof *classifiers, false, in->err);
    if (classifiers == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    svm->classifiers = classifiers;
    mlsel_status status = MLSEL_OK;
    if (svm->kernel == MLSEL_SVM_KERNEL_RBF && (status = read_gamma(in, root, READ_OPTIONAL, &svm->gamma)) != MLSEL_OK)
        return status;
    if ((status = read_classifiers(in, list, key, labels, classifiers)) != MLSEL_OK ||
        (status = mlsel_i_read_names(in, root, "model_names", READ_OPTIONAL, ANY_COUNT, &named)) != MLSEL_OK)
        return status;
    svm->gamma = common_gamma(classifiers, n);
    label_set distinct = {0}; /* a name may be a classifier's, but not be listed twice */
    if (named != NULL)
        status = mlsel_i_labels_add_list(in, &distinct, named, "$", "model_names");
    mlsel_i_labels_free(&distinct);
    for (size_t i = 0; named != NULL && i < named->count && status == MLSEL_OK; i++)
        status = mlsel_i_labels_add(labels, named->bytes + named->offsets[i], NULL, in->err);
    if (status != MLSEL_OK)
        return status;
    int32_t *class_labels = mlsel_i_artifact_alloc(artifact, n, sizeof *class_labels, true, in->err);
    double *scalars = mlsel_i_artifact_alloc(artifact, 2 * n, sizeof *scalars, true, in->err);
    uint8_t *choosable = mlsel_i_artifact_alloc(artifact, labels->count, 1, true, in->err);
    if (class_labels == NULL || scalars == NULL || choosable == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        class_labels[i] = (int32_t)i;
        choosable[i] = 1;
        scalars[2 * i] = classifiers[i].rho; /* a comparable copy: the structs hold pointers */
        scalars[2 * i + 1] = classifiers[i].gamma;
    }
    artifact->class_labels = class_labels;
    artifact->choosable = choosable;
    return MLSEL_OK;
}

/* A list of classifiers that is there and not empty, or NULL. */
static mlsel_status find_classifiers(const artifact_reader *in, json_place root, const char *key, const cJSON **out) {
    const cJSON *list = mlsel_i_member(root, key);
    if (list != NULL && !cJSON_IsArray(list))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s must be a list of classifiers", root.path, key);
    *out = list != NULL && list->child != NULL ? list : NULL;
    return MLSEL_OK;
}

static mlsel_status read_lists(const artifact_reader *in, json_place root, label_set *labels) {
    const cJSON *linear = NULL, *rbf = NULL;
    mlsel_svm_view *svm = &in->artifact->svm;
    mlsel_status status = find_classifiers(in, root, "linear_classifiers", &linear);
    if (status != MLSEL_OK || (status = find_classifiers(in, root, "rbf_classifiers", &rbf)) != MLSEL_OK)
        return status;
    if (linear == NULL && rbf == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED,
                            "$ has neither support_vectors nor classifiers: the model is not trained");
    if (linear != NULL && rbf != NULL) {
        if ((status = read_kernel(in, root, root, &svm->kernel)) != MLSEL_OK)
            return status;
    } else {
        svm->kernel = linear != NULL ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF;
        mlsel_svm_kernel named; /* the list that is there decides, but a kernel must be one we know */
        if ((mlsel_i_member(root, "kernel") != NULL || mlsel_i_member(root, "kernel_type") != NULL) &&
            (status = read_kernel(in, root, root, &named)) != MLSEL_OK)
            return status;
    }
    const bool use_linear = svm->kernel == MLSEL_SVM_KERNEL_LINEAR;
    return read_per_model(in, root, use_linear ? "linear_classifiers" : "rbf_classifiers", use_linear ? linear : rbf,
                          labels);
}

/* --- both -------------------------------------------------------------------------------------------------------- */

bool mlsel_i_svm_is_one_vs_one(json_place root) {
    return mlsel_i_member(root, "svc") != NULL || mlsel_i_member(root, "support_vectors") != NULL ||
           mlsel_i_member(root, "dual_coef") != NULL;
}

static mlsel_status read_svm(const artifact_reader *in, json_place root, label_set *labels) {
    mlsel_artifact *artifact = in->artifact;
    json_place place = root;
    mlsel_status status;
    const cJSON *svc = mlsel_i_member(root, "svc");
    if (svc != NULL) {
        if (!cJSON_IsObject(svc))
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.svc must be an object");
        place = (json_place){svc, "$.svc"};
    }
    status = mlsel_i_svm_is_one_vs_one(root) ? read_one_vs_one(in, place, root, labels) : read_lists(in, root, labels);
    if (status != MLSEL_OK)
        return status;
    artifact->scalars.svm_form = artifact->svm.form;
    artifact->scalars.svm_kernel = artifact->svm.kernel;
    artifact->scalars.svm_gamma = artifact->svm.gamma;
    if ((status = mlsel_i_check_count(in, root, "feature_dim", artifact->scalars.n_features, "the vectors")) !=
        MLSEL_OK)
        return status;
    return mlsel_i_labels_store(in, labels);
}

mlsel_status mlsel_i_read_svm(const artifact_reader *in, json_place root) {
    label_set labels = {0};
    const mlsel_status status = read_svm(in, root, &labels);
    mlsel_i_labels_free(&labels);
    return status;
}
