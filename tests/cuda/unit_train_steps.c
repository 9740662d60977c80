/* SPDX-License-Identifier: Apache-2.0 */
/* Training steps of the device against those that PyTorch recorded, and against the CPU's, whose numbers of chance are
 * the same. */
#include "train/mlp_device.h"

#include "../train/unit_mlp_recorded.h"

static train_run device_run(mlsel_error *err) {
    train_run run = {.err = err};
    test_ok(mlsel_i_train_device_find("cuda", &run.device, err), err);
    assert_non_null(run.device.mlp);
    return run;
}

/* --- PyTorch ------------------------------------------------------------------------------------------------------ */

static void check_case(const cJSON *recorded) {
    size_t widths[MLP_MAX_LAYERS + 1] = {0}, largest = 0;
    const size_t n_layers = read_widths(recorded, widths);
    mlsel_error err = {0};
    train_run run = device_run(&err);
    recorded_rows r;
    mlp_net net;
    mlp_device device;
    double before = 0;
    read_rows(recorded, widths[0], widths[n_layers], &r);
    for (size_t i = 0; i < r.n_steps; i++)
        largest = r.sizes[i] > largest ? r.sizes[i] : largest;
    test_ok(mlsel_i_mlp_net_create_values(&net, widths, n_layers, &run), &err);
    net.weight_decay = test_need_number(recorded, "weight_decay");
    set_layers(&net, test_need(recorded, "before"));
    test_ok(mlsel_i_mlp_device_create(&device, &net, &r.examples, r.examples.n, largest, &run), &err);
    test_ok(mlsel_i_mlp_device_begin(&device, r.order, r.examples.n), &err);
    for (size_t i = 0; i < r.n_steps; i++) {
        const uint32_t rows = (uint32_t)r.sizes[i];
        double sum = 0;
        test_ok(mlsel_i_mlp_device_steps(&device, &rows, 1, test_need_number(recorded, "learning_rate"), &sum), &err);
        test_close(sum - before, cJSON_GetArrayItem(test_need(recorded, "losses"), (int)i)->valuedouble, tolerance,
                   "loss");
        before = sum;
    }
    test_ok(mlsel_i_mlp_device_read(&device, false, &net), &err);
    check_layers(&net, test_need(recorded, "after"));
    mlsel_i_mlp_device_free(&device);
    mlsel_i_mlp_net_free(&net);
    assert_true(run.bytes == 0);
    free_rows(&r);
}

static void steps_are_pytorchs(void **state) {
    (void)state;
    cJSON *root = test_parse_file(FIXTURE("train_mlp_steps.json"));
    const cJSON *cases = test_need(root, "cases"), *recorded;
    assert_true(cJSON_GetArraySize(cases) > 0);
    cJSON_ArrayForEach (recorded, cases)
        check_case(recorded);
    cJSON_Delete(root);
}

/* --- the CPU ------------------------------------------------------------------------------------------------------ */

enum { N_LAYERS = 3, N_ROWS = 75, N_QUERIES = 60, STRIDE = 80 };

/* Layers of more than one block, and of parts of one; steps of more rows than a panel, and a last one of 2. */
static const size_t net_widths[N_LAYERS + 1] = {70, 45, 32, 5};
static const uint32_t step_rows[] = {33, 33, 7, 2};

typedef struct problem {
    float x[N_QUERIES * STRIDE], weight[N_ROWS], target[N_ROWS * 5];
    uint32_t query[N_ROWS], label[N_ROWS], order[N_ROWS + 1];
    mlp_examples examples;
} problem;

static void make_problem(bool has_labels, problem *p) {
    random_state r;
    mlsel_i_random_seed(&r, 11, 0);
    memset(p, 0, sizeof *p);
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < net_widths[0]; i++)
            p->x[q * STRIDE + i] = (float)mlsel_i_random_normal(&r);
    for (size_t i = 0; i < N_ROWS; i++) {
        p->query[i] = (uint32_t)mlsel_i_random_below(&r, N_QUERIES);
        p->label[i] = (uint32_t)mlsel_i_random_below(&r, 5);
        p->weight[i] = (float)(0.1 + 0.9 * mlsel_i_random_unit(&r));
        for (size_t o = 0; o < 5; o++)
            p->target[i * 5 + o] = mlsel_i_random_below(&r, 6) == 0 ? NAN : (float)mlsel_i_random_unit(&r);
    }
    mlsel_i_random_permutation(&r, p->order, N_ROWS);
    p->order[N_ROWS] = p->order[0]; /* for evaluations, which take N_ROWS at a time here */
    p->examples = (mlp_examples){.n = N_ROWS,
                                 .n_outputs = 5,
                                 .x = p->x,
                                 .stride = STRIDE,
                                 .query = p->query,
                                 .label = has_labels ? p->label : NULL,
                                 .weight = has_labels ? p->weight : NULL,
                                 .target = has_labels ? NULL : p->target};
}

static void set_up(mlp_net *net) {
    mlsel_i_mlp_net_start(net, 3);
    net->dropout = 0.3;
    net->weight_decay = 0.05;
    net->learning_rate = 0.01;
}

/* Sum of the mean losses of an epoch on the CPU. */
static double cpu_epoch(mlp_net *net, const problem *p) {
    double sum = 0;
    size_t at = 0;
    for (size_t i = 0; i < TEST_LENGTH(step_rows); i++) {
        const size_t next = at + step_rows[i], n_next = i + 1 < TEST_LENGTH(step_rows) ? step_rows[i + 1] : 0;
        const mlp_loss loss =
            mlsel_i_mlp_net_step(net, &p->examples, p->order + at, step_rows[i], p->order + next, n_next);
        sum += loss.sum / loss.weight;
        at = next;
    }
    return sum;
}

static const double loss_tolerance = 5e-6;

static double largest_difference(const mlp_net *a, const mlp_net *b) {
    double largest = 0;
    assert_true(a->n_values == b->n_values);
    for (size_t i = 0; i < a->n_values; i++)
        largest = fmax(largest, fabs((double)a->memory[i] - (double)b->memory[i]));
    return largest;
}

/*
 * What is dropped is the same, so all differences are of rounding. Adam divides gradients by their size, so that one of
 * nothing but rounding is a step like any other, and differences grow. The measure is how far two tables of the CPU's
 * kernels are from each other after as many steps.
 */
static void steps_are_the_cpus(bool has_labels) {
    static problem p;
    mlsel_error err = {0};
    train_run run = device_run(&err);
    mlp_net cpu, other, net;
    mlp_device device;
    mlp_loss loss;
    double sum = 0;
    make_problem(has_labels, &p);
    test_ok(mlsel_i_mlp_net_create(&cpu, net_widths, N_LAYERS, 33, &run), &err);
    test_ok(mlsel_i_mlp_net_create(&other, net_widths, N_LAYERS, 33, &run), &err);
    test_ok(mlsel_i_mlp_net_create_values(&net, net_widths, N_LAYERS, &run), &err);
    cpu.kernels = &mlsel_i_mlp_kernels_reference;
    other.kernels = &mlsel_i_mlp_kernels_portable;
    set_up(&cpu);
    set_up(&other);
    set_up(&net);
    float *kept = malloc(net.n_values * sizeof *kept);
    assert_non_null(kept);
    test_ok(mlsel_i_mlp_device_create(&device, &net, &p.examples, N_QUERIES, 33, &run), &err);
    for (int epoch = 0; epoch < 3; epoch++) {
        test_ok(mlsel_i_mlp_device_begin(&device, p.order, N_ROWS), &err);
        test_ok(mlsel_i_mlp_device_steps(&device, step_rows, 1, 0.01, &sum), &err);
        test_ok(mlsel_i_mlp_device_steps(&device, step_rows + 1, 3, 0.01, &sum), &err);
        test_close(sum, cpu_epoch(&cpu, &p), loss_tolerance, "training loss");
        (void)cpu_epoch(&other, &p);
        const size_t first = epoch == 0 ? 7 : 0, n = epoch == 0 ? 41 : N_ROWS + 1;
        test_ok(mlsel_i_mlp_device_evaluate(&device, p.order + first, n, &loss), &err);
        const mlp_loss expected = mlsel_i_mlp_net_evaluate(&cpu, &p.examples, p.order + first, n, NULL);
        test_close(loss.sum / loss.weight, expected.sum / expected.weight, loss_tolerance, "validation loss");
        assert_true(loss.weight == expected.weight && loss.weight > 0);
        if (epoch == 1)
            test_ok(mlsel_i_mlp_device_keep(&device), &err);
        test_ok(mlsel_i_mlp_device_read(&device, false, &net), &err);
        if (epoch == 1)
            memcpy(kept, net.memory, net.n_values * sizeof *kept);
        const double difference = largest_difference(&net, &cpu), measure = largest_difference(&other, &cpu);
        print_message("epoch %d: parameters differ by %.2g, those of the CPU's kernels by %.2g\n", epoch + 1,
                      difference, measure);
        assert_true(difference < 10 * measure + 1e-6);
    }
    test_ok(mlsel_i_mlp_device_read(&device, true, &net), &err); /* of the second epoch */
    assert_memory_equal(net.memory, kept, net.n_values * sizeof *kept);
    free(kept);
    mlsel_i_mlp_device_free(&device);
    mlsel_i_mlp_net_free(&net);
    mlsel_i_mlp_net_free(&other);
    mlsel_i_mlp_net_free(&cpu);
    assert_true(run.bytes == 0);
}

static void steps_with_labels(void **state) {
    (void)state;
    steps_are_the_cpus(true);
}

static void steps_with_targets(void **state) {
    (void)state;
    steps_are_the_cpus(false);
}

/* More steps than the device is given at a time come to what they come to one by one. */
static void many_steps(void **state) {
    (void)state;
    enum { N_STEPS = 300, WIDTHS = 3, ROWS = 2 };
    static const size_t widths[WIDTHS] = {4, 3, 2};
    static float x[N_STEPS * ROWS * 4], weight[N_STEPS * ROWS];
    static uint32_t label[N_STEPS * ROWS], order[N_STEPS * ROWS], rows[N_STEPS];
    const mlp_examples e = {.n = N_STEPS * ROWS, .n_outputs = 2, .x = x, .stride = 4, .label = label, .weight = weight};
    mlsel_error err = {0};
    train_run run = device_run(&err);
    mlp_net nets[2];
    double sums[2] = {0, 0};
    random_state r;
    mlsel_i_random_seed(&r, 1, 0);
    for (uint32_t i = 0; i < e.n; i++) {
        for (size_t f = 0; f < 4; f++)
            x[i * 4 + f] = (float)mlsel_i_random_normal(&r);
        label[i] = i % 2;
        weight[i] = 1;
        order[i] = i;
        rows[i / ROWS] = ROWS;
    }
    for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
        mlp_net *net = &nets[one_by_one];
        mlp_device device;
        test_ok(mlsel_i_mlp_net_create_values(net, widths, WIDTHS - 1, &run), &err);
        set_up(net);
        test_ok(mlsel_i_mlp_device_create(&device, net, &e, e.n, ROWS, &run), &err);
        test_ok(mlsel_i_mlp_device_begin(&device, order, e.n), &err);
        for (size_t done = 0; done < N_STEPS; done += one_by_one ? 1 : N_STEPS)
            test_ok(mlsel_i_mlp_device_steps(&device, rows, one_by_one ? 1 : N_STEPS, 0.01, &sums[one_by_one]), &err);
        test_ok(mlsel_i_mlp_device_read(&device, false, net), &err);
        mlsel_i_mlp_device_free(&device);
    }
    assert_true(sums[0] == sums[1] && sums[0] > 0);
    assert_memory_equal(nets[0].memory, nets[1].memory, nets[0].n_values * sizeof(float));
    mlsel_i_mlp_net_free(&nets[0]);
    mlsel_i_mlp_net_free(&nets[1]);
}

/* What a caller must not ask for is refused, not done beyond the end of a buffer. */
static void refuses_too_many_rows(void **state) {
    (void)state;
    static problem p;
    static const uint32_t too_many[] = {34}, beyond[] = {33, 33, 33}, none[] = {0};
    uint32_t longer[N_ROWS + 2] = {0};
    mlsel_error err = {0};
    train_run run = device_run(&err);
    mlp_net net;
    mlp_device device;
    double sum = 0;
    make_problem(true, &p);
    test_ok(mlsel_i_mlp_net_create_values(&net, net_widths, N_LAYERS, &run), &err);
    test_ok(mlsel_i_mlp_device_create(&device, &net, &p.examples, N_QUERIES, 33, &run), &err);
    test_ok(mlsel_i_mlp_device_begin(&device, p.order, N_ROWS), &err);
    assert_int_equal(mlsel_i_mlp_device_steps(&device, too_many, 1, 0.01, &sum), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_i_mlp_device_steps(&device, beyond, 3, 0.01, &sum), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_i_mlp_device_steps(&device, none, 1, 0.01, &sum), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_i_mlp_device_begin(&device, longer, N_ROWS + 2), MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_i_mlp_device_free(&device);
    mlsel_i_mlp_net_free(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_pytorchs),    cmocka_unit_test(steps_with_labels),
        cmocka_unit_test(steps_with_targets),    cmocka_unit_test(many_steps),
        cmocka_unit_test(refuses_too_many_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
