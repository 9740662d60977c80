/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as the router compiles them, against a plain recursive reading of the same trees, for every set of signals. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "router/router.h"

enum { N_SIGNALS = 6, MAX_NODES = 64 };

static const char *const names[N_SIGNALS] = {"a", "b", "c", "d", "e", "computer science"};

static config_signal signals[N_SIGNALS];
static uint32_t slots[16];
static rule_test tests[MAX_NODES];
static rule_part parts[MAX_NODES];

/* Whether a decision compiled by itself matches. */
static bool matches(router_state *state, const router_decision *decision, uint64_t present) {
    uint32_t first = decision->first_test;
    state->first_tests = &first;
    state->n_decisions = 1;
    const uint32_t next = mlsel_i_rules_next(state, 0, &present);
    assert_true(next <= 1);
    assert_int_equal(mlsel_i_rules_next(state, 1, &present), 1);
    return next == 0;
}

static router_state empty_state(void) {
    for (size_t i = 0; i < N_SIGNALS; i++)
        signals[i] = (config_signal){i == N_SIGNALS - 1 ? "domain" : "keyword", names[i]};
    memset(slots, 0, sizeof slots);
    router_state state = {.signals = signals,
                          .n_signals = N_SIGNALS,
                          .signal_slots = slots,
                          .n_signal_slots = 16,
                          .tests = tests,
                          .parts = parts};
    mlsel_i_rules_fill_slots(&state);
    return state;
}

/* --- trees ------------------------------------------------------------------------------------------------------- */

static config_rule nodes[MAX_NODES];
static size_t n_nodes;
static uint32_t seed = 1;

static uint32_t random_below(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static config_rule *take_nodes(size_t count) {
    config_rule *first = &nodes[n_nodes];
    n_nodes += count;
    assert_true(n_nodes <= MAX_NODES);
    return first;
}

static void make_tree(config_rule *rule, int depth) {
    const uint32_t kind = depth == 0 || n_nodes > MAX_NODES - 8 ? 0 : random_below(4);
    if (kind == 0) {
        *rule = (config_rule){.kind = CONFIG_RULE_CONDITION, .signal = random_below(N_SIGNALS)};
        return;
    }
    const size_t n = kind == 3 ? 1 : random_below(4); /* an AND or OR of nothing too */
    config_rule *children = take_nodes(n);
    *rule = (config_rule){.kind = kind == 1   ? CONFIG_RULE_AND
                                  : kind == 2 ? CONFIG_RULE_OR
                                              : CONFIG_RULE_NOT,
                          .children = children,
                          .n_children = n};
    for (size_t i = 0; i < n; i++)
        make_tree(&children[i], depth - 1);
}

static bool holds(const config_rule *rule, uint64_t present) {
    switch (rule->kind) {
    case CONFIG_RULE_AND:
        for (size_t i = 0; i < rule->n_children; i++)
            if (!holds(&rule->children[i], present))
                return false;
        return true;
    case CONFIG_RULE_OR:
        for (size_t i = 0; i < rule->n_children; i++)
            if (holds(&rule->children[i], present))
                return true;
        return false;
    case CONFIG_RULE_NOT:
        return !holds(&rule->children[0], present);
    default:
        return (present >> rule->signal & 1) != 0;
    }
}

/* In the order of the parts, whole before parts. */
static void expect_values(const config_rule *rule, uint64_t present, const uint8_t *values, size_t *at) {
    assert_int_equal(values[*at], holds(rule, present));
    ++*at;
    for (size_t i = 0; i < rule->n_children; i++)
        expect_values(&rule->children[i], present, values, at);
}

static void check_tree(const config_rule *root) {
    router_state state = empty_state();
    router_decision decision = {0};
    uint32_t n_tests = 0, n_parts = 0;
    uint8_t values[MAX_NODES];
    mlsel_i_rules_count(root, &n_tests, &n_parts);
    mlsel_i_rules_compile(&state, root, &decision);
    assert_int_equal(state.n_tests, n_tests);
    assert_int_equal(state.n_parts, n_parts);
    assert_int_equal(decision.n_parts, n_parts);
    for (uint64_t present = 0; present < 1 << N_SIGNALS; present++) {
        size_t at = 0;
        assert_int_equal(matches(&state, &decision, present), holds(root, present));
        mlsel_i_rules_values(&state, &decision, &present, values);
        expect_values(root, present, values, &at);
        assert_int_equal(at, n_parts);
    }
}

static void random_trees(void **state) {
    (void)state;
    for (int i = 0; i < 5000; i++) {
        n_nodes = 0;
        config_rule *root = take_nodes(1);
        make_tree(root, 4);
        check_tree(root);
    }
}

/* The operators of nothing, spelled out: an AND always holds, an OR never. */
static void operators_of_nothing(void **state) {
    (void)state;
    const uint64_t none = 0;
    const struct {
        config_rule_kind kind;
        bool matches;
    } cases[] = {{CONFIG_RULE_AND, true}, {CONFIG_RULE_OR, false}};
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        router_state s = empty_state();
        router_decision decision = {0};
        const config_rule rule = {.kind = cases[i].kind};
        mlsel_i_rules_compile(&s, &rule, &decision);
        assert_int_equal(matches(&s, &decision, none), cases[i].matches);
    }
    router_state s = empty_state();
    router_decision decision = {0};
    mlsel_i_rules_compile(&s, NULL, &decision);
    assert_true(matches(&s, &decision, none));
    assert_int_equal(decision.n_parts, 0);
}

/* --- signals ----------------------------------------------------------------------------------------------------- */

static uint64_t read(const char *category, const mlsel_signal *given, size_t count) {
    const router_state state = empty_state();
    mlsel_request request = {.struct_size = sizeof request, .category = category, .signals = given, .n_signals = count};
    uint64_t bits = UINT64_MAX;
    mlsel_i_rules_read_signals(&state, &request, &bits);
    return bits;
}

static void signals_become_bits(void **state) {
    (void)state;
    const mlsel_signal pairs[] = {{"keyword", "c"}, {"keyword", "c"}, {"keyword", "x"}, {"other", "a"}, {"", ""}};
    const mlsel_signal domain = {"domain", "computer_science"};
    assert_int_equal(read(NULL, NULL, 0), 0);
    assert_int_equal(read("a", NULL, 0), 0); /* a domain, not a keyword */
    assert_int_equal(read("computer science", NULL, 0), 1 << 5);
    assert_int_equal(read("computer_science", NULL, 0), 1 << 5);
    assert_int_equal(read("math", &domain, 1), 1 << 5);
    assert_int_equal(read("", pairs, TEST_LENGTH(pairs)), 1 << 2);
}

/* Many signals: every one is found, at its own place, beyond the first word too. */
static void many_signals(void **state) {
    (void)state;
    enum { N = 1000, N_SLOTS = 2048 };
    static char texts[N][16];
    static config_signal many[N];
    static uint32_t many_slots[N_SLOTS];
    router_state s = {.signals = many, .n_signals = N, .signal_slots = many_slots, .n_signal_slots = N_SLOTS};
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%zu", i);
        many[i] = (config_signal){i % 2 == 0 ? "keyword" : "language", texts[i]};
    }
    mlsel_i_rules_fill_slots(&s);
    for (size_t i = 0; i < N; i++) {
        uint64_t bits[(N + 63) / 64];
        const mlsel_signal one = {many[i].type, many[i].name};
        const mlsel_request request = {.struct_size = sizeof request, .signals = &one, .n_signals = 1};
        mlsel_i_rules_read_signals(&s, &request, bits);
        for (size_t word = 0; word < TEST_LENGTH(bits); word++)
            assert_int_equal(bits[word], word == i / 64 ? (uint64_t)1 << i % 64 : 0);
        assert_int_equal(mlsel_i_rules_find_signal(&s, i % 2 == 0 ? "language" : "keyword", texts[i]), -1);
    }
}

/* --- names ------------------------------------------------------------------------------------------------------- */

static void names_are_stored_once(void **state) {
    (void)state;
    enum { N = 5000 };
    static const char *stored[N];
    name_set set = {.max_bytes = 1 << 20};
    mlsel_error err;
    char text[32];
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < N; i++) {
            const char *out = NULL;
            (void)snprintf(text, sizeof text, "model %zu", i);
            test_ok(mlsel_i_names_add(&set, text, &out, &err), &err);
            assert_string_equal(out, text);
            if (round == 1)
                assert_ptr_equal(out, stored[i]);
            stored[i] = out;
        }
    assert_int_equal(set.count, N);
    for (size_t i = 0; i < N; i++) { /* growing has moved none */
        (void)snprintf(text, sizeof text, "model %zu", i);
        assert_string_equal(stored[i], text);
    }
    mlsel_i_names_free(&set);
}

static void names_are_limited(void **state) {
    (void)state;
    name_set set = {.max_bytes = 10};
    mlsel_error err;
    const char *out = "untouched";
    test_ok(mlsel_i_names_add(&set, NULL, &out, &err), &err);
    assert_null(out);
    test_ok(mlsel_i_names_add(&set, "12345678", &out, &err), &err);
    assert_int_equal(mlsel_i_names_add(&set, "1", &out, &err), MLSEL_ERROR_LIMIT);
    assert_non_null(strstr(err.message, "max_name_bytes"));
    test_ok(mlsel_i_names_add(&set, "12345678", &out, &err), &err);
    assert_int_equal(set.bytes, 9);
    test_ok(mlsel_i_names_add(&set, "", &out, &err), &err);
    assert_string_equal(out, "");
    mlsel_i_names_free(&set);
}

int main(void) {
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test(random_trees), cmocka_unit_test(operators_of_nothing),  cmocka_unit_test(signals_become_bits),
        cmocka_unit_test(many_signals), cmocka_unit_test(names_are_stored_once), cmocka_unit_test(names_are_limited),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}
