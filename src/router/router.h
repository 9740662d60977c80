/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router: a configuration made ready to answer requests.
 *
 * What a configuration becomes is a router_state, which never changes once it is in place. A reload builds another one
 * and exchanges the pointer. Who reads a state holds it through a router_context (context.c), so that the reload knows
 * when the old one can be freed without any lock or shared counter on the way of a request.
 */
#ifndef MLSEL_ROUTER_H
#define MLSEL_ROUTER_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "config/config.h"
#include "pool.h"

/* --- names.c: strings that live as long as the router ----------------------------------------------------------- */

typedef struct name_block name_block;

/* A set of texts, each stored once. Only changed under the lock of reloads; the texts themselves never change. */
typedef struct name_set {
    const char **slots; /* [n_slots] by hash; NULL: free */
    size_t n_slots;
    size_t count;
    name_block *blocks;
    uint64_t bytes;
    uint64_t max_bytes;
} name_set;

/* Sets *out to the stored copy of text; NULL gives NULL. MLSEL_ERROR_LIMIT if it would exceed max_bytes. */
mlsel_status mlsel_i_names_add(name_set *names, const char *text, const char **out, mlsel_error *err);
void mlsel_i_names_free(name_set *names);

/* FNV-1a, 64 bit (Fowler, Noll, Vo), of text with its terminating zero; begin with MLSEL_HASH_START. */
#define MLSEL_HASH_START 14695981039346656037u
uint64_t mlsel_i_hash_text(uint64_t hash, const char *text);

/* --- metrics.c: counters that outlive a state ------------------------------------------------------------------- */

/* Threads count in one of several copies, so that they seldom wait for each other's cache line. */
#define METRIC_SHARDS 8

enum {
    COUNT_REQUESTS,
    COUNT_ERRORS,
    COUNT_SCORED,
    COUNT_SELECTOR_FAILED,
    COUNT_UNKNOWN_MODELS,
    COUNT_LOW_CONFIDENCE,
    COUNT_CATEGORY_FELL_BACK,
    COUNT_NO_DECISION, /* of the router only */
    COUNT_DEFAULTS,    /* of the router only */
    COUNT_LATENCY_NS,
    N_COUNTS
};

typedef struct metric_shard {
    alignas(MLSEL_ALIGNMENT) _Atomic uint64_t counts[N_COUNTS];
    _Atomic uint64_t latency[MLSEL_LATENCY_BUCKETS];
} metric_shard;

typedef struct counter_shard {
    alignas(MLSEL_ALIGNMENT) _Atomic uint64_t count;
} counter_shard;

/* How often one served name answered for one decision. */
typedef struct candidate_series {
    const char *served;
    struct candidate_series *next;
    counter_shard shards[METRIC_SHARDS];
} candidate_series;

/* The counts of all decisions that ever had this name. Lists are only changed under the lock of reloads. */
typedef struct decision_series {
    const char *name;
    struct decision_series *next;
    candidate_series *candidates;
    metric_shard shards[METRIC_SHARDS];
} decision_series;

/* --- state.c: a configuration ready to answer ------------------------------------------------------------------- */

/* A test of one signal, and which test comes next. Tests of a decision end in ACCEPT or REJECT, so that a rule tree is
 * decided without recursion and without looking at what no longer matters. */
typedef struct rule_test {
    uint32_t signal;
    uint32_t if_present;
    uint32_t if_absent;
} rule_test;

#define RULE_ACCEPT UINT32_MAX
#define RULE_REJECT (UINT32_MAX - 1)

/* A part of a rule tree for mlsel_router_explain, whole before parts. */
typedef struct rule_part {
    mlsel_rule_kind kind;
    uint32_t depth;
    uint32_t parent; /* index of the whole among the decision's parts; its own for the root */
    uint32_t signal;
    const char *type;
    const char *name;
} rule_part;

typedef struct router_candidate {
    const char *model;
    const char *lora;
    const char *served;
    int32_t label;
    uint32_t flags; /* MLSEL_CANDIDATE_KNOWN, _SHADOWED */
    candidate_series *series;
} router_candidate;

typedef struct router_decision {
    const char *name;
    const char *description;
    const char *algorithm_name;
    const char *artifact;
    int32_t index; /* in the file */
    int32_t priority;
    uint32_t first_test; /* in router_state.tests, or RULE_ACCEPT */
    uint32_t first_part; /* in router_state.parts */
    uint32_t n_parts;
    bool is_hosts; /* its algorithm is the host's to carry out */
    router_candidate *candidates;
    uint32_t n_candidates;
    mlsel_model *model; /* holds a reference; NULL: nothing to score with */
    mlsel_algorithm algorithm;
    decision_series *series; /* NULL without metrics */
} router_decision;

/* Where the parts of a context's scratch are, as large as the largest decision needs them. */
typedef struct scratch_layout {
    size_t signals, features, scores, probabilities, costs, mask, eligible, values, end;
} scratch_layout;

typedef struct router_state {
    uint64_t generation;
    struct router_state *next_retired; /* under the lock of reloads */
    router_decision *decisions;        /* [n_decisions] in file order */
    uint32_t *order;                   /* [n_decisions] indices, the first to be asked first */
    uint32_t *first_tests;             /* [n_decisions] their first_test, in that order */
    uint32_t n_decisions;
    rule_test *tests;
    uint32_t n_tests;
    rule_part *parts;
    uint32_t n_parts;
    /* signals that rules ask for, found by hash */
    config_signal *signals; /* [n_signals], interned */
    uint32_t n_signals;
    uint32_t *signal_slots; /* [n_signal_slots] a power of two; index + 1, 0: free */
    uint32_t n_signal_slots;
    const char *default_model;
    int32_t default_decision;
    uint32_t n_models;
    uint32_t max_candidates;
    uint32_t n_warnings;
    bool enabled;
    const char *dialect;
    const char *path;
    uint64_t memory_bytes;
    uint64_t name_bytes; /* of the router, when the state was built */
    scratch_layout scratch;
} router_state;

void mlsel_i_state_free(router_state *state);

/* --- rules.c ---------------------------------------------------------------------------------------------------- */

/* Numbers of tests and of parts that a tree becomes. */
void mlsel_i_rules_count(const config_rule *rule, uint32_t *n_tests, uint32_t *n_parts);
/* Appends a decision's rules to state->tests and state->parts, which have room, and sets its first_test. */
void mlsel_i_rules_compile(router_state *state, const config_rule *rule, router_decision *decision);
/* Index of a signal that some rule asks for, or -1. name of a domain: canonical. */
int32_t mlsel_i_rules_find_signal(const router_state *state, const char *type, const char *name);
void mlsel_i_rules_fill_slots(router_state *state);
/* Sets the bit of each signal that the request has. */
void mlsel_i_rules_read_signals(const router_state *state, const mlsel_request *request, uint64_t *signals);
/* The first decision, counted in the order of asking, from number `from` on that matches; n_decisions if none does. */
uint32_t mlsel_i_rules_next(const router_state *state, uint32_t from, const uint64_t *signals);
/* What each part of the decision's rules is worth, into values[n_parts]. */
void mlsel_i_rules_values(const router_state *state, const router_decision *decision, const uint64_t *signals,
                          uint8_t *values);

/* --- context.c: who is inside ----------------------------------------------------------------------------------- */

typedef struct router_context {
    alignas(MLSEL_ALIGNMENT) _Atomic(router_state *) held; /* the state in use; NULL: none */
    atomic_bool idle;                                      /* true: in no slot, free to be taken */
    struct router_context *next;                           /* of all contexts; set before it is seen */
    char *scratch;
    size_t scratch_bytes;
} router_context;

typedef struct context_set {
    pool_slot slots[POOL_SLOTS];
    _Atomic(router_context *) all; /* only ever grows */
} context_set;

/* --- the router ------------------------------------------------------------------------------------------------- */

struct mlsel_router {
    context_set contexts;
    alignas(MLSEL_ALIGNMENT) _Atomic(router_state *) current;
    _Atomic size_t references;
    mlsel_router_options options; /* strings are the router's own */
    char *strings[4];             /* those of the options */
    metric_shard *metrics;        /* [METRIC_SHARDS]; NULL: not collected */
    _Atomic uint64_t reloads;
    _Atomic uint64_t failed_reloads;

    pthread_mutex_t lock; /* guards what follows; taken by reloads only */
    uint64_t generation;
    char *path;
    name_set names;
    decision_series *series;
    router_state *retired; /* states out of place that a context may still hold */
};

/* Builds a state from a configuration's text; the lock is held. file_name may be NULL. */
mlsel_status mlsel_i_state_build(mlsel_router *router, const char *text, size_t size, const char *file_name,
                                 router_state **out, mlsel_error *err);

/* Enters the router: a context of the caller's own that holds the current state, with scratch for it unless
 * without_scratch. NULL when out of memory. */
router_context *mlsel_i_context_enter(const mlsel_router *router, bool without_scratch, router_state **state,
                                      mlsel_error *err);
void mlsel_i_context_leave(const mlsel_router *router, router_context *context);
/* Frees all contexts; none may be in use. */
void mlsel_i_contexts_free(context_set *contexts);
/* Frees the retired states that no context holds; the lock is held. With wait it gives those that are held time to
 * finish. */
void mlsel_i_contexts_reclaim(mlsel_router *router, bool wait);

/* --- metrics.c, continued --------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_metrics_init(mlsel_router *router, mlsel_error *err);
void mlsel_i_metrics_free(mlsel_router *router);
/* Finds or makes the series of a decision and of its candidates; the lock is held, names are interned. */
mlsel_status mlsel_i_metrics_attach(mlsel_router *router, router_decision *decision, mlsel_error *err);
/* Counts an answer, or a failure, of `decision` (NULL: none was asked); flags are MLSEL_ROUTE_. candidate may be NULL.
 */
void mlsel_i_metrics_count(const mlsel_router *router, const router_decision *decision,
                           const router_candidate *candidate, mlsel_status status, uint32_t flags,
                           uint64_t nanoseconds);

/* --- info.c ----------------------------------------------------------------------------------------------------- */

/* MLSEL_ERROR_NOT_FOUND for what the state does not have. */
mlsel_status mlsel_i_state_check(const router_state *state, uint32_t index, mlsel_error *err);
mlsel_status mlsel_i_state_check_candidate(const router_state *state, uint32_t decision, uint32_t index,
                                           mlsel_error *err);

/* --- route.c ---------------------------------------------------------------------------------------------------- */

/* One request on its way through a state. */
typedef struct routing {
    const mlsel_router *router;
    const router_state *state;
    mlsel_request request;
    mlsel_tradeoff tradeoff; /* the request's, if it has one */
    mlsel_route route;
    char *scratch;
    uint64_t *signals;
    uint8_t *eligible;                 /* [n_candidates] of the decision */
    const router_decision *decision;   /* the one asked last, NULL: none */
    const router_candidate *candidate; /* the answer; NULL: the default model */
    bool scored;                       /* features and mask are set, and the selector has answered */
} routing;

/* Points own into the context's scratch, copies and checks what the caller gave, and reads the signals. */
mlsel_status mlsel_i_route_begin(routing *own, const mlsel_router *router, const router_state *state,
                                 const router_context *context, const mlsel_request *request, const mlsel_route *route,
                                 mlsel_error *err);
/* Answers own->request into own->route, all but its status. */
mlsel_status mlsel_i_route_answer(routing *own, mlsel_error *err);
/* Hands own->route to the caller; with a status other than MLSEL_OK only that. */
void mlsel_i_route_end(const routing *own, mlsel_status status, mlsel_route *route);
/* With own->scored: the selector's own account of its choice. */
mlsel_status mlsel_i_route_evidence(const routing *own, mlsel_evidence *evidence, mlsel_error *err);

#endif
