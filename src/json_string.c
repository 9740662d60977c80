/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings: checked once (UTF-8, escapes), decoded when they are kept. Keys: compared in decoded form, as bytes.
 */
#include <string.h>

#include "json_parser.h"

/* Up to here each new key is compared with all before it; a larger object is sorted when it ends, so that the time
 * for n keys is O(n log n) whatever they are. */
#define FEW_KEYS 16

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* -1 if c is none. */
static int32_t hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Value of four hexadecimal digits. */
static int32_t hex4(const char *text) {
    int32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value * 16 + hex_digit(text[i]);
    return value;
}

static bool is_high_surrogate(int32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
static bool is_low_surrogate(int32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

/* The character of the checked \u escape at *at, which moves behind it. */
static uint32_t unicode_escape(const char **at) {
    const int32_t unit = hex4(*at + 2);
    *at += 6;
    if (!is_high_surrogate(unit))
        return (uint32_t)unit;
    const int32_t low = hex4(*at + 2);
    *at += 6;
    return 0x10000u + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
}

/* Checks the digits of the \u escape at c. */
static mlsel_status check_unit(const json_parser *p, enum json_place place, const char *c, int32_t *unit) {
    for (int i = 2; i < 6; i++) {
        if (p->end - c == i)
            return mlsel_i_json_fail_end(p, place);
        if (hex_digit(c[i]) < 0)
            return mlsel_i_json_fail_at(p, c, place, "\\u needs four hexadecimal digits");
    }
    *unit = hex4(c + 2);
    return MLSEL_OK;
}

/* Checks the \u escape at *at, moves behind it and adds its decoded size. */
static mlsel_status check_unicode(const json_parser *p, enum json_place place, const char **at, size_t *size) {
    const char *const c = *at;
    int32_t unit = 0;
    mlsel_status status = check_unit(p, place, c, &unit);
    if (status != MLSEL_OK)
        return status;
    if (unit == 0)
        return mlsel_i_json_fail_at(p, c, place, "\\u0000 in a string");
    if (is_low_surrogate(unit))
        return mlsel_i_json_fail_at(p, c, place, "a low surrogate without a high one before it");
    *at = c + 6;
    if (is_high_surrogate(unit)) {
        const size_t left = (size_t)(p->end - *at);
        int32_t low = 0;
        if (memcmp(*at, "\\u", left < 2 ? left : 2) == 0) {
            status = left < 2 ? mlsel_i_json_fail_end(p, place) : check_unit(p, place, *at, &low);
            if (status != MLSEL_OK)
                return status;
        }
        if (!is_low_surrogate(low))
            return mlsel_i_json_fail_at(p, c, place, "a high surrogate without a low one after it");
        *at += 6;
    }
    char utf8[4];
    const char *escape = c;
    *size += mlsel_i_utf8_encode(unicode_escape(&escape), utf8);
    return MLSEL_OK;
}

static mlsel_status check_escape(const json_parser *p, enum json_place place, const char **at, size_t *size) {
    const char *const c = *at;
    if (p->end - c < 2)
        return mlsel_i_json_fail_end(p, place);
    if (c[1] == 'u')
        return check_unicode(p, place, at, size);
    if (c[1] == '\0' || strchr("\"\\/bfnrt", c[1]) == NULL)
        return mlsel_i_json_fail_at(p, c, place, "an escape that JSON does not have");
    *at = c + 2;
    *size += 1;
    return MLSEL_OK;
}

mlsel_status mlsel_i_json_string(json_parser *p, enum json_place place, json_slice *out) {
    const char *const start = p->at + 1;
    const char *at = start;
    size_t size = 0;
    while (at < p->end) {
        const unsigned char c = (unsigned char)*at;
        if (c == '"') {
            *out = (json_slice){start, (size_t)(at - start), size};
            p->at = at + 1;
            return MLSEL_OK;
        }
        if (c == '\\') {
            const mlsel_status status = check_escape(p, place, &at, &size);
            if (status != MLSEL_OK)
                return status;
        } else if (c < 0x20) {
            return mlsel_i_json_fail_at(p, at, place, "a control character in a string");
        } else if (c < 0x80) {
            at++;
            size++;
        } else {
            const size_t n = mlsel_i_utf8_length((const unsigned char *)at, (const unsigned char *)p->end);
            if (n == 0)
                return mlsel_i_json_fail_at(p, at, place, "bytes that are not UTF-8");
            at += n;
            size += n;
        }
    }
    return mlsel_i_json_fail_end(p, place);
}

/* --- decoding ---------------------------------------------------------------------------------------------------- */

/* Writes the 1 to 4 bytes of the checked escape at *at, which moves behind it. */
static size_t decode_escape(const char **at, char *out) {
    const char c = (*at)[1];
    if (c == 'u')
        return mlsel_i_utf8_encode(unicode_escape(at), out);
    *at += 2;
    switch (c) {
    case 'b':
        *out = '\b';
        break;
    case 'f':
        *out = '\f';
        break;
    case 'n':
        *out = '\n';
        break;
    case 'r':
        *out = '\r';
        break;
    case 't':
        *out = '\t';
        break;
    default:
        *out = c;
        break;
    }
    return 1;
}

void mlsel_i_json_decode(const json_slice *string, char *out) {
    if (string->decoded_size == string->size) {
        memcpy(out, string->text, string->size);
        return;
    }
    const char *const end = string->text + string->size;
    for (const char *at = string->text; at < end;) {
        if (*at == '\\')
            out += decode_escape(&at, out);
        else
            *out++ = *at++;
    }
}

const char *mlsel_i_json_decode_scratch(json_parser *p, const json_slice *string) {
    if (string->decoded_size >= p->scratch_capacity) {
        const size_t capacity = string->decoded_size + 64;
        mlsel_i_free(p->scratch);
        p->scratch_capacity = 0;
        p->scratch = mlsel_i_alloc(capacity, 1);
        if (p->scratch == NULL)
            return NULL;
        p->scratch_capacity = capacity;
    }
    mlsel_i_json_decode(string, p->scratch);
    p->scratch[string->decoded_size] = '\0';
    return p->scratch;
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

static bool has_escapes(const json_slice *s) { return s->decoded_size != s->size; }

/* Where the reading of a key is, and the escape it is in. */
typedef struct key_reader {
    const char *at, *end;
    char escape[4];
    size_t n, next; /* bytes of the escape, and the next one of them */
} key_reader;

/* The next decoded byte, -1 at the end. */
static int next_byte(key_reader *r) {
    if (r->next == r->n && r->at < r->end && *r->at == '\\') {
        r->n = decode_escape(&r->at, r->escape);
        r->next = 0;
    }
    if (r->next < r->n)
        return (unsigned char)r->escape[r->next++];
    return r->at < r->end ? (unsigned char)*r->at++ : -1;
}

/* Like memcmp of the decoded forms, the shorter first where one is a prefix of the other. */
static int compare_keys(const json_slice *a, const json_slice *b) {
    if (!has_escapes(a) && !has_escapes(b)) {
        const int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
        return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
    }
    key_reader of_a = {.at = a->text, .end = a->text + a->size}, of_b = {.at = b->text, .end = b->text + b->size};
    for (;;) {
        const int byte_a = next_byte(&of_a), byte_b = next_byte(&of_b);
        if (byte_a != byte_b)
            return byte_a < byte_b ? -1 : 1;
        if (byte_a < 0)
            return 0;
    }
}

/* Order by key, then by place. */
static int compare_places(const json_slice *a, const json_slice *b) {
    const int order = compare_keys(a, b);
    return order != 0 ? order : (a->text > b->text) - (a->text < b->text);
}

/* Moves keys[root] down to its place in the heap keys[0..count). */
static void sift_down(json_slice *keys, size_t root, size_t count) {
    const json_slice moved = keys[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare_places(&keys[child], &keys[child + 1]) < 0)
            child++;
        if (compare_places(&moved, &keys[child]) >= 0)
            break;
        keys[root] = keys[child];
    }
    keys[root] = moved;
}

/* Heapsort: in place, and O(n log n) for any keys. */
static void sort_keys(json_slice *keys, size_t count) {
    for (size_t i = count / 2; i-- > 0;)
        sift_down(keys, i, count);
    for (size_t last = count; last-- > 1;) {
        const json_slice greatest = keys[0];
        keys[0] = keys[last];
        keys[last] = greatest;
        sift_down(keys, 0, last);
    }
}

static mlsel_status fail_duplicate(const json_parser *p) {
    return mlsel_i_json_fail_value(p, MLSEL_ERROR_SCHEMA, "duplicate key");
}

mlsel_status mlsel_i_json_add_key(json_parser *p) {
    const json_frame *frame = &p->frames[p->depth - 1];
    if (p->n_keys == p->keys_capacity) {
        const size_t capacity = p->keys_capacity < 32 ? 32 : p->keys_capacity * 2;
        json_slice *keys = mlsel_i_resize(p->keys, p->n_keys, capacity, sizeof *keys);
        if (keys == NULL)
            return mlsel_i_no_memory(p->err);
        p->keys = keys;
        p->keys_capacity = capacity;
    }
    const json_slice *key = &frame->key;
    const json_slice *siblings = p->keys + frame->first_key;
    const size_t count = p->n_keys - frame->first_key;
    if (count < FEW_KEYS)
        for (size_t i = 0; i < count; i++)
            if (siblings[i].decoded_size == key->decoded_size && compare_keys(&siblings[i], key) == 0)
                return fail_duplicate(p);
    p->keys[p->n_keys++] = *key;
    return MLSEL_OK;
}

mlsel_status mlsel_i_json_end_keys(json_parser *p) {
    json_frame *frame = &p->frames[p->depth - 1];
    const size_t count = p->n_keys - frame->first_key;
    p->n_keys = frame->first_key;
    if (count <= FEW_KEYS)
        return MLSEL_OK;
    json_slice *keys = p->keys + frame->first_key;
    sort_keys(keys, count);
    const json_slice *first = NULL; /* the duplicate that comes first in the text */
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0 && (first == NULL || keys[i].text < first->text))
            first = &keys[i];
    if (first == NULL)
        return MLSEL_OK;
    frame->key = *first;
    return fail_duplicate(p);
}
