/* SPDX-License-Identifier: Apache-2.0 */
/* What records say about scoring. */
#include <string.h>

#include "metric_internal.h"

/* Texts of a list, and those of numbers and the like, which are made here. */
typedef struct text_list {
    const char **texts; /* [n], with room for all */
    size_t n;
    char *at; /* room for what is made */
} text_list;

enum { NUMBER_SIZE = 32 };

static void add(text_list *list, const cJSON *node) {
    if (cJSON_IsString(node)) {
        list->texts[list->n++] = node->valuestring;
    } else if (cJSON_IsNumber(node)) {
        mlsel_i_format_double(list->at, NUMBER_SIZE, node->valuedouble);
        list->texts[list->n++] = list->at;
        list->at += NUMBER_SIZE;
    } else if (cJSON_IsBool(node)) {
        list->texts[list->n++] = cJSON_IsTrue(node) ? "true" : "false";
    }
}

static void add_all(text_list *list, const cJSON *node) {
    const cJSON *item;
    if (!cJSON_IsArray(node)) {
        add(list, node);
        return;
    }
    cJSON_ArrayForEach (item, node)
        add(list, item);
}

static size_t count(const cJSON *node) { return cJSON_IsArray(node) ? (size_t)cJSON_GetArraySize(node) : node != NULL; }

/* The list of choices, in whatever form. */
static const cJSON *find_choices(const cJSON *record) {
    const cJSON *choices = cJSON_GetObjectItemCaseSensitive(record, "choices");
    if (!cJSON_IsObject(choices))
        return choices;
    const cJSON *texts = cJSON_GetObjectItemCaseSensitive(choices, "text");
    return texts != NULL ? texts : choices->child;
}

static bool is_blank(const cJSON *node) { return cJSON_IsString(node) && !mlsel_i_truth_counts(node->valuestring); }

mlsel_status mlsel_metric_task_read(const cJSON *record, mlsel_metric_task_texts *out, mlsel_error *err) {
    const cJSON *metric = cJSON_GetObjectItemCaseSensitive(record, "metric");
    const cJSON *truth = cJSON_GetObjectItemCaseSensitive(record, "ground_truth");
    const cJSON *choices = find_choices(record);
    const size_t n_truths = count(truth), n = n_truths + count(choices);
    *out = (mlsel_metric_task_texts){0};
    char *memory = mlsel_i_alloc(n + 1, sizeof(char *) + NUMBER_SIZE);
    if (memory == NULL)
        return mlsel_i_no_memory(err);
    text_list truths = {.texts = (const char **)(void *)memory, .at = memory + n * sizeof(char *)};
    add_all(&truths, truth);
    text_list others = {.texts = truths.texts + n_truths, .at = truths.at};
    if (cJSON_IsArray(choices) || (cJSON_IsString(choices) && !is_blank(choices)))
        add_all(&others, choices);
    out->memory = memory;
    out->task = (mlsel_metric_task){.metric = cJSON_IsString(metric) ? metric->valuestring : NULL,
                                    .truths = truths.texts,
                                    .n_truths = truths.n,
                                    .choices = others.texts,
                                    .n_choices = others.n};
    return mlsel_i_ok(err);
}

void mlsel_metric_task_free(mlsel_metric_task_texts *texts) {
    if (texts == NULL)
        return;
    mlsel_i_free(texts->memory);
    *texts = (mlsel_metric_task_texts){0};
}
