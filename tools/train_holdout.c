/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "evaluate.h"
#include "progress.h"
#include "report_html.h"
#include "train_result.h"

static mlsel_evaluation *evaluate(const train_result *results, size_t count, const mlsel_dataset *held_out,
                                  const mlsel_evaluate_options *given, failure *problem) {
    mlsel_evaluate_options options = *given;
    mlsel_contender contenders[MLSEL_ALGORITHM_MLP];
    mlsel_evaluation *evaluation = NULL;
    mlsel_error err;
    progress shown;
    for (size_t i = 0; i < count; ++i)
        contenders[i] = (mlsel_contender){mlsel_algorithm_name(results[i].info.algorithm), results[i].model};
    progress_start_stages(&shown);
    options.progress = progress_evaluation;
    options.user = &shown;
    if (mlsel_evaluate(held_out, contenders, count, &options, &evaluation, &err) != MLSEL_OK)
        failure_of(problem, &err);
    progress_clear(&shown);
    return evaluation;
}

bool train_print_holdout(const train_result *results, size_t count, const mlsel_dataset *trained_on,
                         const mlsel_dataset *held_out, const mlsel_train_options *options, const char *report,
                         bool json, failure *problem) {
    mlsel_model_info infos[MLSEL_ALGORITHM_MLP];
    const char *paths[MLSEL_ALGORITHM_MLP];
    evaluate_results r = {
        .dataset = held_out, .models = infos, .paths = paths, .embedder = options->embedding_model, .report = report};
    mlsel_evaluate_options_init(&r.options, sizeof r.options);
    r.options.reference = trained_on;
    r.options.quality_weight = options->quality_weight;
    r.options.seed = options->seed;
    mlsel_evaluation *evaluation = evaluate(results, count, held_out, &r.options, problem);
    if (evaluation == NULL)
        return false;
    for (size_t i = 0; i < count; ++i) {
        paths[i] = results[i].path;
        mlsel_model_get_info(results[i].model, &infos[i], sizeof infos[i], NULL);
    }
    r.evaluation = evaluation;
    mlsel_dataset_get_info(held_out, &r.info, sizeof r.info, NULL);
    mlsel_dataset_get_info(trained_on, &r.reference, sizeof r.reference, NULL);
    evaluate_results_read(&r);
    const bool has_report = report == NULL || report_html_write(report, &r, problem);
    if (!has_report)
        r.report = NULL; /* the numbers are there all the same */
    if (json) {
        evaluate_print_json(&r);
    } else {
        fputs("\nOn the records held out:\n\n", stdout);
        evaluate_print_table(&r);
        if (r.report != NULL)
            printf("\n%s has the plots\n", report);
    }
    free(r.policies);
    mlsel_evaluation_free(evaluation);
    return has_report;
}
