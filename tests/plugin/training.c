/* SPDX-License-Identifier: Apache-2.0 */
/* Training with a device whose plugin is not there, or does not train: what is said, and what "auto" makes of it. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mlsel_train.h"
#include "support.h"

static mlsel_dataset *make_dataset(void) {
    mlsel_dataset *d = NULL;
    mlsel_error err;
    test_ok(mlsel_dataset_create(&d, &err), &err);
    for (int q = 0; q < 6; q++)
        for (int m = 0; m < 2; m++) {
            const float embedding[2] = {(float)q, 1};
            char text[16];
            mlsel_record r;
            snprintf(text, sizeof text, "query %d", q);
            mlsel_record_init(&r, sizeof r);
            r.query = text;
            r.model = m == 0 ? "a" : "b";
            r.quality = (q + m) % 2;
            r.embedding = embedding;
            r.n_embedding = 2;
            test_ok(mlsel_dataset_add(d, &r, &err), &err);
        }
    return d;
}

static mlsel_status train(mlsel_algorithm algorithm, const char *device, mlsel_training_info *info, mlsel_error *err) {
    mlsel_dataset *d = make_dataset();
    mlsel_train_options o;
    mlsel_training *training = NULL;
    mlsel_train_options_init(&o, sizeof o);
    o.device = device;
    o.mlp_epochs = 1;
    o.mlp_hidden[0] = 4;
    o.n_mlp_hidden = 1;
    const mlsel_status status = mlsel_train(d, algorithm, &o, &training, err);
    if (status == MLSEL_OK)
        test_ok(mlsel_training_get_info(training, info, sizeof *info, err), err);
    mlsel_training_free(training);
    mlsel_dataset_free(d);
    return status;
}

static void need_word(const char *message, const char *word) {
    if (strstr(message, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, word);
}

/* Whatever is trained, as the time for the others would be lost. */
static void refused(const char *device, mlsel_status expected, const char *word) {
    mlsel_training_info info;
    mlsel_error err;
    for (mlsel_algorithm a = MLSEL_ALGORITHM_KNN; a <= MLSEL_ALGORITHM_MLP; a++) {
        assert_int_equal(train(a, device, &info, &err), expected);
        need_word(err.message, device);
        need_word(err.message, word);
    }
}

static void taken_by_the_cpu(const char *device) {
    mlsel_training_info info;
    mlsel_error err;
    test_ok(train(MLSEL_ALGORITHM_MLP, device, &info, &err), &err);
    assert_string_equal(info.device, "cpu");
}

static void does_not_train(void) {
    refused("cuda", MLSEL_ERROR_UNSUPPORTED, "does not train");
    refused("cuda:1", MLSEL_ERROR_UNSUPPORTED, "train on \"cpu\"");
    taken_by_the_cpu("auto");
}

/* A plugin is opened once in a process. */
static void in_a_process(const char *folder, const char *behaviour, void (*body)(void)) {
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("MLSEL_PLUGIN_PATH", folder, 1);
        setenv("FAKE_BACKEND", behaviour, 1);
        body();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void plugins_that_do_not_train(void **state) {
    (void)state;
    static const char *const behaviours[] = {"", "no-extension", "old-training", "no-training-function"};
    for (size_t i = 0; i < TEST_LENGTH(behaviours); i++)
        in_a_process(PLUGIN_FOLDERS "/good", behaviours[i], does_not_train);
}

static void no_plugin(void) {
    refused("cuda", MLSEL_ERROR_DEVICE, "no plugin found");
    refused("toaster", MLSEL_ERROR_INVALID_ARGUMENT, "expected cpu, cuda");
    taken_by_the_cpu("auto");
    taken_by_the_cpu("cpu");
    taken_by_the_cpu(NULL);
}

static void other_version(void) { refused("cuda", MLSEL_ERROR_VERSION, "another version of mlsel"); }

static void no_driver(void) { refused("cuda", MLSEL_ERROR_DEVICE, "libfake.so.1 is not installed"); }

static void devices_that_are_not_there(void **state) {
    (void)state;
    in_a_process(PLUGIN_FOLDERS "/empty", "", no_plugin);
    in_a_process(PLUGIN_FOLDERS "/good", "version", other_version);
    in_a_process(PLUGIN_FOLDERS "/good", "no-driver", no_driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_that_do_not_train),
        cmocka_unit_test(devices_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
