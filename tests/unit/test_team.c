/* SPDX-License-Identifier: Apache-2.0 */
/* Teams: each part is done once, by several threads where there are several, and calls at the same time do not wait. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "team.h"

enum { MAX_PARTS = 300, N_CALLERS = 4, N_CALLS = 200 };

static thread_team *create(uint32_t threads) {
    mlsel_error err;
    thread_team *made = NULL;
    test_ok(mlsel_i_team_create(threads, &made, &err), &err);
    assert_int_equal(mlsel_i_team_size(made), threads);
    return made;
}

static void count_part(void *context, size_t part) {
    atomic_int *counts = context;
    atomic_fetch_add(&counts[part], 1);
}

static void run_and_check(thread_team *team, size_t n_parts) {
    atomic_int counts[MAX_PARTS];
    for (size_t i = 0; i < MAX_PARTS; i++)
        atomic_init(&counts[i], 0);
    mlsel_i_team_run(team, count_part, counts, n_parts);
    for (size_t i = 0; i < MAX_PARTS; i++)
        assert_int_equal(atomic_load(&counts[i]), i < n_parts ? 1 : 0);
}

static void each_part_once(void **state) {
    (void)state;
    run_and_check(NULL, 7);
    for (uint32_t threads = 2; threads <= 5; threads++) {
        thread_team *made = create(threads);
        for (size_t n = 0; n <= MAX_PARTS; n += n < 12 ? 1 : 36)
            run_and_check(made, n);
        mlsel_i_team_free(made);
    }
}

/* Parts that wait for each other end only if different threads do them. */
typedef struct meeting {
    pthread_barrier_t barrier;
    pthread_t threads[3];
    sigset_t masks[3];
} meeting;

static void meet(void *context, size_t part) {
    meeting *m = context;
    m->threads[part] = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &m->masks[part]);
    pthread_barrier_wait(&m->barrier);
}

static void at_the_same_time(void **state) {
    (void)state;
    meeting m;
    assert_int_equal(pthread_barrier_init(&m.barrier, NULL, 3), 0);
    thread_team *made = create(3);
    mlsel_i_team_run(made, meet, &m, 3);
    mlsel_i_team_free(made);
    pthread_barrier_destroy(&m.barrier);
    for (size_t i = 0; i < 3; i++) {
        assert_false(pthread_equal(m.threads[i], m.threads[(i + 1) % 3]));
        /* signals go to the host's threads */
        assert_int_equal(sigismember(&m.masks[i], SIGTERM), !pthread_equal(m.threads[i], pthread_self()));
    }
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &m.masks[0]), 0);
    assert_int_equal(sigismember(&m.masks[0], SIGTERM), 0);
}

static void *call_often(void *context) {
    for (int i = 0; i < N_CALLS; i++)
        run_and_check(context, (size_t)(i % 9));
    return NULL;
}

static void many_callers(void **state) {
    (void)state;
    pthread_t callers[N_CALLERS];
    thread_team *made = create(3);
    for (size_t i = 0; i < N_CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, call_often, made), 0);
    for (size_t i = 0; i < N_CALLERS; i++)
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    mlsel_i_team_free(made);
}

/* A child process has none of the threads; it still gets its answers and can let go. */
static void after_fork(void **state) {
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip();
#endif
    thread_team *made = create(3);
    run_and_check(made, 5);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        atomic_int counts[5] = {0};
        mlsel_i_team_run(made, count_part, counts, 5);
        mlsel_i_team_free(made);
        _exit(atomic_load(&counts[0]) == 1 && atomic_load(&counts[4]) == 1 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    mlsel_i_team_free(made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_once),
        cmocka_unit_test(at_the_same_time),
        cmocka_unit_test(many_callers),
        cmocka_unit_test(after_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
