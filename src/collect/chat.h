/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of OpenAI-compatible chat completions. */
#ifndef MLSEL_COLLECT_CHAT_H
#define MLSEL_COLLECT_CHAT_H

#include "json_write.h"
#include "secrets.h"

typedef struct chat_request {
    const char *model;
    const char *prompt;
    uint64_t max_tokens;
    double temperature;
} chat_request;

/* Writes the body of a request. */
void mlsel_i_chat_write(json_writer *w, const chat_request *request);

typedef struct chat_answer {
    char *content; /* to be given to mlsel_i_free */
    uint64_t prompt_tokens, completion_tokens;
    bool has_usage;
    char finish_reason[32]; /* "" where there is none */
} chat_answer;

/* Reads the body of an answer, which must have a text. SCHEMA or PARSE with what is wrong; NO_MEMORY. Of the secrets
 * (may be NULL) none is in the message or the finish_reason; the content is as it came. An answer without a text may
 * have counts of tokens. */
mlsel_status mlsel_i_chat_read(const char *body, size_t size, const secret_list *secrets, chat_answer *out,
                               mlsel_error *err);

/* What a body says about a failure, cut to a line: `error.message` and the like of JSON, else its beginning; "" if it
 * says nothing. Without the secrets, which may be NULL. */
void mlsel_i_chat_explain(const char *body, size_t size, const secret_list *secrets, char *out, size_t out_size);

#endif
