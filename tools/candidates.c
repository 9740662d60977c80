/* SPDX-License-Identifier: Apache-2.0 */
#include "candidates.h"

#include <stdlib.h>
#include <string.h>

#include "model_file.h"

/* Marks a label in every model that has it; returns how many do. */
static size_t mark(run *r, const char *name) {
    size_t found = 0;
    for (size_t i = 0; i < r->model_count; ++i) {
        int32_t label = mlsel_model_find_label(r->models[i].model, name);
        if (label < 0)
            continue;
        r->models[i].mask[label] = 1;
        ++found;
    }
    return found;
}

static void warn_missing(const run *r, const char *name) {
    for (size_t i = 0; i < r->model_count; ++i)
        if (mlsel_model_find_label(r->models[i].model, name) < 0)
            tool_warning("%s has no label \"%s\"", r->models[i].path, name);
}

static void fail_unknown(run *r, const char *name) {
    char list[768];
    size_t count = 0, total = 0;
    for (size_t i = 0; i < r->model_count; ++i)
        total += r->models[i].info.n_labels;
    const char **labels = tool_alloc(total, sizeof *labels);
    for (size_t i = 0; i < r->model_count; ++i)
        for (uint32_t k = 0; k < r->models[i].info.n_labels; ++k)
            labels[count++] = mlsel_model_label(r->models[i].model, (int32_t)k);
    const char *likely = tool_did_you_mean(name, labels, count);
    failure_set(&r->problem, EXIT_BAD_INPUT, "no model has a label \"%s\"", name);
    if (likely != NULL)
        failure_hint(&r->problem, "did you mean \"%s\"?", likely);
    else
        failure_hint(&r->problem, "labels of %s: %s", r->models[0].path,
                     model_file_label_list(r->models[0].model, list, sizeof list));
    free(labels);
}

static bool add_name(run *r, const char *name) {
    size_t found = mark(r, name);
    if (found == 0)
        fail_unknown(r, name);
    else if (found < r->model_count)
        warn_missing(r, name);
    return found > 0;
}

/* A list of names; a label that has commas itself is found as a whole. */
static bool add_list(run *r, const char *list) {
    if (mark(r, list) > 0)
        return add_name(r, list);
    bool ok = true, any = false;
    while (ok && *list != '\0') {
        size_t length = strcspn(list, ",");
        if (length > 0) {
            char *name = tool_copy(list, length);
            ok = add_name(r, name);
            any = true;
            free(name);
        }
        list += length + (list[length] == ',');
    }
    if (ok && !any) {
        failure_set(&r->problem, EXIT_USAGE, "--candidates names no label");
        failure_hint(&r->problem, "leave the option out to allow all labels");
        return false;
    }
    return ok;
}

bool candidates_apply(run *r) {
    if (r->candidate_count == 0)
        return true;
    for (size_t i = 0; i < r->model_count; ++i) {
        run_model *m = &r->models[i];
        m->mask = tool_alloc(m->info.n_labels, 1);
        m->query.eligible_mask = m->mask;
        m->query.eligible_mask_size = m->info.n_labels;
    }
    for (size_t i = 0; i < r->candidate_count; ++i)
        if (!add_list(r, r->candidates[i]))
            return false;
    return true;
}
