/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NULL for each pointer argument of each public function of libmlsel_train, one at a time. Whether every function is
 * here is checked against the list of exported symbols.
 */
#include "null_cases.h"

#include <string.h>

#include "mlsel_train.h"

enum { WIDTH = 16 };

static mlsel_dataset *dataset; /* one query, one model, one finding */
static mlsel_cache *cache;
static mlsel_training *training;
static mlsel_evaluation *evaluation;
static mlsel_model *model;
static const float embedding[WIDTH] = {1, 2, 3};
static const char line[] = "{\"query\": \"new\", \"model_name\": \"new\", \"performance\": 1}\n";
static const char embedded[] = "{\"query\": \"q\", \"embedding\": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]}\n";

/* What the calls write, and must not. */
static struct {
    mlsel_cache *cache;
    mlsel_dataset *created, *first, *second;
    mlsel_evaluation *evaluation;
    mlsel_training *trained;
    mlsel_model *model;
    mlsel_dataset_info info;
    mlsel_finding finding;
    mlsel_observation observation;
    mlsel_floor floor;
    mlsel_policy policy;
    mlsel_training_info training_info;
    float embedding[WIDTH];
    uint64_t n;
    size_t count;
} out;

static mlsel_record new_record(void) {
    mlsel_record record;
    mlsel_record_init(&record, sizeof record);
    record.query = "new";
    record.model = "new";
    return record;
}

static mlsel_status add_to(mlsel_dataset *to, mlsel_error *err) {
    const mlsel_record record = new_record();
    return mlsel_dataset_add(to, &record, err);
}

static mlsel_status evaluate(const mlsel_dataset *of, bool has_contenders, mlsel_evaluation **to, mlsel_error *err) {
    const mlsel_contender contender = {.model = model};
    return mlsel_evaluate(of, has_contenders ? &contender : NULL, 1, NULL, to, err);
}

/* Where a call would find or leave a file: in the folder there is none but the cache's, see null_arguments. */
static const char *file(void) { return test_path("new.json"); }
static const char *folder(void) { return test_path("new"); }

CALL(cache_open_folder, mlsel_cache_open(NULL, "m", WIDTH, &out.cache, err))
CALL(cache_open_model, mlsel_cache_open(folder(), NULL, WIDTH, &out.cache, err))
CALL(cache_open_out, mlsel_cache_open(folder(), "m", WIDTH, NULL, err))
CALL(cache_get_cache, mlsel_cache_get(NULL, "q", 1, out.embedding, WIDTH, err))
CALL(cache_get_text, mlsel_cache_get(cache, NULL, 1, out.embedding, WIDTH, err))
CALL(cache_get_out, mlsel_cache_get(cache, "q", 1, NULL, WIDTH, err))
CALL(cache_put_cache, mlsel_cache_put(NULL, "new", 3, embedding, WIDTH, err))
CALL(cache_put_text, mlsel_cache_put(cache, NULL, 3, embedding, WIDTH, err))
CALL(cache_put_embedding, mlsel_cache_put(cache, "new", 3, NULL, WIDTH, err))
CALL(calibrate_dataset, mlsel_calibrate(NULL, test_path("knn.json"), MLSEL_CALIBRATION_PLATT, file(), NULL, err))
CALL(calibrate_artifact, mlsel_calibrate(dataset, NULL, MLSEL_CALIBRATION_PLATT, file(), NULL, err))
CALL(calibrate_path, mlsel_calibrate(dataset, test_path("knn.json"), MLSEL_CALIBRATION_PLATT, NULL, NULL, err))
CALL(create_out, mlsel_dataset_create(NULL, err))
CALL(add_dataset, add_to(NULL, err))
CALL(add_record, mlsel_dataset_add(dataset, NULL, err))
CALL(read_records_dataset, mlsel_dataset_read_records(NULL, test_path("knn.json"), NULL, err))
CALL(read_records_path, mlsel_dataset_read_records(dataset, NULL, NULL, err))
CALL(read_records_memory_dataset, mlsel_dataset_read_records_memory(NULL, line, sizeof line - 1, NULL, NULL, err))
CALL(read_records_memory_data, mlsel_dataset_read_records_memory(dataset, NULL, 5, NULL, NULL, err))
CALL(read_embeddings_dataset, mlsel_dataset_read_embeddings(NULL, test_path("knn.json"), NULL, err))
CALL(read_embeddings_path, mlsel_dataset_read_embeddings(dataset, NULL, NULL, err))
CALL(read_embeddings_memory_dataset,
     mlsel_dataset_read_embeddings_memory(NULL, embedded, sizeof embedded - 1, NULL, NULL, err))
CALL(read_embeddings_memory_data, mlsel_dataset_read_embeddings_memory(dataset, NULL, 5, NULL, NULL, err))
CALL(set_embedding_dataset, mlsel_dataset_set_embedding(NULL, 0, embedding, WIDTH, err))
CALL(set_embedding_embedding, mlsel_dataset_set_embedding(dataset, 0, NULL, WIDTH, err))
CALL(embed_dataset, mlsel_dataset_embed(NULL, WIDTH, err))
CALL(drop_unembedded_dataset, mlsel_dataset_drop_unembedded(NULL, &out.n, err))
CALL(keep_models_dataset, mlsel_dataset_keep_models(NULL, (const char *const[]){"m"}, 1, err))
CALL(keep_models_models, mlsel_dataset_keep_models(dataset, NULL, 1, err))
CALL(split_dataset, mlsel_dataset_split(NULL, 0.5, 1, &out.first, &out.second, err))
CALL(split_first, mlsel_dataset_split(dataset, 0.5, 1, NULL, &out.second, err))
CALL(split_second, mlsel_dataset_split(dataset, 0.5, 1, &out.first, NULL, err))
CALL(get_info_dataset, mlsel_dataset_get_info(NULL, &out.info, sizeof out.info, err))
CALL(get_info_out, mlsel_dataset_get_info(dataset, NULL, sizeof out.info, err))
CALL(observe_dataset, mlsel_dataset_observe(NULL, 0, 0, &out.observation, err))
CALL(observe_out, mlsel_dataset_observe(dataset, 0, 0, NULL, err))
CALL(get_finding_dataset, mlsel_dataset_get_finding(NULL, 0, &out.finding, sizeof out.finding, err))
CALL(get_finding_out, mlsel_dataset_get_finding(dataset, 0, NULL, sizeof out.finding, err))
CALL(embed_text_text, mlsel_embed_text(NULL, 1, out.embedding, WIDTH, err))
CALL(embed_text_out, mlsel_embed_text("q", 1, NULL, WIDTH, err))
CALL(read_cache_dataset, mlsel_dataset_read_cache(NULL, cache, &out.n, err))
CALL(read_cache_cache, mlsel_dataset_read_cache(dataset, NULL, &out.n, err))
CALL(write_cache_dataset, mlsel_dataset_write_cache(NULL, cache, &out.n, err))
CALL(write_cache_cache, mlsel_dataset_write_cache(dataset, NULL, &out.n, err))
CALL(train_dataset, mlsel_train(NULL, MLSEL_ALGORITHM_KNN, NULL, &out.trained, err))
CALL(train_out, mlsel_train(dataset, MLSEL_ALGORITHM_KNN, NULL, NULL, err))
CALL(training_info_training, mlsel_training_get_info(NULL, &out.training_info, sizeof out.training_info, err))
CALL(training_info_out, mlsel_training_get_info(training, NULL, sizeof out.training_info, err))
CALL(save_training, mlsel_training_save(NULL, file(), NULL, err))
CALL(save_path, mlsel_training_save(training, NULL, NULL, err))
CALL(training_model_training, mlsel_training_model(NULL, NULL, &out.model, err))
CALL(training_model_out, mlsel_training_model(training, NULL, NULL, err))
CALL(find_floor_dataset, mlsel_find_floor(NULL, model, 0.5, -1, &out.floor, err))
CALL(find_floor_model, mlsel_find_floor(dataset, NULL, 0.5, -1, &out.floor, err))
CALL(find_floor_out, mlsel_find_floor(dataset, model, 0.5, -1, NULL, err))
CALL(evaluate_dataset, evaluate(NULL, true, &out.evaluation, err))
CALL(evaluate_contenders, evaluate(dataset, false, &out.evaluation, err))
CALL(evaluate_out, evaluate(dataset, true, NULL, err))
CALL(get_policy_evaluation, mlsel_evaluation_get_policy(NULL, 0, &out.policy, sizeof out.policy, err))
CALL(get_policy_out, mlsel_evaluation_get_policy(evaluation, 0, NULL, sizeof out.policy, err))

static const null_case cases[] = {
    {"mlsel_cache_open", "folder", cache_open_folder},
    {"mlsel_cache_open", "model", cache_open_model},
    {"mlsel_cache_open", "out", cache_open_out},
    {"mlsel_cache_get", "cache", cache_get_cache},
    {"mlsel_cache_get", "text", cache_get_text},
    {"mlsel_cache_get", "out", cache_get_out},
    {"mlsel_cache_put", "cache", cache_put_cache},
    {"mlsel_cache_put", "text", cache_put_text},
    {"mlsel_cache_put", "embedding", cache_put_embedding},
    {"mlsel_calibrate", "dataset", calibrate_dataset},
    {"mlsel_calibrate", "artifact", calibrate_artifact},
    {"mlsel_calibrate", "path", calibrate_path},
    {"mlsel_dataset_create", "out", create_out},
    {"mlsel_dataset_add", "dataset", add_dataset},
    {"mlsel_dataset_add", "record", add_record},
    {"mlsel_dataset_read_records", "dataset", read_records_dataset},
    {"mlsel_dataset_read_records", "path", read_records_path},
    {"mlsel_dataset_read_records_memory", "dataset", read_records_memory_dataset},
    {"mlsel_dataset_read_records_memory", "data", read_records_memory_data},
    {"mlsel_dataset_read_embeddings", "dataset", read_embeddings_dataset},
    {"mlsel_dataset_read_embeddings", "path", read_embeddings_path},
    {"mlsel_dataset_read_embeddings_memory", "dataset", read_embeddings_memory_dataset},
    {"mlsel_dataset_read_embeddings_memory", "data", read_embeddings_memory_data},
    {"mlsel_dataset_set_embedding", "dataset", set_embedding_dataset},
    {"mlsel_dataset_set_embedding", "embedding", set_embedding_embedding},
    {"mlsel_dataset_embed", "dataset", embed_dataset},
    {"mlsel_dataset_drop_unembedded", "dataset", drop_unembedded_dataset},
    {"mlsel_dataset_keep_models", "dataset", keep_models_dataset},
    {"mlsel_dataset_keep_models", "models", keep_models_models},
    {"mlsel_dataset_split", "dataset", split_dataset},
    {"mlsel_dataset_split", "first", split_first},
    {"mlsel_dataset_split", "second", split_second},
    {"mlsel_dataset_get_info", "dataset", get_info_dataset},
    {"mlsel_dataset_get_info", "out", get_info_out},
    {"mlsel_dataset_observe", "dataset", observe_dataset},
    {"mlsel_dataset_observe", "out", observe_out},
    {"mlsel_dataset_get_finding", "dataset", get_finding_dataset},
    {"mlsel_dataset_get_finding", "out", get_finding_out},
    {"mlsel_embed_text", "text", embed_text_text},
    {"mlsel_embed_text", "out", embed_text_out},
    {"mlsel_dataset_read_cache", "dataset", read_cache_dataset},
    {"mlsel_dataset_read_cache", "cache", read_cache_cache},
    {"mlsel_dataset_write_cache", "dataset", write_cache_dataset},
    {"mlsel_dataset_write_cache", "cache", write_cache_cache},
    {"mlsel_train", "dataset", train_dataset},
    {"mlsel_train", "out", train_out},
    {"mlsel_training_get_info", "training", training_info_training},
    {"mlsel_training_get_info", "out", training_info_out},
    {"mlsel_training_save", "training", save_training},
    {"mlsel_training_save", "path", save_path},
    {"mlsel_training_model", "training", training_model_training},
    {"mlsel_training_model", "out", training_model_out},
    {"mlsel_find_floor", "dataset", find_floor_dataset},
    {"mlsel_find_floor", "model", find_floor_model},
    {"mlsel_find_floor", "out", find_floor_out},
    {"mlsel_evaluate", "dataset", evaluate_dataset},
    {"mlsel_evaluate", "contenders", evaluate_contenders},
    {"mlsel_evaluate", "out", evaluate_out},
    {"mlsel_evaluation_get_policy", "evaluation", get_policy_evaluation},
    {"mlsel_evaluation_get_policy", "out", get_policy_out},
};

/* Functions without a status: what NULL gives is checked in without_status. */
static const char *const others[] = {
    "mlsel_cache_close",
    "mlsel_cache_count",
    "mlsel_dataset_category",
    "mlsel_dataset_count_findings",
    "mlsel_dataset_embedding",
    "mlsel_dataset_finding_count",
    "mlsel_dataset_free",
    "mlsel_dataset_model",
    "mlsel_dataset_query",
    "mlsel_dataset_task",
    "mlsel_evaluate_options_init",
    "mlsel_evaluation_category",
    "mlsel_evaluation_category_selections",
    "mlsel_evaluation_choice",
    "mlsel_evaluation_curve",
    "mlsel_evaluation_free",
    "mlsel_evaluation_policy_count",
    "mlsel_evaluation_reliability",
    "mlsel_evaluation_selections",
    "mlsel_read_options_init",
    "mlsel_record_init",
    "mlsel_train_options_init",
    "mlsel_training_free",
};

static const char *const without_pointers[] = {
    "mlsel_calibration_name",
    "mlsel_finding_name",
    "mlsel_objective_name",
    "mlsel_policy_kind_name",
};

static const null_cases all = {cases,          LENGTH(cases),    others,
                               LENGTH(others), without_pointers, LENGTH(without_pointers)};

/* Nor may a refused call change what it was given, or make a file. */
static void null_arguments(void **state) {
    (void)state;
    mlsel_dataset_info before, after;
    mlsel_error err;
    test_ok(mlsel_dataset_get_info(dataset, &before, sizeof before, &err), &err);
    const size_t files = test_count_files(test_folder());
    test_null_refused(&all, &out, sizeof out);
    test_ok(mlsel_dataset_get_info(dataset, &after, sizeof after, &err), &err);
    assert_memory_equal(&before, &after, sizeof before);
    assert_memory_equal(mlsel_dataset_embedding(dataset, 0), embedding, sizeof embedding);
    assert_int_equal(mlsel_cache_count(cache), 1);
    assert_int_equal(test_count_files(test_folder()), files);
}

static void without_status(void **state) {
    (void)state;
    size_t n = 7;
    mlsel_cache_close(NULL);
    assert_int_equal(mlsel_cache_count(NULL), 0);
    mlsel_dataset_free(NULL);
    assert_null(mlsel_dataset_query(NULL, 0));
    assert_null(mlsel_dataset_category(NULL, 0));
    assert_null(mlsel_dataset_task(NULL, 0));
    assert_null(mlsel_dataset_embedding(NULL, 0));
    assert_null(mlsel_dataset_model(NULL, 0));
    assert_int_equal(mlsel_dataset_count_findings(NULL, MLSEL_FINDING_REPEATED), 0);
    assert_int_equal(mlsel_dataset_finding_count(NULL), 0);
    mlsel_training_free(NULL);
    mlsel_evaluation_free(NULL);
    assert_int_equal(mlsel_evaluation_policy_count(NULL), 0);
    assert_null(mlsel_evaluation_category(NULL, 0));
    assert_null(mlsel_evaluation_selections(NULL, 0));
    assert_null(mlsel_evaluation_category_selections(NULL, 0));
    assert_int_equal(mlsel_evaluation_choice(NULL, 0, 0), -1);
    assert_null(mlsel_evaluation_curve(NULL, 0, &n));
    assert_int_equal(n, 0);
    n = 7;
    assert_null(mlsel_evaluation_reliability(NULL, 0, &n));
    assert_int_equal(n, 0);
    mlsel_record_init(NULL, sizeof(mlsel_record));
    mlsel_read_options_init(NULL, sizeof(mlsel_read_options));
    mlsel_train_options_init(NULL, sizeof(mlsel_train_options));
    mlsel_evaluate_options_init(NULL, sizeof(mlsel_evaluate_options));
}

/* Where NULL means something: no options, no error, no count wanted, no data of size 0. */
static void null_allowed(void **state) {
    (void)state;
    mlsel_dataset *own = NULL;
    assert_int_equal(mlsel_dataset_create(&own, NULL), MLSEL_OK);
    assert_int_equal(mlsel_dataset_read_records_memory(own, NULL, 0, NULL, NULL, NULL), MLSEL_OK);
    assert_int_equal(mlsel_dataset_read_embeddings_memory(own, NULL, 0, NULL, NULL, NULL), MLSEL_OK);
    assert_int_equal(add_to(own, NULL), MLSEL_OK);
    assert_int_equal(mlsel_dataset_read_cache(own, cache, NULL, NULL), MLSEL_OK);
    assert_int_equal(mlsel_dataset_write_cache(own, cache, NULL, NULL), MLSEL_OK);
    assert_int_equal(mlsel_dataset_drop_unembedded(own, NULL, NULL), MLSEL_OK);
    mlsel_dataset_free(own);
    assert_int_equal(mlsel_embed_text(NULL, 0, out.embedding, WIDTH, NULL), MLSEL_OK);
    assert_int_equal(mlsel_training_get_info(training, &out.training_info, sizeof out.training_info, NULL), MLSEL_OK);
    assert_int_equal(mlsel_evaluate(dataset, NULL, 0, NULL, &out.evaluation, NULL), MLSEL_OK);
    assert_non_null(mlsel_evaluation_curve(out.evaluation, 0, NULL));
    assert_null(mlsel_evaluation_reliability(out.evaluation, 0, NULL)); /* the oracle has no confidence */
    mlsel_evaluation_free(out.evaluation);
}

static void every_function(void **state) {
    (void)state;
    test_null_complete(&all, TEST_SOURCE_DIR "/abi/symbols-in-versions-train", 55);
}

/* Two records of one query and one model: the second is a finding. */
static int set_up(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_record record = new_record();
    record.query = "q";
    record.model = "m";
    record.quality = 1;
    record.latency_s = 1;
    record.embedding = embedding;
    record.n_embedding = WIDTH;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
    test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
    test_ok(mlsel_cache_open(test_folder(), "m", WIDTH, &cache, &err), &err);
    test_ok(mlsel_cache_put(cache, "q", 1, embedding, WIDTH, &err), &err);
    test_ok(mlsel_train(dataset, MLSEL_ALGORITHM_KNN, NULL, &training, &err), &err);
    test_ok(mlsel_training_save(training, test_path("knn.json"), NULL, &err), &err);
    test_ok(mlsel_training_model(training, NULL, &model, &err), &err);
    test_ok(mlsel_evaluate(dataset, NULL, 0, NULL, &evaluation, &err), &err);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mlsel_dataset_free(dataset);
    mlsel_cache_close(cache);
    mlsel_training_free(training);
    mlsel_model_release(model);
    mlsel_evaluation_free(evaluation);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_arguments),
        cmocka_unit_test(without_status),
        cmocka_unit_test(null_allowed),
        cmocka_unit_test(every_function),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
