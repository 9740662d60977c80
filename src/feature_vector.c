/* SPDX-License-Identifier: Apache-2.0 */
/* Feature vectors: an embedding and a one-hot category. */
#include "feature_vector.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define N_CATEGORIES 14

static const char *const layouts[][N_CATEGORIES] = {
    [MLSEL_CATEGORIES_VSR] = {"math", "physics", "chemistry", "biology", "computer science", "history", "economics",
                              "business", "law", "health", "psychology", "philosophy", "other", "unknown"},
    [MLSEL_CATEGORIES_VSR_DOC] = {"biology", "business", "chemistry", "computer science", "economics", "engineering",
                                  "health", "history", "law", "math", "other", "philosophy", "physics", "psychology"},
};

/* --- layouts ----------------------------------------------------------------------------------------------------- */

/* A list of category names: a layout's or an artifact's. */
typedef struct category_list {
    const char *const *names;
    size_t count;
} category_list;

static category_list list_of_layout(mlsel_category_layout layout) {
    if (layout != MLSEL_CATEGORIES_VSR && layout != MLSEL_CATEGORIES_VSR_DOC)
        return (category_list){0};
    return (category_list){layouts[layout], N_CATEGORIES};
}

static category_list list_of_model(const mlsel_model *model) {
    const mlsel_artifact *artifact = model->artifact;
    if (artifact->scalars.has_categories)
        return (category_list){(const char *const *)artifact->categories, artifact->scalars.n_categories};
    return mlsel_i_n_categories(artifact) > 0 ? list_of_layout(model->category_layout) : (category_list){0};
}

size_t mlsel_category_count(mlsel_category_layout layout) { return list_of_layout(layout).count; }

const char *mlsel_category_name(mlsel_category_layout layout, int32_t index) {
    const category_list list = list_of_layout(layout);
    return index >= 0 && (size_t)index < list.count ? list.names[index] : NULL;
}

const char *mlsel_model_category(const mlsel_model *model, int32_t index) {
    if (model == NULL || index < 0)
        return NULL;
    const category_list list = list_of_model(model);
    return (size_t)index < list.count ? list.names[index] : NULL;
}

static int32_t find_name(category_list list, const char *name) {
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.names[i], name) == 0)
            return (int32_t)i;
    return strcmp(name, "computer_science") == 0 ? find_name(list, "computer science") : -1;
}

/* Index in the list; a name that is not there falls back to "other"; -1 if that is not there either. */
static int32_t find_category(category_list list, const char *name, uint32_t *flags) {
    *flags = 0;
    if (name == NULL || name[0] == '\0')
        return find_name(list, "other");
    const int32_t index = find_name(list, name);
    if (index >= 0)
        return index;
    *flags = MLSEL_CATEGORY_FELL_BACK;
    return find_name(list, "other");
}

int32_t mlsel_category_index(mlsel_category_layout layout, const char *name, uint32_t *flags) {
    uint32_t found = 0;
    const category_list list = list_of_layout(layout);
    const int32_t index = list.count == 0 ? -1 : find_category(list, name, &found);
    if (flags != NULL)
        *flags = found;
    return index;
}

/* --- widths ------------------------------------------------------------------------------------------------------ */

uint32_t mlsel_i_n_categories(const mlsel_artifact *artifact) {
    if (artifact->scalars.has_categories)
        return artifact->scalars.n_categories;
    return artifact->scalars.n_features > N_CATEGORIES ? N_CATEGORIES : 0;
}

void mlsel_i_width_text(const mlsel_artifact *artifact, char *out, size_t size) {
    const uint32_t width = artifact->scalars.n_features;
    const uint32_t n_categories = mlsel_i_n_categories(artifact);
    if (n_categories > 0)
        snprintf(out, size, "%u+%u", (unsigned)(width - n_categories), (unsigned)n_categories);
    else
        snprintf(out, size, "%u", (unsigned)width);
}

const char *mlsel_i_width_remedy(const mlsel_artifact *artifact, size_t got) {
    const uint32_t width = artifact->scalars.n_features;
    const uint32_t n_categories = mlsel_i_n_categories(artifact);
    if (got == 0)
        return "the query is empty";
    if (n_categories > 0 && got == width - n_categories)
        return "the category values are missing, mlsel_features_compose appends them";
    return "use the same embedding model for training and inference";
}

/* --- composing --------------------------------------------------------------------------------------------------- */

/* What to append, and to how many values. */
typedef struct composition {
    size_t n_embedding;
    size_t n_categories;
    int32_t category;
    double weight;
    uint32_t flags;
} composition;

static mlsel_status check_widths(const mlsel_model *model, size_t n_embedding, size_t n_categories, size_t n_features,
                                 mlsel_error *err) {
    if (model != NULL && n_embedding + n_categories != model->artifact->scalars.n_features) {
        char width[64];
        mlsel_i_width_text(model->artifact, width, sizeof width);
        return mlsel_i_fail_detail(err, MLSEL_ERROR_DIMENSION, model->artifact->scalars.n_features - n_categories,
                                   "embedding dimension mismatch: the artifact was trained on %s values, got an "
                                   "embedding of %zu: use the same embedding model for training and inference",
                                   width, n_embedding);
    }
    if (n_features != n_embedding + n_categories)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_DIMENSION, n_embedding + n_categories,
                                   "n_features is %zu, expected %zu + %zu", n_features, n_embedding, n_categories);
    return MLSEL_OK;
}

static mlsel_status plan(const mlsel_model *model, const mlsel_features_options *given, size_t n_embedding,
                         const char *category, size_t n_features, composition *out, mlsel_error *err) {
    mlsel_features_options options = {0};
    mlsel_status status = mlsel_i_options_copy(&options, sizeof options, given, "mlsel_features_options", err);
    if (status != MLSEL_OK)
        return status;
    if (model != NULL && given != NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "with a model the options must be NULL");
    if (n_embedding == 0 || n_embedding > SIZE_MAX / 2)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the embedding is empty or its size is absurd");
    if (!(options.category_weight >= 0 && options.category_weight <= FLT_MAX))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "category_weight must not be negative, NaN or infinite");
    const category_list list = model != NULL ? list_of_model(model) : list_of_layout(options.layout);
    if (list.count == 0 && model == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "layout %d is none", (int)options.layout);
    *out = (composition){.n_embedding = n_embedding, .n_categories = list.count};
    if ((status = check_widths(model, n_embedding, list.count, n_features, err)) != MLSEL_OK)
        return status;
    out->category = find_category(list, category, &out->flags);
    if (out->category < 0 && list.count > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND,
                            "category \"%s\" is not in the artifact's list, which has no \"other\" either",
                            category == NULL ? "" : category);
    out->weight = options.category_weight > 0 ? options.category_weight : 1;
    if (model != NULL)
        out->weight = model->artifact->scalars.category_weight;
    return MLSEL_OK;
}

static mlsel_status bad_value(size_t index, mlsel_error *err) {
    return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FINITE, index,
                               "embedding value %zu is NaN, infinite or beyond the range of float32", index);
}

static mlsel_status not_null(const void *embedding, const void *features, mlsel_error *err) {
    if (embedding != NULL && features != NULL)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "embedding and features must not be NULL");
}

mlsel_status mlsel_features_compose(const mlsel_model *model, const mlsel_features_options *options,
                                    const float *embedding, size_t n_embedding, const char *category, float *features,
                                    size_t n_features, uint32_t *flags, mlsel_error *err) {
    composition c = {0};
    mlsel_status status = not_null(embedding, features, err);
    if (status != MLSEL_OK || (status = plan(model, options, n_embedding, category, n_features, &c, err)) != MLSEL_OK)
        return status;
    if (model == NULL || !model->kernels->is_finite_f32(embedding, n_embedding))
        for (size_t i = 0; i < n_embedding; i++)
            if (!(fabsf(embedding[i]) <= FLT_MAX))
                return bad_value(i, err);
    memmove(features, embedding, n_embedding * sizeof *features);
    for (size_t i = 0; i < c.n_categories; i++)
        features[n_embedding + i] = (size_t)c.category == i ? (float)c.weight : 0;
    if (flags != NULL)
        *flags = c.flags;
    return mlsel_i_ok(err);
}

mlsel_status mlsel_features_compose_f64(const mlsel_model *model, const mlsel_features_options *options,
                                        const double *embedding, size_t n_embedding, const char *category,
                                        double *features, size_t n_features, uint32_t *flags, mlsel_error *err) {
    composition c = {0};
    mlsel_status status = not_null(embedding, features, err);
    if (status != MLSEL_OK || (status = plan(model, options, n_embedding, category, n_features, &c, err)) != MLSEL_OK)
        return status;
    if (model == NULL || !model->kernels->is_finite_f64(embedding, n_embedding))
        for (size_t i = 0; i < n_embedding; i++)
            if (!(fabs(embedding[i]) <= FLT_MAX))
                return bad_value(i, err);
    memmove(features, embedding, n_embedding * sizeof *features);
    for (size_t i = 0; i < c.n_categories; i++)
        features[n_embedding + i] = (size_t)c.category == i ? c.weight : 0;
    if (flags != NULL)
        *flags = c.flags;
    return mlsel_i_ok(err);
}

void mlsel_features_options_init(mlsel_features_options *options, size_t size) { mlsel_i_options_init(options, size); }
