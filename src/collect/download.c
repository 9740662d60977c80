/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#ifdef __APPLE__
#define _DARWIN_C_SOURCE /* flock */
#else
#define _DEFAULT_SOURCE
#endif
#include "download.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "file_io.h"
#include "hub.h"
#include "sha256.h"
#include "train/file_lock.h"
#include "train/folders.h"
#include "url.h"

enum { VERSION_SHOWN = 16, READ_SIZE = 1 << 16, MAX_LIST = 64 << 20 };

void mlsel_download_options_init(mlsel_download_options *options, mlsel_download_kind kind) {
    *options = (mlsel_download_options){.kind = kind,
                                        .repository = kind == MLSEL_DOWNLOAD_DATA ? MLSEL_HUB_DATA : MLSEL_HUB_MODELS,
                                        .revision = "main",
                                        .hub = MLSEL_HUB,
                                        .output_dir = kind == MLSEL_DOWNLOAD_DATA ? "data" : "models",
                                        .stall_s = 60,
                                        .retries = 5,
                                        .retry_wait_s = 1};
}

/* --- one file ----------------------------------------------------------------------------------------------------- */

typedef struct fetch {
    const hub *hub;
    const char *name;
    hub_file about;
    char *path, *part;
    int fd;          /* of the part; -1: none */
    uint64_t offset; /* bytes in it */
    bool has_answer; /* of the attempt: its first bytes have come */
    mlsel_download_progress progress;
} fetch;

static mlsel_status report(fetch *f, mlsel_error *err) {
    const mlsel_download_options *o = f->hub->options;
    f->progress.done = f->offset;
    f->progress.total = f->about.has_size ? f->about.size : 0;
    if (o->progress != NULL && o->progress(&f->progress, o->user) != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_CANCELLED, "cancelled");
    return MLSEL_OK;
}

/* Makes the folders above a path. */
static mlsel_status make_folders(char *path, mlsel_error *err) {
    char *const slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return MLSEL_OK;
    *slash = '\0';
    const mlsel_status status = mlsel_i_folders_create(path, err);
    *slash = '/';
    return status;
}

static mlsel_status name_paths(fetch *f, mlsel_error *err) {
    const char *folder = f->hub->options->output_dir;
    const size_t size = strlen(folder) + strlen(f->name) + VERSION_SHOWN + 16;
    f->path = mlsel_i_alloc(size, 1);
    f->part = mlsel_i_alloc(size, 1);
    if (f->path == NULL || f->part == NULL)
        return mlsel_i_no_memory(err);
    const char *slash = folder[0] != '\0' && folder[strlen(folder) - 1] == '/' ? "" : "/";
    snprintf(f->path, size, "%s%s%s", folder, slash, f->name);
    snprintf(f->part, size, "%s.part%s%.*s", f->path, f->about.version[0] != '\0' ? "-" : "", (int)VERSION_SHOWN,
             f->about.version);
    return make_folders(f->path, err);
}

static mlsel_status hash_file(int fd, const char *path, char out[SHA256_TEXT], mlsel_error *err) {
    sha256 h;
    mlsel_status status = MLSEL_OK;
    unsigned char *buffer = mlsel_i_alloc(READ_SIZE, 1);
    if (buffer == NULL)
        return mlsel_i_no_memory(err);
    mlsel_i_sha256_begin(&h);
    size_t n = READ_SIZE;
    for (uint64_t at = 0; n == READ_SIZE && status == MLSEL_OK; at += n) {
        const int error = mlsel_i_read_all_at(fd, buffer, READ_SIZE, at, &n);
        if (error != 0)
            status = mlsel_i_file_failed(path, "read", error, err);
        else
            mlsel_i_sha256_add(&h, buffer, n);
    }
    mlsel_i_sha256_end(&h, out);
    mlsel_i_free(buffer);
    return status;
}

/* Whether the file is there as the hub has it. What cannot be read is not. */
static bool is_there(const fetch *f) {
    struct stat info;
    char digest[SHA256_TEXT];
    if (!f->about.has_size || f->about.sha256[0] == '\0')
        return false;
    const int fd = mlsel_i_open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool same = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                      (uint64_t)info.st_size == f->about.size && hash_file(fd, f->path, digest, NULL) == MLSEL_OK &&
                      strcmp(digest, f->about.sha256) == 0;
    if (fd >= 0)
        close(fd);
    return same;
}

static mlsel_status start_again(fetch *f, mlsel_error *err) {
    if (mlsel_i_cut(f->fd, 0) != 0 || lseek(f->fd, 0, SEEK_SET) != 0)
        return mlsel_i_file_failed(f->part, "written", errno, err);
    f->offset = 0;
    f->progress.is_resumed = false;
    return MLSEL_OK;
}

static mlsel_status open_part(fetch *f, mlsel_error *err) {
    struct stat info;
    f->fd = mlsel_i_open(f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0)
        return mlsel_i_file_failed(f->part, "opened", errno, err);
    if (mlsel_i_lock(f->fd) != 0 && errno == EWOULDBLOCK) { /* a file system without locks is used without */
        (void)mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)errno, " is being fetched by another process");
        mlsel_i_error_prefix(err, f->path);
        return MLSEL_ERROR_IO;
    }
    if (fstat(f->fd, &info) != 0)
        return mlsel_i_file_failed(f->part, "read", errno, err);
    const uint64_t size = (uint64_t)info.st_size;
    if (f->about.version[0] == '\0' || (f->about.has_size && size > f->about.size))
        return start_again(f, err);
    if (lseek(f->fd, 0, SEEK_END) < 0)
        return mlsel_i_file_failed(f->part, "read", errno, err);
    f->offset = size;
    f->progress.is_resumed = size > 0;
    return MLSEL_OK;
}

/* Where a part begins, by "bytes 100-199/200". */
static bool begins_at(const http_response *r, uint64_t offset) {
    const char *range = mlsel_i_http_header(r, "Content-Range");
    char expected[64];
    snprintf(expected, sizeof expected, "bytes %" PRIu64 "-", offset);
    return range != NULL && strncmp(range, expected, strlen(expected)) == 0;
}

static mlsel_status on_data(const http_response *r, const char *data, size_t size, void *user, mlsel_error *err) {
    fetch *f = user;
    mlsel_status status = MLSEL_OK;
    if (!f->has_answer) {
        f->has_answer = true;
        if (r->status == 206 && !begins_at(r, f->offset))
            return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: another part came than was asked for", f->name);
        if (r->status != 206 && f->offset > 0) /* the whole file comes */
            status = start_again(f, err);
    }
    if (status == MLSEL_OK && f->about.has_size && size > f->about.size - f->offset)
        status = mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: more than the %" PRIu64 " bytes come that the hub has", f->name,
                              f->about.size);
    if (status != MLSEL_OK)
        return status;
    size_t done;
    const int error = mlsel_i_write_all(f->fd, data, size, &done);
    f->offset += done;
    return error == 0 ? report(f, err) : mlsel_i_file_failed(f->part, "written", error, err);
}

static mlsel_status attempt(fetch *f, http_response *response, mlsel_error *err) {
    char range[64];
    http_request request = {.method = "GET", .sink = on_data, .sink_user = f};
    f->has_answer = false;
    snprintf(range, sizeof range, "Range: bytes=%" PRIu64 "-", f->offset);
    return mlsel_i_hub_get(f->hub, f->name, &request, f->about.url, f->offset > 0 ? range : NULL, response, err);
}

/* Attempts until all bytes are there; those that bring something do not count. */
static mlsel_status fetch_bytes(fetch *f, mlsel_error *err) {
    const mlsel_download_options *o = f->hub->options;
    bool was_stale = false;
    for (uint32_t tried = 1;;) {
        http_response response = {0};
        if (f->about.has_size && f->offset == f->about.size && f->offset > 0)
            return MLSEL_OK;
        const uint64_t before = f->offset;
        mlsel_status status = attempt(f, &response, err);
        if (status == MLSEL_OK && !f->has_answer && f->offset > 0 && response.status == 200)
            status = start_again(f, err); /* a whole file without bytes */
        if (status == MLSEL_OK && f->about.has_size && f->offset < f->about.size) {
            status = mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: %" PRIu64 " of %" PRIu64 " bytes came", f->name, f->offset,
                                  f->about.size);
            response.may_retry = true;
        }
        /* what is there is of another file: that is found out once without costing an attempt */
        const bool is_stale = response.status == 416 && f->offset > 0 && !was_stale;
        was_stale = was_stale || is_stale;
        const http_response failed = {.may_retry = response.may_retry, .retry_after = response.retry_after};
        mlsel_i_http_free(&response);
        if (is_stale && (status = start_again(f, err)) == MLSEL_OK)
            continue;
        if (status == MLSEL_OK || !failed.may_retry)
            return status;
        if (f->offset > before)
            tried = 1;
        if (tried > o->retries)
            return status;
        const mlsel_status waited = mlsel_i_http_wait(f->hub->http, tried++, &failed, err);
        if (waited != MLSEL_OK)
            return waited;
    }
}

static mlsel_status verify(fetch *f, mlsel_error *err) {
    char digest[SHA256_TEXT];
    if (f->about.sha256[0] == '\0')
        return MLSEL_OK;
    const mlsel_status status = hash_file(f->fd, f->part, digest, err);
    if (status != MLSEL_OK || strcmp(digest, f->about.sha256) == 0)
        return status;
    return mlsel_i_fail(err, MLSEL_ERROR_IO,
                        "%s: what came is not what the hub has: its SHA-256 is %.16s..., expected %.16s...", f->name,
                        digest, f->about.sha256);
}

static mlsel_status finish(fetch *f, mlsel_error *err) {
    if (mlsel_i_sync(f->fd) != 0 || rename(f->part, f->path) != 0)
        return mlsel_i_file_failed(f->path, "written", errno, err);
    f->progress.is_complete = true;
    return report(f, err);
}

static mlsel_status fetch_new(fetch *f, mlsel_error *err) {
    mlsel_status status = open_part(f, err);
    const bool was_resumed = f->progress.is_resumed;
    if (status == MLSEL_OK)
        status = report(f, err);
    if (status == MLSEL_OK)
        status = fetch_bytes(f, err);
    if (status != MLSEL_OK)
        return status;
    status = verify(f, err);
    if (status == MLSEL_ERROR_IO && was_resumed) { /* the bytes of an earlier call may be to blame */
        status = start_again(f, err);
        if (status == MLSEL_OK)
            status = fetch_bytes(f, err);
        if (status == MLSEL_OK)
            status = verify(f, err);
    }
    if (status == MLSEL_ERROR_IO)
        (void)unlink(f->part);
    return status == MLSEL_OK ? finish(f, err) : status;
}

static mlsel_status fetch_file(const hub *h, const char *name, size_t index, size_t n, mlsel_error *err) {
    fetch f = {.hub = h, .name = name, .fd = -1, .progress = {.file = name, .index = index, .n = n}};
    mlsel_status status = mlsel_i_hub_look_up(h, name, &f.about, err);
    if (status == MLSEL_OK)
        status = name_paths(&f, err);
    if (status == MLSEL_OK && is_there(&f)) {
        f.offset = f.about.size;
        f.progress.was_complete = f.progress.is_complete = true;
        status = report(&f, err);
    } else if (status == MLSEL_OK) {
        status = fetch_new(&f, err);
    }
    if (f.fd >= 0)
        close(f.fd);
    mlsel_i_free(f.about.url);
    mlsel_i_free(f.path);
    mlsel_i_free(f.part);
    return status;
}

/* --- which files -------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), size = strlen(end);
    return length > size && strcmp(text + length - size, end) == 0;
}

static bool is_wanted(mlsel_download_kind kind, const char *name) {
    static const char *const models[] = {"knn_model.json", "kmeans_model.json", "svm_model.json", "mlp_model.json"};
    if (kind == MLSEL_DOWNLOAD_DATA)
        return name[0] != '.' && (ends_with(name, ".jsonl") || ends_with(name, ".json"));
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(models); i++)
        if (strcmp(models[i], name) == 0)
            return true;
    return false;
}

/* Keeps those of the repository's files that its kind is about. */
static mlsel_status choose(const hub *h, hub_list *list, mlsel_error *err) {
    size_t kept = 0;
    mlsel_status status = mlsel_i_hub_list(h, list, err);
    for (size_t i = 0; i < list->n; i++) {
        char *name = list->names[i];
        if (status == MLSEL_OK && is_wanted(h->options->kind, name)) {
            if (mlsel_i_hub_check_file(name, err) != MLSEL_OK)
                status = mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s names a file that would leave the folder: \"%s\"",
                                      h->options->repository, name);
            list->names[kept++] = name;
        } else {
            mlsel_i_free(name);
        }
    }
    list->n = kept;
    if (status == MLSEL_OK && kept == 0)
        status = mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND,
                              h->options->kind == MLSEL_DOWNLOAD_DATA
                                  ? "%s has no .jsonl or .json files at revision %s"
                                  : "%s has none of knn_model.json, kmeans_model.json, svm_model.json and "
                                    "mlp_model.json at revision %s",
                              h->options->repository, h->options->revision);
    return status;
}

static mlsel_status check(const mlsel_download_options *o, mlsel_error *err) {
    if (o->kind != MLSEL_DOWNLOAD_MODELS && o->kind != MLSEL_DOWNLOAD_DATA)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "kind %d is none", (int)o->kind);
    if (o->repository == NULL || o->revision == NULL || o->revision[0] == '\0' || o->hub == NULL ||
        o->output_dir == NULL || o->output_dir[0] == '\0' || !(o->stall_s >= 0) || !(o->retry_wait_s >= 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "an option of the download is missing or negative");
    mlsel_status status = mlsel_i_url_check("the hub's address", o->hub, err);
    if (status == MLSEL_OK)
        status = mlsel_i_hub_check_repository(o->repository, err);
    for (size_t i = 0; i < o->n_files && status == MLSEL_OK; i++)
        status = mlsel_i_hub_check_file(o->files[i], err);
    for (const char *at = o->token; status == MLSEL_OK && at != NULL && *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                                "the token has a blank or another character that no token has at position %zu",
                                (size_t)(at - o->token) + 1);
    return status;
}

static mlsel_status open_hub(hub *h, secret_list *secrets, mlsel_error *err) {
    const mlsel_download_options *o = h->options;
    const http_settings settings = {.stall_s = o->stall_s,
                                    .retries = o->retries,
                                    .retry_wait_s = o->retry_wait_s,
                                    .max_body = MAX_LIST,
                                    .ca_path = o->ca_path,
                                    .secrets = secrets,
                                    .is_cancelled = o->is_cancelled,
                                    .on_retry = o->on_retry,
                                    .user = o->user};
    if (o->token != NULL && o->token[0] != '\0') {
        static const char begin[] = "Authorization: Bearer ";
        const size_t size = sizeof begin + strlen(o->token);
        h->authorization = mlsel_i_alloc(size, 1);
        if (h->authorization == NULL || !mlsel_i_secrets_add(secrets, o->token))
            return mlsel_i_no_memory(err);
        snprintf(h->authorization, size, "%s%s", begin, o->token);
    }
    return mlsel_i_http_open(&settings, &h->http, err);
}

mlsel_status mlsel_download(const mlsel_download_options *options, size_t *n_fetched, mlsel_error *err) {
    hub h = {.options = options};
    hub_list list = {0};
    secret_list secrets = {0};
    mlsel_error own;
    size_t done = 0;
    if (err == NULL)
        err = &own;
    mlsel_status status = check(options, err);
    if (status == MLSEL_OK)
        status = open_hub(&h, &secrets, err);
    if (status == MLSEL_OK && options->n_files == 0)
        status = choose(&h, &list, err);
    const size_t n = options->n_files > 0 ? options->n_files : list.n;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        const char *name = options->n_files > 0 ? options->files[i] : list.names[i];
        status = fetch_file(&h, name, i, n, err);
        done += status == MLSEL_OK;
    }
    mlsel_i_http_close(h.http);
    mlsel_i_free(h.authorization);
    mlsel_i_secrets_free(&secrets);
    mlsel_i_hub_list_free(&list);
    if (n_fetched != NULL)
        *n_fetched = done;
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
