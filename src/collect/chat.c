/* SPDX-License-Identifier: Apache-2.0 */
#include "chat.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- requests ----------------------------------------------------------------------------------------------------- */

void mlsel_i_chat_write(json_writer *w, const chat_request *request) {
    mlsel_i_write_open(w, '{');
    mlsel_i_write_key(w, "model");
    mlsel_i_write_string(w, request->model);
    mlsel_i_write_key(w, "messages");
    mlsel_i_write_open(w, '[');
    mlsel_i_write_open(w, '{');
    mlsel_i_write_key(w, "role");
    mlsel_i_write_string(w, "user");
    mlsel_i_write_key(w, "content");
    mlsel_i_write_string(w, request->prompt);
    mlsel_i_write_close(w, '}');
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "max_tokens");
    mlsel_i_write_count(w, request->max_tokens);
    mlsel_i_write_key(w, "temperature");
    mlsel_i_write_f64(w, request->temperature);
    mlsel_i_write_close(w, '}');
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static const cJSON *member(const cJSON *object, const char *key) {
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

static bool token_count(const cJSON *node, uint64_t *out) {
    const double most = 9007199254740992.0; /* 2^53 */
    if (!cJSON_IsNumber(node) || !(node->valuedouble >= 0) || node->valuedouble > most ||
        node->valuedouble != floor(node->valuedouble))
        return false;
    *out = (uint64_t)node->valuedouble;
    return true;
}

static void read_usage(const cJSON *root, chat_answer *out) {
    const cJSON *usage = member(root, "usage");
    uint64_t prompt = 0, completion = 0;
    if (!token_count(member(usage, "prompt_tokens"), &prompt) ||
        !token_count(member(usage, "completion_tokens"), &completion))
        return;
    out->has_usage = true;
    out->prompt_tokens = prompt;
    out->completion_tokens = completion;
}

/* Secrets go twice: what is left after other characters were left out may be one that was none before. */
static void read_finish_reason(const cJSON *choice, const secret_list *secrets, chat_answer *out) {
    const cJSON *reason = member(choice, "finish_reason");
    if (!cJSON_IsString(reason))
        return;
    char kept[4096];
    size_t n = 0;
    const char *c = reason->valuestring, *const end = c + strlen(c);
    while (c < end && n + 1 < sizeof kept) {
        const size_t hidden = mlsel_i_secrets_length(secrets, SECRET_MIN_SIZE, c, (size_t)(end - c));
        if (hidden == 0 && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                            *c == '_' || *c == '-'))
            kept[n++] = *c;
        c += hidden > 0 ? hidden : 1;
    }
    kept[n] = '\0';
    (void)mlsel_i_secrets_copy(secrets, SECRET_MIN_SIZE, kept, out->finish_reason, sizeof out->finish_reason);
}

/* The text of the first choice, or what is wrong. */
static const cJSON *find_content(const cJSON *root, const char **wrong) {
    const cJSON *choices = member(root, "choices");
    if (!cJSON_IsObject(root))
        *wrong = "it is no JSON object";
    else if (choices == NULL)
        *wrong = "it has no \"choices\"";
    else if (!cJSON_IsArray(choices) || choices->child == NULL)
        *wrong = "\"choices\" is empty";
    else if (member(choices->child, "message") == NULL)
        *wrong = "its choice has no \"message\"";
    else if (!cJSON_IsString(member(member(choices->child, "message"), "content")))
        *wrong = "its message has no text as \"content\"";
    else
        return member(member(choices->child, "message"), "content");
    return NULL;
}

mlsel_status mlsel_i_chat_read(const char *body, size_t size, const secret_list *secrets, chat_answer *out,
                               mlsel_error *err) {
    json_document *doc = NULL;
    const char *wrong = NULL;
    mlsel_error problem;
    *out = (chat_answer){0};
    mlsel_status status = mlsel_i_secrets_parse_json(secrets, body, size, NULL, &doc, &problem);
    if (status == MLSEL_ERROR_NO_MEMORY)
        return mlsel_i_no_memory(err);
    if (status != MLSEL_OK)
        return mlsel_i_fail(err, MLSEL_ERROR_PARSE, "the answer is no JSON: %.120s", problem.message);
    const cJSON *root = mlsel_i_json_root(doc);
    const cJSON *content = find_content(root, &wrong);
    read_usage(root, out);
    if (content == NULL) {
        char said[160] = "";
        if (member(root, "error") != NULL)
            mlsel_i_chat_explain(body, size, secrets, said, sizeof said);
        status = said[0] != '\0' ? mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "the server reports: %s", said)
                                 : mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "the answer cannot be used: %s", wrong);
        goto out;
    }
    read_finish_reason(member(root, "choices")->child, secrets, out);
    out->content = mlsel_i_strndup(content->valuestring, strlen(content->valuestring));
    if (out->content == NULL)
        status = mlsel_i_no_memory(err);
out:
    mlsel_i_json_free(doc);
    return status;
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

/* A text as part of one line: white space and control characters become blanks, what is no UTF-8 a '?', secrets stars.
 */
static void put_line(const char *text, size_t size, const secret_list *secrets, char *out, size_t out_size) {
    const unsigned char *at = (const unsigned char *)text, *const end = at + size;
    size_t n = 0;
    bool blank = true;
    while (at < end && n + 8 < out_size) {
        const size_t hidden = mlsel_i_secrets_length(secrets, SECRET_MIN_SIZE, (const char *)at, (size_t)(end - at));
        const size_t length = mlsel_i_utf8_length(at, end);
        if (hidden > 0) {
            memcpy(out + n, SECRET_STARS, sizeof SECRET_STARS - 1);
            n += sizeof SECRET_STARS - 1;
            at += hidden;
            blank = false;
            continue;
        }
        if (*at <= 0x20 || *at == 0x7f || (length == 2 && at[0] == 0xc2 && at[1] < 0xa0)) {
            if (!blank)
                out[n++] = ' ';
            blank = true;
        } else if (length == 0) {
            out[n++] = '?';
            blank = false;
        } else {
            memcpy(out + n, at, length);
            n += length;
            blank = false;
        }
        at += length == 0 ? 1 : length;
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    if (at < end && n > 0) {
        memcpy(out + n, "...", 3);
        n += 3;
    }
    out[n] = '\0';
}

/* The text, if it is one and there is none yet. */
static void offer(const cJSON *node, const secret_list *secrets, char *out, size_t out_size) {
    const char *const text = cJSON_GetStringValue(node);
    if (text != NULL && out[0] == '\0')
        put_line(text, strlen(text), secrets, out, out_size);
}

void mlsel_i_chat_explain(const char *body, size_t size, const secret_list *secrets, char *out, size_t out_size) {
    json_document *doc = NULL;
    out[0] = '\0';
    if (mlsel_i_json_parse(body, size, NULL, NULL, &doc, NULL) == MLSEL_OK) {
        const cJSON *root = mlsel_i_json_root(doc);
        const cJSON *error = member(root, "error");
        offer(member(error, "message"), secrets, out, out_size);
        offer(error, secrets, out, out_size);
        offer(member(root, "message"), secrets, out, out_size);
        offer(member(root, "detail"), secrets, out, out_size);
    }
    mlsel_i_json_free(doc);
    if (out[0] == '\0')
        put_line(body, size, secrets, out, out_size);
}
