/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include "scenarios.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fake_backend.h"
#include "fixture_cases.h"
#include "gate.h"
#include "mlsel_backend.h"

#define FILE_NAME "libmlsel-cuda" PLUGIN_SUFFIX

/* --- helpers ----------------------------------------------------------------------------------------------------- */

/* The counters of a plugin that is open. */
static fake_counts *counts_of(const char *path) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (handle == NULL)
        fail_msg("%s is not open", path);
    void *symbol = dlsym(handle, FAKE_COUNTS);
    fake_counts_fn counts;
    assert_non_null(symbol);
    memcpy(&counts, &symbol, sizeof counts);
    dlclose(handle); /* takes back the reference of dlopen */
    return counts();
}

static fake_counts *good_counts(void) { return counts_of("good/" FILE_NAME); }

/* Every state was released once, and the library kept the promises of mlsel_backend.h. */
static void check_counts(const fake_counts *counts, unsigned prepared) {
    const char *broken = atomic_load(&counts->broken);
    if (broken != NULL)
        fail_msg("promise broken: %s", broken);
    assert_int_equal(atomic_load(&counts->opened), 1);
    assert_int_equal(atomic_load(&counts->prepared), prepared);
    assert_int_equal(atomic_load(&counts->released), prepared);
}

void scenario_check_counts(unsigned prepared) { check_counts(good_counts(), prepared); }

static mlsel_status try_load(const char *path, const char *device, int fallback, mlsel_model **out, mlsel_error *err) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = device;
    options.allow_device_fallback = fallback;
    memset(err, 0xa5, sizeof *err); /* as uninitialised as a caller's may be */
    return mlsel_model_load(path, &options, out, err);
}

static mlsel_model *load_on(const char *path, const char *device) {
    mlsel_error err;
    mlsel_model *model = NULL;
    test_ok(try_load(path, device, 0, &model, &err), &err);
    return model;
}

static void check_device(const mlsel_model *model, const char *device, int fallback) {
    mlsel_error err;
    mlsel_model_info info;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_string_equal(info.device, device);
    assert_int_equal(info.device_fallback, fallback);
}

static void need_word(const char *message, const char *word) {
    if (strstr(message, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, word);
}

/* What the model says of why the CPU scores; NULL: nothing, as it was asked for or another device does. */
static void check_reason(const mlsel_model *model, const char *word) {
    mlsel_error err;
    mlsel_model_info info;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    if (word == NULL)
        assert_string_equal(info.device_reason, "");
    else
        need_word(info.device_reason, word);
}

/* The same, but in a build folder with a very long name the end of a message may be cut off, visibly. */
static void need_folder(const char *message, const char *folder) {
    const size_t length = strlen(message);
    if (strlen(folder) > 60 && length > 230 && strcmp(message + length - 3, "...") == 0)
        print_message("not checked, the message is cut: %s\n", folder);
    else
        need_word(message, folder);
}

/* --- no plugin --------------------------------------------------------------------------------------------------- */

static void no_plugin(const scenario *self) {
    mlsel_error err;
    mlsel_device_info device;
    Dl_info here;
    char folder[512];
    mlsel_model *model = NULL;
    assert_int_equal(try_load(FIXTURE("knn_ties.json"), "cuda", 0, &model, &err), MLSEL_ERROR_DEVICE);
    assert_null(model);
    assert_int_equal(err.code, MLSEL_ERROR_DEVICE);
    print_message("%s\n", err.message);
    need_word(err.message, "device \"cuda\": no plugin found (" FILE_NAME " is not in ");
    if (self->plugin_path != NULL)
        need_word(err.message, self->plugin_path);
    /* the folder of the library */
    assert_true(dladdr((void *)(uintptr_t)mlsel_version, &here) != 0);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(here.dli_fname, '/') - here.dli_fname), here.dli_fname);
    need_folder(err.message, folder);
    if (strlen(folder) <= 60)
        need_folder(err.message, MLSEL_PLUGIN_DIR);
    assert_int_equal(mlsel_device_query("cuda:1", &device, sizeof device, &err), MLSEL_ERROR_DEVICE);
    need_word(err.message, "no plugin found");
    model = load_on(FIXTURE("knn_ties.json"), "auto");
    check_device(model, "cpu", 0);
    check_reason(model, "device \"cuda\": no plugin found");
    mlsel_model_release(model);
    model = load_on(FIXTURE("knn_ties.json"), "cpu");
    check_reason(model, NULL);
    mlsel_model_release(model);
    test_ok(try_load(FIXTURE("knn_ties.json"), "cuda", 1, &model, &err), &err);
    check_device(model, "cpu", 1);
    check_reason(model, "device \"cuda\": no plugin found");
    mlsel_model_release(model);
    /* that it was not there is not remembered */
    setenv("MLSEL_PLUGIN_PATH", "empty:good", 1);
    model = load_on(FIXTURE("knn_ties.json"), "cuda");
    check_device(model, "cuda", 0);
    mlsel_model_release(model);
    check_counts(good_counts(), 1);
}

/* --- a good one -------------------------------------------------------------------------------------------------- */

static void same_numbers(const char *what, const double *got, const double *expected, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        test_close(got[i], expected[i], tolerance, what);
}

static void same_selection(const char *what, const mlsel_selection *got, const mlsel_selection *expected,
                           double tolerance) {
    if (got->index != expected->index || got->runner_up != expected->runner_up || got->cluster != expected->cluster ||
        got->flags != expected->flags)
        fail_msg("%s: label %d, then %d, cluster %d, flags %u; on the CPU %d, then %d, cluster %d, flags %u", what,
                 (int)got->index, (int)got->runner_up, (int)got->cluster, (unsigned)got->flags, (int)expected->index,
                 (int)expected->runner_up, (int)expected->cluster, (unsigned)expected->flags);
    test_close(got->score, expected->score, tolerance, what);
    test_close(got->margin, expected->margin, tolerance, what);
    test_close(got->probability, expected->probability, tolerance, what);
}

static void same_answer(const fixture_set *set, const fixture_answer *got, const fixture_answer *expected) {
    const double tolerance = set->tolerance;
    for (int t = 0; t < 2; t++) {
        same_selection(set->name, &got->selections[t], &expected->selections[t], tolerance);
        same_numbers(set->name, got->scores[t], expected->scores[t], FIXTURE_MAX_LABELS, tolerance);
        for (int q = 0; q < FIXTURE_BATCH; q++) {
            same_selection(set->name, &got->batch_selections[t][q], &expected->batch_selections[t][q], tolerance);
            same_numbers(set->name, got->batch_scores[t][q], expected->batch_scores[t][q], FIXTURE_MAX_LABELS,
                         tolerance);
        }
        same_selection(set->name, &got->evidence[t].selection, &expected->evidence[t].selection, tolerance);
        assert_int_equal(got->evidence[t].neighbour_count, expected->evidence[t].neighbour_count);
        for (size_t i = 0; i < got->evidence[t].neighbour_count; i++) {
            assert_int_equal(got->evidence[t].neighbours[i].row, expected->evidence[t].neighbours[i].row);
            test_close(got->evidence[t].neighbours[i].distance, expected->evidence[t].neighbours[i].distance, tolerance,
                       set->name);
        }
        same_numbers(set->name, got->evidence[t].cluster_distances, expected->evidence[t].cluster_distances,
                     FIXTURE_MAX_ITEMS, tolerance);
        same_numbers(set->name, got->evidence[t].pair_decisions, expected->evidence[t].pair_decisions,
                     FIXTURE_MAX_ITEMS, tolerance);
        assert_memory_equal(got->evidence[t].votes, expected->evidence[t].votes, sizeof got->evidence[t].votes);
    }
}

/* A batch of all queries, which takes the plugin many runs, against one at a time. */
static void check_batch(const fixture_set *set, const mlsel_model *model) {
    mlsel_error err;
    mlsel_selection one, *all = calloc(set->count, sizeof *all);
    assert_non_null(all);
    const size_t n = set->info.n_features;
    test_ok(mlsel_select_batch(model, set->f32, set->count, set->stride, n, NULL, all, &err), &err);
    for (size_t q = 0; q < set->count; q++) {
        test_ok(mlsel_select(model, set->queries[q].f32, n, NULL, &one, &err), &err);
        assert_memory_equal(&one, &all[q], sizeof one);
    }
    free(all);
}

/* All fixtures give the same labels, rows, clusters, votes and flags as on the CPU. */
static void conformance(const scenario *self) {
    (void)self;
    size_t n_sets = 0;
    fixture_set *sets = fixture_open_all(&n_sets);
    static fixture_answer expected, got;
    /* the plugin's arithmetic is the definition's, in double, so the CPU's has to be that as well */
    setenv("MLSEL_ISA", "reference", 1);
    for (size_t i = 0; i < n_sets; i++) {
        mlsel_error err;
        mlsel_model *cpu = test_load(sets[i].artifact, &sets[i].options), *cuda = NULL;
        sets[i].options.device = "cuda";
        cuda = test_load(sets[i].artifact, &sets[i].options);
        check_device(cuda, "cuda", 0);
        for (size_t q = 0; q < sets[i].count; q++) {
            test_ok(fixture_ask(cpu, &sets[i], q, &expected, &err), &err);
            test_ok(fixture_ask(cuda, &sets[i], q, &got, &err), &err);
            same_answer(&sets[i], &got, &expected);
        }
        check_batch(&sets[i], cuda);
        mlsel_model_release(cpu);
        mlsel_model_release(cuda);
    }
    const fake_counts *counts = good_counts();
    print_message("%zu expectation files, %u queries in %u runs\n", n_sets, atomic_load(&counts->queries),
                  atomic_load(&counts->runs));
    assert_true(atomic_load(&counts->queries) > 5000);
    check_counts(counts, (unsigned)n_sets);
    fixture_close_all(sets, n_sets);
}

static void devices(const scenario *self) {
    (void)self;
    mlsel_error err;
    mlsel_device_info info;
    mlsel_model *model = load_on(FIXTURE("svm_rbf_4.json"), "cuda:1");
    check_device(model, "cuda:1", 0);
    mlsel_model_release(model);
    model = load_on(FIXTURE("svm_rbf_4.json"), "cuda:0");
    check_device(model, "cuda", 0);
    mlsel_model_release(model);
    model = load_on(FIXTURE("svm_rbf_4.json"), "auto");
    check_device(model, "cuda", 0);
    check_reason(model, NULL);
    mlsel_model_release(model);
    model = NULL;
    assert_int_equal(try_load(FIXTURE("svm_rbf_4.json"), "cuda:2", 0, &model, &err), MLSEL_ERROR_DEVICE);
    assert_null(model);
    need_word(err.message, "\"cuda:2\"");
    need_word(err.message, "the last one is cuda:1");
    test_ok(try_load(FIXTURE("svm_rbf_4.json"), "cuda:2", 1, &model, &err), &err);
    check_device(model, "cpu", 1);
    mlsel_model_release(model);
    assert_int_equal(mlsel_device_query("metal", &info, sizeof info, &err), MLSEL_ERROR_DEVICE);
    need_word(err.message, "device \"metal\": no plugin found (libmlsel-metal" PLUGIN_SUFFIX " is not in good");

    const mlsel_backend *backend = NULL;
    uint32_t index = 9;
    test_ok(mlsel_backend_find("cuda:1", &backend, &index, &err), &err);
    assert_string_equal(backend->name, "cuda");
    assert_int_equal(index, 1);
    assert_int_equal(mlsel_backend_find("cuda:2", &backend, &index, &err), MLSEL_ERROR_DEVICE);
    assert_int_equal(mlsel_backend_find("gpu", &backend, &index, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_backend_find("cuda", NULL, &index, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(index, 1);
    test_ok(mlsel_backend_find(NULL, &backend, &index, &err), &err);
    assert_string_equal(backend->name, "cpu");
    assert_int_equal(index, 0);

    static const char *const asked[] = {"cuda", "cuda:0", "auto", "cuda:1"};
    for (uint32_t i = 0; i < 4; i++) {
        test_ok(mlsel_device_query(asked[i], &info, sizeof info, &err), &err);
        assert_int_equal(info.struct_size, sizeof info);
        assert_int_equal(info.index, i == 3);
        assert_string_equal(info.name, i == 3 ? "cuda:1" : "cuda");
        assert_string_equal(info.description, i == 3 ? "fake accelerator 1" : "fake accelerator 0");
        assert_string_equal(info.isa, "fake");
        assert_int_equal(info.memory_bytes, 1 << 30);
        assert_int_equal(info.precisions, 1 << MLSEL_PRECISION_F32 | 1 << MLSEL_PRECISION_F16);
    }
    test_ok(mlsel_device_query("cpu", &info, sizeof info, &err), &err);
    assert_string_equal(info.name, "cpu");
    check_counts(good_counts(), 3);
}

static void precisions(const scenario *self) {
    (void)self;
    mlsel_error err;
    mlsel_model_info info;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = "cuda";
    options.precision = MLSEL_PRECISION_F16;
    test_ok(mlsel_model_load(FIXTURE("mlp_pytorch.json"), &options, &model, &err), &err);
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_int_equal(info.precision, MLSEL_PRECISION_F16);
    mlsel_model_release(model);
    model = NULL;
    options.precision = MLSEL_PRECISION_BF16;
    assert_int_equal(mlsel_model_load(FIXTURE("mlp_pytorch.json"), &options, &model, &err), MLSEL_ERROR_UNSUPPORTED);
    need_word(err.message, "the fake device has no bf16");
    assert_null(model);
    check_counts(good_counts(), 1);
}

/* Models of one artifact share a prepared state where device, precision and rule are the same. */
static void sharing(const scenario *self) {
    (void)self;
    enum { N = 6 };
    static const struct {
        const char *device;
        mlsel_knn_rule rule;
        uint32_t k;
        unsigned prepared; /* states there are after this load */
    } loads[N] = {{"cuda", MLSEL_KNN_RULE_COSINE, 0, 1}, {"cuda", MLSEL_KNN_RULE_COSINE, 2, 1},
                  {"auto", MLSEL_KNN_RULE_COSINE, 0, 1}, {"cuda:1", MLSEL_KNN_RULE_COSINE, 0, 2},
                  {"cuda", MLSEL_KNN_RULE_LEGACY, 0, 3}, {"cpu", MLSEL_KNN_RULE_COSINE, 0, 3}};
    mlsel_model *models[N];
    mlsel_model_info info, cpu_info;
    mlsel_error err;
    size_t size = 0;
    char *text = test_need_file(FIXTURE("knn_ties.json"), &size);
    for (size_t i = 0; i < N; i++) {
        mlsel_model_options options;
        mlsel_model_options_init(&options, sizeof options);
        options.device = loads[i].device;
        options.knn_rule = loads[i].rule;
        options.k = loads[i].k;
        if (i % 2 == 0)
            test_ok(mlsel_model_load(FIXTURE("knn_ties.json"), &options, &models[i], &err), &err);
        else
            test_ok(mlsel_model_load_memory(text, size, &options, &models[i], &err), &err);
        assert_int_equal(atomic_load(&good_counts()->prepared), loads[i].prepared);
        assert_ptr_equal(mlsel_model_label(models[i], 0), mlsel_model_label(models[0], 0)); /* the artifact is one */
    }
    free(text);
    test_ok(mlsel_model_get_info(models[0], &info, sizeof info, &err), &err);
    test_ok(mlsel_model_get_info(models[5], &cpu_info, sizeof cpu_info, &err), &err);
    assert_true(info.memory_bytes > FAKE_MEMORY_BYTES);
    assert_int_equal(info.n_parameters, cpu_info.n_parameters);
    assert_string_equal(info.content_hash, cpu_info.content_hash);
    /* a state goes with the last of its models */
    static const unsigned released[N] = {0, 0, 1, 2, 3, 3};
    for (size_t i = 0; i < N; i++) {
        mlsel_model_release(models[i]);
        assert_int_equal(atomic_load(&good_counts()->released), released[i]);
    }
    /* and is made anew afterwards */
    mlsel_model_release(load_on(FIXTURE("knn_ties.json"), "cuda"));
    check_counts(good_counts(), 4);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

enum { N_THREADS = 8 };

typedef struct user {
    pthread_t thread;
    const fixture_set *set;
    const fixture_answer *expected;
    gate *begin;
    bool good;
} user;

static void *use(void *opaque) {
    user *u = opaque;
    mlsel_model_options options = u->set->options;
    options.device = "auto";
    gate_pass(u->begin);
    for (size_t turn = 0; turn < 20 && u->good; turn++) {
        mlsel_model *model = NULL;
        mlsel_device_info info;
        fixture_answer got;
        u->good = mlsel_model_load(u->set->artifact, &options, &model, NULL) == MLSEL_OK &&
                  mlsel_device_query("cuda:1", &info, sizeof info, NULL) == MLSEL_OK;
        for (size_t q = 0; q < u->set->count && u->good; q += 4)
            u->good =
                fixture_ask(model, u->set, q, &got, NULL) == MLSEL_OK && memcmp(&got, &u->expected[q], sizeof got) == 0;
        mlsel_model_release(model);
    }
    return NULL;
}

/* Many threads prepare, ask and release the same model. */
static void threads(const scenario *self) {
    (void)self;
    user users[N_THREADS];
    fixture_set set;
    gate begin = {.n_threads = N_THREADS};
    fixture_set_open(&set, "kmeans_v2");
    fixture_answer *expected = calloc(set.count, sizeof *expected);
    mlsel_error err;
    assert_non_null(expected);
    mlsel_model *first = load_on(set.artifact, "cuda:1");
    for (size_t q = 0; q < set.count; q++)
        test_ok(fixture_ask(first, &set, q, &expected[q], &err), &err);
    mlsel_model_release(first);
    for (size_t i = 0; i < N_THREADS; i++) {
        users[i] = (user){.set = &set, .expected = expected, .begin = &begin, .good = true};
        assert_int_equal(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(users[i].thread, NULL), 0);
        assert_true(users[i].good);
    }
    const fake_counts *counts = good_counts();
    print_message("%u states for %d loads\n", atomic_load(&counts->prepared), N_THREADS * 20);
    assert_in_range(atomic_load(&counts->prepared), 2,
                    1 + N_THREADS * 20); /* the first model, and those of the threads */
    check_counts(counts, atomic_load(&counts->prepared));
    free(expected);
    fixture_set_close(&set);
}

static void *open_first(void *opaque) {
    user *u = opaque;
    mlsel_device_info info;
    gate_pass(u->begin);
    u->good = mlsel_device_query("auto", &info, sizeof info, NULL) == MLSEL_OK && strcmp(info.name, "cuda") == 0;
    return NULL;
}

/* Many threads meet the plugin first: it is opened once. */
static void first_use(const scenario *self) {
    (void)self;
    user users[N_THREADS];
    gate begin = {.n_threads = N_THREADS};
    for (size_t i = 0; i < N_THREADS; i++) {
        users[i] = (user){.begin = &begin};
        assert_int_equal(pthread_create(&users[i].thread, NULL, open_first, &users[i]), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(users[i].thread, NULL), 0);
        assert_true(users[i].good);
    }
    check_counts(good_counts(), 0);
}

/* --- where it is looked for -------------------------------------------------------------------------------------- */

static void found(const scenario *self) {
    (void)self;
    mlsel_model *model = load_on(FIXTURE("mlp_pytorch.json"), "cuda");
    check_device(model, "cuda", 0);
    mlsel_model_release(model);
    check_counts(good_counts(), 1);
}

/* The same program with the library of a folder that also has a plugin. */
static void beside_the_library(const scenario *self) {
    (void)self;
    Dl_info here;
    assert_true(dladdr((void *)(uintptr_t)mlsel_version, &here) != 0);
    if (strstr(here.dli_fname, "/beside/") == NULL) {
        assert_null(getenv("LD_LIBRARY_PATH_TRIED"));
        setenv("LD_LIBRARY_PATH_TRIED", "1", 1);
        setenv("LD_LIBRARY_PATH", PLUGIN_FOLDERS "/beside", 1);
        fflush(NULL);
        restart(self->name);
        fail_msg("cannot start again");
    }
    mlsel_model *model = load_on(FIXTURE("mlp_pytorch.json"), "cuda");
    check_device(model, "cuda", 0);
    mlsel_model_release(model);
    check_counts(counts_of(PLUGIN_FOLDERS "/beside/" FILE_NAME), 1);
}

/* --- bad ones ---------------------------------------------------------------------------------------------------- */

/* Answers as on the CPU, because it is the CPU. */
static void check_cpu(const scenario *self, const char *device, int allow_fallback) {
    mlsel_error err;
    mlsel_model *model = NULL;
    static const double query[17];
    mlsel_selection s;
    test_ok(try_load(FIXTURE("kmeans_v2.json"), device, allow_fallback, &model, &err), &err);
    assert_int_equal(err.code, MLSEL_OK);
    assert_string_equal(err.message, "");
    check_device(model, "cpu", allow_fallback);
    for (size_t w = 0; w < 3 && self->words[w] != NULL; w++)
        check_reason(model, self->words[w]);
    mlsel_model_info info;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_in_range(info.n_features, 1, 17);
    test_ok(mlsel_select_f64(model, query, info.n_features, NULL, &s, &err), &err);
    mlsel_model_release(model);
}

/* An error that names the cause; with "auto", and where the caller allows it, the CPU instead. */
static void bad(const scenario *self) {
    mlsel_error err;
    mlsel_model *const untouched = (mlsel_model *)(uintptr_t)0x5a5a;
    for (int i = 0; i < 2; i++) { /* and it stays so */
        mlsel_model *model = untouched;
        const mlsel_status status = try_load(FIXTURE("kmeans_v2.json"), "cuda", 0, &model, &err);
        print_message("%s: %s\n", mlsel_status_name(status), err.message);
        assert_int_equal(status, self->status);
        assert_int_equal(err.code, self->status);
        for (size_t w = 0; w < 3 && self->words[w] != NULL; w++)
            need_word(err.message, self->words[w]);
        assert_ptr_equal(model, untouched);
        assert_int_equal(try_load(FIXTURE("kmeans_v2.json"), "cuda", 0, &model, &err), self->status);
        check_cpu(self, "auto", 0);
        check_cpu(self, "cuda", 1);
        check_cpu(self, "cuda:1", 1);
    }
}

/* Bad before a model comes into play, so asking about the device says the same. */
static void bad_device(const scenario *self) {
    mlsel_error err;
    mlsel_device_info info, before;
    memset(&before, 0x5a, sizeof before);
    info = before;
    memset(&err, 0xa5, sizeof err);
    assert_int_equal(mlsel_device_query("cuda", &info, sizeof info, &err), self->status);
    assert_int_equal(err.code, self->status);
    for (size_t w = 0; w < 3 && self->words[w] != NULL; w++)
        need_word(err.message, self->words[w]);
    assert_memory_equal(&info, &before, sizeof info);
    test_ok(mlsel_device_query("auto", &info, sizeof info, &err), &err);
    assert_string_equal(info.name, "cpu");
    bad(self);
}

/* Sound, but cannot take the model. */
static void bad_model(const scenario *self) {
    bad(self);
    const fake_counts *counts = good_counts();
    check_counts(counts, atomic_load(&counts->prepared));
}

static void no_device_info(const scenario *self) {
    mlsel_error err;
    mlsel_device_info info, before;
    memset(&before, 0x5a, sizeof before);
    info = before;
    assert_int_equal(mlsel_device_query("cuda", &info, sizeof info, &err), self->status);
    need_word(err.message, self->words[0]);
    assert_memory_equal(&info, &before, sizeof info);
}

/* A device that fails while it is asked: an error, and nothing is written. */
static void run_fails(const scenario *self) {
    mlsel_error err;
    fixture_set set;
    mlsel_selection selection, before;
    double scores[FIXTURE_MAX_LABELS], scores_before[FIXTURE_MAX_LABELS];
    mlsel_evidence e, e_before;
    fixture_set_open(&set, "svm_rbf_4");
    const size_t n = set.info.n_features, n_labels = set.info.n_labels;
    mlsel_model *model = load_on(set.artifact, "cuda");
    memset(&before, 0x5a, sizeof before);
    memset(scores_before, 0x5a, sizeof scores_before);
    mlsel_evidence_init(&e_before, sizeof e_before);
    e_before.scores = scores, e_before.scores_capacity = FIXTURE_MAX_LABELS;
    selection = before, e = e_before;
    memcpy(scores, scores_before, sizeof scores);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mlsel_select(model, set.f32, n, NULL, &selection, &err), MLSEL_ERROR_DEVICE);
        assert_int_equal(err.code, MLSEL_ERROR_DEVICE);
        assert_string_equal(err.message, self->words[0]);
        assert_int_equal(mlsel_score_f64(model, set.f64, n, NULL, scores, n_labels, &err), MLSEL_ERROR_DEVICE);
        assert_int_equal(mlsel_explain(model, set.f32, n, NULL, &e, &err), MLSEL_ERROR_DEVICE);
        assert_memory_equal(&selection, &before, sizeof selection);
        assert_memory_equal(scores, scores_before, sizeof scores);
        assert_memory_equal(&e, &e_before, sizeof e);
    }
    mlsel_model_release(model);
    check_counts(good_counts(), 1);
    fixture_set_close(&set);
}

/* It fails in the middle of a batch and works again afterwards. */
static void second_run_fails(const scenario *self) {
    mlsel_error err;
    fixture_set set;
    mlsel_selection out[8];
    fixture_set_open(&set, "mlp_pytorch");
    const size_t n = set.info.n_features;
    mlsel_model *model = load_on(set.artifact, "cuda");
    assert_int_equal(mlsel_select_batch(model, set.f32, 8, set.stride, n, NULL, out, &err), MLSEL_ERROR_DEVICE);
    assert_string_equal(err.message, self->words[0]);
    assert_int_equal(atomic_load(&good_counts()->runs), 2);
    test_ok(mlsel_select_batch(model, set.f32, 8, set.stride, n, NULL, out, &err), &err);
    assert_int_equal(atomic_load(&good_counts()->runs), 5);
    mlsel_model_release(model);
    check_counts(good_counts(), 1);
    fixture_set_close(&set);
}

/* --- all --------------------------------------------------------------------------------------------------------- */

#define GOOD_FILE "good/" FILE_NAME

const scenario scenarios[] = {
    {"no plugin in the folder named", "empty", NULL, no_plugin, 0, {NULL}},
    {"no plugin and no folder named", NULL, NULL, no_plugin, 0, {NULL}},
    {"conformance", "good", NULL, conformance, 0, {NULL}},
    {"devices", "good", NULL, devices, 0, {NULL}},
    {"precisions", "good", NULL, precisions, 0, {NULL}},
    {"sharing", "good", NULL, sharing, 0, {NULL}},
    {"threads", "good", NULL, threads, 0, {NULL}},
    {"threads that prepare at once", "good", "slow", threads, 0, {NULL}},
    {"first use by threads", "good", NULL, first_use, 0, {NULL}},
    {"found in a later folder", ":empty::./no_such:good:no_entry:", NULL, found, 0, {NULL}},
    {"found beside the library", NULL, NULL, beside_the_library, 0, {NULL}},
    {"a table of a later version", "good", "large-table", found, 0, {NULL}},
    {"the first one found counts",
     "no_entry:good",
     NULL,
     bad_device,
     MLSEL_ERROR_DEVICE,
     {"no_entry/" FILE_NAME, "no mlsel plugin", "mlsel_backend_entry is missing"}},
    {"no shared object",
     "no_object",
     NULL,
     bad_device,
     MLSEL_ERROR_DEVICE,
     {"no_object/" FILE_NAME, "cannot be opened"}},
    {"no library that it needs",
     "no_library",
     NULL,
     bad_device,
     MLSEL_ERROR_DEVICE,
     {"no_library/" FILE_NAME, "cannot be opened", "plugin_absent"}},
    {"no entry",
     "no_entry",
     NULL,
     bad_device,
     MLSEL_ERROR_DEVICE,
     {"no_entry/" FILE_NAME, "no mlsel plugin", "mlsel_backend_entry is missing"}},
    {"no table", "good", "no-table", bad_device, MLSEL_ERROR_VERSION, {GOOD_FILE, "another version", "0.1.0"}},
    {"another version",
     "good",
     "version",
     bad_device,
     MLSEL_ERROR_VERSION,
     {GOOD_FILE, "another version", "interface 1"}},
    {"small table", "good", "small-table", bad_device, MLSEL_ERROR_DEVICE, {GOOD_FILE, "incomplete", "bytes"}},
    {"another name", "good", "other-name", bad_device, MLSEL_ERROR_DEVICE, {GOOD_FILE, "is one for \"metal\""}},
    {"no name", "good", "no-name", bad_device, MLSEL_ERROR_DEVICE, {GOOD_FILE, "is one for \"\""}},
    {"no function", "good", "no-function", bad_device, MLSEL_ERROR_DEVICE, {GOOD_FILE, "a function is missing"}},
    {"no driver",
     "good",
     "no-driver",
     bad_device,
     MLSEL_ERROR_DEVICE,
     {"cuda: the driver libfake.so.1 is not installed"}},
    {"no driver, no reason", "good", "no-driver-silent", bad_device, MLSEL_ERROR_DEVICE, {"cuda: no device found"}},
    {"no devices", "good", "no-devices", bad_device, MLSEL_ERROR_DEVICE, {"cuda: no device found"}},
    {"no device info", "good", "device-info", no_device_info, MLSEL_ERROR_DEVICE, {"the card fell off the bus"}},
    {"unsupported", "good", "unsupported", bad_model, MLSEL_ERROR_UNSUPPORTED, {"knows no such algorithm"}},
    {"no memory", "good", "no-memory", bad_model, MLSEL_ERROR_NO_MEMORY, {"the fake device has 0 bytes left"}},
    {"no memory, no reason",
     "good",
     "no-memory-silent",
     bad_model,
     MLSEL_ERROR_NO_MEMORY,
     {"\"cuda\"", "without a reason"}},
    {"not prepared", "good", "prepare-device", bad_model, MLSEL_ERROR_DEVICE, {"the fake device is locked"}},
    {"batches of nothing", "good", "zero-batch", bad_model, MLSEL_ERROR_INTERNAL, {"\"cuda\"", "batches of 0"}},
    {"run fails", "good", "run", run_fails, MLSEL_ERROR_DEVICE, {"the fake device was unplugged"}},
    {"second run fails", "good", "second-run", second_run_fails, MLSEL_ERROR_DEVICE, {"the fake device was unplugged"}},
    {"batchers", "good", NULL, batcher_answers, 0, {NULL}},
    {"batchers of a device that runs many at once", "good", "parallel", batcher_answers, 0, {NULL}},
    {"batchers whose runs fail", "good", "run", batcher_fails, MLSEL_ERROR_DEVICE, {"the fake device was unplugged"}},
};
const size_t n_scenarios = sizeof scenarios / sizeof *scenarios;
