/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a .npy file, versions 1 to 3: a magic, a length, and a Python dict literal such as
 * {'descr': '<f4', 'fortran_order': False, 'shape': (300, 1038), }
 */
#include <inttypes.h>
#include <string.h>

#include "input.h"

/* Far more than any plain array needs; headers beyond it describe records. */
enum { MAX_HEADER = 64 * 1024, PREFIX = 8 };

typedef struct npy_header {
    char type[16];
    bool fortran_order;
    size_t rank; /* as read: more than 2 is refused later */
    uint64_t shape[2];
    unsigned seen; /* bit set of the keys below */
} npy_header;

enum { SEEN_TYPE = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4, SEEN_ALL = 7 };

static bool fail(input *in, const char *hint, const char *message) {
    failure_set(&in->problem, EXIT_BAD_INPUT, "%s: %s", in->name, message);
    failure_hint(&in->problem, "%s", hint);
    return false;
}

/* --- the dict literal ------------------------------------------------------------------------------------------- */

static void skip_blanks(const char **at) { *at += strspn(*at, " \t\r\n"); }

static bool take(const char **at, char expected) {
    skip_blanks(at);
    if (**at != expected)
        return false;
    ++*at;
    return true;
}

/* A quoted string without escapes, as numpy writes them. What is too long for out is no string of ours. */
static bool take_string(const char **at, char *out, size_t size) {
    skip_blanks(at);
    char quote = **at;
    if (quote != '\'' && quote != '"')
        return false;
    const char *begin = *at + 1;
    const char *end = strchr(begin, quote);
    if (end == NULL || (size_t)(end - begin) >= size)
        return false;
    memcpy(out, begin, (size_t)(end - begin));
    out[end - begin] = '\0';
    *at = end + 1;
    return true;
}

static bool take_word(const char **at, const char *word) {
    skip_blanks(at);
    if (strncmp(*at, word, strlen(word)) != 0)
        return false;
    *at += strlen(word);
    return true;
}

static bool take_size(const char **at, uint64_t *out) {
    uint64_t value = 0;
    skip_blanks(at);
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool take_shape(const char **at, npy_header *h) {
    h->rank = 0;
    if (!take(at, '('))
        return false;
    while (!take(at, ')')) {
        uint64_t size = 0;
        if (!take_size(at, &size))
            return false;
        if (h->rank < TOOL_ARRAY_LENGTH(h->shape))
            h->shape[h->rank] = size;
        ++h->rank;
        if (!take(at, ',') && **at != ')')
            return false;
    }
    return true;
}

static bool take_entry(const char **at, npy_header *h) {
    char key[32];
    if (!take_string(at, key, sizeof key) || !take(at, ':'))
        return false;
    if (strcmp(key, "descr") == 0) {
        h->seen |= SEEN_TYPE;
        return take_string(at, h->type, sizeof h->type);
    }
    if (strcmp(key, "fortran_order") == 0) {
        h->seen |= SEEN_ORDER;
        h->fortran_order = take_word(at, "True");
        return h->fortran_order || take_word(at, "False");
    }
    if (strcmp(key, "shape") == 0) {
        h->seen |= SEEN_SHAPE;
        return take_shape(at, h);
    }
    return false;
}

static bool parse_dict(const char *text, npy_header *h) {
    if (!take(&text, '{'))
        return false;
    while (!take(&text, '}')) {
        if (!take_entry(&text, h))
            return false;
        skip_blanks(&text);
        if (!take(&text, ',') && *text != '}')
            return false;
    }
    skip_blanks(&text);
    return *text == '\0' && h->seen == SEEN_ALL;
}

/* --- what it means ---------------------------------------------------------------------------------------------- */

static bool apply_type(input *in, const npy_header *h) {
    in->value_size = strcmp(h->type, "<f4") == 0 ? 4 : strcmp(h->type, "<f8") == 0 ? 8 : 0;
    if (in->value_size > 0)
        return true;
    failure_set(&in->problem, EXIT_BAD_INPUT,
                "%s: holds values of type '%s', expected '<f4' or '<f8' (float32 or float64)", in->name, h->type);
    failure_hint(&in->problem, "in Python: numpy.save(\"queries.npy\", array.astype(\"<f4\"))");
    return false;
}

static bool apply_shape(input *in, const npy_header *h) {
    if (h->rank != 1 && h->rank != 2) {
        failure_set(&in->problem, EXIT_BAD_INPUT,
                    "%s: an array of %zu dimensions, expected 1 (one query) or 2 (one per row)", in->name, h->rank);
        return false;
    }
    uint64_t rows = h->rank == 2 ? h->shape[0] : 1;
    uint64_t width = h->rank == 2 ? h->shape[1] : h->shape[0];
    if (h->fortran_order && rows > 1 && width > 1)
        return fail(in, "in Python: numpy.save(\"queries.npy\", numpy.ascontiguousarray(array))",
                    "stored column by column (fortran_order), expected row by row");
    if (width == 0 && rows > 0)
        return fail(in, "", "its rows hold 0 values");
    if (width > SIZE_MAX / 8 || rows > UINT64_MAX / 8 / (width > 0 ? width : 1))
        return fail(in, "", "its header declares an array larger than any file");
    in->width = (size_t)width;
    in->rows = rows;
    return true;
}

/* A file says at once whether the data that the header promises can be there; a pipe does not. */
static bool check_size(input *in) {
    uint64_t promised = in->rows * in->width * in->value_size;
    uint64_t there = in->bytes.total - in->bytes.consumed;
    if (!in->bytes.regular || in->bytes.total == 0 || there == promised)
        return true;
    failure_set(&in->problem, EXIT_BAD_INPUT,
                "%s: holds %" PRIu64 " bytes of data, its header promises %" PRIu64 " (%" PRIu64 " x %zu values)",
                in->name, there, promised, in->rows, in->width);
    failure_hint(&in->problem,
                 there < promised ? "the file is cut short: write or copy it again" : "save one array per file");
    return false;
}

static bool read_prefix(input *in, size_t *prefix, size_t *length) {
    size_t count = source_peek(&in->bytes, PREFIX + 4);
    const unsigned char *b = source_bytes(&in->bytes);
    if (count < PREFIX + 4 || memcmp(b, "\x93NUMPY", 6) != 0)
        return fail(in, "numpy.save writes them; give raw float32 with --format f32", "not a .npy file");
    if (b[6] < 1 || b[6] > 3) {
        failure_set(&in->problem, EXIT_BAD_INPUT, "%s: .npy format version %d.%d, expected 1 to 3", in->name, b[6],
                    b[7]);
        return false;
    }
    *prefix = b[6] == 1 ? PREFIX + 2 : PREFIX + 4;
    *length = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        *length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (*length > MAX_HEADER) {
        failure_set(&in->problem, EXIT_BAD_INPUT, "%s: its header of %zu bytes is larger than the %d that are read",
                    in->name, *length, MAX_HEADER);
        return false;
    }
    return true;
}

bool npy_read_header(input *in) {
    static const char *const plain_hint = "expected a plain array of float32 or float64, as numpy.save writes it";
    char text[MAX_HEADER + 1];
    npy_header header = {0};
    size_t prefix = 0, length = 0;
    if (!read_prefix(in, &prefix, &length))
        return false;
    if (source_peek(&in->bytes, prefix + length) < prefix + length)
        return fail(in, "the file is cut short: write or copy it again", "ends within its header");
    memcpy(text, source_bytes(&in->bytes) + prefix, length);
    text[length] = '\0';
    source_skip(&in->bytes, prefix + length);
    if (!parse_dict(text, &header))
        return fail(in, plain_hint, "its header describes no plain array");
    return apply_type(in, &header) && apply_shape(in, &header) && check_size(in);
}
