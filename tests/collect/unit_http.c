/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads and embeddings by a server in this process that says what it is told to. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/download.h"
#include "collect/embed.h"
#include "collect/http_request.h"
#include "folder.h"

/* --- the server --------------------------------------------------------------------------------------------------- */

/* Gives its answers one after the other, each to a connection of its own, which it then closes; the last for ever. */
typedef struct server {
    int fd;
    const char *const *answers;
    size_t n_answers, n_requests;
    pthread_t thread;
    char url[64];
} server;

static void serve_one(server *s, int fd) {
    char request[4096];
    size_t n = 0;
    while (n < sizeof request - 1) {
        const ssize_t came = read(fd, request + n, sizeof request - 1 - n);
        if (came <= 0)
            return;
        n += (size_t)came;
        request[n] = '\0';
        if (strstr(request, "\r\n\r\n") != NULL)
            break;
    }
    const char *answer = s->answers[s->n_requests < s->n_answers ? s->n_requests : s->n_answers - 1];
    s->n_requests++;
    for (size_t size = strlen(answer); size > 0;) {
        const ssize_t sent = send(fd, answer, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        answer += sent;
        size -= (size_t)sent;
    }
    (void)shutdown(fd, SHUT_WR);
    while (read(fd, request, sizeof request) > 0) /* so that nothing is reset */
        continue;
}

static void *serve(void *user) {
    server *s = user;
    for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
        serve_one(s, fd);
        close(fd);
    }
    return NULL;
}

static void start(server *s, const char *const *answers, size_t n) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *s = (server){.fd = socket(AF_INET, SOCK_STREAM, 0), .answers = answers, .n_answers = n};
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &size), 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(server *s) {
    (void)shutdown(s->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->fd);
}

#define HEAD "HTTP/1.1 200 X\r\nConnection: close\r\nETag: \"v1\"\r\nContent-Length: 5\r\n\r\n"
#define STALE "HTTP/1.1 416 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define WHOLE HEAD "hello"
#define CUT HEAD "he"

/* --- downloads ---------------------------------------------------------------------------------------------------- */

static mlsel_status download(const server *s, uint32_t retries, mlsel_error *err) {
    static const char *const files[] = {"a.json"};
    mlsel_download_options options;
    mlsel_download_options_init(&options, MLSEL_DOWNLOAD_DATA);
    options.repository = "test/data";
    options.hub = s->url;
    options.output_dir = test_folder();
    options.files = files;
    options.n_files = 1;
    options.retries = retries;
    options.retry_wait_s = 0.001;
    return mlsel_download(&options, NULL, err);
}

/* The bytes of an earlier call are of another file: it is fetched anew, whatever the number of retries. */
static void test_stale_part(void **state) {
    static const char *const answers[] = {HEAD, STALE, WHOLE};
    server s;
    mlsel_error err;
    (void)state;
    for (uint32_t retries = 0; retries < 2; retries++) {
        start(&s, answers, TEST_LENGTH(answers));
        test_write_text("a.json.part-v1", "old");
        test_ok(download(&s, retries, &err), &err);
        stop(&s);
        assert_int_equal(s.n_requests, 3);
        test_content_is("a.json", "hello");
        assert_int_equal(unlink(test_path("a.json")), 0);
    }
}

/* A server that never sends the whole ends in a failure, not in what has come, which may be nothing. */
static void test_always_stale(void **state) {
    static const char *const answers[] = {HEAD, STALE, CUT, STALE, CUT, STALE, CUT, STALE, CUT, STALE, CUT, STALE, CUT};
    const char *path = test_path("a.json");
    server s;
    mlsel_error err;
    (void)state;
    for (uint32_t retries = 0; retries < 3; retries++) {
        start(&s, answers, TEST_LENGTH(answers));
        test_write_text("a.json.part-v1", "old");
        assert_int_equal(download(&s, retries, &err), MLSEL_ERROR_IO);
        stop(&s);
        /* the first is about the file; one restart costs no attempt, a second stale answer ends it */
        assert_int_equal(s.n_requests, retries == 0 ? 3 : 4);
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

/* --- embeddings --------------------------------------------------------------------------------------------------- */

static int32_t take(size_t index, const float *values, size_t width, const char *message, void *user) {
    (void)index, (void)values, (void)width, (void)message, (void)user;
    return 0;
}

/* The options may go once the embedder is open. */
static void test_options_are_copied(void **state) {
    static const char *const texts[] = {"a"};
    static const char *const answers[] = {
        "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n{\"data\": [{\"embedding\": [1]}]}"};
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    mlsel_embedder_options options;
    mlsel_embedder *embedder = NULL;
    mlsel_error err;
    server s;
    (void)state;
    start(&s, answers, TEST_LENGTH(answers));
    char *paths = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(paths, MAP_FAILED);
    snprintf(paths, page, "/etc/ssl/certs/ca-certificates.crt");
    mlsel_embedder_options_init(&options);
    options.model = "m";
    options.endpoint = s.url;
    options.retries = 0;
    options.ca_path = paths;
    test_ok(mlsel_embedder_open(&options, &embedder, &err), &err);
    assert_int_equal(munmap(paths, page), 0);
    test_ok(mlsel_embedder_run(embedder, texts, 1, take, NULL, &err), &err);
    mlsel_embedder_close(embedder);
    stop(&s);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

/* A server that repeats a key wherever its words are cut. */
static void test_key_is_not_said(void **state) {
    static const char key[] = "hf_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    secret_list secrets = {0};
    mlsel_error err;
    (void)state;
    assert_true(mlsel_i_secrets_add(&secrets, key));
    for (int before = 100; before < 180; before++) {
        char answer[512];
        const char *const answers[] = {answer};
        const http_settings settings = {.max_body = 1 << 16, .secrets = &secrets};
        http_client *client = NULL;
        http_response response;
        server s;
        snprintf(answer, sizeof answer, "HTTP/1.1 400 X\r\nConnection: close\r\n\r\n%0*d%s%032d", before, 0, key, 0);
        start(&s, answers, 1);
        test_ok(mlsel_i_http_open(&settings, &client, &err), &err);
        const http_request request = {.method = "GET", .url = s.url};
        assert_int_equal(mlsel_i_http_send(client, &request, &response, &err), MLSEL_ERROR_IO);
        assert_null(strstr(err.message, "hf_"));
        mlsel_i_http_free(&response);
        mlsel_i_http_close(client);
        stop(&s);
    }
    mlsel_i_secrets_free(&secrets);
}

int main(void) {
    static const char *const proxies[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < TEST_LENGTH(proxies); i++)
        unsetenv(proxies[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stale_part),
        cmocka_unit_test(test_always_stale),
        cmocka_unit_test(test_options_are_copied),
        cmocka_unit_test(test_key_is_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
