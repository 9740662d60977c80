/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A locale with a decimal comma changes no number and no message, and is not changed. German, and Turkish, where the
 * small letter of I is not i.
 */
#include "bad_artifact.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* --- a transcript of what the library says ----------------------------------------------------------------------- */

typedef struct transcript {
    char bytes[1 << 18];
    size_t size;
} transcript;

static transcript in_c, in_other;

static void add(transcript *t, const void *bytes, size_t size) {
    assert_true(size <= sizeof t->bytes - t->size);
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

/* The scores and distances of a few queries, bit by bit. */
static void add_answers(transcript *t, const mlsel_model *model) {
    double query[1038], scores[16], distances[64], pairs[64];
    mlsel_neighbour neighbours[64];
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    info.memory_bytes = 0;
    add(t, &info, sizeof info);
    for (int q = 0; q < 3; q++) {
        mlsel_evidence e;
        mlsel_evidence_init(&e, sizeof e);
        e.scores = scores, e.scores_capacity = LENGTH(scores);
        e.neighbours = neighbours, e.neighbours_capacity = LENGTH(neighbours);
        e.cluster_distances = distances, e.cluster_distances_capacity = LENGTH(distances);
        e.pair_decisions = pairs, e.pair_decisions_capacity = LENGTH(pairs);
        for (uint32_t i = 0; i < info.n_features; i++)
            query[i] = (double)((i * 7 + (uint32_t)q * 5) % 11) / 7 - 0.5;
        test_ok(mlsel_explain_f64(model, query, info.n_features, NULL, &e, &err), &err);
        add(t, &e.selection, sizeof e.selection);
        add(t, scores, info.n_labels * sizeof *scores);
        add(t, neighbours, e.neighbour_count * sizeof *neighbours);
        add(t, distances, e.cluster_count * sizeof *distances);
        add(t, pairs, e.pair_count * sizeof *pairs);
    }
}

static void add_text(transcript *t, const char *text) {
    mlsel_model *model = test_load_text(text, NULL);
    add_answers(t, model);
    mlsel_model_release(model);
}

static void add_edited(transcript *t, const char *base, const char *from, const char *to) {
    char *text = test_replace(base, from, to);
    mlsel_model *model = NULL;
    mlsel_error err = {0};
    if (mlsel_model_load_memory(text, strlen(text), NULL, &model, &err) == MLSEL_OK)
        add_answers(t, model);
    add(t, &err, sizeof err);
    mlsel_model_release(model);
    free(text);
}

static void write_transcript(transcript *t) {
    static const char *const files[] = {EXAMPLE("models/knn_model.json"), EXAMPLE("models/kmeans_model.json"),
                                        EXAMPLE("models/svm_model.json"), EXAMPLE("models/mlp_model.json"),
                                        FIXTURE("kmeans_v2.json"),        FIXTURE("svm_permodel_rbf.json")};
    t->size = 0;
    for (size_t i = 0; i < LENGTH(files); i++) {
        mlsel_model *model = test_load(files[i], NULL);
        add_answers(t, model);
        mlsel_model_release(model);
    }
    for (size_t i = 0; i < n_bases; i++)
        add_text(t, bases[i]);
    /* numbers that are hard to read: many digits, far exponents */
    add_edited(t, base_kmeans, "[0,0.25]", "[0.12345678901234567890123456789,1.5e-40]");
    add_edited(t, base_kmeans, "[0,0.25]", "[123456789012345678901234.5678,0.1e+30]");
    /* names compared without regard to case */
    add_edited(t, base_svm, "\"kernel\":\"rbf\"", "\"kernel\":\"LINEAR\"");
    add_edited(t, base_svm_linear, "\"Linear\"", "\"LINEAR\"");
    add_edited(t, base_svm_rbf, "\"Rbf\"", "\"RBF\"");
    /* messages with numbers in them */
    add_edited(t, base_knn, "\"k\":2", "\"k\":2.5");
    add_edited(t, base_knn, "[0.5,1,0]", "[0.5,1.5,0]");
    add_edited(t, base_knn, "[0,1000,2000]", "[0,0.1,2000]");
    add_edited(t, base_svm, "\"gamma\":0.5", "\"gamma\":-1234567.125");
    add_edited(t, base_knn, "[0,1,0.25]", "[0,1,1e400]");
    add_edited(t, base_knn, "[0,1,0.25]", "[0,1,0,25]");
    add_edited(t, base_categories, "2.5", "2,5");
}

/* --- locales ----------------------------------------------------------------------------------------------------- */

static const char *const locales[] = {"de_DE.UTF-8", "tr_TR.UTF-8", "de_DE.utf8", "tr_TR.utf8",
                                      "fr_FR.UTF-8", "es_ES.UTF-8", "it_IT.UTF-8"};

static bool is_usable(const char *name) {
    const bool usable = setlocale(LC_ALL, name) != NULL && strcmp(localeconv()->decimal_point, ",") == 0;
    setlocale(LC_ALL, "C");
    return usable;
}

/* Number of usable locales: installed ones, else those that were compiled for the test. */
static size_t find_locales(void) {
    size_t count = 0;
    const char *compiled = getenv("TEST_LOCALE_DIR");
    for (size_t i = 0; i < LENGTH(locales); i++)
        count += is_usable(locales[i]);
    if (count > 0 || compiled == NULL || setenv("LOCPATH", compiled, 1) != 0)
        return count;
    for (size_t i = 0; i < LENGTH(locales); i++)
        count += is_usable(locales[i]);
    return count;
}

static void compare(const char *name) {
    if (in_other.size != in_c.size)
        fail_msg("%s: %zu bytes of answers, in C %zu", name, in_other.size, in_c.size);
    for (size_t i = 0; i < in_c.size; i++)
        if (in_other.bytes[i] != in_c.bytes[i])
            fail_msg("%s: the answers differ from those in C at byte %zu", name, i);
}

/* The locale of the process. */
static void process_locale(void **state) {
    (void)state;
    char before[512];
    write_transcript(&in_c);
    for (size_t i = 0; i < LENGTH(locales); i++) {
        if (!is_usable(locales[i]))
            continue;
        assert_non_null(setlocale(LC_ALL, locales[i]));
        (void)snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
        write_transcript(&in_other);
        assert_string_equal(setlocale(LC_ALL, NULL), before);
        assert_string_equal(localeconv()->decimal_point, ",");
        setlocale(LC_ALL, "C");
        compare(locales[i]);
        print_message("the same in %s\n", locales[i]);
    }
}

/* The locale of a thread. */
static void thread_locale(void **state) {
    (void)state;
    write_transcript(&in_c);
    for (size_t i = 0; i < LENGTH(locales); i++) {
        if (!is_usable(locales[i]))
            continue;
        assert_non_null(setlocale(LC_ALL, locales[i]));
        const locale_t own = duplocale(LC_GLOBAL_LOCALE); /* newlocale leaks where LOCPATH is set */
        assert_non_null(setlocale(LC_ALL, "C"));
        assert_true(own != (locale_t)0);
        const locale_t before = uselocale(own);
        write_transcript(&in_other);
        assert_true(uselocale((locale_t)0) == own);
        assert_string_equal(localeconv()->decimal_point, ",");
        uselocale(before);
        freelocale(own);
        compare(locales[i]);
    }
}

int main(void) {
    if (find_locales() == 0) {
        printf("skipped: there is no locale with a decimal comma (Debian: apt-get install locales)\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_locale),
        cmocka_unit_test(thread_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
