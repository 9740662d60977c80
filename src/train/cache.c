/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings on disk. A file is a header and entries of one size, all numbers little-endian:
 *
 *     header  "mlselemb", u32 version, u32 length of the model's name, u64 width, the name, zeros up to a multiple
 *             of 8, u64 XXH3 of all that
 *     entry   XXH3-128 of the text, float32[width], u64 XXH3 of both seeded with the header's
 *
 * Because entries have one size, one that is damaged hides no other, and its place is used again. What a crash leaves
 * behind is a tail that is no whole entry, or one whose checksum is wrong: the next entry goes there.
 *
 * Readers take no lock: an entry that is being written fails its checksum and is not seen. The first entry that is put
 * locks the file until it is closed, and then looks at it again if it has changed since it was opened.
 */
#define _POSIX_C_SOURCE 200809L
#ifdef __APPLE__
#define _DARWIN_C_SOURCE /* flock */
#endif
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "dataset.h"
#include "file.h"
#include "file_io.h"
#include "file_lock.h"
#include "file_write.h"
#include "folders.h"

static const char magic[8] = {'m', 'l', 's', 'e', 'l', 'e', 'm', 'b'};
enum {
    VERSION = 1,
    FIXED_HEADER = 24, /* bytes before the name */
    CHECKSUM_SIZE = 8,
    KEY_SIZE = 16,
    MAX_NAME = 4096,
    MAX_SHOWN = 64, /* bytes of the model's name in the file's name */
    CHUNK = 1 << 20,
    FIRST_SLOTS = 64
};

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static void put_u64(unsigned char *out, uint64_t value) {
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_u64(const unsigned char *in) {
    uint64_t value = 0;
    for (int i = 8; i-- > 0;)
        value = value << 8 | in[i];
    return value;
}

static void put_u32(unsigned char *out, uint32_t value) {
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static void put_f32(unsigned char *out, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u32(out, bits);
}

static float get_f32(const unsigned char *in) {
    const uint32_t bits = (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void hash_text(const char *text, size_t size, uint64_t key[2]) {
    const XXH128_hash_t hash = XXH3_128bits(text, size);
    key[0] = hash.low64;
    key[1] = hash.high64;
}

/* --- the index ---------------------------------------------------------------------------------------------------- */

/* The slot of a key, or the empty one where it would be. */
static cache_slot *find_slot(cache_slot *slots, size_t n_slots, const uint64_t key[2]) {
    size_t slot = (size_t)key[0] & (n_slots - 1);
    while (slots[slot].place != 0 && (slots[slot].key[0] != key[0] || slots[slot].key[1] != key[1]))
        slot = (slot + 1) & (n_slots - 1);
    return &slots[slot];
}

/* Room for one more key. */
static bool reserve_slot(mlsel_cache *cache) {
    if (cache->count < cache->n_slots / 2)
        return true;
    const size_t n_slots = cache->n_slots == 0 ? FIRST_SLOTS : cache->n_slots * 2;
    cache_slot *slots = mlsel_i_calloc(n_slots, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < cache->n_slots; i++)
        if (cache->slots[i].place != 0)
            *find_slot(slots, n_slots, cache->slots[i].key) = cache->slots[i];
    mlsel_i_free(cache->slots);
    cache->slots = slots;
    cache->n_slots = n_slots;
    return true;
}

static const cache_slot *find(const mlsel_cache *cache, const uint64_t key[2]) {
    if (cache->n_slots == 0)
        return NULL;
    const cache_slot *slot = find_slot(cache->slots, cache->n_slots, key);
    return slot->place == 0 ? NULL : slot;
}

/* After a reserve; a key that is there stays with its place. */
static void index_entry(mlsel_cache *cache, const uint64_t key[2], uint64_t place) {
    cache_slot *slot = find_slot(cache->slots, cache->n_slots, key);
    if (slot->place != 0)
        return;
    *slot = (cache_slot){{key[0], key[1]}, place + 1};
    cache->count++;
}

static bool reserve_hole(mlsel_cache *cache) {
    if (cache->n_holes < cache->holes_capacity)
        return true;
    const size_t capacity = cache->holes_capacity == 0 ? 16 : cache->holes_capacity * 2;
    uint64_t *holes = mlsel_i_resize(cache->holes, cache->n_holes, capacity, sizeof *holes);
    if (holes == NULL)
        return false;
    cache->holes = holes;
    cache->holes_capacity = capacity;
    return true;
}

/* --- entries in the file ------------------------------------------------------------------------------------------ */

static uint64_t checksum(const mlsel_cache *cache, const unsigned char *entry) {
    return XXH3_64bits_withSeed(entry, cache->entry_size - CHECKSUM_SIZE, cache->seed);
}

static bool is_whole(const mlsel_cache *cache, const unsigned char *entry) {
    return get_u64(entry + cache->entry_size - CHECKSUM_SIZE) == checksum(cache, entry);
}

static uint64_t offset_of(const mlsel_cache *cache, uint64_t place) {
    return cache->header_size + place * cache->entry_size;
}

/* Reads up to size bytes; *got says how many there are. */
static mlsel_status read_at(const mlsel_cache *cache, unsigned char *out, size_t size, uint64_t offset, size_t *got,
                            mlsel_error *err) {
    const int error = mlsel_i_read_all_at(cache->fd, out, size, offset, got);
    return error == 0 ? MLSEL_OK : mlsel_i_file_failed(cache->path, "read", error, err);
}

static mlsel_status scan_entries(mlsel_cache *cache, const unsigned char *entries, size_t n, mlsel_error *err) {
    for (size_t i = 0; i < n; i++, entries += cache->entry_size, cache->n_places++) {
        if (!reserve_slot(cache) || !reserve_hole(cache))
            return mlsel_i_no_memory(err);
        const uint64_t key[2] = {get_u64(entries), get_u64(entries + 8)};
        if (is_whole(cache, entries))
            index_entry(cache, key, cache->n_places);
        else
            cache->holes[cache->n_holes++] = cache->n_places;
    }
    return MLSEL_OK;
}

/* Looks at every entry of the file, and takes up what is whole. */
static mlsel_status scan(mlsel_cache *cache, mlsel_error *err) {
    struct stat info;
    const size_t per_chunk = cache->entry_size < CHUNK ? CHUNK / cache->entry_size : 1;
    const size_t chunk = per_chunk * cache->entry_size;
    if (fstat(cache->fd, &info) != 0)
        return mlsel_i_file_failed(cache->path, "read", errno, err);
    unsigned char *entries = mlsel_i_alloc(chunk, 1);
    if (entries == NULL)
        return mlsel_i_no_memory(err);
    cache->size_seen = 0; /* of no file: what is not looked at to its end is looked at again */
    cache->count = cache->n_places = 0;
    cache->n_holes = 0;
    if (cache->n_slots > 0)
        memset(cache->slots, 0, cache->n_slots * sizeof *cache->slots);
    mlsel_status status;
    size_t got;
    do {
        status = read_at(cache, entries, chunk, offset_of(cache, cache->n_places), &got, err);
        if (status == MLSEL_OK)
            status = scan_entries(cache, entries, got / cache->entry_size, err);
    } while (status == MLSEL_OK && got == chunk);
    mlsel_i_free(entries);
    if (status == MLSEL_OK)
        cache->size_seen = (uint64_t)info.st_size;
    return status;
}

static mlsel_status write_entry(mlsel_cache *cache, uint64_t place, mlsel_error *err) {
    const uint64_t offset = offset_of(cache, place);
    for (size_t done = 0; done < cache->entry_size;) {
        const ssize_t n = pwrite(cache->fd, cache->entry + done, cache->entry_size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            const int error = n < 0 ? errno : ENOSPC;
            if (place == cache->n_places) /* half an entry does no harm, but takes room */
                (void)mlsel_i_cut(cache->fd, offset);
            return mlsel_i_file_failed(cache->path, "written", error, err);
        }
        done += (size_t)n;
    }
    return MLSEL_OK;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static size_t header_size(size_t name_size) { return FIXED_HEADER + (name_size + 7) / 8 * 8 + CHECKSUM_SIZE; }

static unsigned char *make_header(const char *model, size_t name_size, size_t width) {
    const size_t size = header_size(name_size);
    unsigned char *header = mlsel_i_calloc(size, 1);
    if (header == NULL)
        return NULL;
    memcpy(header, magic, sizeof magic);
    put_u32(header + 8, VERSION);
    put_u32(header + 12, (uint32_t)name_size);
    put_u64(header + 16, width);
    memcpy(header + FIXED_HEADER, model, name_size);
    put_u64(header + size - CHECKSUM_SIZE, XXH3_64bits(header, size - CHECKSUM_SIZE));
    return header;
}

/* FOLDER/MODEL-WIDTH-HASH.mlselemb: the hash tells names apart whose plain characters are the same. */
static char *make_path(const char *folder, const char *model, size_t width) {
    char plain[MAX_SHOWN + 1];
    size_t n = 0;
    for (; n < MAX_SHOWN && model[n] != '\0'; n++) {
        const char c = model[n];
        const bool is_plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        plain[n] = c;
        if (!is_plain && (c != '.' || n == 0))
            plain[n] = '_';
    }
    plain[n] = '\0';
    const size_t size = strlen(folder) + sizeof plain + 64;
    char *path = mlsel_i_alloc(size, 1);
    const unsigned long hash = (unsigned long)(XXH3_64bits(model, strlen(model)) >> 32);
    if (path != NULL)
        (void)snprintf(path, size, "%s/%s-%zu-%08lx.mlselemb", folder[0] == '\0' ? "." : folder, plain, width, hash);
    return path;
}

/* Width of a file that is a cache of the model; 0: it is something else. */
static size_t width_of(int folder, const char *file, const char *model) {
    const size_t name_size = strlen(model), size = header_size(name_size);
    const int fd = mlsel_i_open_at(folder, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    size_t width = 0, got = 0;
    unsigned char *header = mlsel_i_alloc(size, 1);
    if (header != NULL && mlsel_i_read_all_at(fd, header, size, 0, &got) == 0 && got == size &&
        memcmp(header, magic, sizeof magic) == 0) {
        width = (size_t)get_u64(header + 16);
        unsigned char *expected = make_header(model, name_size, width);
        if (expected == NULL || memcmp(header, expected, size) != 0)
            width = 0;
        mlsel_i_free(expected);
    }
    mlsel_i_free(header);
    close(fd);
    return width;
}

size_t mlsel_i_cache_find_width(const char *folder, const char *model) {
    static const char end[] = ".mlselemb";
    size_t found = 0;
    bool is_one = true;
    DIR *directory = opendir(folder[0] == '\0' ? "." : folder);
    if (directory == NULL)
        return 0;
    for (const struct dirent *entry; is_one && (entry = readdir(directory)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (length < sizeof end || strcmp(entry->d_name + length - (sizeof end - 1), end) != 0)
            continue;
        const size_t width = width_of(dirfd(directory), entry->d_name, model);
        is_one = width == 0 || found == 0 || width == found;
        found = width > 0 ? width : found;
    }
    closedir(directory);
    return is_one ? found : 0;
}

/* Writes a file with nothing but a header, complete or not at all. One that another process has made meanwhile stays.
 */
static mlsel_status create(const char *path, const unsigned char *header, size_t size, bool replace, mlsel_error *err) {
    file_writer file;
    mlsel_error error;
    mlsel_status status = mlsel_i_file_create(&file, path, err);
    if (status != MLSEL_OK)
        return status;
    status = mlsel_i_file_write(&file, header, size, err);
    if (status != MLSEL_OK) {
        mlsel_i_file_abandon(&file);
        return status;
    }
    status = mlsel_i_file_commit(&file, replace, &error);
    if (status == MLSEL_ERROR_IO && error.detail == EEXIST)
        return MLSEL_OK;
    if (status != MLSEL_OK && err != NULL)
        *err = error;
    return status;
}

/* Opens for reading and writing, or where that is not allowed for reading; -1 and errno. */
static int open_file(const char *path, bool *is_writable) {
    int fd = mlsel_i_open(path, O_RDWR | O_CLOEXEC);
    *is_writable = fd >= 0;
    if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
        fd = mlsel_i_open(path, O_RDONLY | O_CLOEXEC);
    return fd;
}

static mlsel_status not_ours(const char *path, const char *what, mlsel_error *err) {
    (void)mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, " is %s: remove it, or choose another folder", what);
    mlsel_i_error_prefix(err, path);
    return MLSEL_ERROR_SCHEMA;
}

/* Compares the file's header with what it should be. *is_cut: it ends within the header. */
static mlsel_status check_header(const mlsel_cache *cache, const unsigned char *header, bool *is_cut,
                                 mlsel_error *err) {
    size_t got;
    unsigned char *read = mlsel_i_alloc(cache->header_size, 1);
    if (read == NULL)
        return mlsel_i_no_memory(err);
    mlsel_status status = read_at(cache, read, cache->header_size, 0, &got, err);
    *is_cut = false;
    if (status != MLSEL_OK)
        goto out;
    const size_t same = got < sizeof magic ? got : sizeof magic;
    if (got < cache->header_size && memcmp(read, header, got) == 0)
        *is_cut = true;
    else if (memcmp(read, magic, same) != 0 || got < FIXED_HEADER)
        status = not_ours(cache->path, "no cache of embeddings", err);
    else if (read[8] != VERSION)
        status = not_ours(cache->path, "a cache of embeddings of another version", err);
    else if (got < cache->header_size || memcmp(read, header, cache->header_size) != 0)
        status = not_ours(cache->path, "a cache of another model or width, or its beginning is damaged", err);
out:
    mlsel_i_free(read);
    return status;
}

/* Opens the file, and makes it first where it is not there or is only the beginning of one. */
static mlsel_status open_or_create(mlsel_cache *cache, const unsigned char *header, mlsel_error *err) {
    bool is_cut = true;
    for (int i = 0; i < 2; i++) {
        cache->fd = open_file(cache->path, &cache->is_writable);
        if (cache->fd < 0 && errno != ENOENT)
            return mlsel_i_file_failed(cache->path, "opened", errno, err);
        mlsel_status status = cache->fd < 0 ? MLSEL_OK : check_header(cache, header, &is_cut, err);
        if (status != MLSEL_OK || (cache->fd >= 0 && !is_cut))
            return status;
        const bool is_there = cache->fd >= 0;
        if (is_there)
            (void)close(cache->fd);
        cache->fd = -1;
        if (i == 0 && (status = create(cache->path, header, cache->header_size, is_there, err)) != MLSEL_OK)
            return status;
    }
    return mlsel_i_file_failed(cache->path, "opened", ENOENT, err);
}

mlsel_status mlsel_cache_open(const char *folder, const char *model, size_t width, mlsel_cache **out,
                              mlsel_error *err) {
    if (folder == NULL || model == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "folder, model and out must not be NULL");
    const size_t name_size = strlen(model);
    if (width == 0 || width > DATASET_MAX_WIDTH || name_size > MAX_NAME)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "width is %zu, the model's name has %zu bytes: 1 to %d and at most %d are possible", width,
                            name_size, DATASET_MAX_WIDTH, MAX_NAME);
    mlsel_status status = mlsel_i_folders_create(folder, err);
    if (status != MLSEL_OK)
        return status;
    mlsel_cache *cache = mlsel_i_calloc(1, sizeof *cache);
    unsigned char *header = make_header(model, name_size, width);
    if (cache != NULL)
        cache->fd = -1; /* before anything can fail: 0 is somebody's standard input */
    if (cache == NULL || header == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    *cache = (mlsel_cache){.fd = -1, .width = width, .header_size = header_size(name_size)};
    cache->entry_size = KEY_SIZE + width * sizeof(float) + CHECKSUM_SIZE;
    cache->seed = get_u64(header + cache->header_size - CHECKSUM_SIZE);
    cache->path = make_path(folder, model, width);
    cache->entry = mlsel_i_alloc(cache->entry_size, 1);
    if (cache->path == NULL || cache->entry == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    if ((status = open_or_create(cache, header, err)) != MLSEL_OK || (status = scan(cache, err)) != MLSEL_OK)
        goto out;
    *out = cache;
    cache = NULL;
    status = mlsel_i_ok(err);
out:
    mlsel_i_free(header);
    mlsel_cache_close(cache);
    return status;
}

void mlsel_cache_close(mlsel_cache *cache) {
    if (cache == NULL)
        return;
    if (cache->fd >= 0) {
        if (cache->is_dirty)
            (void)mlsel_i_sync(cache->fd);
        (void)close(cache->fd);
    }
    mlsel_i_free(cache->path);
    mlsel_i_free(cache->slots);
    mlsel_i_free(cache->holes);
    mlsel_i_free(cache->entry);
    mlsel_i_free(cache);
}

/* --- use ---------------------------------------------------------------------------------------------------------- */

uint64_t mlsel_cache_count(const mlsel_cache *cache) { return cache == NULL ? 0 : cache->count; }

size_t mlsel_i_cache_width(const mlsel_cache *cache) { return cache->width; }

static mlsel_status check_call(const mlsel_cache *cache, const char *text, size_t size, const float *embedding,
                               size_t width, mlsel_error *err) {
    if (cache == NULL || embedding == NULL || (text == NULL && size > 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "cache, text and embedding must not be NULL");
    if (width != cache->width)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_DIMENSION, cache->width,
                                   "an embedding of %zu values, the cache is for %zu", width, cache->width);
    return MLSEL_OK;
}

static mlsel_status not_there(mlsel_error *err) {
    return mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND, "the cache has no embedding of this text");
}

mlsel_status mlsel_cache_get(mlsel_cache *cache, const char *text, size_t size, float *out, size_t width,
                             mlsel_error *err) {
    mlsel_status status = check_call(cache, text, size, out, width, err);
    if (status != MLSEL_OK)
        return status;
    uint64_t key[2];
    hash_text(text, size, key);
    const cache_slot *slot = find(cache, key);
    if (slot == NULL)
        return not_there(err);
    size_t got;
    status = read_at(cache, cache->entry, cache->entry_size, offset_of(cache, slot->place - 1), &got, err);
    if (status != MLSEL_OK)
        return status;
    /* looked at again: somebody may have damaged the file since */
    if (got < cache->entry_size || !is_whole(cache, cache->entry) || get_u64(cache->entry) != key[0] ||
        get_u64(cache->entry + 8) != key[1])
        return not_there(err);
    for (size_t i = 0; i < width; i++)
        out[i] = get_f32(cache->entry + KEY_SIZE + i * sizeof(float));
    return mlsel_i_ok(err);
}

/* Learns what others have written before the file was locked. */
static mlsel_status look_again(mlsel_cache *cache, mlsel_error *err) {
    struct stat info;
    if (fstat(cache->fd, &info) != 0)
        return mlsel_i_file_failed(cache->path, "locked", errno, err);
    if (info.st_nlink == 0)
        return mlsel_i_file_failed(cache->path, "written, as it was removed", ENOENT, err);
    const bool is_known = (uint64_t)info.st_size == cache->size_seen && cache->n_holes == 0;
    return is_known ? MLSEL_OK : scan(cache, err);
}

/* Becomes the one that writes, if that is possible. */
static mlsel_status lock(mlsel_cache *cache, mlsel_error *err) {
    if (cache->is_locked)
        return MLSEL_OK;
    if (!cache->is_writable)
        return mlsel_i_file_failed(cache->path, "written", EACCES, err);
    const int locked = mlsel_i_lock(cache->fd);
    if (locked != 0 && errno == EWOULDBLOCK) {
        (void)mlsel_i_fail_detail(err, MLSEL_ERROR_IO, EAGAIN,
                                  " is being written by another process: wait for its end");
        mlsel_i_error_prefix(err, cache->path);
        return MLSEL_ERROR_IO;
    }
    if (locked != 0)
        return mlsel_i_file_failed(cache->path, "locked", errno, err);
    const mlsel_status status = look_again(cache, err);
    cache->is_locked = status == MLSEL_OK;
    if (!cache->is_locked)
        (void)flock(cache->fd, LOCK_UN);
    return status;
}

mlsel_status mlsel_i_cache_put(mlsel_cache *cache, const char *text, size_t size, const float *embedding, size_t width,
                               bool *added, mlsel_error *err) {
    *added = false;
    mlsel_status status = check_call(cache, text, size, embedding, width, err);
    if (status != MLSEL_OK)
        return status;
    const size_t bad = mlsel_i_find_not_finite(embedding, width);
    if (bad < width)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FINITE, bad, "embedding value %zu is NaN or infinite", bad);
    uint64_t key[2];
    hash_text(text, size, key);
    if (find(cache, key) != NULL)
        return mlsel_i_ok(err);
    if ((status = lock(cache, err)) != MLSEL_OK)
        return status;
    if (find(cache, key) != NULL) /* written by another process since */
        return mlsel_i_ok(err);
    if (!reserve_slot(cache))
        return mlsel_i_no_memory(err);
    put_u64(cache->entry, key[0]);
    put_u64(cache->entry + 8, key[1]);
    for (size_t i = 0; i < width; i++)
        put_f32(cache->entry + KEY_SIZE + i * sizeof(float), embedding[i]);
    put_u64(cache->entry + cache->entry_size - CHECKSUM_SIZE, checksum(cache, cache->entry));
    const bool is_hole = cache->n_holes > 0;
    const uint64_t place = is_hole ? cache->holes[cache->n_holes - 1] : cache->n_places;
    if ((status = write_entry(cache, place, err)) != MLSEL_OK)
        return status;
    cache->n_holes -= is_hole;
    cache->n_places += !is_hole;
    cache->is_dirty = true;
    index_entry(cache, key, place);
    *added = true;
    return mlsel_i_ok(err);
}

mlsel_status mlsel_cache_put(mlsel_cache *cache, const char *text, size_t size, const float *embedding, size_t width,
                             mlsel_error *err) {
    bool added;
    return mlsel_i_cache_put(cache, text, size, embedding, width, &added, err);
}
