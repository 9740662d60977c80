/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train: makes a selector from benchmark records, and says what it is worth on records that it has not seen.
 *
 *     train RECORDS.jsonl NEW_MODEL.json
 *     train records.jsonl knn_model.json
 *
 * RECORDS.jsonl has one JSON object a line: a query, the model that answered it, how good the answer was (0 to 1) and
 * how long it took. Queries are embedded with the built-in embedder, so that nothing else is needed; a service would
 * give the embeddings of its embedding model.
 *
 * Build it with an installed mlsel: cc train.c -o train $(pkg-config --cflags --libs mlsel_train)
 */
#include <stdio.h>
#include <stdlib.h>

#include <mlsel_train.h>

/* Reads records and embeds their queries. */
static mlsel_status read_data(const char *path, mlsel_dataset **out, mlsel_error *err) {
    mlsel_dataset *data = NULL;
    mlsel_status status = mlsel_dataset_create(&data, err);
    if (status == MLSEL_OK)
        status = mlsel_dataset_read_records(data, path, NULL, err);
    if (status == MLSEL_OK)
        status = mlsel_dataset_embed(data, 0, err);
    if (status == MLSEL_OK)
        *out = data;
    else
        mlsel_dataset_free(data);
    return status;
}

/* Trains on one part of the data and prints how the selector does on the other. */
static mlsel_status train(const mlsel_dataset *data, const char *path, mlsel_error *err) {
    mlsel_dataset *part = NULL, *held_out = NULL;
    mlsel_training *training = NULL;
    mlsel_model *model = NULL;
    mlsel_evaluation *evaluation = NULL;
    mlsel_train_options options;
    mlsel_train_options_init(&options, sizeof options);
    options.embedding_model = MLSEL_BUILTIN_EMBEDDER;
    mlsel_save_options save;
    mlsel_save_options_init(&save, sizeof save);
    save.replace = 1;

    mlsel_status status = mlsel_dataset_split(data, 0.25, 1, &part, &held_out, err);
    if (status == MLSEL_OK)
        status = mlsel_train(part, MLSEL_ALGORITHM_KNN, &options, &training, err);
    if (status == MLSEL_OK)
        status = mlsel_training_save(training, path, &save, err);
    if (status == MLSEL_OK)
        status = mlsel_training_model(training, NULL, &model, err);
    mlsel_contender contender = {"knn", NULL};
    contender.model = model;
    mlsel_evaluate_options how;
    mlsel_evaluate_options_init(&how, sizeof how);
    how.reference = part;
    if (status == MLSEL_OK)
        status = mlsel_evaluate(held_out, &contender, 1, &how, &evaluation, err);
    for (size_t i = 0; status == MLSEL_OK && i < mlsel_evaluation_policy_count(evaluation); i++) {
        mlsel_policy policy;
        status = mlsel_evaluation_get_policy(evaluation, i, &policy, sizeof policy, err);
        if (status == MLSEL_OK)
            printf("%-24s quality %.3f  latency %.2f s\n", policy.name, policy.quality, policy.latency_s);
    }
    mlsel_evaluation_free(evaluation);
    mlsel_model_release(model);
    mlsel_training_free(training);
    mlsel_dataset_free(held_out);
    mlsel_dataset_free(part);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: train RECORDS.jsonl NEW_MODEL.json\n");
        return 2;
    }
    mlsel_error err;
    mlsel_dataset *data = NULL;
    mlsel_status status = read_data(argv[1], &data, &err);
    if (status == MLSEL_OK)
        status = train(data, argv[2], &err);
    mlsel_dataset_free(data);
    if (status != MLSEL_OK) {
        fprintf(stderr, "train: %s\n", err.message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
