/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of words: F1 of token sets, coverage, and contained exact match. */
#include <stdlib.h>
#include <string.h>

#include "metric_internal.h"

/* --- CEM ---------------------------------------------------------------------------------------------------------- */

/* A truth of marks or articles alone, as "?" or "the", is looked for as it is. */
static mlsel_status contains_as_is(const metric_answer *answer, const char *truth, bool *is_contained,
                                   mlsel_error *err) {
    text_buffer folded;
    mlsel_status status = mlsel_i_text_fold(truth, true, &folded, err);
    if (status == MLSEL_OK)
        status = mlsel_i_text_contains(&answer->lower, &folded, is_contained, err);
    mlsel_i_text_free(&folded);
    return status;
}

/* Folds a truth and makes words of it. */
static mlsel_status truth_words(const char *truth, unsigned flags, text_buffer *out, mlsel_error *err) {
    text_buffer folded;
    *out = (text_buffer){0};
    mlsel_status status = mlsel_i_text_fold(truth, true, &folded, err);
    if (status == MLSEL_OK)
        status = mlsel_i_text_words(&folded, flags, out, err);
    mlsel_i_text_free(&folded);
    return status;
}

mlsel_status mlsel_i_metric_cem(const metric_answer *answer, const char *truth, metric_verdict *out, mlsel_error *err) {
    text_buffer wanted, given = {0};
    bool is_contained = false;
    mlsel_status status = truth_words(truth, TEXT_DROPS_ARTICLES, &wanted, err);
    if (status == MLSEL_OK && wanted.size == 0)
        status = contains_as_is(answer, truth, &is_contained, err);
    else if (status == MLSEL_OK &&
             (status = mlsel_i_text_words(&answer->lower, TEXT_DROPS_ARTICLES, &given, err)) == MLSEL_OK)
        status = mlsel_i_text_contains(&given, &wanted, &is_contained, err);
    if (is_contained)
        *out = (metric_verdict){1, MLSEL_METRIC_BY_CONTENT};
    mlsel_i_text_free(&wanted);
    mlsel_i_text_free(&given);
    return status;
}

/* --- F1 ----------------------------------------------------------------------------------------------------------- */

typedef struct word {
    const char *text;
    size_t size;
} word;

typedef struct word_set {
    word *words; /* sorted, each once */
    size_t n;
} word_set;

static int order(const void *a, const void *b) {
    const word *v = a, *w = b;
    const int by_text = memcmp(v->text, w->text, v->size < w->size ? v->size : w->size);
    return by_text != 0 ? by_text : (v->size > w->size) - (v->size < w->size);
}

/* Sorts the first n words and keeps each once. */
static void make_distinct(word_set *set, size_t n) {
    if (n > 0)
        qsort(set->words, n, sizeof *set->words, order);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || order(&set->words[i], &set->words[set->n - 1]) != 0)
            set->words[set->n++] = set->words[i];
}

static bool is_stop_word(const word *w) {
    static const char *const stop_words[] = {"the",  "a",  "an", "is", "are", "was",
                                             "were", "of", "in", "to", "and", "or"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(stop_words); i++)
        if (strlen(stop_words[i]) == w->size && memcmp(stop_words[i], w->text, w->size) == 0)
            return true;
    return false;
}

static size_t count_words(const text_buffer *text) {
    size_t n = text->size > 0;
    for (size_t i = 0; i < text->size; i++)
        n += text->bytes[i] == ' ';
    return n;
}

/* The distinct words of a text without the stop words, or all if it has no others. */
static mlsel_status collect_words(const text_buffer *text, word_set *set, mlsel_error *err) {
    const size_t count = count_words(text);
    size_t kept = 0, n = 0;
    *set = (word_set){.words = mlsel_i_alloc(count, sizeof *set->words)};
    if (set->words == NULL)
        return mlsel_i_no_memory(err);
    const char *at = text->bytes, *end = at + text->size;
    for (size_t i = 0; i < count; i++) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space == NULL ? end : space;
        set->words[i] = (word){at, (size_t)(stop - at)};
        kept += !is_stop_word(&set->words[i]);
        at = stop + 1;
    }
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !is_stop_word(&set->words[i]))
            set->words[n++] = set->words[i];
    make_distinct(set, n);
    return MLSEL_OK;
}

static size_t count_common(const word_set *a, const word_set *b) {
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        const int by = order(&a->words[i], &b->words[j]);
        n += by == 0;
        i += by <= 0;
        j += by >= 0;
    }
    return n;
}

static mlsel_status compare_sets(const text_buffer *wanted, const text_buffer *given, metric_verdict *out,
                                 mlsel_error *err) {
    word_set truth, answer = {0};
    mlsel_status status = collect_words(wanted, &truth, err);
    if (status == MLSEL_OK)
        status = collect_words(given, &answer, err);
    const size_t common = status == MLSEL_OK ? count_common(&truth, &answer) : 0;
    /* 2 P R / (P + R) with P = common / answer, R = common / truth */
    if (common > 0)
        *out = (metric_verdict){2 * (double)common / (double)(truth.n + answer.n), MLSEL_METRIC_BY_SHARE};
    mlsel_i_free(truth.words);
    mlsel_i_free(answer.words);
    return status;
}

mlsel_status mlsel_i_metric_f1(const metric_answer *answer, const char *truth, metric_verdict *out, mlsel_error *err) {
    enum { SHORT_TRUTH = 2 };
    text_buffer wanted, given = {0};
    bool is_contained = false;
    mlsel_status status = truth_words(truth, TEXT_SPLITS, &wanted, err);
    if (status == MLSEL_OK)
        status = mlsel_i_text_words(&answer->lower, TEXT_SPLITS, &given, err);
    if (status == MLSEL_OK && wanted.size == 0)
        status = contains_as_is(answer, truth, &is_contained, err);
    else if (status == MLSEL_OK && count_words(&wanted) <= SHORT_TRUTH)
        status = mlsel_i_text_contains(&given, &wanted, &is_contained, err);
    if (is_contained)
        *out = (metric_verdict){1, MLSEL_METRIC_BY_CONTENT};
    else if (status == MLSEL_OK && wanted.size > 0)
        status = compare_sets(&wanted, &given, out, err);
    mlsel_i_text_free(&wanted);
    mlsel_i_text_free(&given);
    return status;
}

/* --- coverage ----------------------------------------------------------------------------------------------------- */

/* Distinct words between the commas of all truths, with a space for the rest of their marks. */
static mlsel_status required_words(const text_buffer *truths, size_t n_truths, word_set *set, mlsel_error *err) {
    size_t count = 0, n = 0;
    for (size_t t = 0; t < n_truths; t++) {
        count++;
        for (size_t i = 0; i < truths[t].size; i++)
            count += truths[t].bytes[i] == ',';
    }
    *set = (word_set){.words = mlsel_i_alloc(count, sizeof *set->words)};
    if (set->words == NULL)
        return mlsel_i_no_memory(err);
    for (size_t t = 0; t < n_truths; t++) {
        const char *at = truths[t].bytes, *end = at + truths[t].size;
        while (truths[t].size > 0 && at <= end) {
            const char *comma = memchr(at, ',', (size_t)(end - at));
            const char *next = comma == NULL ? end + 1 : comma + 1, *stop = next - 1;
            while (at < stop && (*at == ' ' || *at == '\n'))
                at++;
            while (stop > at && (stop[-1] == ' ' || stop[-1] == '\n'))
                stop--;
            if (stop > at)
                set->words[n++] = (word){at, (size_t)(stop - at)};
            at = next;
        }
    }
    make_distinct(set, n);
    return MLSEL_OK;
}

/* A word occurs where it begins a word of the answer, so that "walk" is in "walked"; "art" is not in "party". */
static mlsel_status count_occurring(const text_buffer *answer, const word_set *set, metric_verdict *out,
                                    mlsel_error *err) {
    size_t found = 0;
    for (size_t i = 0; i < set->n; i++) {
        text_buffer needle = {0};
        size_t at = SIZE_MAX;
        if ((needle.bytes = mlsel_i_strndup(set->words[i].text, set->words[i].size)) == NULL)
            return mlsel_i_no_memory(err);
        needle.size = set->words[i].size;
        const mlsel_status status = mlsel_i_text_find(answer, &needle, TEXT_WORD_BEGINS, &at, err);
        mlsel_i_text_free(&needle);
        if (status != MLSEL_OK)
            return status;
        found += at != SIZE_MAX;
    }
    if (found > 0)
        *out = (metric_verdict){(double)found / (double)set->n, MLSEL_METRIC_BY_SHARE};
    return MLSEL_OK;
}

mlsel_status mlsel_i_metric_coverage(const metric_answer *answer, metric_verdict *out, mlsel_error *err) {
    const mlsel_metric_task *task = answer->task;
    word_set set = {0};
    size_t n = 0;
    text_buffer *truths = mlsel_i_calloc(task->n_truths, sizeof *truths);
    mlsel_status status = truths == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
    for (size_t i = 0; status == MLSEL_OK && i < task->n_truths; i++)
        if (mlsel_i_truth_counts(task->truths[i]))
            status = mlsel_i_text_fold(task->truths[i], true, &truths[n++], err);
    if (status == MLSEL_OK)
        status = required_words(truths, n, &set, err);
    if (status == MLSEL_OK)
        status = count_occurring(&answer->lower, &set, out, err);
    for (size_t i = 0; i < n; i++)
        mlsel_i_text_free(&truths[i]);
    mlsel_i_free(truths);
    mlsel_i_free(set.words);
    return status;
}
