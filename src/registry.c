/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "registry.h"

#include <pthread.h>
#include <string.h>

/*
 * The one piece of process-wide state besides the list of backends: which artifacts are loaded. It holds no
 * references, so it is empty again once all models are released.
 */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static mlsel_artifact *registry_artifacts;

/* --- artifacts --------------------------------------------------------------------------------------------------- */

static mlsel_artifact *find_same_hash(const mlsel_artifact *wanted) {
    mlsel_artifact *a = registry_artifacts;
    while (a != NULL &&
           (a->scalars.hash_low != wanted->scalars.hash_low || a->scalars.hash_high != wanted->scalars.hash_high ||
            a->scalars.text_bytes != wanted->scalars.text_bytes))
        a = a->next;
    return a;
}

/* With the lock held. The identity has no padding, so equal ones are equal bytes. */
static mlsel_artifact *find_same_file(const file_identity *identity) {
    mlsel_artifact *a = registry_artifacts;
    while (a != NULL &&
           !(a->content.is_mapped && memcmp(&a->content.identity, identity, sizeof a->content.identity) == 0))
        a = a->next;
    return a;
}

mlsel_artifact *mlsel_i_artifact_find_file(const file_identity *identity) {
    pthread_mutex_lock(&registry_lock);
    mlsel_artifact *known = find_same_file(identity);
    if (known != NULL)
        known->references++;
    pthread_mutex_unlock(&registry_lock);
    return known;
}

static void insert(mlsel_artifact *artifact) {
    artifact->next = registry_artifacts;
    registry_artifacts = artifact;
}

mlsel_artifact *mlsel_i_artifact_share(mlsel_artifact *fresh) {
    pthread_mutex_lock(&registry_lock);
    const bool is_mapped = fresh->content.is_mapped;
    mlsel_artifact *known = is_mapped ? find_same_file(&fresh->content.identity) : find_same_hash(fresh);
    if (known != NULL)
        known->references++;
    else
        insert(fresh);
    pthread_mutex_unlock(&registry_lock);
    if (known == NULL)
        return fresh;
    /* The hash is no proof against someone who makes collisions, so the contents are compared, outside the lock. */
    if (is_mapped || mlsel_i_artifact_equal(known, fresh)) {
        mlsel_i_artifact_free(fresh);
        return known;
    }
    mlsel_i_artifact_release(known);
    pthread_mutex_lock(&registry_lock);
    insert(fresh);
    pthread_mutex_unlock(&registry_lock);
    return fresh;
}

/* With the lock held: drops a reference and says whether it was the last, in which case the artifact is unlinked. */
static bool drop_artifact(mlsel_artifact *artifact) {
    if (--artifact->references > 0)
        return false;
    mlsel_artifact **link = &registry_artifacts;
    while (*link != artifact)
        link = &(*link)->next;
    *link = artifact->next;
    return true;
}

void mlsel_i_artifact_release(mlsel_artifact *artifact) {
    pthread_mutex_lock(&registry_lock);
    const bool last = drop_artifact(artifact);
    pthread_mutex_unlock(&registry_lock);
    if (last)
        mlsel_i_artifact_free(artifact);
}

/* --- engines ----------------------------------------------------------------------------------------------------- */

/* With the lock held. */
static mlsel_engine *find_engine(const mlsel_artifact *artifact, const engine_key *key) {
    mlsel_engine *e = artifact->engines;
    while (e != NULL && (e->backend != key->backend || e->device != key->device || e->precision != key->precision ||
                         e->rule != key->rule))
        e = e->next;
    if (e != NULL)
        e->references++;
    return e;
}

static void free_engine(mlsel_engine *engine) {
    engine->backend->release(engine->prepared.state);
    mlsel_i_free(engine);
}

/* More scratch than any model needs is a defect of the plugin. */
static const uint64_t max_scratch = (uint64_t)1 << 40;

static mlsel_status prepare(mlsel_artifact *artifact, const engine_key *key, mlsel_engine **out, mlsel_error *err) {
    mlsel_engine *engine = mlsel_i_calloc(1, sizeof *engine);
    if (engine == NULL)
        return mlsel_i_no_memory(err);
    engine->artifact = artifact;
    engine->backend = key->backend;
    engine->device = key->device;
    engine->precision = key->precision;
    engine->rule = key->rule;
    engine->references = 1;
    mlsel_i_artifact_view(artifact, key->rule, &engine->view);
    engine->prepared.struct_size = sizeof engine->prepared;
    mlsel_i_ok(err); /* an old message must not pass for the backend's */
    mlsel_status status = key->backend->supports(key->device, &engine->view.view, key->precision, err);
    if (status == MLSEL_OK)
        status = key->backend->prepare(key->device, &engine->view.view, key->precision, &engine->prepared, err);
    if (status == MLSEL_OK && (engine->prepared.max_batch == 0 || engine->prepared.scratch_bytes > max_scratch)) {
        key->backend->release(engine->prepared.state);
        status = mlsel_i_fail(err, MLSEL_ERROR_INTERNAL,
                              "device \"%s\": its plugin takes batches of %u queries and %llu bytes of scratch",
                              key->backend->name, (unsigned)engine->prepared.max_batch,
                              (unsigned long long)engine->prepared.scratch_bytes);
    }
    if (status == MLSEL_OK) {
        *out = engine;
        return MLSEL_OK;
    }
    mlsel_i_free(engine);
    if (err != NULL && err->message[0] == '\0')
        mlsel_i_fail(err, status, "device \"%s\": its plugin failed without a reason", key->backend->name);
    return status;
}

mlsel_status mlsel_i_engine_acquire(mlsel_artifact *artifact, const engine_key *key, mlsel_engine **out,
                                    mlsel_error *err) {
    pthread_mutex_lock(&registry_lock);
    mlsel_engine *engine = find_engine(artifact, key);
    pthread_mutex_unlock(&registry_lock);
    if (engine != NULL) {
        *out = engine;
        return MLSEL_OK;
    }
    mlsel_engine *fresh = NULL;
    const mlsel_status status = prepare(artifact, key, &fresh, err);
    if (status != MLSEL_OK)
        return status;
    pthread_mutex_lock(&registry_lock);
    engine = find_engine(artifact, key); /* another thread may have been faster */
    if (engine == NULL) {
        fresh->next = artifact->engines;
        artifact->engines = fresh;
        artifact->references++;
    }
    pthread_mutex_unlock(&registry_lock);
    if (engine != NULL)
        free_engine(fresh);
    *out = engine != NULL ? engine : fresh;
    return MLSEL_OK;
}

void mlsel_i_engine_release(mlsel_engine *engine) {
    mlsel_artifact *artifact = engine->artifact;
    bool last_artifact = false;
    pthread_mutex_lock(&registry_lock);
    const bool last = --engine->references == 0;
    if (last) {
        mlsel_engine **link = &artifact->engines;
        while (*link != engine)
            link = &(*link)->next;
        *link = engine->next;
        last_artifact = drop_artifact(artifact);
    }
    pthread_mutex_unlock(&registry_lock);
    if (last)
        free_engine(engine);
    if (last_artifact)
        mlsel_i_artifact_free(artifact);
}
