/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of strangers: what they can prove, and what they cannot do. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/code_run.h"
#include "collect/code_run_internal.h"
#include "collect/metric.h"
#include "folder.h"
#include "support.h"

static mlsel_code_runner *runner;

/* Limits that end a test in seconds. */
static mlsel_code_options small_options(void) {
    mlsel_code_options o;
    mlsel_code_options_init(&o);
    o.folder = test_folder();
    o.cpu_seconds = 2;
    o.wall_seconds = 20; /* machines that run tests are busy */
    o.memory_bytes = (uint64_t)256 << 20;
    o.file_bytes = 1 << 20;
    return o;
}

static mlsel_code_outcome run_with(const mlsel_code_runner *r, const char *code, const char *assertion) {
    mlsel_code_outcome outcome = 0;
    mlsel_error err;
    test_ok(mlsel_code_run_one(r, code, assertion, &outcome, &err), &err);
    return outcome;
}

static mlsel_code_outcome run(const char *code, const char *assertion) { return run_with(runner, code, assertion); }

#define HOLDS(code, assertion) assert_int_equal(run(code, assertion), MLSEL_CODE_HELD)
#define FAILS(code, assertion) assert_int_equal(run(code, assertion), MLSEL_CODE_FAILED)

static const char add[] = "def add(a, b):\n    return a + b\n";

static void test_assertions(void **state) {
    (void)state;
    HOLDS(add, "assert add(1, 2) == 3");
    FAILS(add, "assert add(1, 2) == 4");
    FAILS(add, "assert subtract(1, 2) == 4");
    FAILS("def add(a, b:\n", "assert True"); /* no Python */
    FAILS("\xff\xfe", "assert True");
    HOLDS("", "assert True");
    FAILS("", "assert");
    HOLDS("s = '\xc3\xa9\xe2\x82\xac'", "assert s == '\\u00e9\\u20ac'");
    /* names of the program can be used within its functions, and a program that asks whether it is the main one is not
     */
    /* modules in C, for which Python has to find its own folder */
    HOLDS("import math, json, decimal, array, _struct", "assert decimal.Decimal(1) == 1");
    HOLDS("import math\ndef f(n):\n    return 1 if n == 0 else n * f(n - 1)\n", "assert f(5) == math.factorial(5)");
    HOLDS("if __name__ == '__main__':\n    raise SystemExit(1)\n", "assert True");
    /* the order of sets is the same in every run */
    HOLDS("", "assert hash('mlsel') == hash('mlsel')");
}

static void test_early_end(void **state) {
    (void)state;
    FAILS("import sys\nsys.exit(0)", "assert False");
    FAILS("import os\nos._exit(0)", "assert False");
    FAILS("def f():\n    raise SystemExit(0)\n", "assert f() == 1");
    FAILS("import os\nos.close(4)", "assert True"); /* nowhere to say it */
    FAILS("import os\nos.write(4, b'0' * 32)", "assert False");
    FAILS("import os\nos.write(4, b'0' * 100000)", "assert False");
    FAILS("import builtins\nbuiltins.exec = lambda *a: None", "assert False");
    FAILS("import ctypes\nctypes.string_at(0)", "assert True"); /* crashes */
}

static void test_time(void **state) {
    (void)state;
    FAILS("while True:\n    pass\n", "assert True"); /* processor time */
    mlsel_code_options o = small_options();
    mlsel_code_runner *hasty;
    mlsel_error err;
    o.wall_seconds = 1;
    test_ok(mlsel_code_runner_create(&o, &hasty, &err), &err);
    assert_int_equal(run_with(hasty, "import time\ntime.sleep(100)", "assert True"), MLSEL_CODE_TIMED_OUT);
    mlsel_code_runner_free(hasty);
}

static void test_memory(void **state) {
    (void)state;
    HOLDS("x = bytearray(64 << 20)", "assert len(x) == 64 << 20");
    FAILS("x = bytearray(1 << 30)", "assert True");
    FAILS("x = []\nwhile True:\n    x.append(bytearray(1 << 20))", "assert True");
}

/* Output is thrown away, however much, and there is no input. */
static void test_output(void **state) {
    (void)state;
    HOLDS("import sys\nfor i in range(1000):\n    print('x' * 10000)\n    sys.stderr.write('y' * 10000)\n",
          "assert True");
    FAILS("input()", "assert True");
    HOLDS("import sys", "assert sys.stdin.read() == ''");
}

static void test_processes(void **state) {
    (void)state;
    if ((mlsel_code_runner_layers(runner) & MLSEL_CODE_CALLS) == 0) {
        print_message("SKIP checks of processes, which this system cannot refuse\n");
        return;
    }
    FAILS("import os\nos.fork()", "assert True");
    FAILS("import os\nwhile True:\n    os.fork()", "assert True");
    FAILS("import subprocess\nsubprocess.run(['/bin/true'])", "assert True");
    FAILS("import os\nos.kill(os.getppid(), 0)", "assert True");
    FAILS("import os\nos.kill(-1, 0)", "assert True");
    FAILS("import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU)", "assert True");
    HOLDS("import threading\nx = []\nt = threading.Thread(target=lambda: x.append(1))\nt.start()\nt.join()",
          "assert x == [1]");
}

static void test_network(void **state) {
    (void)state;
    if ((mlsel_code_runner_layers(runner) & (MLSEL_CODE_CALLS | MLSEL_CODE_NETWORK)) == 0) {
        print_message("SKIP checks of the network, which this system cannot refuse\n");
        return;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 8) == 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    char connects[256];
    (void)snprintf(connects, sizeof connects, "import socket\ns = socket.socket()\ns.connect(('127.0.0.1', %d))\n",
                   ntohs(address.sin_port));
    static const char sends[] =
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))";
    static const char opens[] = "import socket\nsocket.socket(socket.AF_UNIX)";
    const char *const attempts[] = {connects, sends, opens};
    mlsel_code_runner free_one = *runner;
    free_one.layers = 0;
    for (size_t i = 0; i < TEST_LENGTH(attempts); i++) {
        assert_int_equal(run_with(&free_one, attempts[i], "assert True"), MLSEL_CODE_HELD); /* somebody is there */
        FAILS(attempts[i], "assert True");
    }
    close(listener);
    if ((mlsel_code_runner_layers(runner) & MLSEL_CODE_NETWORK) != 0) /* no interface but one that is down */
        HOLDS("", "assert open('/proc/net/route').read().count('\\n') <= 1");
}

static void test_files(void **state) {
    (void)state;
    char code[4096];
    if ((mlsel_code_runner_layers(runner) & MLSEL_CODE_FILES) == 0) {
        print_message("SKIP checks of files, which this system cannot protect\n");
        return;
    }
    const char *outside = test_write_text("outside", "kept");
    assert_int_equal(chmod(outside, 0644), 0);
    static const char *const attempts[] = {
        "open(%s, 'w')",
        "open(%s, 'a').write('x')",
        "open(%s + '2', 'w')",
        "import os; os.unlink(%s)",
        "import os; os.truncate(%s, 0)",
        "import os; os.rename(%s, %s + '3')",
        "import os; os.mkdir(%s + '4')",
        "import os; os.symlink('x', %s + '5')",
        "import os; os.link(%s, %s + '6')",
        "import os; os.chmod(%s, 0o777)",
        "import os; os.utime(%s, (0, 0))",
    };
    for (size_t i = 0; i < TEST_LENGTH(attempts); i++) {
        char quoted[1100];
        (void)snprintf(quoted, sizeof quoted, "'%s'", outside);
        (void)snprintf(code, sizeof code, attempts[i], quoted, quoted);
        if (run(code, "assert True") != MLSEL_CODE_FAILED)
            fail_msg("%s was possible", code);
    }
    struct stat info;
    assert_int_equal(stat(outside, &info), 0);
    assert_int_equal(info.st_size, 4);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(test_count_files(test_folder()), 1);
    assert_int_equal(unlink(outside), 0);
    /* files of the host are closed, the environment is gone */
    HOLDS("import os", "assert sorted(os.listdir('/proc/self/fd'))[:5] == ['0', '1', '2', '3', '4']");
    HOLDS("import os", "assert len(os.listdir('/proc/self/fd')) <= 6");
    HOLDS("import os", "assert 'MLSEL_TEST_SECRET' not in os.environ");
}

/* Its own folder is empty, its own, and removed whatever it holds. */
static void test_own_folder(void **state) {
    (void)state;
    HOLDS("import os", "assert os.listdir('.') == [] and os.getcwd() == os.environ['HOME']");
    HOLDS("open('a', 'w').write('x' * 1000)", "assert open('a').read() == 'x' * 1000");
    FAILS("f = open('a', 'w')\nfor i in range(1000):\n    f.write('x' * 10000)\nf.flush()", "assert True");
    HOLDS("import os\nfor i in range(300):\n    os.mkdir('d')\n    open('f', 'w').close()\n    os.chdir('d')\n",
          "assert True");
    HOLDS("import os\nos.makedirs('a/b/c')\nos.symlink('/', 'a/b/root')\nos.symlink('..', 'a/up')\n"
          "for i in range(50):\n    os.makedirs('.%d/.%d/.%d' % (i, i, i))\n",
          "assert True");
    HOLDS("import os\nos.umask(0o777)\nos.makedirs('closed')\nos.close(os.open('f', os.O_CREAT))", "assert True");
    assert_int_equal(test_count_files(test_folder()), 0);
}

/* Through the metric: shares, code in fences, lists of assertions as text. */
static void test_metric(void **state) {
    (void)state;
    static const char response[] = "Here you are:\n```python\ndef add(a, b):\n    return a + b\n```\nIt adds.";
    static const char *const list[] = {"assert add(1, 2) == 3", "assert add(1, 2) == 4", "assert add(0, 0) == 0",
                                       "assert add('a', 'b') == 'ab'"};
    static const char *const text[] = {
        "['assert add(1, 2) == 3', \"assert add('a', 'b') == 'ab'\", 'assert add(\"\\'\", \\'\\') == 1']"};
    const mlsel_metric_options options = {.run_code = mlsel_code_run, .user = runner};
    mlsel_metric_task task = {.metric = "code_eval", .truths = list, .n_truths = TEST_LENGTH(list)};
    mlsel_metric_result result;
    mlsel_error err;
    test_ok(mlsel_metric_score(&task, response, &options, &result, &err), &err);
    test_close(result.performance, 0.75, 1e-12, "three of four");
    assert_int_equal(result.basis, MLSEL_METRIC_BY_SHARE);
    task.truths = text;
    task.n_truths = 1;
    test_ok(mlsel_metric_score(&task, response, &options, &result, &err), &err);
    test_close(result.performance, 2.0 / 3, 1e-12, "two of three");
    test_ok(mlsel_metric_score(&task, "I cannot program.", &options, &result, &err), &err);
    assert_true(result.is_known && result.performance == 0);
    test_ok(mlsel_metric_score(&task, "", &options, &result, &err), &err);
    assert_true(result.is_known && result.performance == 0);
}

static void test_refused(void **state) {
    (void)state;
    mlsel_code_options o = small_options();
    mlsel_code_runner *none = NULL;
    mlsel_error err;
    o.python = "no-such-python";
    assert_int_equal(mlsel_code_runner_create(&o, &none, &err), MLSEL_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "no-such-python"));
    o.python = "/bin/true";
    assert_int_equal(mlsel_code_runner_create(&o, &none, &err), MLSEL_ERROR_UNSUPPORTED);
    o = small_options();
    o.cpu_seconds = 0;
    assert_int_equal(mlsel_code_runner_create(&o, &none, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    o = small_options();
    o.folder = "/no/such/folder";
    assert_int_equal(mlsel_code_runner_create(&o, &none, &err), MLSEL_ERROR_IO);
    assert_null(none);
    mlsel_code_runner_free(NULL);
}

/* Without the namespaces and Landlock of a newer kernel, writing is refused altogether. */
static void test_other_layers(void **state) {
    (void)state;
    if ((mlsel_code_runner_layers(runner) & MLSEL_CODE_CALLS) == 0) {
        print_message("SKIP checks of other layers: this system filters no calls\n");
        return;
    }
    mlsel_code_runner weaker = *runner;
    weaker.layers = MLSEL_CODE_CALLS;
    assert_int_equal(run_with(&weaker, add, "assert add(1, 2) == 3"), MLSEL_CODE_HELD);
    assert_int_equal(run_with(&weaker, "import socket\nsocket.socket()", "assert True"), MLSEL_CODE_FAILED);
    weaker.layers = MLSEL_CODE_CALLS | MLSEL_CODE_FILES | SANDBOX_WITHOUT_LANDLOCK;
    assert_int_equal(run_with(&weaker, add, "assert add(1, 2) == 3"), MLSEL_CODE_HELD);
    assert_int_equal(run_with(&weaker, "open('a', 'w')", "assert True"), MLSEL_CODE_FAILED);
    assert_int_equal(run_with(&weaker, "import os\nos.mkdir('a')", "assert True"), MLSEL_CODE_FAILED);
    weaker.layers = 0;
    assert_int_equal(run_with(&weaker, add, "assert add(1, 2) == 3"), MLSEL_CODE_HELD);
}

static void nothing_is_left(void **state) {
    (void)state;
    test_only_left(NULL, 0);
}

static int set_up(void **state) {
    (void)state;
    const mlsel_code_options o = small_options();
    mlsel_error err;
    setenv("MLSEL_TEST_SECRET", "secret", 1);
    return mlsel_code_runner_create(&o, &runner, &err) == MLSEL_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    mlsel_code_runner_free(runner);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assertions), cmocka_unit_test(test_early_end),    cmocka_unit_test(test_time),
        cmocka_unit_test(test_memory),     cmocka_unit_test(test_output),       cmocka_unit_test(test_processes),
        cmocka_unit_test(test_network),    cmocka_unit_test(test_files),        cmocka_unit_test(test_own_folder),
        cmocka_unit_test(test_metric),     cmocka_unit_test(test_other_layers), cmocka_unit_test(test_refused),
        cmocka_unit_test(nothing_is_left)};
    mlsel_code_runner *probe = NULL;
    mlsel_error err;
    if (mlsel_code_runner_create(NULL, &probe, &err) == MLSEL_ERROR_UNSUPPORTED) {
        printf("skipped: %s\n", err.message);
        return 0;
    }
    mlsel_code_runner_free(probe);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
