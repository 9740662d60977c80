/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings and downloads without memory: allocation number 0, 1, 2, ... fails, alone or with all that follow, until
 * the operation gets through without one. It must fail with NO_MEMORY, leak nothing (which the address sanitizer sees),
 * and work when it is asked again.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/download.h"
#include "collect/embed.h"
#include "folder.h"
#include "heap_fail.h"

/* --- a server in a thread, which allocates nothing from the library ----------------------------------------------- */

enum { MAX_REQUEST = 1 << 16, MAX_ANSWER = 1 << 16, WIDTH = 4 };

static int listener;
static unsigned port;

/* One embedding for each string of the list "input". */
static int answer_texts(const char *body, char *out, size_t size) {
    const char *at = strstr(body, "\"input\"");
    int n = 0, used = snprintf(out, size, "{\"data\": [");
    for (at = strchr(at, '['); *at != ']'; at++)
        if (*at == '"') {
            at = strchr(at + 1, '"');
            used += snprintf(out + used, size - (size_t)used, "%s{\"index\": %d, \"embedding\": [3, 4, 0, %d]}",
                             n > 0 ? ", " : "", n, 0);
            n++;
        }
    return used + snprintf(out + used, size - (size_t)used, "]}");
}

static void answer(int fd, const char *request, const char *body) {
    static char text[MAX_ANSWER], whole[MAX_ANSWER + 512];
    const bool is_head = strncmp(request, "HEAD", 4) == 0;
    int size;
    if (strncmp(request, "POST", 4) == 0)
        size = answer_texts(body, text, sizeof text);
    else if (strstr(request, "/tree/") != NULL)
        size = snprintf(text, sizeof text, "[{\"type\": \"file\", \"path\": \"knn_model.json\"}, {\"path\": \"x\"}]");
    else
        size = snprintf(text, sizeof text, "abc");
    /* the SHA-256 of "abc" */
    const int length = snprintf(whole, sizeof whole,
                                "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Linked-Size: 3\r\nX-Linked-Etag: "
                                "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\r\n\r\n%.*s",
                                size, is_head ? 0 : size, text);
    (void)!write(fd, whole, (size_t)length);
}

static void serve(int fd) {
    static char request[MAX_REQUEST];
    size_t used = 0;
    for (;;) {
        const ssize_t n = read(fd, request + used, sizeof request - 1 - used);
        if (n <= 0)
            return;
        used += (size_t)n;
        request[used] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (end == NULL)
            continue;
        const char *length = strstr(request, "Content-Length: ");
        const size_t body = length != NULL && length < end ? (size_t)atoi(length + 16) : 0;
        if (used < (size_t)(end + 4 - request) + body)
            continue;
        answer(fd, request, end + 4);
        used = 0;
    }
}

static void *run_server(void *user) {
    (void)user;
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(fd);
        close(fd);
    }
}

/* --- failing allocations ------------------------------------------------------------------------------------------ */

static int32_t take(size_t index, const float *values, size_t width, const char *message, void *user) {
    size_t *n = user;
    (void)message;
    assert_int_equal(index, *n);
    assert_non_null(values);
    assert_int_equal(width, WIDTH);
    test_close((double)values[0], 0.6, 1e-6, "value");
    test_close((double)values[1], 0.8, 1e-6, "value");
    ++*n;
    return 0;
}

static mlsel_status embed(mlsel_error *err) {
    static const char *const texts[] = {"a", "b", "a", "bad \xff", "c"};
    char endpoint[64];
    size_t n = 0;
    mlsel_embedder_options options;
    mlsel_embedder *embedder = NULL;
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u/v1", port);
    mlsel_embedder_options_init(&options);
    options.model = "m";
    options.endpoint = endpoint;
    options.api_key = "key-1234";
    options.cache_dir = test_folder();
    options.batch = 2;
    options.retries = 0;
    mlsel_status status = mlsel_embedder_open(&options, &embedder, err);
    if (status == MLSEL_OK)
        status = mlsel_embedder_run(embedder, texts, TEST_LENGTH(texts), take, &n, err);
    mlsel_embedder_counts counts = {0};
    if (embedder != NULL)
        mlsel_embedder_get_counts(embedder, &counts);
    /* a cache that has no room is no failure of the run */
    const bool is_quiet = counts.not_stored;
    mlsel_embedder_close(embedder);
    if (status == MLSEL_OK) {
        assert_int_equal(n, TEST_LENGTH(texts));
        assert_int_equal(counts.failed, 0);
    }
    if (status == MLSEL_OK && is_quiet)
        return mlsel_i_fail(err, MLSEL_ERROR_NO_MEMORY, "%s", counts.cache_message);
    return status;
}

static mlsel_status download(mlsel_error *err) {
    char hub[64];
    size_t n = 0;
    mlsel_download_options options;
    snprintf(hub, sizeof hub, "http://127.0.0.1:%u", port);
    mlsel_download_options_init(&options, MLSEL_DOWNLOAD_MODELS);
    options.hub = hub;
    options.token = "token-1234";
    options.output_dir = test_folder();
    options.retries = 0;
    const mlsel_status status = mlsel_download(&options, &n, err);
    assert_int_equal(n, status == MLSEL_OK);
    return status;
}

static void exhaust(mlsel_status (*operation)(mlsel_error *err)) {
    enum { MOST = 20000 };
    for (int forever = 0; forever < 2; forever++) {
        size_t n_spared = 0; /* a new file's name is brought to disk where that can be done */
        for (size_t n = 0, refused = 1; refused > 0; n++) {
            mlsel_error err;
            test_empty(test_folder());
            heap_fail_begin(n, forever != 0);
            const mlsel_status status = operation(&err);
            refused = heap_fail_end();
            n_spared += refused > 0 && status == MLSEL_OK;
            if (status != MLSEL_OK || n_spared > 1)
                assert_int_equal(status, refused > 0 ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK);
            assert_int_equal(err.code, status);
            test_ok(operation(&err), &err);
            assert_in_range(n, 0, MOST);
        }
    }
}

static void test_embed(void **state) {
    (void)state;
    exhaust(embed);
}

static void test_download(void **state) {
    (void)state;
    exhaust(download);
}

static int start(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t thread;
    (void)state;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    port = ntohs(address.sin_port);
    if (pthread_create(&thread, NULL, run_server, NULL) != 0)
        return -1;
    return pthread_detach(thread);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_embed), cmocka_unit_test(test_download)};
    return cmocka_run_group_tests(tests, start, NULL);
}
