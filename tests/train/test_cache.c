/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of embeddings: what goes in comes out, also after the file was cut or damaged anywhere. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "folder.h"
#include "mlsel_train.h"

enum { WIDTH = 3, ENTRIES = 4, ENTRY_SIZE = 16 + WIDTH * 4 + 8, NOBODY = 65534 };

/* The one file in a folder. */
static void only_file(const char *in, char *path, size_t size) {
    int n = 0;
    DIR *dir = opendir(in);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.') {
            snprintf(path, size, "%s/%s", in, entry->d_name);
            n++;
        }
    closedir(dir);
    assert_int_equal(n, 1);
}

/* Each test begins with an empty folder. */
static int set_up(void **state) {
    (void)state;
    test_empty(test_folder());
    return 0;
}

static mlsel_cache *open_cache(const char *model, size_t width) {
    mlsel_error err;
    mlsel_cache *cache = NULL;
    test_ok(mlsel_cache_open(test_folder(), model, width, &cache, &err), &err);
    return cache;
}

static void text_of(int i, char *text, size_t size) { snprintf(text, size, "text number %d", i); }

static void values_of(int i, float *values, size_t width) {
    for (size_t k = 0; k < width; k++)
        values[k] = (float)i + (float)k / 8;
}

static void put(mlsel_cache *cache, int i, size_t width) {
    char text[32];
    float values[64];
    mlsel_error err;
    text_of(i, text, sizeof text);
    values_of(i, values, width);
    test_ok(mlsel_cache_put(cache, text, strlen(text), values, width, &err), &err);
}

/* Whether entry i is there; if so it must be right. */
static bool has(mlsel_cache *cache, int i, size_t width) {
    char text[32];
    float values[64], expected[64];
    mlsel_error err;
    text_of(i, text, sizeof text);
    const mlsel_status status = mlsel_cache_get(cache, text, strlen(text), values, width, &err);
    if (status == MLSEL_ERROR_NOT_FOUND)
        return false;
    test_ok(status, &err);
    values_of(i, expected, width);
    assert_memory_equal(values, expected, width * sizeof *values);
    return true;
}

static void round_trip(void **state) {
    (void)state;
    enum { MANY = 3000 };
    mlsel_cache *cache = open_cache("some/model:1", 16);
    assert_int_equal(mlsel_cache_count(cache), 0);
    assert_false(has(cache, 0, 16));
    for (int i = 0; i < MANY; i++) {
        put(cache, i, 16);
        put(cache, i / 2, 16); /* there already */
    }
    assert_int_equal(mlsel_cache_count(cache), MANY);
    for (int i = 0; i < MANY; i++)
        assert_true(has(cache, i, 16));
    mlsel_cache_close(cache);
    cache = open_cache("some/model:1", 16);
    assert_int_equal(mlsel_cache_count(cache), MANY);
    for (int i = 0; i < MANY; i++)
        assert_true(has(cache, i, 16));
    assert_false(has(cache, MANY, 16));
    put(cache, MANY, 16);
    mlsel_cache_close(cache);
    char path[512];
    struct stat info;
    only_file(test_folder(), path, sizeof path);
    assert_non_null(strstr(path, "some_model_1-16-"));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal((info.st_size - 24 - 16 - 8) % (16 + 64 + 8), 0); /* a name of 12 bytes is padded to 16 */
    assert_int_equal((info.st_size - 24 - 16 - 8) / (16 + 64 + 8), MANY + 1);
}

static void each_model_its_own(void **state) {
    (void)state;
    static const char *const models[] = {"a/b", "a:b", "", ".hidden", "..", "\xc3\xa9", "a b"};
    for (int m = 0; m < (int)TEST_LENGTH(models); m++)
        for (size_t width = 1; width <= 2; width++) {
            mlsel_cache *cache = open_cache(models[m], width);
            assert_int_equal(mlsel_cache_count(cache), 0);
            put(cache, m, width);
            mlsel_cache_close(cache);
        }
    for (int m = 0; m < (int)TEST_LENGTH(models); m++)
        for (size_t width = 1; width <= 2; width++) {
            mlsel_cache *cache = open_cache(models[m], width);
            assert_int_equal(mlsel_cache_count(cache), 1);
            assert_true(has(cache, m, width));
            mlsel_cache_close(cache);
        }
}

static void makes_folders(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_cache *cache = NULL;
    char deep[512], path[1024];
    snprintf(deep, sizeof deep, "%s/x//y/z/", test_folder());
    test_ok(mlsel_cache_open(deep, "m", 1, &cache, &err), &err);
    put(cache, 1, 1);
    mlsel_cache_close(cache);
    only_file(deep, path, sizeof path);
    assert_int_equal(mlsel_cache_open(test_write_text("file", ""), "m", 1, &cache, &err), MLSEL_ERROR_IO);
    assert_int_equal(err.detail, ENOTDIR);
}

static void bad_calls(void **state) {
    (void)state;
    mlsel_error err;
    const float nan_values[WIDTH] = {0, 0, (float)NAN};
    float out[WIDTH] = {5, 5, 5};
    mlsel_cache *cache = open_cache("m", WIDTH);
    assert_int_equal(mlsel_cache_put(cache, "t", 1, nan_values, WIDTH, &err), MLSEL_ERROR_NOT_FINITE);
    assert_int_equal(mlsel_cache_put(cache, "t", 1, out, WIDTH - 1, &err), MLSEL_ERROR_DIMENSION);
    assert_int_equal(mlsel_cache_get(cache, "t", 1, out, WIDTH + 1, &err), MLSEL_ERROR_DIMENSION);
    assert_int_equal(mlsel_cache_get(cache, "t", 1, out, WIDTH, &err), MLSEL_ERROR_NOT_FOUND);
    assert_true(out[0] == 5);
    assert_int_equal(mlsel_cache_put(NULL, "t", 1, out, WIDTH, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_cache_get(cache, NULL, 1, out, WIDTH, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    test_ok(mlsel_cache_put(cache, NULL, 0, out, WIDTH, &err), &err); /* the empty text */
    test_ok(mlsel_cache_get(cache, "", 0, out, WIDTH, &err), &err);
    assert_int_equal(mlsel_cache_count(cache), 1);
    mlsel_cache_close(cache);
    mlsel_cache_close(NULL);
    assert_int_equal(mlsel_cache_count(NULL), 0);
    assert_int_equal(mlsel_cache_open(test_folder(), "m", 0, &cache, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    char name[4096 + 2];
    memset(name, 'm', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    mlsel_cache *none = NULL;
    assert_int_equal(mlsel_cache_open(test_folder(), name, 1, &none, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "the model's name has 4097 bytes"));
    assert_int_equal(mlsel_cache_open(test_folder(), "m", (1 << 20) + 1, &none, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "width is 1048577"));
    assert_null(none);
    name[4096] = '\0'; /* the longest there can be */
    test_ok(mlsel_cache_open(test_folder(), name, 65536, &cache, &err), &err);
    mlsel_cache_close(cache);
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

/* The file with ENTRIES entries; freed with free(). */
static char *whole_file(char *path, size_t path_size, size_t *size) {
    mlsel_cache *cache = open_cache("m", WIDTH);
    for (int i = 0; i < ENTRIES; i++)
        put(cache, i, WIDTH);
    mlsel_cache_close(cache);
    only_file(test_folder(), path, path_size);
    return test_need_file(path, size);
}

static void write_file(const char *path, const char *data, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t file_size(const char *path) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (size_t)info.st_size;
}

/* Puts everything again, and finds the file as long as it was when it was whole. */
static void repair(const char *path, size_t whole) {
    mlsel_cache *cache = open_cache("m", WIDTH);
    for (int i = 0; i < ENTRIES; i++)
        put(cache, i, WIDTH);
    assert_int_equal(mlsel_cache_count(cache), ENTRIES);
    mlsel_cache_close(cache);
    assert_int_equal(file_size(path), whole);
    cache = open_cache("m", WIDTH);
    assert_int_equal(mlsel_cache_count(cache), ENTRIES);
    for (int i = 0; i < ENTRIES; i++)
        assert_true(has(cache, i, WIDTH));
    mlsel_cache_close(cache);
}

static void cut_anywhere(void **state) {
    (void)state;
    char path[512];
    size_t size;
    char *data = whole_file(path, sizeof path, &size);
    const size_t header = size - ENTRIES * ENTRY_SIZE;
    for (size_t cut = 0; cut < size; cut++) {
        write_file(path, data, cut);
        mlsel_cache *cache = open_cache("m", WIDTH);
        const size_t left = cut < header ? 0 : (cut - header) / ENTRY_SIZE;
        assert_int_equal(mlsel_cache_count(cache), left);
        for (int i = 0; i < ENTRIES; i++)
            assert_int_equal(has(cache, i, WIDTH), (size_t)i < left);
        mlsel_cache_close(cache);
        repair(path, size);
    }
    free(data);
}

static void any_byte_flipped(void **state) {
    (void)state;
    char path[512];
    size_t size;
    char *data = whole_file(path, sizeof path, &size);
    const size_t header = size - ENTRIES * ENTRY_SIZE;
    for (size_t at = 0; at < size; at++) {
        const char kept = data[at];
        data[at] = (char)(kept ^ (1 << at % 8));
        write_file(path, data, size);
        data[at] = kept;
        mlsel_error err;
        mlsel_cache *cache = NULL;
        const mlsel_status status = mlsel_cache_open(test_folder(), "m", WIDTH, &cache, &err);
        if (at < header) { /* whose entries these are cannot be said any more */
            assert_int_equal(status, MLSEL_ERROR_SCHEMA);
            assert_non_null(strstr(err.message, path));
            continue;
        }
        test_ok(status, &err);
        const int damaged = (int)((at - header) / ENTRY_SIZE);
        assert_int_equal(mlsel_cache_count(cache), ENTRIES - 1);
        for (int i = 0; i < ENTRIES; i++)
            assert_int_equal(has(cache, i, WIDTH), i != damaged);
        mlsel_cache_close(cache);
        repair(path, size);
    }
    free(data);
}

/* What some file systems leave of a crash: zeros where an entry should be. */
static void zeros(void **state) {
    (void)state;
    char path[512];
    size_t size;
    char *data = whole_file(path, sizeof path, &size);
    memset(data + size - ENTRY_SIZE - 7, 0, ENTRY_SIZE + 7);
    write_file(path, data, size);
    mlsel_cache *cache = open_cache("m", WIDTH);
    assert_int_equal(mlsel_cache_count(cache), ENTRIES - 2);
    mlsel_cache_close(cache);
    repair(path, size);
    free(data);
}

static void another_file(void **state) {
    (void)state;
    char path[512];
    size_t size;
    mlsel_error err;
    mlsel_cache *cache = NULL;
    char *data = whole_file(path, sizeof path, &size);
    write_file(path, "{\"query\": 1}", 12);
    assert_int_equal(mlsel_cache_open(test_folder(), "m", WIDTH, &cache, &err), MLSEL_ERROR_SCHEMA);
    assert_non_null(strstr(err.message, "no cache of embeddings"));
    data[8] = 9;
    write_file(path, data, size);
    assert_int_equal(mlsel_cache_open(test_folder(), "m", WIDTH, &cache, &err), MLSEL_ERROR_SCHEMA);
    assert_non_null(strstr(err.message, "another version"));
    assert_null(cache);
    free(data);
}

/* Damage behind the back of an open cache. */
static void damaged_while_open(void **state) {
    (void)state;
    char path[512];
    size_t size;
    char *data = whole_file(path, sizeof path, &size);
    mlsel_cache *cache = open_cache("m", WIDTH);
    data[size - 10] ^= 1;
    write_file(path, data, size);
    assert_true(has(cache, 0, WIDTH));
    assert_false(has(cache, ENTRIES - 1, WIDTH));
    mlsel_cache_close(cache);
    free(data);
}

/* The end of the file cut off behind the back of an open cache, in the middle of its last entry. */
static void cut_while_open(void **state) {
    (void)state;
    char path[512];
    size_t size;
    char *data = whole_file(path, sizeof path, &size);
    mlsel_cache *cache = open_cache("m", WIDTH);
    write_file(path, data, size - 1);
    assert_true(has(cache, ENTRIES - 2, WIDTH));
    assert_false(has(cache, ENTRIES - 1, WIDTH));
    write_file(path, data, size);
    assert_true(has(cache, ENTRIES - 1, WIDTH));
    mlsel_cache_close(cache);
    free(data);
}

/* A whole entry in the place of another, of a text that differs in the first or only in the second half of its hash:
 * the values of one text are not given out as those of another. */
static void exchanged_while_open(void **state) {
    (void)state;
    char path[512];
    size_t size;
    char *data = whole_file(path, sizeof path, &size);
    mlsel_cache *cache = open_cache("m", WIDTH);
    char *const last = data + size - ENTRY_SIZE;
    memcpy(last, last - ENTRY_SIZE, ENTRY_SIZE);
    write_file(path, data, size);
    assert_true(has(cache, ENTRIES - 2, WIDTH));
    assert_false(has(cache, ENTRIES - 1, WIDTH));

    char text[32];
    text_of(ENTRIES - 1, text, sizeof text);
    const XXH128_hash_t key = XXH3_128bits(text, strlen(text));
    for (int half = 2; half >= 1; half--) { /* both halves right, to see that the rest of the entry is; one */
        uint64_t seed;
        const uint64_t low = key.low64, high = half == 2 ? key.high64 : key.high64 + 1;
        float values[WIDTH];
        values_of(ENTRIES - 1, values, WIDTH);
        memcpy(&seed, data + size - ENTRIES * ENTRY_SIZE - 8, sizeof seed);
        memcpy(last, &low, sizeof low);
        memcpy(last + 8, &high, sizeof high);
        memcpy(last + 16, values, sizeof values);
        const uint64_t sum = XXH3_64bits_withSeed(last, ENTRY_SIZE - 8, seed);
        memcpy(last + ENTRY_SIZE - 8, &sum, sizeof sum);
        write_file(path, data, size);
        assert_int_equal(has(cache, ENTRIES - 1, WIDTH), half == 2);
    }
    mlsel_cache_close(cache);
    free(data);
}

/* --- several at a time -------------------------------------------------------------------------------------------- */

static void one_writer(void **state) {
    (void)state;
    mlsel_error err;
    float values[WIDTH] = {1, 2, 3};
    mlsel_cache *first = open_cache("m", WIDTH), *second = open_cache("m", WIDTH), *third = open_cache("m", WIDTH);
    put(first, 0, WIDTH);
    put(first, 1, WIDTH);
    assert_false(has(second, 0, WIDTH)); /* opened before */
    assert_int_equal(mlsel_cache_put(second, "t", 1, values, WIDTH, &err), MLSEL_ERROR_IO);
    assert_int_equal(err.detail, EAGAIN);
    mlsel_cache *reader = open_cache("m", WIDTH); /* readers wait for nobody */
    assert_true(has(reader, 1, WIDTH));
    mlsel_cache_close(reader);
    mlsel_cache_close(first);
    put(second, 2, WIDTH); /* its turn: it learns what was written, and writes behind it */
    put(second, 0, WIDTH);
    assert_int_equal(mlsel_cache_count(second), 3);
    for (int i = 0; i < 3; i++)
        assert_true(has(second, i, WIDTH));
    mlsel_cache_close(second);
    put(third, 1, WIDTH);
    assert_int_equal(mlsel_cache_count(third), 3);
    mlsel_cache_close(third);
    char path[512];
    only_file(test_folder(), path, sizeof path);
    assert_int_equal(file_size(path), 24 + 8 + 8 + 3 * ENTRY_SIZE);
}

static void removed_while_open(void **state) {
    (void)state;
    char path[512];
    mlsel_error err;
    float values[WIDTH] = {1, 2, 3};
    mlsel_cache *cache = open_cache("m", WIDTH);
    only_file(test_folder(), path, sizeof path);
    unlink(path);
    assert_int_equal(mlsel_cache_put(cache, "t", 1, values, WIDTH, &err), MLSEL_ERROR_IO);
    assert_int_equal(err.detail, ENOENT);
    mlsel_cache_close(cache);
}

static void read_only(void **state) {
    (void)state;
    char path[512];
    mlsel_error err;
    float values[WIDTH] = {1, 2, 3};
    mlsel_cache *cache = open_cache("m", WIDTH);
    put(cache, 0, WIDTH);
    mlsel_cache_close(cache);
    only_file(test_folder(), path, sizeof path);
    assert_int_equal(chmod(path, 0444), 0);
    const bool is_root = geteuid() == 0; /* whom permissions do not concern */
    if (is_root && (chmod(test_folder(), 0755) != 0 || seteuid(NOBODY) != 0)) {
        print_message("SKIP a cache that is read only: root may write everything and cannot become another user\n");
        skip();
    }
    const mlsel_status opened = mlsel_cache_open(test_folder(), "m", WIDTH, &cache, &err);
    const bool is_there = opened == MLSEL_OK && has(cache, 0, WIDTH);
    const mlsel_status put_status = is_there ? mlsel_cache_put(cache, "t", 1, values, WIDTH, &err) : MLSEL_OK;
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    test_ok(opened, &err);
    assert_true(is_there);
    assert_int_equal(put_status, MLSEL_ERROR_IO);
    assert_int_equal(err.detail, EACCES);
    mlsel_cache_close(cache);
}

/* A process that dies while it writes leaves what it had written, and no lock. */
static void writer_dies(void **state) {
    (void)state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        mlsel_cache *cache = open_cache("m", WIDTH);
        put(cache, 0, WIDTH);
        put(cache, 1, WIDTH);
        _Exit(0); /* without closing */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    mlsel_cache *cache = open_cache("m", WIDTH);
    assert_int_equal(mlsel_cache_count(cache), 2);
    put(cache, 2, WIDTH);
    mlsel_cache_close(cache);
}

/* --- datasets ----------------------------------------------------------------------------------------------------- */

static mlsel_dataset *three_queries(void) {
    static const char text[] =
        "{\"query\": \"a\", \"model_name\": \"m\", \"performance\": 1, \"embedding\": [1, 2, 3]}\n"
        "{\"query\": \"b\", \"model_name\": \"m\", \"performance\": 1, \"embedding\": [4, 5, 6]}\n"
        "{\"query\": \"c\", \"model_name\": \"m\", \"performance\": 1}\n";
    mlsel_error err;
    mlsel_dataset *dataset = NULL;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    test_ok(mlsel_dataset_read_records_memory(dataset, text, sizeof text - 1, NULL, NULL, &err), &err);
    return dataset;
}

static void whole_datasets(void **state) {
    (void)state;
    mlsel_error err;
    uint64_t n = 99;
    mlsel_dataset *dataset = three_queries(), *other = NULL;
    mlsel_cache *cache = open_cache("m", WIDTH);
    test_ok(mlsel_dataset_write_cache(dataset, cache, &n, &err), &err);
    assert_int_equal(n, 2);
    test_ok(mlsel_dataset_write_cache(dataset, cache, &n, &err), &err);
    assert_int_equal(n, 0);
    test_ok(mlsel_dataset_create(&other, &err), &err);
    static const char text[] = "{\"query\": \"c\", \"model_name\": \"m\", \"performance\": 1}\n"
                               "{\"query\": \"b\", \"model_name\": \"m\", \"performance\": 1}\n";
    test_ok(mlsel_dataset_read_records_memory(other, text, sizeof text - 1, NULL, NULL, &err), &err);
    test_ok(mlsel_dataset_read_cache(other, cache, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_null(mlsel_dataset_embedding(other, 0));
    assert_true(mlsel_dataset_embedding(other, 1)[2] == 6.0f);
    mlsel_cache_close(cache);

    cache = open_cache("m", WIDTH + 1);
    assert_int_equal(mlsel_dataset_read_cache(other, cache, &n, &err), MLSEL_ERROR_DIMENSION);
    assert_int_equal(mlsel_dataset_write_cache(dataset, cache, &n, &err), MLSEL_ERROR_DIMENSION);
    mlsel_cache_close(cache);
    mlsel_dataset_free(other);
    mlsel_dataset_free(dataset);
}

#define EACH(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(round_trip),
        EACH(each_model_its_own),
        EACH(makes_folders),
        EACH(bad_calls),
        EACH(cut_anywhere),
        EACH(any_byte_flipped),
        EACH(zeros),
        EACH(another_file),
        EACH(damaged_while_open),
        EACH(one_writer),
        EACH(removed_while_open),
        EACH(read_only),
        EACH(writer_dies),
        EACH(whole_datasets),
        EACH(cut_while_open),
        EACH(exchanged_while_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
