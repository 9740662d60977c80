/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lanes.h"
#include "support.h"

enum { N = 200 };

static uint64_t out[N];
static uint32_t votes[N];

static void reverse(void *context) {
    (void)context;
    uint64_t *shared = lanes_shared();
    const unsigned self = lanes_thread();
    shared[self] = self * 10;
    lanes_barrier();
    out[self] = shared[N - 1 - self];
}

static void shared_memory_and_barriers(void **state) {
    (void)state;
    lanes_run(N, reverse, NULL, N * sizeof(uint64_t));
    for (unsigned t = 0; t < N; t++)
        assert_int_equal(out[t], (N - 1 - t) * 10);
}

/* The sum of each warp, by halves, as kernels do; the last warp has 8 lanes, of which the exchange stays within. */
static void add_up(void *context) {
    (void)context;
    const unsigned self = lanes_thread(), lane = self % LANES_WIDTH;
    const unsigned width = self / LANES_WIDTH == N / LANES_WIDTH ? N % LANES_WIDTH : LANES_WIDTH;
    uint64_t sum = self;
    for (unsigned step = width / 2; step > 0; step /= 2)
        sum += lanes_exchange(sum, lane ^ step);
    out[self] = sum;
    votes[self] = lanes_ballot(self % 3 == 0);
}

static void warps(void **state) {
    (void)state;
    lanes_run(N, add_up, NULL, 0);
    for (unsigned t = 0; t < N; t++) {
        const unsigned first = t / LANES_WIDTH * LANES_WIDTH;
        uint64_t sum = 0;
        uint32_t bits = 0;
        for (unsigned other = first; other < first + LANES_WIDTH && other < N; other++) {
            sum += other;
            bits |= (uint32_t)(other % 3 == 0) << (other - first);
        }
        assert_int_equal(out[t], sum);
        assert_int_equal(votes[t], bits);
    }
}

/* Threads that are done are not waited for. */
static void leave_early(void *context) {
    (void)context;
    const unsigned self = lanes_thread();
    out[self] = 1;
    if (self % 2 == 1)
        return;
    lanes_barrier();
    out[self] = 2;
    lanes_barrier();
}

static void early_returns(void **state) {
    (void)state;
    lanes_run(N, leave_early, NULL, 0);
    for (unsigned t = 0; t < N; t++)
        assert_int_equal(out[t], t % 2 == 1 ? 1 : 2);
}

static void look(void *context) { memcpy(context, lanes_shared(), 8); }

static void shared_memory_starts_as_garbage(void **state) {
    (void)state;
    unsigned char seen[8];
    lanes_run(1, look, seen, 8);
    for (size_t i = 0; i < sizeof seen; i++)
        assert_int_equal(seen[i], 0xff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_memory_and_barriers),
        cmocka_unit_test(warps),
        cmocka_unit_test(early_returns),
        cmocka_unit_test(shared_memory_starts_as_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
