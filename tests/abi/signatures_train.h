/* SPDX-License-Identifier: Apache-2.0 */
/* As signatures.h, for mlsel_train.h. */
#ifndef MLSEL_ABI_SIGNATURES_TRAIN_H
#define MLSEL_ABI_SIGNATURES_TRAIN_H

#ifndef FUNCTION
#define FUNCTION(result, name, parameters)                                                                             \
    extern result(*const abi_##name) parameters;                                                                       \
    result(*const abi_##name) parameters = name
#endif

FUNCTION(mlsel_status, mlsel_dataset_create, (mlsel_dataset **, mlsel_error *));
FUNCTION(void, mlsel_dataset_free, (mlsel_dataset *));
FUNCTION(void, mlsel_record_init, (mlsel_record *, size_t));
FUNCTION(mlsel_status, mlsel_dataset_add, (mlsel_dataset *, const mlsel_record *, mlsel_error *));
FUNCTION(void, mlsel_read_options_init, (mlsel_read_options *, size_t));
FUNCTION(mlsel_status, mlsel_dataset_read_records,
         (mlsel_dataset *, const char *, const mlsel_read_options *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_read_records_memory,
         (mlsel_dataset *, const void *, size_t, const char *, const mlsel_read_options *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_read_embeddings,
         (mlsel_dataset *, const char *, const mlsel_read_options *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_read_embeddings_memory,
         (mlsel_dataset *, const void *, size_t, const char *, const mlsel_read_options *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_set_embedding, (mlsel_dataset *, size_t, const float *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_embed, (mlsel_dataset *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_drop_unembedded, (mlsel_dataset *, uint64_t *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_keep_models, (mlsel_dataset *, const char *const *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_split,
         (const mlsel_dataset *, double, uint64_t, mlsel_dataset **, mlsel_dataset **, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_get_info, (const mlsel_dataset *, mlsel_dataset_info *, size_t, mlsel_error *));
FUNCTION(const char *, mlsel_dataset_query, (const mlsel_dataset *, size_t));
FUNCTION(const char *, mlsel_dataset_category, (const mlsel_dataset *, size_t));
FUNCTION(const char *, mlsel_dataset_task, (const mlsel_dataset *, size_t));
FUNCTION(const float *, mlsel_dataset_embedding, (const mlsel_dataset *, size_t));
FUNCTION(const char *, mlsel_dataset_model, (const mlsel_dataset *, size_t));
FUNCTION(mlsel_status, mlsel_dataset_observe,
         (const mlsel_dataset *, size_t, size_t, mlsel_observation *, mlsel_error *));
FUNCTION(const char *, mlsel_finding_name, (mlsel_finding_code));
FUNCTION(uint64_t, mlsel_dataset_count_findings, (const mlsel_dataset *, mlsel_finding_code));
FUNCTION(size_t, mlsel_dataset_finding_count, (const mlsel_dataset *));
FUNCTION(mlsel_status, mlsel_dataset_get_finding,
         (const mlsel_dataset *, size_t, mlsel_finding *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_embed_text, (const char *, size_t, float *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_cache_open, (const char *, const char *, size_t, mlsel_cache **, mlsel_error *));
FUNCTION(void, mlsel_cache_close, (mlsel_cache *));
FUNCTION(uint64_t, mlsel_cache_count, (const mlsel_cache *));
FUNCTION(mlsel_status, mlsel_cache_get, (mlsel_cache *, const char *, size_t, float *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_cache_put, (mlsel_cache *, const char *, size_t, const float *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_read_cache, (mlsel_dataset *, mlsel_cache *, uint64_t *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_dataset_write_cache, (const mlsel_dataset *, mlsel_cache *, uint64_t *, mlsel_error *));
FUNCTION(const char *, mlsel_objective_name, (mlsel_objective));
FUNCTION(const char *, mlsel_calibration_name, (mlsel_calibration));
FUNCTION(void, mlsel_train_options_init, (mlsel_train_options *, size_t));
FUNCTION(mlsel_status, mlsel_train,
         (const mlsel_dataset *, mlsel_algorithm, const mlsel_train_options *, mlsel_training **, mlsel_error *));
FUNCTION(void, mlsel_training_free, (mlsel_training *));
FUNCTION(mlsel_status, mlsel_training_get_info, (const mlsel_training *, mlsel_training_info *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_training_save,
         (const mlsel_training *, const char *, const mlsel_save_options *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_training_model,
         (const mlsel_training *, const mlsel_model_options *, mlsel_model **, mlsel_error *));
FUNCTION(mlsel_status, mlsel_calibrate,
         (const mlsel_dataset *, const char *, mlsel_calibration, const char *, const mlsel_save_options *,
          mlsel_error *));
FUNCTION(mlsel_status, mlsel_find_floor,
         (const mlsel_dataset *, const mlsel_model *, double, double, mlsel_floor *, mlsel_error *));
FUNCTION(void, mlsel_evaluate_options_init, (mlsel_evaluate_options *, size_t));
FUNCTION(mlsel_status, mlsel_evaluate,
         (const mlsel_dataset *, const mlsel_contender *, size_t, const mlsel_evaluate_options *, mlsel_evaluation **,
          mlsel_error *));
FUNCTION(void, mlsel_evaluation_free, (mlsel_evaluation *));
FUNCTION(const char *, mlsel_policy_kind_name, (mlsel_policy_kind));
FUNCTION(size_t, mlsel_evaluation_policy_count, (const mlsel_evaluation *));
FUNCTION(mlsel_status, mlsel_evaluation_get_policy,
         (const mlsel_evaluation *, size_t, mlsel_policy *, size_t, mlsel_error *));
FUNCTION(const uint64_t *, mlsel_evaluation_selections, (const mlsel_evaluation *, size_t));
FUNCTION(const uint64_t *, mlsel_evaluation_category_selections, (const mlsel_evaluation *, size_t));
FUNCTION(const char *, mlsel_evaluation_category, (const mlsel_evaluation *, size_t));
FUNCTION(int32_t, mlsel_evaluation_choice, (const mlsel_evaluation *, size_t, size_t));
FUNCTION(const mlsel_curve_point *, mlsel_evaluation_curve, (const mlsel_evaluation *, size_t, size_t *));
FUNCTION(const mlsel_reliability *, mlsel_evaluation_reliability, (const mlsel_evaluation *, size_t, size_t *));

#endif
