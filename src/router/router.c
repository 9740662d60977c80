/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, reloading and closing a router. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <float.h>
#include <string.h>

#include "file.h"
#include "model.h"
#include "router/router.h"

static const uint64_t default_config_bytes = (uint64_t)16 << 20;
static const uint64_t default_name_bytes = (uint64_t)64 << 20;

/* --- options ----------------------------------------------------------------------------------------------------- */

static mlsel_status check_options(const mlsel_router_options *o, mlsel_error *err) {
    if (!mlsel_i_is_knn_rule(o->knn_rule))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "knn_rule %d is none", (int)o->knn_rule);
    if (o->category_layout != MLSEL_CATEGORIES_VSR && o->category_layout != MLSEL_CATEGORIES_VSR_DOC)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "category_layout %d is none", (int)o->category_layout);
    if (!(o->min_probability >= 0 && o->min_probability <= 1))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "min_probability must be from 0 to 1");
    return MLSEL_OK;
}

/* Copies the options; the strings become the router's own. */
static mlsel_status take_options(mlsel_router *router, const mlsel_router_options *given, mlsel_error *err) {
    mlsel_router_options *o = &router->options;
    mlsel_status status = mlsel_i_options_copy(o, sizeof *o, given, "mlsel_router_options", err);
    if (status != MLSEL_OK || (status = check_options(o, err)) != MLSEL_OK)
        return status;
    if (o->max_config_bytes == 0)
        o->max_config_bytes = default_config_bytes;
    if (o->max_name_bytes == 0)
        o->max_name_bytes = default_name_bytes;
    router->names.max_bytes = o->max_name_bytes;
    const char **texts[] = {&o->models_dir, &o->base_dir, &o->device, &o->models_root};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(texts); i++) {
        if (*texts[i] == NULL)
            continue;
        if ((router->strings[i] = mlsel_i_strndup(*texts[i], strlen(*texts[i]))) == NULL)
            return mlsel_i_no_memory(err);
        *texts[i] = router->strings[i];
    }
    return MLSEL_OK;
}

void mlsel_router_options_init(mlsel_router_options *options, size_t size) { mlsel_i_options_init(options, size); }

/* --- the life of a router ---------------------------------------------------------------------------------------- */

static void destroy(mlsel_router *router) {
    mlsel_i_state_free(atomic_load(&router->current));
    mlsel_i_contexts_free(&router->contexts);
    for (router_state *state = router->retired, *next; state != NULL; state = next) {
        next = state->next_retired;
        mlsel_i_state_free(state);
    }
    mlsel_i_metrics_free(router);
    mlsel_i_names_free(&router->names);
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(router->strings); i++)
        mlsel_i_free(router->strings[i]);
    mlsel_i_free(router->path);
    (void)pthread_mutex_destroy(&router->lock);
    mlsel_i_free(router);
}

static mlsel_status create(const mlsel_router_options *options, mlsel_router **out, mlsel_error *err) {
    mlsel_router *router = mlsel_i_calloc(1, sizeof *router);
    if (router == NULL)
        return mlsel_i_no_memory(err);
    atomic_init(&router->current, NULL);
    atomic_init(&router->references, 1);
    atomic_init(&router->reloads, 0);
    atomic_init(&router->failed_reloads, 0);
    atomic_init(&router->contexts.all, NULL);
    for (size_t i = 0; i < POOL_SLOTS; i++)
        atomic_init(&router->contexts.slots[i].block, NULL);
    if (pthread_mutex_init(&router->lock, NULL) != 0) {
        mlsel_i_free(router);
        return mlsel_i_no_memory(err);
    }
    mlsel_status status = take_options(router, options, err);
    if (status == MLSEL_OK && router->options.collect_metrics != 0)
        status = mlsel_i_metrics_init(router, err);
    if (status == MLSEL_OK)
        *out = router;
    else
        destroy(router);
    return status;
}

mlsel_router *mlsel_router_retain(mlsel_router *router) {
    if (router != NULL)
        atomic_fetch_add_explicit(&router->references, 1, memory_order_relaxed);
    return router;
}

void mlsel_router_release(mlsel_router *router) {
    if (router != NULL && atomic_fetch_sub_explicit(&router->references, 1, memory_order_acq_rel) == 1)
        destroy(router);
}

/* --- states ------------------------------------------------------------------------------------------------------ */

/* With the lock held: builds a state from text and puts it in place. */
static mlsel_status replace(mlsel_router *router, const char *text, size_t size, const char *file_name,
                            mlsel_error *err) {
    router_state *fresh = NULL;
    const mlsel_status status = mlsel_i_state_build(router, text, size, file_name, &fresh, err);
    if (status != MLSEL_OK)
        return status;
    fresh->generation = ++router->generation;
    router_state *old = atomic_exchange(&router->current, fresh);
    if (old != NULL) {
        old->next_retired = router->retired;
        router->retired = old;
        mlsel_i_contexts_reclaim(router, true);
    }
    return MLSEL_OK;
}

static mlsel_status replace_from_file(mlsel_router *router, const char *path, mlsel_error *err) {
    const file_kind kind = {.noun = "configuration", .function = "mlsel_router_open_memory"};
    file_content content;
    mlsel_status status = mlsel_i_file_load(path, &kind, router->options.max_config_bytes, &content, err);
    if (status != MLSEL_OK)
        return status;
    status = replace(router, content.data, content.size, path, err);
    mlsel_i_file_unload(&content);
    return status;
}

/* Puts one context with room for the state among the free ones, so that the first request finds it. */
static mlsel_status warm_up(const mlsel_router *router, mlsel_error *err) {
    router_state *state;
    router_context *context = mlsel_i_context_enter(router, false, &state, err);
    if (context == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    mlsel_i_context_leave(router, context);
    return MLSEL_OK;
}

mlsel_status mlsel_router_open(const char *path, const mlsel_router_options *options, mlsel_router **out,
                               mlsel_error *err) {
    mlsel_router *router = NULL;
    if (path == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "path and out must not be NULL");
    mlsel_status status = create(options, &router, err);
    if (status != MLSEL_OK)
        return status;
    router->path = mlsel_i_strndup(path, strlen(path));
    status = router->path == NULL ? mlsel_i_no_memory(err) : replace_from_file(router, path, err);
    if (status == MLSEL_OK)
        status = warm_up(router, err);
    if (status != MLSEL_OK) {
        destroy(router);
        return status;
    }
    *out = router;
    return mlsel_i_ok(err);
}

mlsel_status mlsel_router_open_memory(const void *text, size_t size, const mlsel_router_options *options,
                                      mlsel_router **out, mlsel_error *err) {
    mlsel_router *router = NULL;
    if (out == NULL || (text == NULL && size > 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "text and out must not be NULL");
    mlsel_status status = create(options, &router, err);
    if (status != MLSEL_OK)
        return status;
    status = replace(router, text == NULL ? "" : text, size, NULL, err);
    if (status == MLSEL_OK)
        status = warm_up(router, err);
    if (status != MLSEL_OK) {
        destroy(router);
        return status;
    }
    *out = router;
    return mlsel_i_ok(err);
}

static mlsel_status count_reload(mlsel_router *router, mlsel_status status, mlsel_error *err) {
    atomic_fetch_add_explicit(status == MLSEL_OK ? &router->reloads : &router->failed_reloads, 1, memory_order_relaxed);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}

mlsel_status mlsel_router_reload(mlsel_router *router, const char *path, mlsel_error *err) {
    mlsel_status status;
    if (router == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the router is NULL");
    char *copy = path == NULL ? NULL : mlsel_i_strndup(path, strlen(path));
    if (path != NULL && copy == NULL)
        return count_reload(router, mlsel_i_no_memory(err), err);
    pthread_mutex_lock(&router->lock);
    const char *file = copy != NULL ? copy : router->path;
    if (file == NULL)
        status = mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                              "the router was opened from memory: give a path, or use mlsel_router_reload_memory");
    else
        status = replace_from_file(router, file, err);
    if (status == MLSEL_OK && copy != NULL) {
        mlsel_i_free(router->path);
        router->path = copy;
        copy = NULL;
    }
    pthread_mutex_unlock(&router->lock);
    mlsel_i_free(copy);
    return count_reload(router, status, err);
}

mlsel_status mlsel_router_reload_memory(mlsel_router *router, const void *text, size_t size, mlsel_error *err) {
    if (router == NULL || (text == NULL && size > 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "router and text must not be NULL");
    pthread_mutex_lock(&router->lock);
    const mlsel_status status = replace(router, text == NULL ? "" : text, size, NULL, err);
    pthread_mutex_unlock(&router->lock);
    return count_reload(router, status, err);
}
