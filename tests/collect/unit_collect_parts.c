/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts of asking language models: secrets, waits, addresses, prompts, answers, members, order of requests.
 */
#include <curl/curl.h>
#include <math.h>
#include <string.h>

#include "chat.h"
#include "http_url.h"
#include "json_members.h"
#include "prompt.h"
#include "queries.h"
#include "retry.h"
#include "schedule.h"
#include "secrets.h"
#include "support.h"

/* --- secrets ------------------------------------------------------------------------------------------------------ */

static void scrub_is(const secret_list *list, size_t min_size, const char *text, const char *expected) {
    char buffer[256];
    snprintf(buffer, sizeof buffer, "%s", text);
    mlsel_i_secrets_scrub(list, min_size, buffer);
    assert_string_equal(buffer, expected);
}

static void test_secrets(void **state) {
    secret_list list = {0};
    (void)state;
    assert_true(mlsel_i_secrets_add(&list, "sk-long-secret-key"));
    assert_true(mlsel_i_secrets_add(&list, "sk-long"));
    assert_true(mlsel_i_secrets_add(&list, "Bearer word-of-mouth"));
    assert_true(mlsel_i_secrets_add(&list, "abc"));
    assert_true(mlsel_i_secrets_add(&list, ""));
    scrub_is(&list, 4, "nothing to see, abc", "nothing to see, abc");
    scrub_is(&list, 4, "sk-long-secret-key", "***");
    scrub_is(&list, 4, "a sk-long-secret-keysk-long-secret-key b", "a ****** b");
    scrub_is(&list, 4, "sk-long, then sk-longer", "***, then ***er");
    scrub_is(&list, 4, "key word-of-mouth; Bearer remains, Bearer word-of-mouth does not",
             "key ***; Bearer remains, *** does not");
    scrub_is(&list, 12, "sk-long sk-long-secret-key", "sk-long ***");
    /* secrets that overlap hide each other's ends */
    assert_true(mlsel_i_secrets_add(&list, "keyABCD"));
    scrub_is(&list, 4, "sk-long-secret-keyABCD!", "***!");
    mlsel_i_secrets_free(&list);
}

/* Wherever a text is cut, no part of a secret is left. */
static void test_secrets_that_are_cut(void **state) {
    static const char secret[] = "sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    secret_list list = {0};
    chat_answer answer;
    mlsel_error err;
    char body[1024], out[64], reason[128], *url = NULL;
    (void)state;
    assert_true(mlsel_i_secrets_add(&list, secret));
    assert_false(mlsel_i_secrets_copy(&list, 4, "a sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ b", out, 7));
    assert_string_equal(out, "a *** ");
    assert_false(mlsel_i_secrets_copy(&list, 4, "a sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ b", out, 5));
    assert_string_equal(out, "a ");
    assert_true(mlsel_i_secrets_copy(&list, 4, "a sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ b", out, sizeof out));
    assert_string_equal(out, "a *** b");
    assert_true(mlsel_i_secrets_copy(NULL, 4, "as it is", out, sizeof out));
    assert_string_equal(out, "as it is");
    for (int before = 0; before < 200; before++) {
        /* as plain text, as a message, as the name of a member that is there twice, as the reason of the end */
        snprintf(body, sizeof body, "%*s%s%*s", before, "x", secret, 64, "x");
        mlsel_i_chat_explain(body, strlen(body), &list, out, sizeof out);
        assert_null(strstr(out, "sk-"));
        snprintf(body, sizeof body, "{\"error\": {\"message\": \"%0*d%s%064d\"}}", before, 0, secret, 0);
        mlsel_i_chat_explain(body, strlen(body), &list, out, sizeof out);
        assert_null(strstr(out, "sk-"));
        assert_int_not_equal(mlsel_i_chat_read(body, strlen(body), &list, &answer, &err), MLSEL_OK);
        assert_null(strstr(err.message, "sk-"));
        snprintf(body, sizeof body, "{\"%0*d%s\": nothing}", before, 0, secret);
        assert_int_not_equal(mlsel_i_chat_read(body, strlen(body), &list, &answer, &err), MLSEL_OK);
        assert_null(strstr(err.message, "sk-"));
        snprintf(body, sizeof body,
                 "{\"choices\": [{\"message\": {\"content\": \"a\"}, \"finish_reason\": \"%0*d%s\"}]}", before, 0,
                 secret);
        assert_int_equal(mlsel_i_chat_read(body, strlen(body), &list, &answer, &err), MLSEL_OK);
        assert_null(strstr(answer.finish_reason, "sk-"));
        mlsel_i_free(answer.content);
        snprintf(body, sizeof body,
                 "{\"choices\": [{\"message\": {\"content\": \"a\"}, \"finish_reason\": \"a-%s-b\"}]}", secret);
        assert_int_equal(mlsel_i_chat_read(body, strlen(body), &list, &answer, &err), MLSEL_OK);
        assert_string_equal(answer.finish_reason, "a--b");
        mlsel_i_free(answer.content);
        /* with something between that is left out */
        snprintf(body, sizeof body,
                 "{\"choices\": [{\"message\": {\"content\": \"a\"}, \"finish_reason\": \"%0*dsk.%s\"}]}", before, 0,
                 secret + 2);
        assert_int_equal(mlsel_i_chat_read(body, strlen(body), &list, &answer, &err), MLSEL_OK);
        assert_null(strstr(answer.finish_reason, "sk-"));
        mlsel_i_free(answer.content);
        snprintf(body, sizeof body, "%0*d%s", before, 0, secret);
        assert_false(mlsel_i_http_url(body, "/x", &list, &url, reason, sizeof reason));
        assert_null(strstr(reason, "sk-"));
    }
    mlsel_i_secrets_free(&list);
}

/* --- waits -------------------------------------------------------------------------------------------------------- */

static void test_waits(void **state) {
    random_state random;
    (void)state;
    mlsel_i_random_seed(&random, 1, 0);
    double most = 0;
    for (int i = 0; i < 1000; i++) {
        for (uint32_t attempt = 1; attempt <= 4; attempt++) {
            const double wait = mlsel_i_retry_wait(&random, attempt, 0.5, 0);
            assert_true(wait >= 0 && wait < 0.25 * (double)(1u << attempt));
            most = attempt == 4 && wait > most ? wait : most;
        }
        const double late = mlsel_i_retry_wait(&random, 1000, 0.5, 0);
        assert_true(late >= 0 && late < 60);
        const double asked = mlsel_i_retry_wait(&random, 3, 0.5, 7);
        assert_true(asked >= 7 && asked < 7.5);
    }
    assert_true(most > 3.8); /* of 4, with all of the range in use */
    const uint64_t seed = mlsel_i_retry_seed();
    assert_int_not_equal(seed, mlsel_i_retry_seed());
}

static void test_what_is_tried_again(void **state) {
    static const long yes[] = {408, 425, 429, 500, 502, 503, 504, 529, 599},
                      no[] = {100, 301, 400, 401, 403, 404, 422, 600};
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(yes); i++)
        assert_true(mlsel_i_retry_status(yes[i]));
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(no); i++)
        assert_false(mlsel_i_retry_status(no[i]));
    assert_true(mlsel_i_retry_transport(CURLE_COULDNT_CONNECT));
    assert_true(mlsel_i_retry_transport(CURLE_OPERATION_TIMEDOUT));
    assert_true(mlsel_i_retry_transport(CURLE_PARTIAL_FILE));
    assert_true(mlsel_i_retry_transport(CURLE_COULDNT_RESOLVE_HOST));
    assert_false(mlsel_i_retry_transport(CURLE_PEER_FAILED_VERIFICATION));
    assert_false(mlsel_i_retry_transport(CURLE_WRITE_ERROR));
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static void test_addresses(void **state) {
    static const char *const good[][2] = {
        {"http://localhost:8000/v1", "http://localhost:8000/v1/chat/completions"},
        {"http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"},
        {"http://localhost", "http://localhost/chat/completions"},
        {"https://h/v1/chat/completions", "https://h/v1/chat/completions"},
        {"https://h/v1/chat/completions/", "https://h/v1/chat/completions"},
        {"https://h/openai?api-version=2", "https://h/openai/chat/completions?api-version=2"},
        {"http://[::1]:80/v1#top", "http://[::1]:80/v1/chat/completions"},
    };
    static const char *const bad[] = {"",
                                      "localhost",
                                      "ftp://h/v1",
                                      "http://h/a b",
                                      "http://h/\n",
                                      "http://",
                                      "http://h:99999999/v1",
                                      "http://h%7f/v1"};
    char reason[128], *url = NULL;
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(good); i++) {
        assert_true(mlsel_i_http_url(good[i][0], "/chat/completions", NULL, &url, reason, sizeof reason));
        assert_string_equal(url, good[i][1]);
        mlsel_i_free(url);
    }
    mlsel_error err;
    test_ok(mlsel_i_http_url_below("http://me:hunter22@h/v1/?a=b#c", "/embeddings", &url, &err), &err);
    assert_string_equal(url, "http://me:hunter22@h/v1/embeddings?a=b");
    mlsel_i_free(url);
    url = reason;
    assert_int_equal(mlsel_i_http_url_below("http://me:hunter22@h:99999999/v1", "/embeddings", &url, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    assert_null(url);
    assert_non_null(strstr(err.message, "is no address that libcurl understands"));
    assert_null(strstr(err.message, "hunter22"));
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(bad); i++) {
        assert_false(mlsel_i_http_url(bad[i], "/chat/completions", NULL, &url, reason, sizeof reason));
        assert_non_null(strstr(reason, "is no http or https address"));
    }
    assert_false(mlsel_i_http_url("http://me:hunter22@h/v1", "/x", NULL, &url, reason, sizeof reason));
    assert_null(strstr(reason, "hunter22"));
    assert_false(mlsel_i_http_url("ftp://me:hunter22@h/v1", "/x", NULL, &url, reason, sizeof reason));
    assert_null(strstr(reason, "hunter22"));
}

/* --- prompts ------------------------------------------------------------------------------------------------------ */

static void prompt_is(const char *query, const char *choices, bool concise, const char *expected) {
    cJSON *node = choices == NULL ? NULL : cJSON_Parse(choices);
    char *prompt = mlsel_i_prompt_make(query, node, concise);
    assert_string_equal(prompt, expected);
    mlsel_i_free(prompt);
    cJSON_Delete(node);
}

static void test_prompts(void **state) {
    (void)state;
    prompt_is("q", NULL, false, "q");
    prompt_is("q", NULL, true, "q\n\n" PROMPT_CONCISE);
    prompt_is("q", "[\"x\", \"y\"]", false, "q\n\nA. x\nB. y");
    prompt_is("q", "{\"text\": [\"x\", 2.5, true], \"label\": [\"1\", \"2\"]}", true,
              "q\n\nA. x\nB. 2.5\nC. True\n\n" PROMPT_CONCISE);
    prompt_is("is it x or y?", "[\"x\", \"y\"]", false, "is it x or y?");
    prompt_is("q", "\"A) x B) y\"", false, "q\n\nA) x B) y");
    prompt_is("q", "[]", false, "q");
    prompt_is("q", "null", false, "q");
    prompt_is("q", "\"\"", false, "q");
}

/* --- chat --------------------------------------------------------------------------------------------------------- */

static void test_request(void **state) {
    json_writer w = {0};
    const chat_request request = {.model = "m\"1", .prompt = "a\nb \xc3\xa9", .max_tokens = 16, .temperature = 0};
    (void)state;
    mlsel_i_chat_write(&w, &request);
    mlsel_i_write_raw(&w, "", 1);
    assert_string_equal(w.text, "{\"model\": \"m\\\"1\",\"messages\": [{\"role\": \"user\",\"content\": \"a\\u000ab "
                                "\xc3\xa9\"}],\"max_tokens\": 16,\"temperature\": 0.0}");
    mlsel_i_write_free(&w);
}

#define CHOICE(message, rest) "{\"choices\":[{\"message\":" message ",\"finish_reason\":\"stop\"}]" rest "}"

static void test_answer(void **state) {
    chat_answer answer;
    const char *body = CHOICE("{\"role\":\"assistant\",\"content\":\"a\\n\\u00e9\"}",
                              ",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}");
    (void)state;
    assert_int_equal(mlsel_i_chat_read(body, strlen(body), NULL, &answer, NULL), MLSEL_OK);
    assert_string_equal(answer.content, "a\n\xc3\xa9");
    assert_string_equal(answer.finish_reason, "stop");
    assert_true(answer.has_usage);
    assert_int_equal(answer.prompt_tokens, 3);
    assert_int_equal(answer.completion_tokens, 4);
    mlsel_i_free(answer.content);
    static const char *const usages[] = {"",
                                         ",\"usage\":null",
                                         ",\"usage\":{\"prompt_tokens\":3}",
                                         ",\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":4}",
                                         ",\"usage\":{\"prompt_tokens\":1.5,\"completion_tokens\":4}",
                                         ",\"usage\":{\"prompt_tokens\":1e300,\"completion_tokens\":4}"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(usages); i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"choices\":[{\"message\":{\"content\":\"\"}}]%s}", usages[i]);
        assert_int_equal(mlsel_i_chat_read(text, strlen(text), NULL, &answer, NULL), MLSEL_OK);
        assert_string_equal(answer.content, "");
        assert_string_equal(answer.finish_reason, "");
        assert_false(answer.has_usage);
        mlsel_i_free(answer.content);
    }
}

static void test_no_answer(void **state) {
    static const char *const bodies[][2] = {
        {"", "no JSON"},
        {"<html>", "no JSON"},
        {"{\"choices\":[{\"message\":{\"content\":\"a\"}}]", "no JSON"},
        {"{\"choices\":[{\"message\":{\"content\":\"a\"}}]} x", "no JSON"},
        {"[]", "no JSON object"},
        {"{}", "no \"choices\""},
        {"{\"choices\":[]}", "empty"},
        {"{\"choices\":{}}", "empty"},
        {"{\"choices\":[1, 2]}", "empty"},
        {"{\"choices\":[\"a\"]}", "empty"},
        {"{\"choices\":[{}]}", "no \"message\""},
        {"{\"choices\":[{\"message\":\"a\"}]}", "\"content\""},
        {CHOICE("{\"content\":null}", ""), "\"content\""},
        {CHOICE("{\"content\":3}", ""), "\"content\""},
        {"{\"error\":{\"message\":\"too\\nbusy\"}}", "the server reports: too busy"},
    };
    chat_answer answer;
    mlsel_error err;
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(bodies); i++) {
        assert_int_not_equal(mlsel_i_chat_read(bodies[i][0], strlen(bodies[i][0]), NULL, &answer, &err), MLSEL_OK);
        assert_null(answer.content);
        if (strstr(err.message, bodies[i][1]) == NULL)
            fail_msg("%s: %s", bodies[i][0], err.message);
    }
}

static void test_explanations(void **state) {
    static const char *const bodies[][2] = {{"{\"error\":{\"message\":\"a\"}}", "a"},
                                            {"{\"error\":\"b\"}", "b"},
                                            {"{\"message\":\"c\"}", "c"},
                                            {"{\"detail\":\"d\"}", "d"},
                                            {"{\"x\":1}", "{\"x\":1}"},
                                            {"", ""},
                                            {" \n plain\r\n\ttext\x1b[31m ", "plain text [31m"},
                                            {"\xff\xfe", "??"}};
    char out[64], small[16];
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(bodies); i++) {
        mlsel_i_chat_explain(bodies[i][0], strlen(bodies[i][0]), NULL, out, sizeof out);
        assert_string_equal(out, bodies[i][1]);
    }
    mlsel_i_chat_explain("0123456789abcdef", 16, NULL, small, sizeof small);
    assert_string_equal(small, "01234567...");
}

/* --- members ------------------------------------------------------------------------------------------------------ */

static void test_members(void **state) {
    static const char line[] =
        " { \"a\" : \"x\\\"},\" , \"b\":[1, {\"c\": \"]\"}],\"d\\\"\":{ },\"e\": -1.50 ,\"f\":NaN}";
    static const char *const texts[] = {"\"a\" : \"x\\\"},\"", "\"b\":[1, {\"c\": \"]\"}]", "\"d\\\"\":{ }",
                                        "\"e\": -1.50", "\"f\":NaN"};
    static const char *const keys[] = {"a", "b", "d\\\"", "e", "f"};
    json_member m;
    const char *at = NULL;
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(texts); i++) {
        assert_true(mlsel_i_members_next(line, sizeof line - 1, &at, &m));
        assert_int_equal(m.size, strlen(texts[i]));
        assert_memory_equal(m.text, texts[i], m.size);
        assert_int_equal(m.key_size, strlen(keys[i]));
        assert_memory_equal(m.key, keys[i], m.key_size);
    }
    assert_false(mlsel_i_members_next(line, sizeof line - 1, &at, &m));
    at = NULL;
    assert_false(mlsel_i_members_next("{}", 2, &at, &m));
}

/* --- the order of requests ---------------------------------------------------------------------------------------- */

static void take_is(schedule *s, double now, uint32_t query, uint32_t model, schedule_task **out) {
    *out = mlsel_i_schedule_next(s, now);
    assert_non_null(*out);
    assert_int_equal((*out)->query, query);
    assert_int_equal((*out)->model, model);
}

static void test_schedule(void **state) {
    static const uint32_t limits[] = {2, 1};
    schedule s;
    schedule_task *a, *b, *c, *d;
    (void)state;
    assert_int_equal(mlsel_i_schedule_create(&s, 3, 2, limits, NULL), MLSEL_OK);
    mlsel_i_schedule_skip(&s, 0, 1);
    take_is(&s, 0, 0, 0, &a);
    take_is(&s, 0, 1, 0, &b); /* both stand at query 1, the first model comes first */
    take_is(&s, 0, 1, 1, &c);
    assert_null(mlsel_i_schedule_next(&s, 0)); /* the limits */
    assert_true(isinf(mlsel_i_schedule_due(&s, 0)));
    mlsel_i_schedule_finish(&s, a);
    take_is(&s, 0, 2, 0, &d);
    /* a wait keeps the place, and comes back in time */
    c->attempts = 1;
    mlsel_i_schedule_wait(&s, c, 5);
    assert_null(mlsel_i_schedule_next(&s, 4));
    assert_true(mlsel_i_schedule_due(&s, 4) == 5);
    s.models[1].paused_until = 6;
    assert_null(mlsel_i_schedule_next(&s, 5));
    assert_true(mlsel_i_schedule_due(&s, 5) == 6);
    take_is(&s, 6, 1, 1, &c);
    assert_int_equal(c->attempts, 1);
    mlsel_i_schedule_finish(&s, c);
    /* a new pair waits for the end of a pause too */
    s.models[1].paused_until = 8;
    assert_null(mlsel_i_schedule_next(&s, 7));
    assert_true(mlsel_i_schedule_due(&s, 7) == 8);
    s.models[1].is_closed = true;
    assert_null(mlsel_i_schedule_next(&s, 9));
    s.models[1].is_closed = false;
    take_is(&s, 9, 2, 1, &c);
    mlsel_i_schedule_finish(&s, b);
    mlsel_i_schedule_finish(&s, c);
    mlsel_i_schedule_finish(&s, d);
    assert_null(mlsel_i_schedule_next(&s, 100));
    assert_true(isinf(mlsel_i_schedule_due(&s, 100)));
    mlsel_i_schedule_free(&s);
}

/* The one that is due first comes first, whatever the order of the failures. */
static void test_schedule_waits(void **state) {
    static const uint32_t limits[] = {3};
    schedule s;
    schedule_task *tasks[3], *t;
    (void)state;
    assert_int_equal(mlsel_i_schedule_create(&s, 3, 1, limits, NULL), MLSEL_OK);
    for (uint32_t i = 0; i < 3; i++)
        take_is(&s, 0, i, 0, &tasks[i]);
    mlsel_i_schedule_wait(&s, tasks[0], 3);
    mlsel_i_schedule_wait(&s, tasks[1], 1);
    mlsel_i_schedule_wait(&s, tasks[2], 2);
    take_is(&s, 4, 1, 0, &t);
    take_is(&s, 4, 2, 0, &t);
    take_is(&s, 4, 0, 0, &t);
    mlsel_i_schedule_free(&s);
}

static void test_shards(void **state) {
    (void)state;
    for (uint64_t hash = 0; hash < 100; hash++) {
        int n = 0;
        for (uint32_t shard = 1; shard <= 7; shard++)
            n += mlsel_i_query_is_in_shard(hash * 0x9e3779b97f4a7c15u, shard, 7);
        assert_int_equal(n, 1);
        assert_true(mlsel_i_query_is_in_shard(hash, 0, 0));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets),        cmocka_unit_test(test_secrets_that_are_cut),
        cmocka_unit_test(test_waits),          cmocka_unit_test(test_what_is_tried_again),
        cmocka_unit_test(test_addresses),      cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_request),        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_no_answer),      cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_members),        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_schedule_waits), cmocka_unit_test(test_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
