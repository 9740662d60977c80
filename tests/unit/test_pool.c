/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of workspaces: blocks come back with what they held, new ones are zeroed, no block has two owners, and as
 * few are made as threads hold at once.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "gate.h"
#include "internal.h"
#include "pool.h"
#include "support.h"

enum { BLOCK_BYTES = 192 };

/* Counts the blocks that are made, and lets only so many succeed. */
static atomic_size_t n_made;
static size_t n_allowed;

static bool count_block(size_t bytes, void *user) {
    (void)user;
    return atomic_fetch_add(&n_made, 1) < n_allowed && bytes >= BLOCK_BYTES;
}

static int setup(void **state) {
    (void)state;
    atomic_store(&n_made, 0);
    n_allowed = SIZE_MAX;
    mlsel_i_set_alloc_hook(count_block, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mlsel_i_set_alloc_hook(NULL, NULL);
    return 0;
}

static bool is_filled(const void *block, unsigned char byte) {
    const unsigned char *bytes = block;
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        if (bytes[i] != byte)
            return false;
    return true;
}

static void one_block(void **state) {
    (void)state;
    block_pool pool;
    mlsel_i_pool_init(&pool, BLOCK_BYTES);
    assert_int_equal(atomic_load(&n_made), 0);
    void *block = mlsel_i_pool_take(&pool);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % MLSEL_ALIGNMENT, 0);
    assert_true(is_filled(block, 0));
    memset(block, 0xa5, BLOCK_BYTES);
    for (int i = 0; i < 1000; i++) {
        mlsel_i_pool_give(&pool, block);
        assert_ptr_equal(mlsel_i_pool_take(&pool), block);
        assert_true(is_filled(block, 0xa5));
    }
    assert_int_equal(atomic_load(&n_made), 1);
    mlsel_i_pool_give(&pool, block);
    mlsel_i_pool_clear(&pool);
    /* what is cleared is empty and can be used again */
    block = mlsel_i_pool_take(&pool);
    assert_true(is_filled(block, 0));
    assert_int_equal(atomic_load(&n_made), 2);
    mlsel_i_pool_give(&pool, block);
    mlsel_i_pool_clear(&pool);
    mlsel_i_pool_clear(&pool);
}

/* More blocks than slots: all are different, those without a slot are freed (a sanitizer would tell), the rest come
 * back. */
static void many_blocks(void **state) {
    (void)state;
    enum { N = POOL_SLOTS + 40 };
    void *blocks[N];
    block_pool pool;
    mlsel_i_pool_init(&pool, BLOCK_BYTES);
    for (size_t i = 0; i < N; i++) {
        blocks[i] = mlsel_i_pool_take(&pool);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i + 1, BLOCK_BYTES);
    }
    assert_int_equal(atomic_load(&n_made), N);
    for (size_t i = 0; i < N; i++)
        assert_true(is_filled(blocks[i], (unsigned char)(i + 1)));
    for (size_t i = 0; i < N; i++)
        mlsel_i_pool_give(&pool, blocks[i]);
    bool seen[N + 1] = {false};
    for (size_t i = 0; i < POOL_SLOTS; i++) {
        blocks[i] = mlsel_i_pool_take(&pool);
        const unsigned char mark = *(const unsigned char *)blocks[i];
        assert_true(mark >= 1 && mark <= N && !seen[mark]);
        seen[mark] = true;
    }
    assert_int_equal(atomic_load(&n_made), N);
    blocks[POOL_SLOTS] = mlsel_i_pool_take(&pool);
    assert_int_equal(atomic_load(&n_made), N + 1);
    for (size_t i = 0; i <= POOL_SLOTS; i++)
        mlsel_i_pool_give(&pool, blocks[i]);
    mlsel_i_pool_clear(&pool);
}

static void out_of_memory(void **state) {
    (void)state;
    block_pool pool;
    mlsel_i_pool_init(&pool, BLOCK_BYTES);
    n_allowed = 1;
    void *block = mlsel_i_pool_take(&pool);
    assert_non_null(block);
    assert_null(mlsel_i_pool_take(&pool));
    assert_null(mlsel_i_pool_take(&pool));
    mlsel_i_pool_give(&pool, block);
    assert_ptr_equal(mlsel_i_pool_take(&pool), block);
    mlsel_i_pool_give(&pool, block);
    mlsel_i_pool_clear(&pool);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

enum { N_THREADS = 24, N_TURNS = 20000 };

typedef struct owner {
    pthread_t thread;
    block_pool *pool;
    gate *start;
    unsigned number;
    bool good;
} owner;

/*
 * Writes into its block, now and then lets others run, and finds it as it was: nobody else has it. Most of the time
 * goes to taking and giving, so that blocks change hands; the writes are plain, so that ThreadSanitizer sees if one
 * thread's do not happen before the next one's.
 */
static void *own_blocks(void *opaque) {
    owner *o = opaque;
    gate_pass(o->start);
    for (unsigned turn = 0; turn < N_TURNS && o->good; turn++) {
        volatile unsigned *block = mlsel_i_pool_take(o->pool);
        if (block == NULL) {
            o->good = false;
            break;
        }
        const unsigned mark = o->number * N_TURNS + turn;
        block[0] = mark;
        if (turn % 64 == o->number)
            sched_yield();
        o->good = block[0] == mark;
        mlsel_i_pool_give(o->pool, (void *)(uintptr_t)block);
        if (turn % 16 == o->number % 16)
            sched_yield();
    }
    return NULL;
}

static void many_owners(void **state) {
    (void)state;
    block_pool pool;
    gate start = {.n_threads = N_THREADS};
    owner owners[N_THREADS];
    mlsel_i_pool_init(&pool, BLOCK_BYTES);
    for (unsigned i = 0; i < N_THREADS; i++) {
        owners[i] = (owner){.pool = &pool, .start = &start, .number = i, .good = true};
        assert_int_equal(pthread_create(&owners[i].thread, NULL, own_blocks, &owners[i]), 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(owners[i].thread, NULL), 0);
        assert_true(owners[i].good);
    }
    /* A block that moves behind a thread's search is not found, so there may be more blocks than threads, but never
     * more than one per slot beside those in use: 480 000 turns would show a pool that forgets. */
    assert_in_range(atomic_load(&n_made), 1, POOL_SLOTS + N_THREADS);
    mlsel_i_pool_clear(&pool);
}

/* --- two threads and one block ----------------------------------------------------------------------------------- */

enum { N_ROUNDS = 20000 };

typedef struct racer {
    pthread_t thread;
    block_pool *pool;
    gate *step;
    void *block;
} racer;

/* Both take at the same moment, and both give at the same moment. */
static void *race(void *opaque) {
    racer *r = opaque;
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        gate_pass(r->step);
        r->block = mlsel_i_pool_take(r->pool);
        gate_pass(r->step); /* the main thread compares */
        gate_pass(r->step);
        mlsel_i_pool_give(r->pool, r->block);
        gate_pass(r->step); /* the main thread counts */
    }
    return NULL;
}

/* Of two that want the one block there is, one gets it; and of two blocks that come back, none is lost. */
static void one_winner(void **state) {
    (void)state;
    block_pool pool;
    gate step = {.n_threads = 3};
    racer racers[2];
    mlsel_i_pool_init(&pool, BLOCK_BYTES);
    mlsel_i_pool_give(&pool, mlsel_i_pool_take(&pool));
    for (size_t i = 0; i < 2; i++) {
        racers[i] = (racer){.pool = &pool, .step = &step};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        gate_pass(&step);
        gate_pass(&step);
        assert_non_null(racers[0].block);
        assert_non_null(racers[1].block);
        assert_ptr_not_equal(racers[0].block, racers[1].block);
        assert_int_equal(atomic_load(&n_made), 2 + round);
        gate_pass(&step);
        gate_pass(&step);
        void *first = mlsel_i_pool_take(&pool), *second = mlsel_i_pool_take(&pool);
        assert_int_equal(atomic_load(&n_made), 2 + round);
        mlsel_i_pool_give(&pool, first);
        mlsel_i_free(second);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
    mlsel_i_pool_clear(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_block, setup, teardown),
        cmocka_unit_test_setup_teardown(many_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(many_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(one_winner, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
