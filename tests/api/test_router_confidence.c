/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of routers over calibrated artifacts: compared with the confidence where there is one, else with the
 * probability. The MLP's logits are the embedding's first values: a softmax over (a, b) beside confidences of their
 * own.
 */
#include "api_support.h"

#include <math.h>
#include <string.h>

#define MLP                                                                                                            \
    "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[\"a\",\"b\"],\"feature_dim\":3,\"categories\":"          \
    "[\"other\"],\"layers\":[{\"type\":\"linear\",\"in_features\":3,\"out_features\":2,"                               \
    "\"weight\":[[1,0,0],[0,1,0]],\"bias\":[0,0]}]"
#define CALIBRATION                                                                                                    \
    ",\"calibration\":{\"method\":\"isotonic\",\"models\":[\"a\"],\"scores\":[[0,10]],\"probabilities\":[[0,1]]}"
static const char config[] = "model_selection: {ml: {enabled: true, models_path: .}}\n"
                             "default_model: spare\n"
                             "decisions:\n"
                             "  - name: all\n"
                             "    algorithm: {type: mlp}\n"
                             "    modelRefs: [{model: a}, {model: b}]\n";

static mlsel_router *open_router(const char *artifact, double floor) {
    mlsel_router_options options;
    mlsel_router *router = NULL;
    mlsel_error err;
    test_write("mlp_model.json", artifact, strlen(artifact));
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = test_folder();
    options.min_probability = floor;
    test_ok(mlsel_router_open_memory(config, strlen(config), &options, &router, &err), &err);
    return router;
}

static mlsel_route route(const mlsel_router *router, float a, float b, double floor) {
    const float embedding[] = {a, b};
    mlsel_request request;
    mlsel_route out;
    mlsel_error err;
    mlsel_request_init(&request, sizeof request);
    mlsel_route_init(&out, sizeof out);
    request.embedding = embedding;
    request.n_embedding = 2;
    request.min_probability = floor;
    test_ok(mlsel_router_route(router, &request, &out, &err), &err);
    return out;
}

static void expect(const mlsel_route *r, const char *served, bool is_low, bool is_calibrated, double confidence) {
    assert_string_equal(r->served, served);
    assert_int_equal((r->flags & MLSEL_ROUTE_LOW_CONFIDENCE) != 0, is_low);
    assert_int_equal((r->selection_flags & MLSEL_SELECTION_CALIBRATED) != 0, is_calibrated);
    test_close(r->confidence, confidence, 1e-12, "confidence");
}

/* a scores 4 and b -4: a share of 0.9997, but a confidence of 0.4. */
static void confidence_counts(void **state) {
    (void)state;
    mlsel_router *router = open_router(MLP CALIBRATION "}", 0.5);
    mlsel_route r = route(router, 4, -4, 0);
    expect(&r, "spare", true, true, 0.4);
    assert_true(r.probability > 0.999);
    r = route(router, 5, -4, 0); /* what reaches the floor is kept */
    expect(&r, "a", false, true, 0.5);
    r = route(router, 6, 5.9F, 0); /* a share of 0.52 */
    expect(&r, "a", false, true, 0.6);
    r = route(router, 6, 5.9F, 0.7); /* the request's own */
    expect(&r, "spare", true, true, 0.6);
    r = route(router, 4, -4, 0.3);
    expect(&r, "a", false, true, 0.4);
    mlsel_router_release(router);
}

/* b is not in the calibration, and an artifact without one has no confidences: the share counts. */
static void probability_counts(void **state) {
    (void)state;
    mlsel_router *router = open_router(MLP CALIBRATION "}", 0.6);
    mlsel_route r = route(router, 0, 1, 0); /* 1 / (1 + 1 / e) = 0.731 */
    expect(&r, "b", false, false, 0);
    r = route(router, 0, 1, 0.74);
    expect(&r, "spare", true, false, 0);
    mlsel_router_release(router);
    router = open_router(MLP "}", 0.6);
    r = route(router, 1, 0, 0);
    expect(&r, "a", false, false, 0);
    r = route(router, 1, 0, 0.74);
    expect(&r, "spare", true, false, 0);
    mlsel_router_release(router);
}

/* A caller compiled before there were confidences. */
static void short_route(void **state) {
    (void)state;
    mlsel_router *router = open_router(MLP CALIBRATION "}", 0.5);
    const float embedding[] = {9, 0};
    mlsel_request request;
    mlsel_route out;
    mlsel_error err;
    mlsel_request_init(&request, sizeof request);
    mlsel_route_init(&out, sizeof out);
    request.embedding = embedding;
    request.n_embedding = 2;
    out.struct_size = offsetof(mlsel_route, confidence);
    out.confidence = 77;
    test_ok(mlsel_router_route(router, &request, &out, &err), &err);
    assert_string_equal(out.served, "a");
    assert_true(out.confidence > 76);
    mlsel_router_release(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confidence_counts),
        cmocka_unit_test(probability_counts),
        cmocka_unit_test(short_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
