/* SPDX-License-Identifier: Apache-2.0 */
/* MLP artifacts that are JSON and break a rule of their format. */
#include "bad_artifact.h"

#define LAST_LAYER                                                                                                     \
    "{\"type\":\"linear\",\"in_features\":2,\"out_features\":2,\"weight\":[[1,0.5],[0,0.25]],\"bias\":null}"

static const bad_artifact rows[] = {
    {"no model names", base_mlp, "\"model_names\":[\"a\",\"b\"],", "", MLSEL_ERROR_SCHEMA, "$.model_names is missing"},
    {"model names empty", base_mlp, "[\"a\",\"b\"]", "[]", MLSEL_ERROR_SCHEMA, "$.model_names is empty"},
    {"a model name too few", base_mlp, "[\"a\",\"b\"]", "[\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names: 1 names, expected 2 as the last layer has outputs"},
    {"a model name too many", base_mlp, "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names: 3 names, expected 2 as the last layer has outputs"},
    {"model name twice", base_mlp, "[\"a\",\"b\"]", "[\"a\",\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names[1]: \"a\" is listed twice"},
    {"model names numbers", base_mlp, "[\"a\",\"b\"]", "[0,1]", MLSEL_ERROR_SCHEMA,
     "$.model_names must be a list of names"},
    {"n_classes", base_mlp, "\"n_classes\":2", "\"n_classes\":3", MLSEL_ERROR_SCHEMA,
     "$.n_classes: 3, expected 2 as in $.model_names"},
    {"n_classes a string", base_mlp, "\"n_classes\":2", "\"n_classes\":\"2\"", MLSEL_ERROR_SCHEMA,
     "$.n_classes must be a number"},
    {"feature_dim", base_mlp, "\"feature_dim\":3", "\"feature_dim\":4", MLSEL_ERROR_SCHEMA,
     "$.layers[0].in_features: 3, but the values before it are 4 wide"},
    {"feature_dim, no in_features", base_mlp,
     "\"feature_dim\":3,\"n_classes\":2,\"hidden_sizes\":[2],\"dropout\":0.1,"
     "\"layers\":[{\"type\":\"linear\",\"in_features\":3,",
     "\"feature_dim\":4,\"layers\":[{\"type\":\"linear\",", MLSEL_ERROR_SCHEMA,
     "$.layers[0].weight[0]: 3 values, expected 4"},
    {"feature_dim 0", base_mlp, "\"feature_dim\":3", "\"feature_dim\":0", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 0, expected a whole number of at least 1"},
    {"feature_dim fractional", base_mlp, "\"feature_dim\":3", "\"feature_dim\":3.5", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 3.5, expected a whole number of at least 1"},

    {"layer unknown", base_mlp, "\"relu\"", "\"gelu\"", MLSEL_ERROR_UNSUPPORTED,
     "$.layers[1].type: \"gelu\" is not supported, expected linear, relu, batch_norm or dropout"},
    {"layer type in capitals", base_mlp, "\"relu\"", "\"ReLU\"", MLSEL_ERROR_UNSUPPORTED,
     "$.layers[1].type: \"ReLU\" is not supported, expected linear, relu, batch_norm or dropout"},
    {"layer without type", base_mlp, "{\"type\":\"relu\"}", "{}", MLSEL_ERROR_SCHEMA, "$.layers[1].type is missing"},
    {"layer type a number", base_mlp, "\"relu\"", "1", MLSEL_ERROR_SCHEMA, "$.layers[1].type must be a string"},
    {"layer no object", base_mlp, "{\"type\":\"relu\"}", "\"relu\"", MLSEL_ERROR_SCHEMA,
     "$.layers[1] must be an object"},
    {"layer null", base_mlp, "{\"type\":\"relu\"}", "null", MLSEL_ERROR_SCHEMA, "$.layers[1] must be an object"},
    {"layer a list", base_mlp, "{\"type\":\"relu\"}", "[1]", MLSEL_ERROR_SCHEMA, "$.layers[1] must be an object"},

    {"no weight", base_mlp, "\"weight\":[[1,2,0.5],[4,5,0.25]],", "", MLSEL_ERROR_SCHEMA,
     "$.layers[0].weight is missing"},
    {"weight null", base_mlp, "[[1,2,0.5],[4,5,0.25]]", "null", MLSEL_ERROR_SCHEMA, "$.layers[0].weight is missing"},
    {"weight empty", base_mlp, "[[1,2,0.5],[4,5,0.25]]", "[]", MLSEL_ERROR_SCHEMA, "$.layers[0].weight is empty"},
    {"weight flat", base_mlp, "[[1,2,0.5],[4,5,0.25]]", "[1,2,0.5]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].weight must be a list of rows of numbers"},
    {"weight ragged", base_mlp, "[4,5,0.25]", "[4,5]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].weight[1]: 2 values, expected 3 as in the first row"},
    {"weight narrower than in_features", base_mlp, "[[1,2,0.5],[4,5,0.25]]", "[[1,2],[4,5]]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].weight[0]: 2 values, expected 3"},
    {"weight with a string", base_mlp, "[4,5,0.25]", "[4,\"5\",0.25]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].weight[1][1] must be a number"},
    {"weight beyond float32", base_mlp, "[4,5,0.25]", "[4,5,1e39]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].weight[1][2] is beyond the range of float32"},
    {"out_features", base_mlp, "\"in_features\":3,\"out_features\":2", "\"in_features\":3,\"out_features\":3",
     MLSEL_ERROR_SCHEMA, "$.layers[0].out_features: 3, expected 2 as in weight"},
    {"in_features 0", base_mlp, "\"in_features\":3", "\"in_features\":0", MLSEL_ERROR_SCHEMA,
     "$.layers[0].in_features: 0, expected a whole number of at least 1"},
    {"in_features negative", base_mlp, "\"in_features\":3", "\"in_features\":-3", MLSEL_ERROR_SCHEMA,
     "$.layers[0].in_features: -3, expected a whole number of at least 1"},
    {"in_features a string", base_mlp, "\"in_features\":3", "\"in_features\":\"3\"", MLSEL_ERROR_SCHEMA,
     "$.layers[0].in_features must be a number"},
    {"widths do not chain", base_mlp, "\"in_features\":2", "\"in_features\":5", MLSEL_ERROR_SCHEMA,
     "$.layers[4].in_features: 5, but the values before it are 2 wide"},
    {"widths do not chain, undeclared", base_mlp, LAST_LAYER, "{\"type\":\"linear\",\"weight\":[[1,0,0],[0,1,0]]}",
     MLSEL_ERROR_SCHEMA, "$.layers[4].weight[0]: 3 values, expected 2"},
    {"widths do not chain to a norm", base_mlp, "\"num_features\":2", "\"num_features\":3", MLSEL_ERROR_SCHEMA,
     "$.layers[2].num_features: 3, but the values before it are 2 wide"},
    {"bias short", base_mlp, "[0.5,-0.5]", "[0.5]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].bias: 1 values, expected 2 as in weight"},
    {"bias long", base_mlp, "[0.5,-0.5]", "[0.5,-0.5,1]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].bias: 3 values, expected 2 as in weight"},
    {"bias rows", base_mlp, "[0.5,-0.5]", "[[0.5,-0.5]]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].bias must be a list of numbers"},
    {"bias a number", base_mlp, "[0.5,-0.5]", "0", MLSEL_ERROR_SCHEMA, "$.layers[0].bias must be a list of numbers"},
    {"bias with null", base_mlp, "[0.5,-0.5]", "[0.5,null]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].bias[1] must be a number"},

    {"norm weight short", base_mlp, "\"weight\":[1,2]", "\"weight\":[1]", MLSEL_ERROR_SCHEMA,
     "$.layers[2].weight: 1 values, expected 2"},
    {"norm weight rows", base_mlp, "\"weight\":[1,2]", "\"weight\":[[1,2]]", MLSEL_ERROR_SCHEMA,
     "$.layers[2].weight must be a list of numbers"},
    {"norm bias long", base_mlp, "\"bias\":[3,4]", "\"bias\":[3,4,5]", MLSEL_ERROR_SCHEMA,
     "$.layers[2].bias: 3 values, expected 2"},
    {"running_mean short", base_mlp, "[5,6]", "[5]", MLSEL_ERROR_SCHEMA,
     "$.layers[2].running_mean: 1 values, expected 2"},
    {"running_var empty", base_mlp, "[7,8]", "[]", MLSEL_ERROR_SCHEMA, "$.layers[2].running_var: 0 values, expected 2"},
    {"running_var negative", base_mlp, "[7,8]", "[7,-8]", MLSEL_ERROR_SCHEMA,
     "$.layers[2].running_var[1] must not be negative, nor 0 where eps is 0"},
    {"running_var below zero by less than eps", base_mlp, "[7,8]", "[7,-1e-6]", MLSEL_ERROR_SCHEMA,
     "$.layers[2].running_var[1] must not be negative, nor 0 where eps is 0"},
    {"running_var and eps 0", base_mlp, "[7,8],\"eps\":1e-05", "[0,8],\"eps\":0", MLSEL_ERROR_SCHEMA,
     "$.layers[2].running_var[0] must not be negative, nor 0 where eps is 0"},
    {"eps negative", base_mlp, "1e-05", "-1e-05", MLSEL_ERROR_SCHEMA, "$.layers[2].eps must not be negative"},
    {"eps a string", base_mlp, "1e-05", "\"1e-05\"", MLSEL_ERROR_SCHEMA, "$.layers[2].eps must be a number"},
    {"eps beyond float32", base_mlp, "1e-05", "1e39", MLSEL_ERROR_SCHEMA,
     "$.layers[2].eps is beyond the range of float32"},
    {"dropout negative", base_mlp, "\"p\":0.2", "\"p\":-0.2", MLSEL_ERROR_SCHEMA,
     "$.layers[3].p must be between 0 and 1"},
    {"dropout above 1", base_mlp, "\"p\":0.2", "\"p\":1.5", MLSEL_ERROR_SCHEMA,
     "$.layers[3].p must be between 0 and 1"},
    {"dropout a string", base_mlp, "\"p\":0.2", "\"p\":\"0.2\"", MLSEL_ERROR_SCHEMA, "$.layers[3].p must be a number"},
};

static void mlp(void **state) {
    (void)state;
    run_bad_artifacts(rows, LENGTH(rows));
}

/* The list of layers as a whole. */
static void layers(void **state) {
    (void)state;
    static const struct {
        const char *name, *layers;
        mlsel_status status;
        const char *message;
    } lists[] = {
        {"layers empty", "[]", MLSEL_ERROR_NOT_TRAINED, "$.layers is empty: the model is not trained"},
        {"layers null", "null", MLSEL_ERROR_SCHEMA, "$.layers is missing"},
        {"layers an object", "{}", MLSEL_ERROR_SCHEMA, "$.layers must be a list of layers"},
        {"layers numbers", "[1]", MLSEL_ERROR_SCHEMA, "$.layers must be a list of layers"},
        {"layers names", "[\"relu\"]", MLSEL_ERROR_SCHEMA, "$.layers must be a list of layers"},
        {"layers a string", "\"relu\"", MLSEL_ERROR_SCHEMA, "$.layers must be a list of layers"},
        {"no linear layer", "[{\"type\":\"relu\"}]", MLSEL_ERROR_SCHEMA, "$.layers has no linear layer"},
        {"a norm alone", "[{\"type\":\"batch_norm\",\"num_features\":2}]", MLSEL_ERROR_SCHEMA,
         "$.layers has no linear layer"},
        {"a norm of unknown width", "[{\"type\":\"batch_norm\"}]", MLSEL_ERROR_SCHEMA,
         "$.layers[0].num_features is missing"},
        {"a norm whose lists differ", "[{\"type\":\"batch_norm\",\"weight\":[1,2],\"bias\":[1]}]", MLSEL_ERROR_SCHEMA,
         "$.layers[0].bias: 1 values, expected 2"},
        {"a norm of a huge width", "[{\"type\":\"batch_norm\",\"num_features\":2000000000,\"weight\":[1,2]}]",
         MLSEL_ERROR_SCHEMA, "$.layers[0].weight: 2 values, expected 2000000000"},
        {"a norm of a huge width and no lists",
         "[{\"type\":\"batch_norm\",\"num_features\":2000000000},{\"type\":\"linear\",\"weight\":[[1],[2]]}]",
         MLSEL_ERROR_SCHEMA, "$.layers[1].weight[0]: 1 values, expected 2000000000"},
        {"a norm with variance 0 and eps 0",
         "[{\"type\":\"batch_norm\",\"num_features\":1,\"running_var\":[0],\"eps\":0}]", MLSEL_ERROR_SCHEMA,
         "$.layers[0].running_var[0] must not be negative, nor 0 where eps is 0"},
    };
    for (size_t i = 0; i < LENGTH(lists); i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "{\"algorithm\":\"mlp\",\"model_names\":[\"a\",\"b\"],\"layers\":%s}",
                       lists[i].layers);
        refuse_text(lists[i].name, test_copy(text, sizeof text), lists[i].status, 0, lists[i].message);
    }
    static const char none[] = "{\"algorithm\":\"mlp\",\"model_names\":[\"a\",\"b\"]}";
    refuse_text("no layers", test_copy(none, sizeof none), MLSEL_ERROR_SCHEMA, 0, "$.layers is missing");
}

/* Finite weights whose products are not: with n layers of the largest float32 the sums reach its n-th power. */
static void overflow(void **state) {
    (void)state;
    enum { LAYERS = 9 };
    static const char layer[] = "{\"type\":\"linear\",\"weight\":[[3e38]]}";
    static const char norm[] = "{\"type\":\"batch_norm\",\"weight\":[3e38],\"running_var\":[0],\"eps\":1e-38}";
    for (int with_norm = 0; with_norm <= 1; with_norm++) {
        char text[2048];
        char *at =
            text + snprintf(text, sizeof text, "{\"algorithm\":\"mlp\",\"model_names\":[\"a\"],\"layers\":[%s", layer);
        for (int i = 1; i < LAYERS; i++)
            at += snprintf(at, 256, ",%s", with_norm ? norm : layer);
        (void)snprintf(at, 16, "]}");
        /* the query counts as one factor; a norm as 3e38 / sqrt(1e-38) */
        refuse_text("overflow", test_copy(text, sizeof text), MLSEL_ERROR_SCHEMA, 0,
                    with_norm ? "$.layers[5]: the weights are so large that the scores could overflow"
                              : "$.layers[7]: the weights are so large that the scores could overflow");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),
        cmocka_unit_test(mlp),
        cmocka_unit_test(layers),
        cmocka_unit_test(overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
