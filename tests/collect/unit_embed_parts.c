/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of downloads and of embeddings by servers that need no server. */
#include <stdlib.h>
#include <string.h>

#include "collect/embed.h"
#include "collect/hub.h"
#include "collect/sha256.h"
#include "collect/url.h"
#include "folder.h"
#include "internal.h"
#include "mlsel_train.h"

/* FIPS 180-4's own examples, and those of the Secure Hash Standard's validation: one block, two, a million of 'a'. */
static void test_sha256(void **state) {
    static const struct {
        const char *text, *digest;
    } cases[] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                 {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                 {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
                 {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnop"
                  "qrstnopqrstu",
                  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}};
    char digest[SHA256_TEXT];
    sha256 h;
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++)
        for (size_t step = 1; step <= 64; step += 7) {
            const size_t size = strlen(cases[i].text);
            mlsel_i_sha256_begin(&h);
            for (size_t at = 0; at < size; at += step)
                mlsel_i_sha256_add(&h, cases[i].text + at, size - at < step ? size - at : step);
            mlsel_i_sha256_end(&h, digest);
            assert_string_equal(digest, cases[i].digest);
        }
    char block[1000];
    memset(block, 'a', sizeof block);
    mlsel_i_sha256_begin(&h);
    for (int i = 0; i < 1000; i++)
        mlsel_i_sha256_add(&h, block, sizeof block);
    mlsel_i_sha256_end(&h, digest);
    assert_string_equal(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_shown(void **state) {
    static const char *const cases[][2] = {
        {"http://host:80/v1", "http://host:80/v1"},
        {"https://me:secret@host/v1/x?key=1#part", "https://host/v1/x"},
        {"https://host?token=a@b/c", "https://host/"},
        {"http://a%40b@host/p@q", "http://host/p@q"},
        {"me:secret@host/v1", "host/v1"},
        /* passwords with characters that end another part */
        {"me:sec://ret@host/v1", "host/v1"},
        {"http://me:sec/ret@host/v1", "host/v1"},
        {"http://me:sec?ret@host/v1", "***"},
        {"http://me:sec#ret@host/v1", "***"},
        {"http://host:port/v1?key=secret", "http://host:port/v1"},
        {"http://ho st?key=secret@x", "***"},
        {"", ""},
    };
    char out[64];
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++)
        assert_string_equal(mlsel_i_url_shown(cases[i][0], out, sizeof out), cases[i][1]);
    /* libcurl decides which of these are addresses */
    static const char *const odd[] = {"http:/me:secret@host/v1", "http:me:secret@host",    "http:///me:secret@host/v1",
                                      "http://a@secret@host",    "ht tp://me:secret@host", "\\\\me:secret@host"};
    for (size_t i = 0; i < TEST_LENGTH(odd); i++)
        assert_null(strstr(mlsel_i_url_shown(odd[i], out, sizeof out), "secret"));
    assert_string_equal(mlsel_i_url_shown("http://h%7f/v1", out, sizeof out), "http://h%7f/v1");
    assert_int_equal(mlsel_i_url_check("it", "http://h%7f/v1", NULL), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(mlsel_i_url_shown("http://long-host-name/with/a/path", out, 16), "http://long-hos");
}

static void test_origin(void **state) {
    (void)state;
    assert_true(mlsel_i_url_same_origin("https://hub.example/a", "https://HUB.example:443/b?c"));
    assert_true(mlsel_i_url_same_origin("http://127.0.0.1:80/", "http://127.0.0.1"));
    assert_false(mlsel_i_url_same_origin("https://hub.example/a", "http://hub.example/a"));
    assert_false(mlsel_i_url_same_origin("https://hub.example/a", "https://hub.example:8443/a"));
    assert_false(mlsel_i_url_same_origin("https://hub.example/a", "https://hub.example.evil/a"));
    assert_false(mlsel_i_url_same_origin("https://hub.example/a", "https://hub.example@evil/a"));
    assert_false(mlsel_i_url_same_origin("https://hub.example/a", "/a"));
    assert_false(mlsel_i_url_same_origin("", ""));
    assert_false(mlsel_i_url_same_origin("http://h%7f/", "http://h%7f/"));
}

static void test_resolve(void **state) {
    static const char *const cases[][3] = {
        {"http://h:1/a/b", "/c?d=1", "http://h:1/c?d=1"},
        {"http://h:1/a/b", "c", "http://h:1/a/c"},
        {"http://h:1/a/b", "https://other/x", "https://other/x"},
        {"http://h:1/a/b", "file:///etc/passwd", NULL},
        {"http://h:1/a/b", "gopher://x/", NULL},
        {"http://h:1/a/b", "http://h%7f/c", NULL},
    };
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        char *to = NULL;
        assert_true(mlsel_i_url_resolve(cases[i][0], cases[i][1], &to));
        if (cases[i][2] == NULL)
            assert_null(to);
        else
            assert_string_equal(to, cases[i][2]);
        mlsel_i_free(to);
    }
}

static void test_append(void **state) {
    char out[32] = "x";
    size_t used = 1;
    (void)state;
    assert_true(mlsel_i_url_append(out, sizeof out, &used, "/a b\xc3\xa9?#%", true));
    assert_string_equal(out, "x/a%20b%C3%A9%3F%23%25");
    assert_false(mlsel_i_url_append(out, sizeof out, &used, "0123456789", true));
    used = 0;
    assert_true(mlsel_i_url_append(out, sizeof out, &used, "refs/pr/1", false));
    assert_string_equal(out, "refs%2Fpr%2F1");
}

static void test_names(void **state) {
    static const char *const good[] = {"a", "knn_model.json", "data/a b/c.jsonl", "..a", "a..b/.c", "\xc3\xa9"};
    static const char *const bad[] = {"",     "/",    "/a",     "a/",  "a//b", ".",    "..",
                                      "../a", "a/..", "a/../b", "./a", "a\\b", "a\nb", "a\x7f"};
    static const char *const repositories[] = {"gpt2", "owner/name", "Owner-1/name_2.x"};
    static const char *const none[] = {"", "/name", "owner/", "a/b/c", "../b", "a/..", "a b/c", "a/b?c", "a/\xc3\xa9"};
    mlsel_error err;
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(good); i++)
        assert_int_equal(mlsel_i_hub_check_file(good[i], &err), MLSEL_OK);
    for (size_t i = 0; i < TEST_LENGTH(bad); i++)
        assert_int_equal(mlsel_i_hub_check_file(bad[i], &err), MLSEL_ERROR_INVALID_ARGUMENT);
    for (size_t i = 0; i < TEST_LENGTH(repositories); i++)
        assert_int_equal(mlsel_i_hub_check_repository(repositories[i], &err), MLSEL_OK);
    for (size_t i = 0; i < TEST_LENGTH(none); i++)
        assert_int_equal(mlsel_i_hub_check_repository(none[i], &err), MLSEL_ERROR_INVALID_ARGUMENT);
    char longest[1100];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(mlsel_i_hub_check_file(longest, &err), MLSEL_ERROR_INVALID_ARGUMENT);
}

static void test_models(void **state) {
    static const struct {
        const char *alias, *name;
        size_t width;
    } models[] = {{"qwen3", "Qwen/Qwen3-Embedding-0.6B", 1024},
                  {"gte", "thenlper/gte-base", 768},
                  {"mpnet", "sentence-transformers/all-mpnet-base-v2", 768},
                  {"e5", "intfloat/e5-base-v2", 768},
                  {"bge", "BAAI/bge-base-en-v1.5", 768}};
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(models); i++) {
        const mlsel_embedding_model *by_alias = mlsel_embedding_model_find(models[i].alias);
        assert_ptr_equal(by_alias, mlsel_embedding_model_find(models[i].name));
        assert_string_equal(by_alias->name, models[i].name);
        assert_int_equal(by_alias->width, models[i].width);
    }
    assert_null(mlsel_embedding_model_find("other"));
    assert_null(mlsel_embedding_model_find(NULL));
    assert_string_equal(mlsel_embedding_prefix(mlsel_embedding_model_find("e5"), NULL), "query: ");
    assert_string_equal(mlsel_embedding_prefix(mlsel_embedding_model_find("e5"), "none"), "");
    assert_string_equal(mlsel_embedding_prefix(mlsel_embedding_model_find("qwen3"), "auto"), "");
    assert_string_equal(mlsel_embedding_prefix(NULL, "e5"), "query: ");
    assert_string_equal(mlsel_embedding_prefix(NULL, "task: "), "task: ");
    assert_memory_equal(mlsel_embedding_prefix(NULL, "qwen3"), "Instruct: ", 10);
}

/* Whatever changes an embedding changes the name. */
static void test_cache_names(void **state) {
    static const struct {
        const char *model, *prefix;
        bool raw;
        size_t dimensions;
        const char *name;
    } cases[] = {{"m", NULL, false, 0, "m"},
                 {"qwen3", NULL, false, 0, "Qwen/Qwen3-Embedding-0.6B"},
                 {"Qwen/Qwen3-Embedding-0.6B", "none", false, 0, "Qwen/Qwen3-Embedding-0.6B"},
                 {"m", "p: ", false, 0, "m prefix=p: "},
                 {"m", NULL, true, 0, "m raw"},
                 {"m", "p", true, 256, "m raw dimensions=256 prefix=p"},
                 {"e5", NULL, false, 0, "intfloat/e5-base-v2 prefix=query: "},
                 {"builtin", "p", true, 0, "builtin-1"}};
    char name[MLSEL_EMBEDDING_NAME_SIZE], *longest = malloc(5000);
    mlsel_error err;
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        test_ok(mlsel_embedding_cache_name(cases[i].model, cases[i].prefix, cases[i].raw, cases[i].dimensions, name,
                                           sizeof name, &err),
                &err);
        assert_string_equal(name, cases[i].name);
    }
    memset(longest, 'a', 4999);
    longest[4999] = '\0';
    assert_int_equal(mlsel_embedding_cache_name("m", longest, false, 0, name, sizeof name, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    free(longest);
}

static void test_options(void **state) {
    static const struct {
        const char *model, *endpoint;
        size_t width, dimensions, batch;
        mlsel_status status;
    } cases[] = {{NULL, "http://h/v1", 0, 0, 32, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"", "http://h/v1", 0, 0, 32, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"m", NULL, 0, 0, 32, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"m", "h/v1", 0, 0, 32, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"m", "file:///v1", 0, 0, 32, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"m", "http://h/v1", 0, 0, 0, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"m", "http://h/v1", 0, 0, 4097, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"m", "http://h/v1", 8, 16, 32, MLSEL_ERROR_DIMENSION},
                 {"builtin", "http://h/v1", 0, 0, 32, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"builtin", NULL, 0, 16, 32, MLSEL_ERROR_INVALID_ARGUMENT},
                 {"nowhere/x.gguf", NULL, 0, 0, 32, MLSEL_ERROR_NOT_FOUND},
                 {EXAMPLE("records.jsonl.gguf"), NULL, 0, 0, 32, MLSEL_ERROR_NOT_FOUND},
                 {"m", "http://h/v1", 8, 8, 4096, MLSEL_OK},
                 {"builtin", NULL, 64, 0, 1, MLSEL_OK}};
    mlsel_error err;
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        mlsel_embedder_options options;
        mlsel_embedder *embedder = NULL;
        mlsel_embedder_options_init(&options);
        options.model = cases[i].model;
        options.endpoint = cases[i].endpoint;
        options.width = cases[i].width;
        options.dimensions = cases[i].dimensions;
        options.batch = cases[i].batch;
        assert_int_equal(mlsel_embedder_open(&options, &embedder, &err), cases[i].status);
        assert_true((embedder != NULL) == (cases[i].status == MLSEL_OK));
        if (embedder != NULL)
            assert_int_equal(mlsel_embedder_width(embedder), cases[i].width);
        mlsel_embedder_close(embedder);
    }
    mlsel_embedder_close(NULL);
}

typedef struct seen {
    size_t n;
    float first[64];
} seen;

static int32_t take(size_t index, const float *values, size_t width, const char *message, void *user) {
    seen *s = user;
    assert_int_equal(index, s->n++);
    assert_null(message);
    if (index == 0)
        memcpy(s->first, values, width * sizeof *values);
    return index == 3;
}

/* More texts than are held at a time, and an end that the caller wants. */
static void test_builtin(void **state) {
    enum { N = 3000 };
    mlsel_embedder_options options;
    mlsel_embedder *embedder = NULL;
    mlsel_error err;
    seen s = {0};
    const char *texts[N];
    (void)state;
    for (size_t i = 0; i < N; i++)
        texts[i] = i % 2 == 0 ? "even" : "odd";
    mlsel_embedder_options_init(&options);
    options.model = "builtin";
    options.width = 64;
    test_ok(mlsel_embedder_open(&options, &embedder, &err), &err);
    assert_int_equal(mlsel_embedder_run(embedder, texts, N, take, &s, &err), MLSEL_ERROR_CANCELLED);
    assert_int_equal(s.n, 4);
    float expected[64];
    test_ok(mlsel_embed_text("even", 4, expected, 64, &err), &err);
    assert_memory_equal(s.first, expected, sizeof expected);
    test_ok(mlsel_embedder_run(embedder, texts, 0, take, &s, &err), &err);
    mlsel_embedder_close(embedder);
}

/* One cache of a model tells its width; two do not, nor does one that is damaged, or of another model. */
static void test_cached_width(void **state) {
    static const float values[8] = {1};
    const char *folder = test_folder();
    char command[512];
    mlsel_cache *cache = NULL;
    mlsel_error err;
    (void)state;
    assert_int_equal(mlsel_embedding_cached_width(folder, "m"), 0);
    assert_int_equal(mlsel_embedding_cached_width("/nowhere", "m"), 0);
    for (size_t width = 4; width <= 8; width += 4) {
        test_ok(mlsel_cache_open(folder, "m", width, &cache, &err), &err);
        test_ok(mlsel_cache_put(cache, "text", 4, values, width, &err), &err);
        mlsel_cache_close(cache);
        assert_int_equal(mlsel_embedding_cached_width(folder, "m"), width == 4 ? 4 : 0);
        assert_int_equal(mlsel_embedding_cached_width(folder, "m raw"), 0);
    }
    snprintf(command, sizeof command, "rm -f '%s'/m-8-*", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(mlsel_embedding_cached_width(folder, "m"), 4);
    snprintf(command, sizeof command,
             "for f in '%s'/*; do printf X | dd of=\"$f\" bs=1 seek=17 conv=notrunc 2>/dev/null; done", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(mlsel_embedding_cached_width(folder, "m"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),  cmocka_unit_test(test_shown),        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_resolve), cmocka_unit_test(test_append),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_models),  cmocka_unit_test(test_cache_names),  cmocka_unit_test(test_options),
        cmocka_unit_test(test_builtin), cmocka_unit_test(test_cached_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
