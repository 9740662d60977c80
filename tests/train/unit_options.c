/* SPDX-License-Identifier: Apache-2.0 */
/* Options of training: what the header says of defaults, every check with its words, structs of other sizes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "train/options.h"

static void defaults(void **state) {
    (void)state;
    mlsel_train_options o, own;
    mlsel_error err;
    memset(&o, 0xa5, sizeof o);
    mlsel_train_options_init(&o, sizeof o);
    assert_int_equal(o.struct_size, sizeof o);
    assert_int_equal(o.objective, MLSEL_OBJECTIVE_OUTCOME);
    assert_int_equal(o.category_layout, MLSEL_CATEGORIES_VSR);
    assert_int_equal(o.calibration, MLSEL_CALIBRATION_ISOTONIC);
    assert_int_equal(o.svm_kernel, MLSEL_SVM_KERNEL_NONE);
    test_close(o.quality_weight, 0.9, 0, "quality_weight");
    test_close(o.category_weight, 1, 0, "category_weight");
    test_close(o.svm_tolerance, 1e-3, 0, "svm_tolerance");
    test_close(o.mlp_learning_rate, 0.001, 0, "mlp_learning_rate");
    assert_true(o.mlp_dropout < 0 && o.mlp_weight_decay < 0 && o.svm_gamma <= 0 && o.svm_c <= 0);
    assert_true(o.seed == 42 && o.threads == 1 && o.folds == 5 && o.format_version == 1 && o.tune == 0);
    assert_true(o.knn_k == 0 && o.kmeans_clusters == 0 && o.kmeans_starts == 10 && o.kmeans_iterations == 300);
    assert_true(o.n_mlp_hidden == 2 && o.mlp_hidden[0] == 512 && o.mlp_hidden[1] == 256 && o.mlp_hidden[2] == 0);
    assert_true(o.mlp_epochs == 100 && o.mlp_batch == 32 && o.without_categories == 0 && o.max_memory_bytes == 0);
    assert_true(o.embedding_model == NULL && o.device == NULL && o.progress == NULL && o.user == NULL);
    test_ok(mlsel_i_train_options_read(&own, NULL, &err), &err); /* NULL is all of them */
    assert_memory_equal(&own, &o, sizeof o);
    test_ok(mlsel_i_train_options_read(&own, &o, &err), &err);
    assert_memory_equal(&own, &o, sizeof o);
    mlsel_train_options_init(NULL, sizeof o);
    memset(&o, 0xa5, sizeof o);
    mlsel_train_options_init(&o, 3); /* no struct: nothing is touched */
    assert_int_equal(o.struct_size, 0xa5a5a5a5);
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

typedef struct spoilt {
    void (*spoil)(mlsel_train_options *o);
    mlsel_status status;
    const char *message;
} spoilt;

#define SPOIL(name, statement)                                                                                         \
    static void name(mlsel_train_options *o) { statement; }
SPOIL(objective, o->objective = 2)
SPOIL(layout, o->category_layout = MLSEL_CATEGORIES_ARTIFACT)
SPOIL(calibration, o->calibration = 3)
SPOIL(calibration_low, o->calibration = -1)
SPOIL(kernel, o->svm_kernel = 7)
SPOIL(quality_weight, o->quality_weight = 1.5)
SPOIL(quality_weight_nan, o->quality_weight = (double)NAN)
SPOIL(category_weight, o->category_weight = 0)
SPOIL(category_weight_high, o->category_weight = 1e7)
SPOIL(threads, o->threads = 257)
SPOIL(folds, o->folds = 1)
SPOIL(folds_many, o->folds = 21)
SPOIL(version, o->format_version = 3)
SPOIL(starts, o->kmeans_starts = 0)
SPOIL(k, o->knn_k = (uint32_t)INT32_MAX + 1)
SPOIL(iterations, o->kmeans_iterations = 0)
SPOIL(gamma_negative, o->svm_gamma = -0.5)
SPOIL(svm_c, o->svm_c = INFINITY)
SPOIL(tolerance, o->svm_tolerance = 0)
SPOIL(layers, o->n_mlp_hidden = 9)
SPOIL(width, o->mlp_hidden[1] = 0)
SPOIL(width_third, o->n_mlp_hidden = 3)
SPOIL(dropout, o->mlp_dropout = 0.96)
SPOIL(dropout_nan, o->mlp_dropout = (double)NAN)
SPOIL(epochs, o->mlp_epochs = 0)
SPOIL(batch, o->mlp_batch = 65537)
SPOIL(rate, o->mlp_learning_rate = 0)
SPOIL(decay, o->mlp_weight_decay = 1001)

#define BAD MLSEL_ERROR_INVALID_ARGUMENT
static const spoilt checks[] = {
    {objective, BAD, "mlsel_train_options: objective 2 is none"},
    {layout, BAD, "mlsel_train_options: category_layout 2 is none"},
    {calibration, BAD, "mlsel_train_options: calibration 3 is none"},
    {calibration_low, BAD, "mlsel_train_options: calibration -1 is none"},
    {kernel, BAD, "mlsel_train_options: svm_kernel 7 is none"},
    {quality_weight, BAD, "mlsel_train_options: quality_weight is 1.5: it must be from 0 to 1"},
    {quality_weight_nan, BAD, "mlsel_train_options: quality_weight is nan: it must be from 0 to 1"},
    {category_weight, BAD, "mlsel_train_options: category_weight is 0: it must be from 1e-06 to 1000000"},
    {category_weight_high, BAD, "mlsel_train_options: category_weight is 10000000: it must be from 1e-06 to 1000000"},
    {threads, BAD, "mlsel_train_options: threads is 257: it must be from 0 to 256"},
    {folds, BAD, "mlsel_train_options: folds is 1: it must be from 2 to 20"},
    {folds_many, BAD, "mlsel_train_options: folds is 21: it must be from 2 to 20"},
    {version, BAD, "mlsel_train_options: format_version is 3: it must be from 1 to 2"},
    {k, BAD, "mlsel_train_options: knn_k is 2147483648: it must be from 0 to 2147483647"},
    {starts, BAD, "mlsel_train_options: kmeans_starts is 0: it must be from 1 to 10000"},
    {iterations, BAD, "mlsel_train_options: kmeans_iterations is 0: it must be from 1 to 1000000"},
    {gamma_negative, BAD, "mlsel_train_options: svm_gamma is -0.5: it must be from 0 to 1000000000000"},
    {svm_c, BAD, "mlsel_train_options: svm_c is inf: it must be from 0 to 1000000000000"},
    {tolerance, BAD, "mlsel_train_options: svm_tolerance is 0: it must be from 1e-12 to 1"},
    {layers, BAD, "mlsel_train_options: n_mlp_hidden is 9: it must be from 0 to 8"},
    {width, BAD, "mlsel_train_options: mlp_hidden is 0: it must be from 1 to 65536"},
    {width_third, BAD, "mlsel_train_options: mlp_hidden is 0: it must be from 1 to 65536"},
    {dropout, BAD, "mlsel_train_options: mlp_dropout is 0.96: it must be from 0 to 0.95"},
    {dropout_nan, BAD, "mlsel_train_options: mlp_dropout is nan: it must be from 0 to 0.95"},
    {epochs, BAD, "mlsel_train_options: mlp_epochs is 0: it must be from 1 to 1000000"},
    {batch, BAD, "mlsel_train_options: mlp_batch is 65537: it must be from 1 to 65536"},
    {rate, BAD, "mlsel_train_options: mlp_learning_rate is 0: it must be from 1e-12 to 1000"},
    {decay, BAD, "mlsel_train_options: mlp_weight_decay is 1001: it must be from 0 to 1000"},
};

static void refused(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(checks); i++) {
        mlsel_train_options o, own;
        mlsel_error err;
        mlsel_train_options_init(&o, sizeof o);
        checks[i].spoil(&o);
        assert_int_equal(mlsel_i_train_options_read(&own, &o, &err), checks[i].status);
        assert_string_equal(err.message, checks[i].message);
        assert_int_equal(err.code, checks[i].status);
    }
}

/* What is at the edge, or of no concern. */
static void accepted(void **state) {
    (void)state;
    mlsel_train_options o, own;
    mlsel_error err;
    mlsel_train_options_init(&o, sizeof o);
    o.quality_weight = 0;
    o.tune = 1;
    o.category_weight = 0; /* to be chosen */
    o.device = "cpu";
    o.folds = 20;
    o.n_mlp_hidden = 0;
    o.mlp_hidden[0] = 0; /* not in use */
    o.mlp_dropout = 0.95;
    o.threads = 0;
    test_ok(mlsel_i_train_options_read(&own, &o, &err), &err);
    assert_memory_equal(&own, &o, sizeof o);
    o.tune = 0;
    o.without_categories = 1;
    o.category_weight = 1e9; /* of no concern */
    test_ok(mlsel_i_train_options_read(&own, &o, &err), &err);
    assert_true(own.category_weight <= 0);
}

/* --- other sizes -------------------------------------------------------------------------------------------------- */

/* A caller of before: the fields that it does not know have their defaults, not 0. */
static void older_struct(void **state) {
    (void)state;
    const size_t size = offsetof(mlsel_train_options, svm_tolerance);
    mlsel_train_options own;
    mlsel_error err;
    const uint64_t seed = 7;
    uint32_t struct_size = 0;
    char *o = malloc(size); /* exactly, so that a sanitizer sees who reads on */
    assert_non_null(o);
    mlsel_train_options_init((mlsel_train_options *)(void *)o, size);
    memcpy(&struct_size, o, sizeof struct_size);
    assert_int_equal(struct_size, size);
    memcpy(o + offsetof(mlsel_train_options, seed), &seed, sizeof seed);
    test_ok(mlsel_i_train_options_read(&own, (const mlsel_train_options *)(const void *)o, &err), &err);
    assert_int_equal(own.struct_size, sizeof own);
    assert_int_equal(own.seed, 7);
    test_close(own.svm_tolerance, 1e-3, 0, "svm_tolerance");
    assert_true(own.mlp_batch == 32 && own.n_mlp_hidden == 2 && own.mlp_hidden[0] == 512 && own.mlp_dropout < 0);
    free(o);
}

/* A caller of later: fields that are not known here must be 0. */
static void later_struct(void **state) {
    (void)state;
    struct {
        mlsel_train_options now;
        uint64_t later[2];
    } o;
    mlsel_train_options own;
    mlsel_error err;
    memset(&o, 0xa5, sizeof o);
    mlsel_train_options_init(&o.now, sizeof o);
    assert_int_equal(o.now.struct_size, sizeof o);
    assert_true(o.later[0] == 0 && o.later[1] == 0 && o.now.mlp_batch == 32);
    test_ok(mlsel_i_train_options_read(&own, &o.now, &err), &err);
    assert_int_equal(own.struct_size, sizeof own);
    o.later[1] = 1;
    assert_int_equal(mlsel_i_train_options_read(&own, &o.now, &err), BAD);
    assert_non_null(strstr(err.message, "mlsel_train_options: a field that this version of the library does not know"));
    o.now.struct_size = 0;
    assert_int_equal(mlsel_i_train_options_read(&own, &o.now, &err), BAD);
    assert_string_equal(err.message, "mlsel_train_options: struct_size is not set (use mlsel_train_options_init)");
}

static void names(void **state) {
    (void)state;
    assert_string_equal(mlsel_objective_name(0), "outcome");
    assert_string_equal(mlsel_objective_name(1), "compatible");
    assert_string_equal(mlsel_objective_name(2), "unknown");
    assert_string_equal(mlsel_calibration_name(0), "none");
    assert_string_equal(mlsel_calibration_name(1), "isotonic");
    assert_string_equal(mlsel_calibration_name(2), "platt");
    assert_string_equal(mlsel_calibration_name(-1), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),     cmocka_unit_test(refused),      cmocka_unit_test(accepted),
        cmocka_unit_test(older_struct), cmocka_unit_test(later_struct), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
