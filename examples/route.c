/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route: what a service does for each request, from a router's configuration to the model to call.
 *
 *     route ROUTER.yaml EMBEDDINGS.f32 CATEGORY[,CATEGORY...] [DOWN...]
 *     route router.yaml queries.f32 "math,computer science,law" codellama-7b
 *
 * EMBEDDINGS.f32 holds one embedding per category as raw float32 values. The models named after the categories are
 * taken to be down. The configuration is read again before the last request, as a service does when the file has
 * changed.
 *
 * Build it with an installed mlsel: cc route.c -o route $(pkg-config --cflags --libs mlsel)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mlsel.h>

enum { N_EMBEDDING = 1024, MAX_CANDIDATES = 16 };

static void print_answer(const char *category, const mlsel_route *route) {
    /* A request that matches no decision is answered by the default model, for want of a decision. */
    printf("%s: %s", category, route->decision != NULL ? route->decision : "default");
    printf(" -> %s", route->served);
    if (route->algorithm != 0)
        printf("  (%s, probability %.4f)", mlsel_algorithm_name(route->algorithm), route->probability);
    if (route->flags & MLSEL_ROUTE_SINGLE)
        printf("  (the only model left)");
    if (route->flags & MLSEL_ROUTE_SELECTOR_FAILED)
        printf("  (the selector failed: %s)", mlsel_status_name(route->selector_status));
    printf("\n");
    for (size_t i = 0; i < route->candidate_count && i < MAX_CANDIDATES; i++) {
        const mlsel_route_candidate *c = &route->candidates[i];
        if (c->flags & MLSEL_CANDIDATE_ELIGIBLE)
            printf("  %-14s %7.4f\n", c->served, c->score);
        else
            printf("  %-14s down\n", c->served);
    }
}

/* One request; in a service any number of threads do this at once, with the same router. */
static int answer(const mlsel_router *router, const float *embedding, const char *category, char **down,
                  size_t n_down) {
    mlsel_error err;
    mlsel_request request;
    mlsel_route route;
    mlsel_route_candidate candidates[MAX_CANDIDATES];
    mlsel_request_init(&request, sizeof request);
    request.embedding = embedding;
    request.n_embedding = N_EMBEDDING;
    request.category = category;
    request.unavailable = (const char *const *)down;
    request.n_unavailable = n_down;
    mlsel_route_init(&route, sizeof route);
    route.candidates = candidates; /* optional: what the others got */
    route.candidates_capacity = MAX_CANDIDATES;
    if (mlsel_router_route(router, &request, &route, &err) != MLSEL_OK) {
        fprintf(stderr, "route: %s: %s\n", category, err.message);
        return EXIT_FAILURE;
    }
    print_answer(category, &route);
    return EXIT_SUCCESS;
}

static int answer_all(mlsel_router *router, FILE *file, char *categories, char **down, size_t n_down) {
    float embedding[N_EMBEDDING];
    mlsel_error err;
    for (char *category = categories, *next; category != NULL; category = next) {
        next = strchr(category, ',');
        if (next != NULL)
            *next++ = '\0';
        if (fread(embedding, sizeof *embedding, N_EMBEDDING, file) != N_EMBEDDING) {
            fprintf(stderr, "route: %s: the file has no embedding for it\n", category);
            return EXIT_FAILURE;
        }
        /* Requests in flight would finish on the old configuration; if the new one is bad, the old one stays. */
        if (next == NULL && mlsel_router_reload(router, NULL, &err) != MLSEL_OK)
            fprintf(stderr, "route: the old configuration stays: %s\n", err.message);
        if (answer(router, embedding, category, down, n_down) != EXIT_SUCCESS)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    mlsel_error err;
    mlsel_router_options options;
    mlsel_router *router = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: route ROUTER.yaml EMBEDDINGS.f32 CATEGORY[,CATEGORY...] [DOWN...]\n");
        return 2;
    }
    mlsel_router_options_init(&options, sizeof options);
    options.allow_device_fallback = 1; /* a machine without the configured device still answers, and says so */
    if (mlsel_router_open(argv[1], &options, &router, &err) != MLSEL_OK) {
        fprintf(stderr, "route: %s\n", err.message);
        return EXIT_FAILURE;
    }
    int result = EXIT_FAILURE;
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL)
        perror(argv[2]);
    else
        result = answer_all(router, file, argv[3], argv + 4, (size_t)(argc - 4));
    if (file != NULL)
        fclose(file);
    mlsel_router_release(router);
    return result;
}
