/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration against the artifacts it names. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/diagnostics.h"
#include "feature_vector.h"
#include "file.h"
#include "model.h"

int32_t mlsel_i_config_ref_label(const config_ref *ref, const mlsel_model *model) {
    const int32_t label = mlsel_model_find_label(model, ref->served);
    return label >= 0 || ref->lora_name.text == NULL ? label : mlsel_model_find_label(model, ref->model.text);
}

/* --- models ------------------------------------------------------------------------------------------------------ */

static void unknown_model(const config_ref *ref, const mlsel_model *model, const char *file, config_diagnostics *list) {
    quoted q;
    near_name near = {.given = ref->served};
    for (size_t i = 0; i < mlsel_model_label_count(model); i++)
        mlsel_i_near_offer(&near, mlsel_model_label(model, (int32_t)i));
    char advice[128];
    if (near.best != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%.80s\"?", near.best);
    mlsel_i_diagnose(list, CONFIG_WARNING, "model-not-in-artifact", ref->span, near.best != NULL ? advice : NULL,
                     "model %s is never chosen by score: %s does not know it", mlsel_i_quote(&q, ref->served), file);
}

/* The labels as a list, as many as fit. */
static void list_labels(const mlsel_model *model, char *out, size_t size) {
    size_t used = 0;
    const size_t count = mlsel_model_label_count(model);
    out[0] = '\0';
    for (size_t i = 0; i < count && used + 80 < size; i++) {
        const int length = snprintf(out + used, size - used, "%s%.60s", i == 0 ? "" : ", ",
                                    i == 6 ? "..." : mlsel_model_label(model, (int32_t)i));
        used += length > 0 ? (size_t)length : 0;
        if (i == 6)
            break;
    }
}

static void check_refs(const config_decision *d, const mlsel_model *model, const char *file, config_diagnostics *list) {
    quoted q;
    size_t known = 0;
    char labels[500];
    for (size_t i = 0; i < d->n_refs; i++)
        known += mlsel_i_config_ref_label(&d->refs[i], model) >= 0;
    if (known == 0) {
        list_labels(model, labels, sizeof labels);
        mlsel_i_diagnose(list, CONFIG_ERROR, "no-known-model", d->span, NULL,
                         "none of the models of decision %s is in %s, which knows %s", mlsel_i_quote(&q, d->name.text),
                         file, labels);
        return;
    }
    for (size_t i = 0; i < d->n_refs; i++)
        if (mlsel_i_config_ref_label(&d->refs[i], model) < 0)
            unknown_model(&d->refs[i], model, file, list);
}

/* --- parameters -------------------------------------------------------------------------------------------------- */

static void no_effect(config_number given, const char *name, double trained, const char *file,
                      config_diagnostics *list) {
    char own[32], theirs[32];
    if (!given.given || given.value == trained)
        return;
    mlsel_i_format_double(own, sizeof own, given.value);
    mlsel_i_format_double(theirs, sizeof theirs, trained);
    mlsel_i_diagnose(list, CONFIG_WARNING, "no-effect", given.span, "remove it, or train the artifact anew",
                     "%s %s has no effect: %s was trained with %s", name, own, file, theirs);
}

static void check_kernel(config_text kernel, const mlsel_model_info *info, const char *file, config_diagnostics *list) {
    const char *const trained = info->svm_kernel == MLSEL_SVM_KERNEL_LINEAR ? "linear" : "rbf";
    if (kernel.text != NULL && info->svm_kernel != MLSEL_SVM_KERNEL_NONE && strcmp(kernel.text, trained) != 0)
        mlsel_i_diagnose(list, CONFIG_WARNING, "no-effect", kernel.span, "remove it, or train the artifact anew",
                         "kernel %s has no effect: %s was trained with %s", kernel.text, file, trained);
}

/* Values that only training could have used; those of the global block are checked with the first decision. */
static void check_parameters(const config_parameters *p, const mlsel_model_info *info, const char *file,
                             config_diagnostics *list) {
    char most[48];
    if (info->algorithm == MLSEL_ALGORITHM_KMEANS)
        no_effect(p->num_clusters, "num_clusters", info->n_clusters, file, list);
    if (info->algorithm == MLSEL_ALGORITHM_SVM) {
        check_kernel(p->kernel, info, file, list);
        if (info->svm_kernel == MLSEL_SVM_KERNEL_RBF && info->gamma > 0)
            no_effect(p->gamma, "gamma", info->gamma, file, list);
    }
    if (info->algorithm == MLSEL_ALGORITHM_KNN && p->k.given && p->k.value > (double)info->n_samples) {
        snprintf(most, sizeof most, "%llu", (unsigned long long)info->n_samples);
        mlsel_i_diagnose(list, CONFIG_WARNING, "no-effect", p->k.span, NULL,
                         "k is larger than the %s rows of %s: all of them vote", most, file);
    }
}

/* --- one decision ------------------------------------------------------------------------------------------------ */

/* Whether the domain of a condition has a place in the feature vector, else it counts as "other". */
static void check_domains(const config *c, const config_rule *rule, const mlsel_model *model, const char *file,
                          config_diagnostics *list) {
    quoted q;
    if (rule == NULL)
        return;
    for (size_t i = 0; i < rule->n_children; i++)
        check_domains(c, &rule->children[i], model, file, list);
    if (rule->kind != CONFIG_RULE_CONDITION || strcmp(c->signals[rule->signal].type, "domain") != 0)
        return;
    const char *const name = c->signals[rule->signal].name;
    for (int32_t i = 0; mlsel_model_category(model, i) != NULL; i++)
        if (strcmp(mlsel_i_config_domain(mlsel_model_category(model, i)), name) == 0)
            return;
    mlsel_i_diagnose(list, CONFIG_NOTE, "category-falls-back", rule->name.span, NULL,
                     "%s is no category of %s: its requests are scored as \"other\"", mlsel_i_quote(&q, name), file);
}

mlsel_status mlsel_i_config_check_model(const config *c, const config_decision *decision, const mlsel_model *model,
                                        config_diagnostics *list, mlsel_error *err) {
    mlsel_model_info info = {0};
    const config_artifact *const artifact = &c->artifacts[decision->artifact];
    const char *const file = mlsel_i_file_name(artifact->path);
    const mlsel_status status = mlsel_model_get_info(model, &info, sizeof info, err);
    if (status != MLSEL_OK)
        return status;
    if (info.algorithm != (mlsel_algorithm)decision->algorithm) {
        mlsel_i_diagnose(list, CONFIG_ERROR, "artifact-algorithm", artifact->span, NULL,
                         "%s is a %s artifact, the decision asks for %s", file, mlsel_algorithm_name(info.algorithm),
                         mlsel_algorithm_name((mlsel_algorithm)decision->algorithm));
    } else {
        const uint32_t width = info.n_features - info.n_categories;
        if (c->embedding_dim.given && c->embedding_dim.value != width)
            mlsel_i_diagnose(list, CONFIG_ERROR, "artifact-width", c->embedding_dim.span,
                             "use the same embedding model for training and inference",
                             "embedding_dim is %.0f, %s was trained on %u+%u values", c->embedding_dim.value, file,
                             (unsigned)width, (unsigned)info.n_categories);
        check_refs(decision, model, file, list);
        check_parameters(&decision->own, &info, file, list);
        if (&c->decisions[artifact->decision] == decision)
            check_parameters(&c->algorithms[decision->algorithm], &info, file, list);
        if (info.n_categories > 0)
            check_domains(c, decision->rules, model, file, list);
    }
    return mlsel_i_diagnostics_failed(list) ? mlsel_i_no_memory(err) : mlsel_i_ok(err);
}
