/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of servers of language models: what is read, what is said about them, and that no secret is in either. The
 * input is a body; behind its last 0 byte the secrets and the allocation that fails.
 */
#include <stdlib.h>
#include <string.h>

#include "collect/chat.h"
#include "collect/prompt.h"
#include "fail.h"
#include "fuzz.h"
#include "input.h"
#include "json_tree.h"
#include "secret_input.h"

static bool is_line(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static void check_answer(const chat_answer *answer, mlsel_status status, const secret_list *secrets) {
    FUZZ_CHECK((status == MLSEL_OK) == (answer->content != NULL));
    FUZZ_CHECK(strlen(answer->finish_reason) < sizeof answer->finish_reason);
    FUZZ_CHECK(is_line(answer->finish_reason));
    fuzz_check_secrets(secrets, SECRET_MIN_SIZE, answer->finish_reason);
    FUZZ_CHECK(answer->has_usage || (answer->prompt_tokens == 0 && answer->completion_tokens == 0));
    FUZZ_CHECK(answer->prompt_tokens <= (uint64_t)1 << 53 && answer->completion_tokens <= (uint64_t)1 << 53);
}

static void read_answer(const char *body, size_t size, const secret_list *secrets) {
    chat_answer answer;
    mlsel_error err;
    const mlsel_status status = mlsel_i_chat_read(body, size, secrets, &answer, &err);
    check_answer(&answer, status, secrets);
    if (status == MLSEL_OK) {
        mlsel_i_secrets_scrub(secrets, SECRET_MIN_SIZE_IN_ANSWERS, answer.content);
        fuzz_check_secrets(secrets, SECRET_MIN_SIZE_IN_ANSWERS, answer.content);
    } else {
        FUZZ_CHECK(status == MLSEL_ERROR_PARSE || status == MLSEL_ERROR_SCHEMA);
        FUZZ_CHECK(is_line(err.message) && err.message[0] != '\0');
        fuzz_check_secrets(secrets, SECRET_MIN_SIZE, err.message);
    }
    mlsel_i_free(answer.content);
}

static void explain(const char *body, size_t size, const secret_list *secrets, struct fuzz_input *choices) {
    char out[256];
    const size_t out_size = 16 + fuzz_below(choices, sizeof out - 15);
    memset(out, 'x', sizeof out);
    mlsel_i_chat_explain(body, size, secrets, out, out_size);
    FUZZ_CHECK(memchr(out, '\0', out_size) != NULL && is_line(out));
    fuzz_check_secrets(secrets, SECRET_MIN_SIZE, out);
}

static void read_without_memory(const char *body, size_t size, const secret_list *secrets, struct fuzz_input *choices) {
    chat_answer answer;
    mlsel_error err;
    fuzz_fail_begin(choices);
    const mlsel_status status = mlsel_i_chat_read(body, size, secrets, &answer, &err);
    const bool refused = fuzz_fail_end() > 0;
    check_answer(&answer, status, secrets);
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
    mlsel_i_free(answer.content);
}

/* The body as a record with choices, for what a model is asked. */
static void make_prompt(const char *body, size_t size, struct fuzz_input *choices) {
    static const char query[] = "What? A B";
    cJSON *const record = cJSON_ParseWithLength(body, size);
    const bool concise = fuzz_bool(choices);
    fuzz_fail_begin(choices);
    char *const prompt = mlsel_i_prompt_make(query, record, concise);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK((prompt == NULL) == refused);
    if (prompt != NULL)
        FUZZ_CHECK(strncmp(prompt, query, sizeof query - 1) == 0);
    mlsel_i_free(prompt);
    cJSON_Delete(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t body_size;
    struct fuzz_input choices = fuzz_split_text(data, size, &body_size);
    char *const body = malloc(body_size + 1); /* terminated, as a client leaves it */
    FUZZ_CHECK(body != NULL);
    memcpy(body, body_size > 0 ? data : (const uint8_t *)"", body_size);
    body[body_size] = '\0';
    secret_list secrets = fuzz_secrets(&choices, body, body_size);
    read_answer(body, body_size, &secrets);
    explain(body, body_size, &secrets, &choices);
    read_without_memory(body, body_size, &secrets, &choices);
    make_prompt(body, body_size, &choices);
    mlsel_i_secrets_free(&secrets);
    free(body);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    return fuzz_json_mutate(data, size, max_size, seed);
}
