/* SPDX-License-Identifier: Apache-2.0 */
/* SIGPIPE while libcurl is called; where the guard fails, the signal ends this program. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/client.h"
#include "collect/sigpipe.h"
#include "support.h"

static bool is_blocked(void) {
    sigset_t mask;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    return sigismember(&mask, SIGPIPE) == 1;
}

static bool is_pending(void) {
    sigset_t pending;
    assert_int_equal(sigpending(&pending), 0);
    return sigismember(&pending, SIGPIPE) == 1;
}

/* What OpenSSL does to a connection that the peer has closed. */
static void write_to_nobody(void) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

static void held_back(void **state) {
    (void)state;
    sigpipe_guard guard;
    for (int i = 0; i < 2; i++) {
        mlsel_i_sigpipe_hold(&guard);
        assert_true(is_blocked());
        if (i == 1)
            write_to_nobody();
        assert_int_equal(is_pending(), i);
        mlsel_i_sigpipe_release(&guard);
        assert_false(is_blocked() || is_pending());
    }
}

static void nested(void **state) {
    (void)state;
    sigpipe_guard outer, inner;
    mlsel_i_sigpipe_hold(&outer);
    mlsel_i_sigpipe_hold(&inner);
    write_to_nobody();
    mlsel_i_sigpipe_release(&inner);
    assert_true(is_blocked() && !is_pending());
    write_to_nobody();
    mlsel_i_sigpipe_release(&outer);
    assert_false(is_blocked() || is_pending());
}

/* A host's own: neither lost nor let loose. */
static void of_the_host(void **state) {
    (void)state;
    sigset_t pipe_only, before;
    sigpipe_guard guard;
    int number;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &pipe_only, &before), 0);
    write_to_nobody();
    mlsel_i_sigpipe_hold(&guard);
    write_to_nobody();
    mlsel_i_sigpipe_release(&guard);
    assert_true(is_blocked() && is_pending());
    assert_int_equal(sigwait(&pipe_only, &number), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

/* --- the client --------------------------------------------------------------------------------------------------- */

static int n_opened, n_closed;

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)user, (void)purpose;
    n_opened++;
    write_to_nobody();
    return socket(address->family, address->socktype, address->protocol);
}

static int close_socket(void *user, curl_socket_t fd) {
    (void)user;
    n_closed++;
    write_to_nobody();
    return close(fd);
}

/* Listens and never answers, so that the request is still on its way when the client goes. */
static int listen_only(char *url, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

static void of_the_client(void **state) {
    (void)state;
    const client_options options = {.places = 1, .timeout_s = 60, .connect_timeout_s = 60, .max_body = 1};
    client *c = NULL;
    mlsel_error err;
    char url[64];
    const int fd = listen_only(url, sizeof url);
    n_opened = n_closed = 0;
    test_ok(mlsel_i_client_create(&options, &c, &err), &err);
    client_place *p = mlsel_i_client_take(c);
    assert_int_equal(curl_easy_setopt(p->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket), CURLE_OK);
    assert_int_equal(curl_easy_setopt(p->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket), CURLE_OK);
    assert_int_equal(curl_easy_setopt(p->easy, CURLOPT_PROXY, ""), CURLE_OK);
    mlsel_i_write_raw(&p->body, "{}", 2);
    test_ok(mlsel_i_client_start(c, p, url, NULL, &err), &err);
    while (n_opened == 0)
        test_ok(mlsel_i_client_wait(c, 10, &err), &err);
    const int peer = accept(fd, NULL, NULL);
    assert_true(peer >= 0);
    for (char byte; recv(peer, &byte, 1, MSG_DONTWAIT) != 1;)
        test_ok(mlsel_i_client_wait(c, 10, &err), &err);
    assert_int_equal(n_closed, 0);
    mlsel_i_client_free(c);
    assert_int_equal(n_closed, 1);
    assert_false(is_blocked() || is_pending());
    close(peer);
    close(fd);
}

int main(void) {
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    const struct CMUnitTest tests[] = {cmocka_unit_test(held_back), cmocka_unit_test(nested),
                                       cmocka_unit_test(of_the_host), cmocka_unit_test(of_the_client)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
