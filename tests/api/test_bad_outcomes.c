/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes of KNN artifacts that break a rule. */
#include "bad_artifact.h"

static const bad_artifact rows[] = {
    {"a list", base_outcomes, "\"outcomes\":{", "\"outcomes\":[1],\"x\":{", MLSEL_ERROR_SCHEMA,
     "$.outcomes must be an object"},
    {"a number", base_outcomes, "\"outcomes\":{", "\"outcomes\":1,\"x\":{", MLSEL_ERROR_SCHEMA,
     "$.outcomes must be an object"},
    {"empty", base_outcomes, "\"outcomes\":{", "\"outcomes\":{},\"x\":{", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality is missing"},
    {"no model names", base_outcomes, "\"model_names\":[\"b\",\"a\",\"c\"],", "", MLSEL_ERROR_SCHEMA,
     "$.model_names is missing: it says what the columns of $.outcomes are"},
    {"model names empty", base_outcomes, "[\"b\",\"a\",\"c\"]", "[]", MLSEL_ERROR_SCHEMA,
     "$.model_names is missing: it says what the columns of $.outcomes are"},
    {"a model name too few", base_outcomes, "[\"b\",\"a\",\"c\"]", "[\"b\",\"c\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names lacks \"a\", a label of the rows: $.outcomes has a column for each label"},
    {"a column too few", base_outcomes, "[\"b\",\"a\",\"c\"]", "[\"b\",\"a\",\"c\",\"d\"]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality[0]: 3 values, expected 4"},

    {"quality missing", base_outcomes, "\"quality\":[[0,1,0.5]", "\"qualities\":[[0,1,0.5]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality is missing"},
    {"quality null", base_outcomes, "\"quality\":[[0,1,0.5]", "\"quality\":null,\"x\":[[0,1,0.5]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality is missing"},
    {"quality empty", base_outcomes, "\"quality\":[[0,1,0.5]", "\"quality\":[],\"x\":[[0,1,0.5]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality: 0 rows, expected 3"},
    {"quality one row", base_outcomes, "\"quality\":[[0,1,0.5]", "\"quality\":[0,1,0.5],\"x\":[[0,1,0.5]",
     MLSEL_ERROR_SCHEMA, "$.outcomes.quality must be a list of rows of numbers"},
    {"a row too few", base_outcomes, ",[-1,-1,-1]]", "]", MLSEL_ERROR_SCHEMA, "$.outcomes.quality: 2 rows, expected 3"},
    {"a row too many", base_outcomes, ",[-1,-1,-1]]", ",[-1,-1,-1],[0,0,0]]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality: 4 rows, expected 3"},
    {"ragged", base_outcomes, "[1,-1,0.25]", "[1,-1]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality[1]: 2 values, expected 3 as in the first row"},
    {"quality null value", base_outcomes, "[1,-1,0.25]", "[1,null,0.25]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality[1][1] must be a number"},
    {"quality above 1", base_outcomes, "[1,-1,0.25]", "[1,-1,1.25]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality[1][2]: 1.25 is neither between 0 and 1 nor -1 for unknown"},
    {"quality negative", base_outcomes, "[1,-1,0.25]", "[1,-0.5,0.25]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality[1][1]: -0.5 is neither between 0 and 1 nor -1 for unknown"},
    {"quality below -1", base_outcomes, "[-1,-1,-1]", "[-1,-1,-1.0000000000000002]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality[2][2]: -1.0000000000000002 is neither between 0 and 1 nor -1 for unknown"},
    {"quality beyond float32", base_outcomes, "[1,-1,0.25]", "[1,-1e39,0.25]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.quality[1][1] is beyond the range of float32"},

    {"utility ragged", base_outcomes, "[1,0,0.375]", "[1,0]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.utility[1]: 2 values, expected 3 as in the first row"},
    {"utility above 1", base_outcomes, "[1,0,0.375]", "[1,0,2]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.utility[1][2]: 2 is neither between 0 and 1 nor -1 for unknown"},
    {"a row of utilities too few", base_outcomes, ",[0,0,0]]", "]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.utility: 2 rows, expected 3"},
    {"latency negative", base_outcomes, "[-1,8,9]", "[-1,-2,9]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.latency_ns[1][1]: -2 is neither a number of at least 0 nor -1 for unknown"},
    {"latency beyond float32", base_outcomes, "[-1,8,9]", "[-1,1e39,9]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.latency_ns[1][1] is beyond the range of float32"},
    {"latencies names", base_outcomes, "[[5,6,7],[-1,8,9],[0,1,2]]", "[\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.latency_ns must be a list of rows of numbers"},

    {"prior missing", base_outcomes, "\"prior\":[0.5,0.625,0],", "", MLSEL_ERROR_SCHEMA, "$.outcomes.prior is missing"},
    {"a prior too few", base_outcomes, "[0.5,0.625,0]", "[0.5,0.625]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.prior: 2 values, expected 3"},
    {"prior unknown", base_outcomes, "[0.5,0.625,0]", "[0.5,-1,0]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.prior[1]: -1 is not between 0 and 1"},
    {"prior above 1", base_outcomes, "[0.5,0.625,0]", "[0.5,0.625,1.5]", MLSEL_ERROR_SCHEMA,
     "$.outcomes.prior[2]: 1.5 is not between 0 and 1"},
    {"beta missing", base_outcomes, "\"beta\":1.5,", "", MLSEL_ERROR_SCHEMA, "$.outcomes.beta is missing"},
    {"beta negative", base_outcomes, "\"beta\":1.5", "\"beta\":-1.5", MLSEL_ERROR_SCHEMA,
     "$.outcomes.beta must be at least 0"},
    {"beta a string", base_outcomes, "\"beta\":1.5", "\"beta\":\"1.5\"", MLSEL_ERROR_SCHEMA,
     "$.outcomes.beta must be a number"},
    {"shrinkage missing", base_outcomes, ",\"shrinkage\":2", "", MLSEL_ERROR_SCHEMA, "$.outcomes.shrinkage is missing"},
    {"shrinkage negative", base_outcomes, "\"shrinkage\":2", "\"shrinkage\":-2", MLSEL_ERROR_SCHEMA,
     "$.outcomes.shrinkage must be at least 0"},
    {"shrinkage beyond float32", base_outcomes, "\"shrinkage\":2", "\"shrinkage\":1e39", MLSEL_ERROR_SCHEMA,
     "$.outcomes.shrinkage is beyond the range of float32"},
};

static void outcomes(void **state) {
    (void)state;
    run_bad_artifacts(rows, LENGTH(rows));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bases), cmocka_unit_test(outcomes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
