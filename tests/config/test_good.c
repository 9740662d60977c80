/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that are right: what they mean, that dialects mean the same, and what becomes of their parts. */
#include "support.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define FOLDER TEST_SOURCE_DIR "/tests/config/good"

typedef struct loaded {
    config *c;
    config_diagnostics list;
} loaded;

static loaded load(const char *name) {
    loaded l = {0};
    mlsel_error err;
    char path[1024];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s.yaml", FOLDER, name);
    char *text = test_need_file(path, &size);
    snprintf(path, sizeof path, "good/%s.yaml", name);
    test_ok(mlsel_i_config_read(text, size, path, NULL, &l.c, &l.list, &err), &err);
    free(text); /* nothing may point into it */
    return l;
}

static void release(loaded *l) {
    mlsel_i_config_free(l->c);
    mlsel_i_config_diagnostics_clear(&l->list);
}

/* --- the documented example --------------------------------------------------------------------------------------- */

static const config_decision *decision(const config *c, const char *name) {
    for (size_t i = 0; i < c->n_decisions; i++)
        if (strcmp(c->decisions[i].name.text, name) == 0)
            return &c->decisions[i];
    fail_msg("there is no decision %s", name);
    return NULL;
}

static void check_signal(const config *c, const config_rule *rule, const char *type, const char *name) {
    assert_int_equal(rule->kind, CONFIG_RULE_CONDITION);
    assert_true(rule->signal < c->n_signals);
    assert_string_equal(c->signals[rule->signal].type, type);
    assert_string_equal(c->signals[rule->signal].name, name);
}

static void check_path(const config *c, const config_decision *d, const char *path) {
    assert_true(d->artifact >= 0 && (size_t)d->artifact < c->n_artifacts);
    assert_string_equal(c->artifacts[d->artifact].path, path);
    assert_int_equal(c->artifacts[d->artifact].algorithm, d->algorithm);
}

static void check_math(const config *c) {
    const config_decision *d = decision(c, "math_decision");
    assert_string_equal(d->description.text, "Mathematics and quantitative reasoning");
    assert_int_equal(d->priority, 100);
    assert_int_equal(d->algorithm, CONFIG_ALGORITHM_KNN);
    assert_int_equal(d->k, 7);
    assert_null(d->device);
    check_path(c, d, "good/.cache/ml-models/knn_model.json");
    assert_int_equal(d->rules->kind, CONFIG_RULE_AND);
    assert_int_equal(d->rules->n_children, 1);
    check_signal(c, d->rules->children, "domain", "math");
    assert_int_equal(d->n_refs, 2);
    assert_string_equal(d->refs[0].model.text, "llama-3.2-1b");
    assert_null(d->refs[0].lora_name.text);
    assert_string_equal(d->refs[0].served, "llama-3.2-1b");
    assert_string_equal(d->refs[1].model.text, "mistral-7b");
    assert_string_equal(d->refs[1].served, "math-lora");
}

static void check_others(const config *c) {
    const config_decision *cs = decision(c, "cs_decision"), *other = decision(c, "other_decision");
    const config_decision *engineering = decision(c, "engineering_decision");
    check_path(c, cs, "good/.cache/ml-models/svm_model.json");
    assert_int_equal(cs->rules->n_children, 2);
    check_signal(c, &cs->rules->children[0], "domain", "computer science");
    assert_string_equal(cs->rules->children[0].name.text, "computer_science");
    assert_int_equal(cs->rules->children[1].kind, CONFIG_RULE_NOT);
    check_signal(c, cs->rules->children[1].children, "keyword", "urgent");
    assert_int_equal(other->priority, -5);
    assert_int_equal(other->rules->kind, CONFIG_RULE_OR);
    check_path(c, other, "good/.cache/ml-models/kmeans_model.json");
    assert_true(other->own.num_clusters.given && other->own.num_clusters.value == 8);
    assert_string_equal(engineering->device, "cuda");
    check_path(c, engineering, "good/.cache/ml-models/mlp_model.json");
    const char *const order[] = {"engineering_decision", "math_decision", "cs_decision", "other_decision"};
    for (size_t i = 0; i < TEST_LENGTH(order); i++)
        assert_string_equal(c->decisions[c->order[i]].name.text, order[i]);
}

static void documented(void **state) {
    (void)state;
    static const struct {
        const char *name;
        config_dialect dialect;
    } files[] = {
        {"documented", CONFIG_FLAT},
        {"documented_wrapped", CONFIG_WRAPPED},
        {"documented_canonical", CONFIG_CANONICAL},
        {"documented_model_type", CONFIG_MODEL_TYPE},
    };
    for (size_t i = 0; i < TEST_LENGTH(files); i++) {
        loaded l = load(files[i].name);
        assert_int_equal(l.list.count, 0);
        assert_int_equal(l.c->dialect, files[i].dialect);
        assert_true(l.c->enabled);
        assert_string_equal(l.c->folder, "good");
        assert_true(l.c->embedding_dim.value == 1024);
        assert_string_equal(l.c->models_path.text, ".cache/ml-models");
        assert_true(l.c->algorithms[CONFIG_ALGORITHM_SVM].gamma.value == 1);
        assert_string_equal(l.c->algorithms[CONFIG_ALGORITHM_SVM].kernel.text, "rbf");
        assert_true(l.c->algorithms[CONFIG_ALGORITHM_KMEANS].efficiency_weight.value == 0.1);
        assert_string_equal(l.c->default_model.text, "llama-3.2-1b");
        assert_int_equal(l.c->default_decision_index, -1);
        assert_int_equal(l.c->n_decisions, 4);
        assert_int_equal(l.c->n_artifacts, 4);
        check_math(l.c);
        check_others(l.c);
        release(&l);
    }
}

/* --- ways of writing the same ------------------------------------------------------------------------------------- */

static void same_text(const char *a, const char *b) {
    if (a == NULL || b == NULL)
        assert_true(a == b);
    else
        assert_string_equal(a, b);
}

static void same_rule(const config *a, const config_rule *x, const config *b, const config_rule *y) {
    assert_int_equal(x->kind, y->kind);
    assert_int_equal(x->n_children, y->n_children);
    if (x->kind == CONFIG_RULE_CONDITION)
        check_signal(b, y, a->signals[x->signal].type, a->signals[x->signal].name);
    for (size_t i = 0; i < x->n_children; i++)
        same_rule(a, &x->children[i], b, &y->children[i]);
}

static void same_decision(const config *a, const config_decision *x, const config *b, const config_decision *y) {
    same_text(x->name.text, y->name.text);
    same_text(x->description.text, y->description.text);
    assert_int_equal(x->priority, y->priority);
    assert_int_equal(x->algorithm, y->algorithm);
    assert_int_equal(x->k, y->k);
    same_text(x->device, y->device);
    assert_int_equal(x->artifact, y->artifact);
    assert_int_equal(x->n_refs, y->n_refs);
    for (size_t i = 0; i < x->n_refs; i++) {
        same_text(x->refs[i].model.text, y->refs[i].model.text);
        same_text(x->refs[i].served, y->refs[i].served);
    }
    same_rule(a, x->rules, b, y->rules);
}

static void written_differently(void **state) {
    (void)state;
    static const char *const others[] = {"anchors", "same_as_json"};
    loaded plain = load("anchors_plain");
    assert_int_equal(plain.c->n_decisions, 3);
    assert_int_equal(plain.c->decisions[0].k, 10);
    assert_int_equal(plain.c->decisions[1].k, 16);
    for (size_t i = 0; i < TEST_LENGTH(others); i++) {
        loaded other = load(others[i]);
        assert_int_equal(other.list.count, 0);
        assert_int_equal(other.c->n_decisions, plain.c->n_decisions);
        for (size_t d = 0; d < plain.c->n_decisions; d++)
            same_decision(plain.c, &plain.c->decisions[d], other.c, &other.c->decisions[d]);
        release(&other);
    }
    release(&plain);
}

static void disabled(void **state) {
    (void)state;
    static const char *const names[] = {"disabled", "crlf"};
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        loaded l = load(names[i]);
        assert_false(l.c->enabled);
        assert_int_equal(l.c->n_artifacts, 0);
        assert_int_equal(l.c->decisions[0].artifact, -1);
        assert_int_equal(l.c->decisions[0].algorithm, CONFIG_ALGORITHM_KNN);
        release(&l);
    }
}

/* --- options and paths -------------------------------------------------------------------------------------------- */

static void check_paths(const char *file, const config_options *options, const char *own, const char *common) {
    static const char text[] = "model_selection: {ml: {models_path: m, svm: {pretrained_path: p/s.json}}}\n"
                               "decisions:\n"
                               "- {name: a, algorithm: {type: svm}, modelRefs: [{model: x}, {model: y}]}\n"
                               "- {name: b, priority: 1, rules: {type: domain, name: law},\n"
                               "   algorithm: {type: mlp}, modelRefs: [{model: x}, {model: y}]}\n"
                               "- {name: c, priority: 1, rules: {type: domain, name: math},\n"
                               "   algorithm: {type: svm}, modelRefs: [{model: x}, {model: y}]}\n";
    config *c = NULL;
    config_diagnostics list = {0};
    mlsel_error err;
    test_ok(mlsel_i_config_read(text, sizeof text - 1, file, options, &c, &list, &err), &err);
    assert_int_equal(c->n_artifacts, 2);
    check_path(c, &c->decisions[0], own);
    check_path(c, &c->decisions[1], common);
    assert_int_equal(c->decisions[2].artifact, c->decisions[0].artifact);
    mlsel_i_config_free(c);
    mlsel_i_config_diagnostics_clear(&list);
}

static void paths(void **state) {
    (void)state;
    const config_options folder = {.folder = "/etc/router/"}, models = {.models_dir = "/models"};
    check_paths(NULL, NULL, "p/s.json", "m/mlp_model.json");
    check_paths("x.yaml", NULL, "p/s.json", "m/mlp_model.json");
    check_paths("/x.yaml", NULL, "/p/s.json", "/m/mlp_model.json");
    check_paths("a/b/x.yaml", NULL, "a/b/p/s.json", "a/b/m/mlp_model.json");
    check_paths("a/b/x.yaml", &folder, "/etc/router/p/s.json", "/etc/router/m/mlp_model.json");
    check_paths("a/b/x.yaml", &models, "/models/svm_model.json", "/models/mlp_model.json");
}

/* A decision's own block ml: paths, parameters, and what comes before what. */
static void own_ml(void **state) {
    (void)state;
    static const char text[] =
        "version: v0.3\n"
        "global: {router: {model_selection: {ml: {models_path: m, knn: {k: 2}, svm: {pretrained_path: s.json}}}}}\n"
        "routing:\n"
        "  decisions:\n"
        "  - {name: a, rules: {type: domain, name: math}, modelRefs: [{model: x}, {model: y}],\n"
        "     algorithm: {type: knn, ml: {models_path: own, model_type: mmbert, embedding_dim: 768, knn: {k: 3}}}}\n"
        "  - {name: b, rules: {type: domain, name: law}, modelRefs: [{model: x}, {model: y}],\n"
        "     algorithm: {type: knn, knn: {k: 4}, ml: {knn: {k: 3, pretrained_path: p.json}}}}\n"
        "  - {name: c, rules: {type: domain, name: health}, modelRefs: [{model: x}, {model: y}],\n"
        "     algorithm: {type: svm, ml: {knn: {k: 3}}}}\n";
    config *c = NULL;
    config_diagnostics list = {0};
    mlsel_error err;
    test_ok(mlsel_i_config_read(text, sizeof text - 1, NULL, NULL, &c, &list, &err), &err);
    assert_int_equal(list.count, 0);
    assert_true(c->embedding_dim.value == 768);
    assert_int_equal(c->decisions[0].k, 3);
    check_path(c, &c->decisions[0], "own/knn_model.json");
    assert_int_equal(c->decisions[1].k, 4);
    check_path(c, &c->decisions[1], "p.json");
    check_path(c, &c->decisions[2], "s.json");
    mlsel_i_config_free(c);
    mlsel_i_config_diagnostics_clear(&list);
}

/* What decisions get that name no algorithm: the method, or where it is "ml" the algorithm in model_type. */
static void default_algorithm(void **state) {
    (void)state;
    static const struct {
        const char *method;
        const char *model_type;
        config_algorithm expected;
    } cases[] = {
        {"~", "~", CONFIG_ALGORITHM_NONE},      {"svm", "~", CONFIG_ALGORITHM_SVM},
        {"svm", "mlp", CONFIG_ALGORITHM_SVM},   {"~", "mlp", CONFIG_ALGORITHM_MLP},
        {"ml", "mlp", CONFIG_ALGORITHM_MLP},    {"svm", "qwen3", CONFIG_ALGORITHM_SVM},
        {"elo", "~", CONFIG_ALGORITHM_HOST},    {"~", "mmbert", CONFIG_ALGORITHM_NONE},
        {"static", "~", CONFIG_ALGORITHM_NONE}, {"ml", "KNN", CONFIG_ALGORITHM_NONE},
    };
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        char text[512];
        config *c = NULL;
        config_diagnostics list = {0};
        snprintf(text, sizeof text,
                 "global: {router: {model_selection: {method: %s, ml: {models_path: m, model_type: %s}}}}\n"
                 "routing: {decisions: [{name: a, modelRefs: [{model: x}, {model: y}]}]}\n",
                 cases[i].method, cases[i].model_type);
        const mlsel_status status = mlsel_i_config_read(text, strlen(text), NULL, NULL, &c, &list, NULL);
        assert_int_equal(status == MLSEL_OK, strcmp(cases[i].model_type, "KNN") != 0);
        if (status == MLSEL_OK)
            assert_int_equal(c->decisions[0].algorithm, cases[i].expected);
        mlsel_i_config_free(c);
        mlsel_i_config_diagnostics_clear(&list);
    }
}

/* No two pairs are taken for one, whatever characters they have. */
static void signals(void **state) {
    (void)state;
    static const char text[] = "decisions:\n- name: a\n  modelRefs: [{model: x}]\n  rules:\n    operator: OR\n"
                               "    conditions:\n    - {type: a, name: bc}\n    - {type: ab, name: c}\n"
                               "    - {type: \"a\\x1fb\", name: c}\n    - {type: a, name: \"b\\x1fc\"}\n"
                               "    - {type: a, name: bc}\n    - {type: domain, name: computer_science}\n"
                               "    - {type: domain, name: computer science}\n    - {type: domain, name: \"\"}\n";
    config *c = NULL;
    config_diagnostics list = {0};
    mlsel_error err;
    test_ok(mlsel_i_config_read(text, sizeof text - 1, NULL, NULL, &c, &list, &err), &err);
    assert_int_equal(c->n_signals, 6);
    const config_rule *rules = c->decisions[0].rules->children;
    assert_int_equal(rules[4].signal, rules[0].signal);
    assert_int_equal(rules[6].signal, rules[5].signal);
    check_signal(c, &rules[7], "domain", "other");
    mlsel_i_config_free(c);
    mlsel_i_config_diagnostics_clear(&list);
}

/* The first error is what a caller without a list of findings gets to hear. */
static void first_error(void **state) {
    (void)state;
    static const char text[] = "strategy: x\ndecisions:\n- {name: a, modelRefs: [], description: {}}\n";
    config *c = NULL;
    config_diagnostics list = {0};
    mlsel_error err;
    assert_int_equal(mlsel_i_config_read(text, sizeof text - 1, "dir/r.yaml", NULL, &c, &list, &err),
                     MLSEL_ERROR_SCHEMA);
    assert_string_equal(err.message, "dir/r.yaml:3:13: \"modelRefs\" is empty [no-models]");
    assert_null(c);
    assert_int_equal(list.n_errors, 2);
    assert_int_equal(list.n_warnings, 1);
    mlsel_i_config_diagnostics_clear(&list);
    assert_int_equal(mlsel_i_config_read("a: [b", 5, NULL, NULL, &c, &list, &err), MLSEL_ERROR_PARSE);
    assert_string_equal(err.message,
                        "configuration:1:4: the '[' that opens here is not closed, or a ',' is missing [yaml-syntax]");
    mlsel_i_config_diagnostics_clear(&list);
}

/* --- damaged files ------------------------------------------------------------------------------------------------ */

/* Whatever the text, findings stay within it and either there is a configuration or an error. */
static void check_sane(const char *text, size_t size, size_t n_lines) {
    config *c = NULL;
    config_diagnostics list = {0};
    mlsel_error err;
    const mlsel_status status = mlsel_i_config_read(text, size, "x.yaml", NULL, &c, &list, &err);
    assert_true(status == MLSEL_OK || status == MLSEL_ERROR_PARSE || status == MLSEL_ERROR_SCHEMA);
    assert_int_equal(status == MLSEL_OK, c != NULL);
    assert_int_equal(status == MLSEL_OK, list.n_errors == 0);
    for (size_t i = 0; i < list.count; i++) {
        const config_span *span = &list.items[i].span;
        assert_true(span->line >= 1 && span->line <= n_lines && span->column >= 1);
        assert_true(span->end_line >= span->line && span->end_line <= n_lines);
        assert_true(span->end_line > span->line || span->end_column >= span->column);
        assert_true(list.items[i].message[0] != '\0');
    }
    mlsel_i_config_free(c);
    mlsel_i_config_diagnostics_clear(&list);
}

static size_t count_lines(const char *text, size_t size) {
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n' || text[i] == '\r';
    return lines;
}

/* Every beginning of the file in a block of its own, so that a sanitizer sees a read behind it; every byte replaced by
 * others that mean something. */
static void damage(const char *text, size_t size) {
    static const char others[] = "\t\n:-{}[],&*#?|>'\"%@`!~ a0\\\xff";
    const size_t step = test_is_short() ? 10 : 1;
    for (size_t length = 0; length < size; length += step) {
        char *part = malloc(length > 0 ? length : 1);
        assert_non_null(part);
        memcpy(part, text, length);
        check_sane(part, length, count_lines(part, length));
        free(part);
    }
    char *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, text, size);
    for (size_t i = 0; i < size; i += step) {
        copy[i] = others[i % (sizeof others - 1)];
        check_sane(copy, size, count_lines(copy, size));
        copy[i] = text[i];
    }
    free(copy);
}

static void damaged(void **state) {
    (void)state;
    size_t count = 0;
    DIR *dir = opendir(FOLDER);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[1024];
        size_t size = 0;
        const char *end = strrchr(entry->d_name, '.');
        if (end == NULL || strcmp(end, ".yaml") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", FOLDER, entry->d_name);
        char *text = test_need_file(path, &size);
        damage(text, size);
        free(text);
        count++;
    }
    closedir(dir);
    assert_true(count >= 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented), cmocka_unit_test(written_differently),
        cmocka_unit_test(disabled),   cmocka_unit_test(paths),
        cmocka_unit_test(signals),    cmocka_unit_test(default_algorithm),
        cmocka_unit_test(own_ml),     cmocka_unit_test(first_error),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
