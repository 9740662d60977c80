/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that hold no artifact: missing files, folders, pipes, devices, names of all sorts, files over the limit. */
#include "bad_artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The lowest descriptor that is free: the same before and after a call that leaks none. */
static int free_descriptor(void) {
    const int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    close(fd);
    return fd;
}

/* Loads from a path, which must fail; *err receives the error. */
static void refuse_path(const char *path, const mlsel_model_options *options, mlsel_status expected, mlsel_error *err) {
    mlsel_model *out;
    const int descriptor = free_descriptor();
    for (int with_error = 0; with_error <= 1; with_error++) {
        test_fill(&out, sizeof out);
        *err = test_unset_error();
        test_quiet_begin();
        alarm(60); /* what hangs is killed */
        const mlsel_status status = mlsel_model_load(path, options, &out, with_error ? err : NULL);
        alarm(0);
        test_quiet_end(path);
        if (status != expected)
            fail_msg("%s: %s: %s", path, mlsel_status_name(status), with_error ? err->message : "");
        test_untouched(&out, sizeof out, path);
    }
    test_error_sound(err, expected, path);
    assert_int_equal(free_descriptor(), descriptor);
}

/* The same, with "PATH" + rest or, if the path comes last, `before` + "PATH" as the message. */
static void refuse(const char *path, mlsel_status expected, int detail, const char *before, const char *after) {
    mlsel_error err;
    char message[2048];
    (void)snprintf(message, sizeof message, "%s%s%s", before, path, after);
    refuse_path(path, NULL, expected, &err);
    test_error(&err, expected, (uint64_t)detail, message, path);
}

static const char not_found[] = "pretrained model not found: ";

static void missing(void **state) {
    (void)state;
    refuse(test_path("missing.json"), MLSEL_ERROR_NOT_FOUND, ENOENT, not_found, "");
    refuse(test_path("no/such/folder.json"), MLSEL_ERROR_NOT_FOUND, ENOENT, not_found, "");
    refuse("", MLSEL_ERROR_NOT_FOUND, ENOENT, not_found, "");
    const char *file = test_write("file", base_knn, strlen(base_knn));
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/inside.json", file);
    refuse(path, MLSEL_ERROR_NOT_FOUND, ENOTDIR, not_found, "");
    const char *link = test_path("dangling.json");
    assert_int_equal(symlink("nowhere.json", link), 0);
    refuse(link, MLSEL_ERROR_NOT_FOUND, ENOENT, not_found, "");
}

static void links(void **state) {
    (void)state;
    const char *loop = test_path("loop.json");
    assert_int_equal(symlink("loop.json", loop), 0);
    char after[128];
    (void)snprintf(after, sizeof after, " cannot be opened: too many symbolic links (errno %d)", ELOOP);
    refuse(loop, MLSEL_ERROR_IO, ELOOP, "", after);
    /* a link to a file is as good as the file */
    test_write("real.json", base_knn, strlen(base_knn));
    const char *link = test_path("link.json");
    assert_int_equal(symlink("real.json", link), 0);
    mlsel_model_release(test_load(link, NULL));
}

static void folder(void **state) {
    (void)state;
    char after[128];
    (void)snprintf(after, sizeof after, " cannot be read: it is a folder (errno %d)", EISDIR);
    refuse(test_folder(), MLSEL_ERROR_IO, EISDIR, "", after);
    refuse(test_path(""), MLSEL_ERROR_IO, EISDIR, "", after); /* with a slash at the end */
    refuse("/", MLSEL_ERROR_IO, EISDIR, "", after);
    refuse(".", MLSEL_ERROR_IO, EISDIR, "", after);
}

/* A pipe that nobody writes to, one with a writer that never writes, a socket, devices that end at once or never. */
static void special_files(void **state) {
    (void)state;
    static const char after[] = " is not a regular file: read it yourself and use mlsel_model_load_memory";
    const char *pipe = test_path("pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    refuse(pipe, MLSEL_ERROR_IO, 0, "", after);
    const int writer = open(pipe, O_RDWR | O_NONBLOCK);
    assert_true(writer >= 0);
    refuse(pipe, MLSEL_ERROR_IO, 0, "", after);
    close(writer);
    refuse("/dev/null", MLSEL_ERROR_IO, 0, "", after);
    refuse("/dev/zero", MLSEL_ERROR_IO, 0, "", after);

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", test_folder());
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && length < (int)sizeof address.sun_path &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        mlsel_error err;
        refuse_path(test_path("socket"), NULL, MLSEL_ERROR_IO, &err);
        assert_int_equal(strncmp(err.message, test_path("socket"), strlen(test_path("socket"))), 0);
    }
    close(fd);
}

/* A file whose size says nothing about what is in it. */
static void wrong_size(void **state) {
    (void)state;
    static const char path[] = "/proc/self/status";
    if (access(path, R_OK) == 0)
        refuse(path, MLSEL_ERROR_IO, 0, "", " changed while it was being read: try again");
}

/* A file that opens and cannot be read: nothing is mapped at address 0. */
static void unreadable(void **state) {
    (void)state;
    static const char path[] = "/proc/self/mem";
    char after[128];
    (void)snprintf(after, sizeof after, " cannot be read: input/output error (errno %d)", EIO);
    if (access(path, R_OK) == 0)
        refuse(path, MLSEL_ERROR_IO, EIO, "", after);
}

static void no_descriptor(void **state) {
    (void)state;
    struct rlimit before, none;
    char message[1024];
    mlsel_model *out;
    mlsel_error err = test_unset_error();
    const char *path = test_write("fine.json", base_knn, strlen(base_knn));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)free_descriptor();
    test_fill(&out, sizeof out);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const mlsel_status status = mlsel_model_load(path, NULL, &out, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, MLSEL_ERROR_IO);
    (void)snprintf(message, sizeof message, "%s cannot be opened: too many open files (errno %d)", path, EMFILE);
    test_error(&err, MLSEL_ERROR_IO, EMFILE, message, "no descriptor");
    test_untouched(&out, sizeof out, "no descriptor");
    mlsel_model_release(test_load(path, NULL));
}

static void contents(void **state) {
    (void)state;
    mlsel_error err;
    refuse_path(test_write("empty.json", "", 0), NULL, MLSEL_ERROR_PARSE, &err);
    test_error(&err, MLSEL_ERROR_PARSE, 0, "empty.json: the text is empty", "empty file");
    refuse_path(test_write("zeros.json", "\0\0\0\0", 4), NULL, MLSEL_ERROR_PARSE, &err);
    test_error(&err, MLSEL_ERROR_PARSE, 0, "zeros.json: byte 0: expected a value, not byte 0x00, in $", "zeros");
    refuse_path(test_write("forest.json", "{\"algorithm\":\"forest\"}", 22), NULL, MLSEL_ERROR_UNSUPPORTED, &err);
    test_error(&err, MLSEL_ERROR_UNSUPPORTED, 0,
               "forest.json: $.algorithm: \"forest\" is not supported, expected knn, kmeans, svm or mlp", "forest");
}

static void over_the_limit(void **state) {
    (void)state;
    mlsel_model_options options;
    mlsel_error err;
    char message[1024];
    const size_t size = strlen(base_knn);
    const char *path = test_write("limit.json", base_knn, size);
    mlsel_model_options_init(&options, sizeof options);
    options.max_bytes = size - 1;
    refuse_path(path, &options, MLSEL_ERROR_LIMIT, &err);
    (void)snprintf(message, sizeof message, "%s has %zu bytes, the limit is %zu", path, size, size - 1);
    test_error(&err, MLSEL_ERROR_LIMIT, 0, message, "limit");
    options.max_bytes = size;
    mlsel_model_release(test_load(path, &options));

    /* above the limit that holds when none is set: refused before a byte is read, as the file has none but holes */
    const char *huge = test_path("huge.json");
    const int fd = open(huge, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    const int made = ftruncate(fd, ((off_t)4 << 30) + 1);
    close(fd);
    if (made != 0)
        return; /* a file system without holes */
    refuse_path(huge, NULL, MLSEL_ERROR_LIMIT, &err);
    (void)snprintf(message, sizeof message, "%s has 4294967297 bytes, the limit is 4294967296", huge);
    test_error(&err, MLSEL_ERROR_LIMIT, 0, message, "huge");
    assert_int_equal(remove(huge), 0);
}

/* However long the path: what is wrong with it is in the message. */
static void long_paths(void **state) {
    (void)state;
    static const size_t lengths[] = {150, 200, 230, 255, 256, 1000, 4095, 4096, 5000, 100000};
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        mlsel_error err;
        char *path = malloc(lengths[i] + 1);
        assert_non_null(path);
        memset(path, 'x', lengths[i]);
        path[lengths[i]] = '\0';
        memcpy(path, "/tmp/", 5);
        const bool fits = lengths[i] - 5 <= 255;
        refuse_path(path, NULL, fits ? MLSEL_ERROR_NOT_FOUND : MLSEL_ERROR_IO, &err);
        const char *reason = fits ? "pretrained model not found: " : "the name is too long (errno ";
        if (strstr(err.message, reason) == NULL || strstr(err.message, "xxx") == NULL)
            fail_msg("%zu characters: %s", lengths[i], err.message);
        free(path);
    }
}

/* A file of that name with an artifact that fails: the name is shown, and what would harm a terminal or a log is not.
 */
static void check_name(const char *name, const char *shown) {
    mlsel_error err;
    char message[512];
    refuse_path(test_write(name, "[1,2", 4), NULL, MLSEL_ERROR_PARSE, &err);
    (void)snprintf(message, sizeof message, "%s: byte 4: the text ends inside $ (truncated file?)", shown);
    test_error(&err, MLSEL_ERROR_PARSE, 4, message, shown);
    assert_int_equal(remove(test_path(name)), 0);
    refuse_path(test_path(name), NULL, MLSEL_ERROR_NOT_FOUND, &err);
    (void)snprintf(message, sizeof message, "pretrained model not found: %s/%s", test_folder(), shown);
    test_error(&err, MLSEL_ERROR_NOT_FOUND, ENOENT, message, shown);
}

static void names(void **state) {
    (void)state;
    check_name("plain.json", "plain.json");
    check_name("with space and 100% %s %n.json", "with space and 100% %s %n.json");
    check_name("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80.json", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80.json");
    check_name("red\x1b[31m\r\n.json", "red?[31m??.json");
    check_name("latin-\xe4\xf6\xfc.json", "latin-???.json");
    check_name("c1\xc2\x9b.json", "c1?.json");
    check_name("cut\xe2\x82", "cut??");
}

/* Opens what the tests themselves keep open. */
static int set_up(void **state) {
    (void)state;
    test_quiet_begin();
    test_quiet_end("nothing");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing),       cmocka_unit_test(links),      cmocka_unit_test(folder),
        cmocka_unit_test(special_files), cmocka_unit_test(wrong_size), cmocka_unit_test(unreadable),
        cmocka_unit_test(no_descriptor), cmocka_unit_test(contents),   cmocka_unit_test(over_the_limit),
        cmocka_unit_test(long_paths),    cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
