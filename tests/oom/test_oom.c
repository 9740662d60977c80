/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation fails once. Each operation is repeated with allocation number 0, 1, 2, ... failing, alone or with
 * all that follow, until it gets through without one: it must say NO_MEMORY, leave its output and the heap as they
 * were, and work when it is asked again.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "heap.h"
#include "model.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum { PATTERN = 0xa5, MAX_FEATURES = 64, MAX_LABELS = 16 };

/* What an operation works with, and what it writes. */
typedef struct context {
    const char *path;
    char *text;
    size_t size;
    mlsel_model_options options;
    mlsel_model *model;
    size_t n_features;
    union {
        mlsel_model *loaded;
        mlsel_selection selections[4];
        double scores[4 * MAX_LABELS];
        mlsel_device_info device;
    } out;
    mlsel_evidence evidence;
    mlsel_selection answer; /* of what was loaded first; all others must answer the same */
} context;

typedef mlsel_status (*operation)(context *c, mlsel_error *err);

/* --- the driver -------------------------------------------------------------------------------------------------- */

static bool is_untouched(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        if (at[i] != PATTERN)
            return false;
    return true;
}

static void check_failure(const char *what, size_t n, const context *c, mlsel_status status, const mlsel_error *err,
                          size_t live_before) {
    if (status != MLSEL_ERROR_NO_MEMORY)
        fail_msg("%s, allocation %zu: %s: %.239s", what, n, mlsel_status_name(status), err->message);
    assert_int_equal(err->code, MLSEL_ERROR_NO_MEMORY);
    const char *colon = strrchr(err->message, ':');
    if (strcmp(colon == NULL ? err->message : colon + 2, "out of memory") != 0)
        fail_msg("%s, allocation %zu: %s", what, n, err->message);
    if (!is_untouched(&c->out, sizeof c->out))
        fail_msg("%s, allocation %zu: the output was written", what, n);
    if (heap_live() != live_before)
        fail_msg("%s, allocation %zu: %zu bytes are held, %zu before", what, n, heap_live(), live_before);
}

static void undo(context *c, operation op);
static void check_result(const char *what, context *c, operation op);

/* Runs the operation until it needs n allocations or fewer. Returns that number. Up to `optional` allocations may fail
 * and the operation succeed. */
static size_t fail_each(const char *what, operation op, context *c, bool forever, size_t optional) {
    for (size_t n = 0;; n++) {
        mlsel_error err;
        assert_true(n < 100000);
        memset(&err, PATTERN, sizeof err);
        memset(&c->out, PATTERN, sizeof c->out);
        const mlsel_evidence evidence = c->evidence;
        const size_t live = heap_live();
        heap_enter(n, forever);
        const mlsel_status status = op(c, &err);
        const bool has_failed = heap_leave();
        if (!has_failed || (status == MLSEL_OK && optional > 0)) {
            test_ok(status, &err);
            check_result(what, c, op);
            undo(c, op);
            assert_int_equal(heap_live(), live);
            if (!has_failed)
                return n;
            optional--;
            continue;
        }
        check_failure(what, n, c, status, &err, live);
        assert_memory_equal(&evidence, &c->evidence, sizeof evidence);
        heap_enter(n, forever);
        assert_int_equal(op(c, NULL), MLSEL_ERROR_NO_MEMORY);
        heap_leave();
        assert_int_equal(heap_live(), live);
    }
}

/* Both ways, at least as many allocations as the operation is known to need, and the operation itself afterwards. */
static void check(const char *what, operation op, context *c, size_t at_least, size_t optional) {
    const size_t live = heap_live();
    memset(&c->answer, PATTERN, sizeof c->answer);
    const size_t once = fail_each(what, op, c, false, optional);
    const size_t forever = fail_each(what, op, c, true, optional);
    if (once < at_least || forever < at_least)
        fail_msg("%s: %zu and %zu allocations, expected at least %zu", what, once, forever, at_least);
    mlsel_error err;
    heap_enter(HEAP_NEVER, false);
    test_ok(op(c, &err), &err);
    heap_leave();
    undo(c, op);
    assert_int_equal(heap_live(), live);
}

/* --- loading ----------------------------------------------------------------------------------------------------- */

static mlsel_status load_file(context *c, mlsel_error *err) {
    return mlsel_model_load(c->path, &c->options, &c->out.loaded, err);
}

static mlsel_status load_memory(context *c, mlsel_error *err) {
    return mlsel_model_load_memory(c->text, c->size, &c->options, &c->out.loaded, err);
}

static void release(mlsel_model *model) {
    heap_enter(HEAP_NEVER, false);
    mlsel_model_release(model);
    heap_leave();
}

static mlsel_model *load(const context *c) {
    mlsel_model *model = NULL;
    mlsel_error err;
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_model_load(c->path, &c->options, &model, &err), &err);
    heap_leave();
    return model;
}

static float query[4 * MAX_FEATURES];
static double query_f64[4 * MAX_FEATURES];

static void undo(context *c, operation op) {
    if (op == load_file || op == load_memory)
        release(c->out.loaded);
}

/* However many allocations failed, a model that was loaded is the same model. */
static void check_result(const char *what, context *c, operation op) {
    mlsel_model_info info;
    mlsel_selection selection;
    mlsel_error err;
    if (op != load_file && op != load_memory)
        return;
    test_ok(mlsel_model_get_info(c->out.loaded, &info, sizeof info, &err), &err);
    assert_in_range(info.n_features, 1, MAX_FEATURES);
    test_ok(mlsel_select_f64(c->out.loaded, query_f64, info.n_features, NULL, &selection, &err), &err);
    if (!is_untouched(&c->answer, sizeof c->answer) && memcmp(&c->answer, &selection, sizeof selection) != 0)
        fail_msg("%s: label %d, before %d", what, (int)selection.index, (int)c->answer.index);
    c->answer = selection;
}

static const char *const artifacts[] = {
    FIXTURE("knn_defaults.json"),
    FIXTURE("knn_samples.json"),
    FIXTURE("knn_model_names.json"),
    FIXTURE("knn_zero_row.json"),
    FIXTURE("knn_outcomes_timed.json"),
    FIXTURE("knn_outcomes_ties.json"),
    FIXTURE("kmeans_v1_list.json"),
    FIXTURE("kmeans_v1_object.json"),
    FIXTURE("kmeans_v2.json"),
    FIXTURE("svm_rbf_4.json"),
    FIXTURE("svm_linear_3.json"),
    FIXTURE("svm_subset_classes.json"),
    FIXTURE("svm_v2.json"),
    FIXTURE("svm_v2_linear.json"),
    FIXTURE("svm_permodel_rbf.json"),
    FIXTURE("svm_permodel_linear.json"),
    FIXTURE("mlp_pytorch.json"),
    FIXTURE("mlp_odd_order.json"),
    FIXTURE("mlp_null_batch_norm.json"),
    TEST_SOURCE_DIR "/tests/oom/calibrated.json",
};

static void open_context(context *c, const char *path) {
    memset(c, 0, sizeof *c);
    c->path = path;
    c->text = test_need_file(path, &c->size);
    mlsel_model_options_init(&c->options, sizeof c->options);
}

/* The smaller blocks for a KNN artifact with equal rows are only a saving. */
static size_t optional_blocks(const char *path) { return strstr(path, "/knn_") != NULL ? 2 : 0; }

static void loading(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(artifacts); i++)
        for (int32_t rule = MLSEL_KNN_RULE_COSINE; rule <= MLSEL_KNN_RULE_LEGACY; rule++) {
            context c;
            open_context(&c, artifacts[i]);
            c.options.knn_rule = rule;
            check(c.path, load_file, &c, 12, optional_blocks(c.path));
            check(c.path, load_memory, &c, 11, optional_blocks(c.path));
            free(c.text);
        }
}

/* The weights once more, in lower precision: a block per layer, and two more for int8. */
static void loading_in_low_precision(void **state) {
    (void)state;
    for (mlsel_precision precision = MLSEL_PRECISION_F16; precision <= MLSEL_PRECISION_INT8; precision++) {
        context c;
        open_context(&c, FIXTURE("mlp_pytorch.json"));
        c.options.precision = precision;
        check(mlsel_precision_name(precision), load_memory, &c, precision == MLSEL_PRECISION_INT8 ? 25 : 19, 0);
        free(c.text);
    }
}

/* --- saving, containers ------------------------------------------------------------------------------------------ */

static const char *save_path;

static mlsel_status save(context *c, mlsel_format format, mlsel_error *err) {
    mlsel_save_options options;
    mlsel_save_options_init(&options, sizeof options);
    options.format = format;
    options.replace = 1;
    return mlsel_model_save(c->model, save_path, &options, err);
}

static mlsel_status save_json(context *c, mlsel_error *err) { return save(c, MLSEL_FORMAT_JSON, err); }

static mlsel_status save_container(context *c, mlsel_error *err) { return save(c, MLSEL_FORMAT_SAFETENSORS, err); }

/* Of JSON and of containers, and loading these: in memory, and mapped. */
static void containers(void **state) {
    (void)state;
    char path[512];
    (void)snprintf(path, sizeof path, "%s", test_path("x"));
    save_path = path;
    for (size_t i = 0; i < LENGTH(artifacts); i++) {
        context c, container;
        mlsel_error err;
        const size_t folder_name = 1; /* the folder is brought to disk where that can be done */
        open_context(&c, artifacts[i]);
        c.model = load(&c);
        check("saving JSON", save_json, &c, 5, folder_name);
        check("saving a container", save_container, &c, 8, folder_name);
        release(c.model);
        open_context(&container, path);
        for (int32_t checked = 0; checked <= 1; checked++) {
            container.options.check_values = checked;
            check(c.path, load_file, &container, 12, 0);
            check(c.path, load_memory, &container, 12, 0);
        }
        container.model = load(&container);
        check("saving a container again", save_container, &container, 8, folder_name);
        release(container.model);
        test_ok(remove(path) == 0 ? MLSEL_OK : MLSEL_ERROR_IO, &err);
        free(c.text);
        free(container.text);
    }
    /* so that nothing was left beside it */
    test_only_left(NULL, 0);
}

/* While the same content is loaded already: with the same options, and with others, so that an engine has to be made.
 */
static void loading_again(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(artifacts); i++)
        for (int32_t rule = MLSEL_KNN_RULE_COSINE; rule <= MLSEL_KNN_RULE_LEGACY; rule++) {
            context c;
            open_context(&c, artifacts[i]);
            mlsel_model *first = load(&c);
            const char *label = mlsel_model_label(first, 0);
            c.options.knn_rule = rule;
            check(c.path, load_memory, &c, 11, optional_blocks(c.path));
            mlsel_model *second = load(&c);
            assert_ptr_equal(mlsel_model_label(second, 0), label);
            release(first);
            release(second);
            free(c.text);
        }
    assert_int_equal(heap_live(), 0);
}

/* The artifact's own categories, escapes, many keys, mixed arrays, unknown keys of all sorts. */
static void odd_documents(void **state) {
    (void)state;
    static const char *const documents[] = {
        "{\"algorithm\":\"knn\",\"k\":1,\"embeddings\":[[1,2]],\"labels\":[\"a\"],\"categories\":[\"other\"],"
        "\"category_weight\":2}",
        "{\"algorithm\":\"knn\",\"k\":1,\"\\u0065mbeddings\":[[1,2]],\"labels\":[\"\\u00e4\\ud83d\\ude00\"],"
        "\"x\":{\"a\":1,\"b\":[1,\"x\",{},[]],\"c\":[\"x\",1],\"d\":[[1],\"x\"],\"e\":null,\"f\":true,\"g\":\"\\n\","
        "\"h\":[],\"i\":{},\"j\":[{\"k\":[{}]}]}}",
        "{\"algorithm\":\"knn\",\"k\":1,\"embeddings\":[[1,2]],\"labels\":[\"a\"],\"x\":[[1,2],[3]],\"y\":[1e39,2],"
        "\"z\":{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12,"
        "\"m\":13,\"n\":14,\"o\":15,\"p\":16,\"q\":17,\"r\":18,\"s\":19,\"t\":20,\"u\":21,\"v\":22,\"w\":23,\"x\":24,"
        "\"y\":25,\"z\":26,\"aa\":27,\"ab\":28,\"ac\":29,\"ad\":30,\"ae\":31,\"af\":32,\"ag\":33,\"ah\":34}}",
    };
    for (size_t i = 0; i < LENGTH(documents); i++) {
        context c = {.text = malloc(strlen(documents[i]))};
        assert_non_null(c.text);
        c.size = strlen(documents[i]);
        memcpy(c.text, documents[i], c.size);
        mlsel_model_options_init(&c.options, sizeof c.options);
        check(documents[i], load_memory, &c, 11, 0);
        free(c.text);
    }
}

/* --- devices ----------------------------------------------------------------------------------------------------- */

static mlsel_status query_missing(context *c, mlsel_error *err) {
    (void)c;
    const mlsel_status status = mlsel_device_query("metal", &c->out.device, sizeof c->out.device, err);
    if (status == MLSEL_ERROR_DEVICE) { /* as it should be when no allocation fails */
        mlsel_i_ok(err);
        return MLSEL_OK;
    }
    return status;
}

static mlsel_status query_best(context *c, mlsel_error *err) {
    return mlsel_device_query("auto", &c->out.device, sizeof c->out.device, err);
}

static void devices(void **state) {
    (void)state;
    context c = {0};
    check("metal", query_missing, &c, 2, 0);
    /* a device that cannot be tried for want of memory is as good as none: the CPU is taken */
    const size_t attempts = 4;
    check("auto", query_best, &c, 2, attempts);
    open_context(&c, FIXTURE("knn_defaults.json"));
    c.options.device = "auto";
    check("load on auto", load_memory, &c, 13, attempts);
    c.options.device = "metal";
    c.options.allow_device_fallback = 1;
    check("load on metal or else the CPU", load_memory, &c, 13, 0);
    free(c.text);
}

/* --- answering --------------------------------------------------------------------------------------------------- */

static mlsel_status select_one(context *c, mlsel_error *err) {
    return mlsel_select(c->model, query, c->n_features, NULL, c->out.selections, err);
}

static mlsel_status select_f64(context *c, mlsel_error *err) {
    return mlsel_select_f64(c->model, query_f64, c->n_features, NULL, c->out.selections, err);
}

static mlsel_status select_batch(context *c, mlsel_error *err) {
    return mlsel_select_batch(c->model, query, 4, c->n_features, c->n_features, NULL, c->out.selections, err);
}

static mlsel_status score(context *c, mlsel_error *err) {
    return mlsel_score(c->model, query, c->n_features, NULL, c->out.scores, mlsel_model_label_count(c->model), err);
}

static mlsel_status score_batch(context *c, mlsel_error *err) {
    return mlsel_score_batch_f64(c->model, query_f64, 4, c->n_features, c->n_features, NULL, c->out.scores, MAX_LABELS,
                                 err);
}

static mlsel_status probabilities(context *c, mlsel_error *err) {
    static const double scores[MAX_LABELS];
    return mlsel_probabilities(c->model, scores, mlsel_model_label_count(c->model), NULL, c->out.scores, err);
}

static mlsel_status explain(context *c, mlsel_error *err) {
    return mlsel_explain(c->model, query, c->n_features, NULL, &c->evidence, err);
}

/* What was put into the model's pool goes out of it again, so that the next call has to allocate. */
static void drain(mlsel_model *model, workspace **taken, size_t count) {
    heap_enter(HEAP_NEVER, false);
    for (size_t i = 0; i < count; i++)
        assert_non_null(taken[i] = mlsel_i_workspace_take(model, NULL));
    heap_leave();
}

/* A small model answers one query in the stack's memory. */
static void check_small(operation op, context *c) {
    workspace *taken;
    mlsel_error err;
    drain(c->model, &taken, 1);
    mlsel_evidence_init(&c->evidence, sizeof c->evidence);
    heap_enter(0, true);
    test_ok(op(c, &err), &err);
    heap_leave();
    assert_int_equal(heap_requests(), 0);
    mlsel_i_workspace_give(c->model, taken);
}

/* With one call in progress the pool is empty, and the next has to allocate its workspace. */
static void check_answer(const char *what, operation op, context *c) {
    workspace *taken[2];
    mlsel_error err;
    drain(c->model, taken, 1);
    const size_t live = heap_live();
    memset(&c->out, PATTERN, sizeof c->out);
    mlsel_evidence_init(&c->evidence, sizeof c->evidence);
    c->evidence.scores = c->out.scores;
    c->evidence.scores_capacity = MAX_LABELS;
    const mlsel_evidence before = c->evidence;
    for (int forever = 0; forever <= 1; forever++) {
        memset(&err, PATTERN, sizeof err);
        heap_enter(0, forever != 0);
        const mlsel_status status = op(c, &err);
        assert_true(heap_leave());
        check_failure(what, 0, c, status, &err, live);
        assert_memory_equal(&before, &c->evidence, sizeof before);
    }
    heap_enter(HEAP_NEVER, false);
    test_ok(op(c, &err), &err);
    mlsel_i_workspace_give(c->model, taken[0]);
    assert_int_equal(heap_requests(), 1);
    test_ok(op(c, &err), &err); /* now there is one in the pool */
    assert_int_equal(heap_requests(), 1);
    heap_leave();
}

static void answering(void **state) {
    (void)state;
    static const struct {
        const char *name;
        operation op;
        bool is_single;
    } operations[] = {
        {"mlsel_select", select_one, true},
        {"mlsel_select_f64", select_f64, true},
        {"mlsel_select_batch", select_batch, false},
        {"mlsel_score", score, true},
        {"mlsel_score_batch_f64", score_batch, false},
        {"mlsel_probabilities", probabilities, false},
        {"mlsel_explain", explain, true},
    };
    size_t n_small = 0;
    for (size_t i = 0; i < LENGTH(artifacts); i++)
        for (size_t o = 0; o < LENGTH(operations); o++) {
            context c;
            char what[512];
            mlsel_model_info info;
            mlsel_error err;
            (void)snprintf(what, sizeof what, "%s, %s", artifacts[i], operations[o].name);
            open_context(&c, artifacts[i]);
            c.model = load(&c);
            test_ok(mlsel_model_get_info(c.model, &info, sizeof info, &err), &err);
            assert_in_range(info.n_features, 1, MAX_FEATURES);
            assert_in_range(info.n_labels, 1, MAX_LABELS);
            c.n_features = info.n_features;
            const bool is_small = c.model->layout_of_one.end <= sizeof(small_workspace);
            n_small += is_small;
            if (is_small && operations[o].is_single)
                check_small(operations[o].op, &c);
            c.model->layout_of_one.end = SIZE_MAX; /* as of a larger model */
            check_answer(what, operations[o].op, &c);
            release(c.model);
            free(c.text);
            assert_int_equal(heap_live(), 0);
        }
    assert_true(n_small > 0);
}

static int set_up(void **state) {
    (void)state;
    heap_init();
    for (size_t i = 0; i < LENGTH(query); i++) {
        query[i] = (float)(i % 7) - 3;
        query_f64[i] = (double)query[i];
    }
    return 0;
}

/* When all models are gone. */
static void nothing_is_held(void **state) {
    (void)state;
    assert_int_equal(heap_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading),       cmocka_unit_test(loading_in_low_precision),
        cmocka_unit_test(loading_again), cmocka_unit_test(odd_documents),
        cmocka_unit_test(devices),       cmocka_unit_test(answering),
        cmocka_unit_test(containers),    cmocka_unit_test(nothing_is_held),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
