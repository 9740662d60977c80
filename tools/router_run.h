/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `route` and `explain --config` share: their options, the router, and requests brought one by one.
 */
#ifndef MLSEL_TOOL_ROUTER_RUN_H
#define MLSEL_TOOL_ROUTER_RUN_H

#include "json_out.h"
#include "request.h"
#include "text_embedder.h"
#include "watch.h"

#define ROUTER_HELP_INPUT                                                                                              \
    "REQUESTS is a file; `-` or nothing is standard input. Its name tells the format:\n"                               \
    "  .jsonl, .json  one request per line: {\"embedding\": [...], \"category\": \"math\",\n"                          \
    "                 \"signals\": {\"keyword\": [\"urgent\"]}, \"unavailable\": [\"model\"],\n"                       \
    "                 \"allowed\": [...], \"tradeoff\": {\"quality\": 0.7, \"latency\": 0.3,\n"                        \
    "                 \"tolerance\": 0.05}, \"prices\": {\"model\": 0.2},\n"                                           \
    "                 \"min_probability\": 0.5}, all of them optional; \"id\" and \"text\"\n"                          \
    "                 are carried to the output\n"                                                                     \
    "  .npy           NumPy array of float32 or float64, one embedding per row\n"                                      \
    "With --category or --signal and no REQUESTS one request is made of the options.\n\n"
#define ROUTER_HELP_OPTIONS                                                                                            \
    "  --category NAME     of requests that name none\n"                                                               \
    "  --signal TYPE=NAME  something that is true of every request; repeat it for\n"                                   \
    "                      more\n"                                                                                     \
    "  --unavailable A,B   models that must not answer\n"                                                              \
    "  --allow A,B         only these models may answer\n"                                                             \
    "  --format FORMAT     of the requests: jsonl or npy\n"                                                            \
    "  --limit N           stop after N requests\n"                                                                    \
    "  --models DIR        folder of the artifacts, whatever the configuration says\n"                                 \
    "  --models-root DIR   refuse artifacts not below DIR, all links followed\n"                                       \
    "  --device DEVICE     in place of every device in the configuration\n"                                            \
    "  --device-fallback   use the CPU where a device is not available\n"                                              \
    "  --knn-rule RULE     knn: cosine (default), outcomes, vote or legacy\n"                                          \
    "  --categories ORDER  vsr (default) or vsr-doc, where an artifact has none\n" TEXT_EMBEDDER_HELP                  \
    "  --min-probability P replace answers of less confidence, or of less probability\n"                               \
    "                      where an artifact is not calibrated, by the default model,\n"                               \
    "                      or without one by the first candidate\n" TRADEOFF_HELP                                      \
    "  --next-decision     go on to the next decision that matches if no model of the\n"                               \
    "                      first may answer\n"                                                                         \
    "  --strict            fail a request whose selector fails, rather than take the\n"                                \
    "                      decision's first model\n"

typedef struct router_run {
    const char *command;
    const char *help;
    bool json;
    bool watches;
    bool single;
    bool opened; /* the requests */
    input_format format;
    text_embedder embedder;
    const char *config;
    const char *requests; /* NULL: standard input, or the options if `single` */
    const char *metrics;  /* file, "-" or NULL */
    uint64_t limit;
    mlsel_router_options options;
    request_base base;

    mlsel_router *router;
    watch watch;
    input in;
    chunk chunk;
    request request;
    int first_failure; /* exit code of the first request without an answer */
    failure problem;   /* why no more follow; printed by router_run_end */
} router_run;

/* Reads the arguments, opens the router and the requests. -1 to go on; else the exit code, everything printed. */
int router_run_begin(router_run *r, const char *command, const char *help, bool explains, char **arguments);

/* Brings the next requests into r->chunk. False if none follow these. */
bool router_run_next(router_run *r);

/* Puts request `index` of the chunk together in r->request. False when it cannot be: nothing follows then. */
bool router_run_request(router_run *r, size_t index);

/* Notes that a request has no answer. */
void router_run_failed(router_run *r, mlsel_status status);

/* Says what is to be said at the end, frees everything, returns the exit code. */
int router_run_end(router_run *r);

/* "default, category counted as other" and the like. Returns out. */
const char *router_notes(char *out, size_t size, const mlsel_route *route);
/* The members that tell which request it is, within an object that is open. */
void router_request_json(json_out *j, const query *q, const char *category);
/* The members that tell its answer, or its error. */
void router_answer_json(json_out *j, const mlsel_route *route, const mlsel_error *err);

#endif
