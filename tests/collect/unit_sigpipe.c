/* SPDX-License-Identifier: Apache-2.0 */
/* SIGPIPE while libcurl is called; where the guard fails, the signal ends this program. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <unistd.h>

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

int main(void) {
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    const struct CMUnitTest tests[] = {cmocka_unit_test(held_back), cmocka_unit_test(nested),
                                       cmocka_unit_test(of_the_host)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
