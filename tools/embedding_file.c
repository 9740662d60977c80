/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "embedding_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum { NPY_HEADER = 128 };

static bool fail(const embedding_file *f, failure *problem) {
    failure_set(problem, EXIT_BAD_INPUT, "%s cannot be written: %s", f->path != NULL ? f->path : "standard output",
                strerror(errno));
    return false;
}

bool embedding_file_open(embedding_file *f, const char *path, bool is_npy, failure *problem) {
    *f = (embedding_file){.path = path, .is_npy = is_npy};
    if (path == NULL) {
        f->file = stdout;
        return true;
    }
    const size_t size = strlen(path) + 32;
    f->beside = tool_alloc(size, 1);
    snprintf(f->beside, size, "%s.tmp%ld", path, (long)getpid());
    f->file = fopen(f->beside, "wb");
    if (f->file != NULL)
        tool_unfinished(f->beside);
    const char blanks[NPY_HEADER] = {0}; /* the header tells the number of rows, so it comes last */
    if (f->file != NULL && (!is_npy || fwrite(blanks, sizeof blanks, 1, f->file) == 1))
        return true;
    (void)fail(f, problem);
    (void)embedding_file_close(f, false, problem);
    return false;
}

/* --- JSON lines --------------------------------------------------------------------------------------------------- */

static void put_string(FILE *file, const char *text) {
    putc('"', file);
    while (*text != '\0') {
        uint32_t c = 0;
        size_t length = text_character(text, &c);
        if (length == 0) {
            fputs("\xEF\xBF\xBD", file);
            length = 1;
        } else if (c == '"' || c == '\\') {
            fprintf(file, "\\%c", (int)c);
        } else if (c == '\n') {
            fputs("\\n", file);
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            fprintf(file, "\\u%04" PRIx32, c);
        } else {
            fwrite(text, 1, length, file);
        }
        text += length;
    }
    putc('"', file);
}

/* The fewest digits that give the value back. */
static void put_number(FILE *file, float value) {
    char text[40];
    for (int digits = 6; digits <= 9; ++digits) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    fputs(text, file);
}

static void put_line(FILE *file, const query *q, const float *values, size_t width) {
    putc('{', file);
    if (q->id != NULL) {
        fputs("\"id\":", file);
        if (q->id_is_number)
            fputs(q->id, file);
        else
            put_string(file, q->id);
        putc(',', file);
    }
    fputs("\"query\":", file);
    put_string(file, q->text);
    if (q->category != NULL) {
        fputs(",\"category\":", file);
        put_string(file, q->category);
    }
    fputs(",\"embedding\":[", file);
    for (size_t i = 0; i < width; ++i) {
        if (i > 0)
            putc(',', file);
        put_number(file, values[i]);
    }
    fputs("]}\n", file);
}

/* --- .npy --------------------------------------------------------------------------------------------------------- */

static void put_row(FILE *file, const float *values, size_t width) {
    for (size_t i = 0; i < width; ++i) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int shift = 0; shift < 32; shift += 8)
            putc((int)(bits >> shift & 0xff), file);
    }
}

/* Version 1 of the format: magic, version, size of what follows, a dictionary padded with blanks, a line end. */
static bool put_header(const embedding_file *f) {
    char header[NPY_HEADER];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = NPY_HEADER - 10;
    header[9] = 0;
    const int length =
        snprintf(header + 10, sizeof header - 10,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64 ", %zu), }", f->count, f->width);
    if (length < 0 || (size_t)length >= sizeof header - 11)
        return false;
    header[10 + length] = ' ';
    header[sizeof header - 1] = '\n';
    return fseek(f->file, 0, SEEK_SET) == 0 && fwrite(header, sizeof header, 1, f->file) == 1;
}

/* ------------------------------------------------------------------------------------------------------------------ */

bool embedding_file_add(embedding_file *f, const query *q, const float *values, size_t width) {
    f->width = width;
    f->count++;
    if (f->is_npy)
        put_row(f->file, values, width);
    else
        put_line(f->file, q, values, width);
    return ferror(f->file) == 0;
}

static bool sync_file(FILE *file) {
    int result;
    do
        result = fsync(fileno(file));
    while (result != 0 && errno == EINTR);
    return result == 0;
}

bool embedding_file_close(embedding_file *f, bool keeps, failure *problem) {
    bool ok = true;
    if (f->path == NULL || f->beside == NULL)
        return true;
    if (f->file != NULL && keeps)
        ok = (!f->is_npy || put_header(f)) && fflush(f->file) == 0 && sync_file(f->file) && ferror(f->file) == 0;
    if (f->file != NULL)
        ok = fclose(f->file) == 0 && ok;
    if (keeps && ok)
        ok = rename(f->beside, f->path) == 0;
    if (keeps && !ok)
        (void)fail(f, problem);
    if (!keeps || !ok)
        (void)remove(f->beside);
    tool_finished(f->beside);
    free(f->beside);
    f->beside = NULL;
    f->file = NULL;
    return ok;
}
