/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in embedder: feature hashing (K. Weinberger et al., 2009) of words, pairs of words, the characters between
 * words, and n-grams of characters within words. Everything is integers and IEEE sums in one order, so that machines
 * agree to the last bit.
 */
#include <math.h>
#include <string.h>

#include "internal.h"
#include "mlsel_train.h"

/* --- letters ------------------------------------------------------------------------------------------------------ */

/* Lower case of ASCII, Latin, Greek and Cyrillic letters. */
static uint32_t lower(uint32_t c) {
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c < 0x100)
        return c >= 0xc0 && c <= 0xde && c != 0xd7 ? c + 32 : c;
    if (c < 0x180) { /* pairs, of which the capital is even, or odd in two stretches */
        const bool is_odd_pair = (c >= 0x139 && c <= 0x148) || c >= 0x179;
        if (c == 0x130)
            return 'i';
        if (c == 0x138 || c == 0x149 || c == 0x17f)
            return c;
        if (c == 0x178)
            return 0xff;
        return is_odd_pair ? c + (c & 1) : c | 1;
    }
    if (c >= 0x370 && c < 0x400) {
        if (c >= 0x391 && c <= 0x3ab && c != 0x3a2)
            return c + 32;
        return c == 0x386                 ? 0x3ac
               : c >= 0x388 && c <= 0x38a ? c + 37
               : c == 0x38c               ? 0x3cc
               : c == 0x38e || c == 0x38f ? c + 63
               : c == 0x3c2               ? 0x3c3 /* the sigma that ends words */
                                          : c;
    }
    if (c >= 0x400 && c < 0x530) {
        if (c < 0x410)
            return c + 80;
        if (c < 0x430)
            return c + 32;
        if ((c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) || c >= 0x4d0)
            return c | 1;
    }
    return c;
}

typedef enum letter_kind { SPACE, MARK, LETTER, IDEOGRAPH } letter_kind;

static letter_kind kind_of(uint32_t c) {
    if (c < 0x80) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            return LETTER;
        return c <= ' ' || c == 0x7f ? SPACE : MARK;
    }
    if (c <= 0xa0 || (c >= 0x2000 && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x3000 || c == 0xfeff)
        return SPACE;
    if (c < 0xc0)
        return c == 0xaa || c == 0xb5 || c == 0xba ? LETTER : MARK;
    if (c == 0xd7 || c == 0xf7 || (c >= 0x2010 && c < 0x2c00) || (c >= 0x3001 && c < 0x3040) ||
        (c >= 0xff00 && c < 0xff10) || (c >= 0x1f000 && c < 0x20000))
        return MARK;
    /* written without spaces: each is a word */
    if ((c >= 0x3040 && c < 0x3100) || (c >= 0x3400 && c < 0xa000) || (c >= 0xf900 && c < 0xfb00) ||
        (c >= 0x20000 && c < 0x40000))
        return IDEOGRAPH;
    return LETTER;
}

/* The character at *at, which moves on; a byte that is no UTF-8 is taken as it is. */
static uint32_t next_character(const unsigned char **at, const unsigned char *end) {
    const unsigned char *p = *at;
    if (*p < 0x80) {
        ++*at;
        return *p;
    }
    const size_t length = mlsel_i_utf8_length(p, end);
    *at += length == 0 ? 1 : length;
    switch (length) {
    case 2:
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    case 3:
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    case 4:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    default:
        return p[0];
    }
}

/* --- counting features -------------------------------------------------------------------------------------------- */

/* Kinds of features, and what an occurrence weighs. The weights are what measured best on the training parts of two
 * benchmarks: see docs/training.md. */
enum { WORD, WORD_PAIR, MARKS, GRAM, N_KINDS };
static const double weights[N_KINDS] = {[WORD] = 1, [WORD_PAIR] = 0.25, [MARKS] = 1, [GRAM] = 0.3};

enum { SHORTEST_GRAM = 3, LONGEST_GRAM = 5, FIRST_SLOTS = 2048 };

typedef struct feature {
    uint64_t hash; /* the kind in the lowest bits; 0: none */
    uint64_t count;
} feature;

/* Open addressing. */
typedef struct feature_table {
    feature *slots;
    size_t n_slots; /* a power of 2 */
    size_t n;
    bool has_failed;
} feature_table;

static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static feature *find(feature *slots, size_t n_slots, uint64_t hash) {
    size_t slot = (size_t)(hash >> 2) & (n_slots - 1);
    while (slots[slot].hash != 0 && slots[slot].hash != hash)
        slot = (slot + 1) & (n_slots - 1);
    return &slots[slot];
}

static void grow(feature_table *table) {
    const size_t n_slots = table->n_slots * 2;
    feature *slots = mlsel_i_calloc(n_slots, sizeof *slots);
    if (slots == NULL) {
        table->has_failed = true;
        return;
    }
    for (size_t i = 0; i < table->n_slots; i++)
        if (table->slots[i].hash != 0)
            *find(slots, n_slots, table->slots[i].hash) = table->slots[i];
    mlsel_i_free(table->slots);
    table->slots = slots;
    table->n_slots = n_slots;
}

static inline void count(feature_table *table, uint64_t hash, unsigned kind) {
    hash = (hash & ~(uint64_t)3) | kind;
    feature *f = find(table->slots, table->n_slots, hash == 0 ? 4 : hash);
    f->count++;
    if (f->hash != 0)
        return;
    f->hash = hash == 0 ? 4 : hash;
    if (++table->n > table->n_slots / 2)
        grow(table);
}

/* --- finding features --------------------------------------------------------------------------------------------- */

/* Where in a text, and what was before. */
typedef struct scanner {
    feature_table *table;
    uint64_t word;               /* hash of the word so far; 0: in none */
    uint64_t previous;           /* of the last word; 0: none */
    uint32_t mark;               /* the character before, if it is a mark; else 0 */
    uint32_t last[LONGEST_GRAM]; /* characters of the word so far, the latest first; its beginning is a space */
    unsigned n_last;
} scanner;

/* Grams that end with this character of a word; a space is its beginning and its end. */
static void add_to_grams(scanner *s, uint32_t c) {
    for (unsigned i = LONGEST_GRAM - 1; i > 0; i--)
        s->last[i] = s->last[i - 1];
    s->last[0] = c;
    if (s->n_last < LONGEST_GRAM)
        s->n_last++;
    if (s->n_last < SHORTEST_GRAM)
        return;
    uint64_t hash = mix((uint64_t)s->last[2] << 42 | (uint64_t)s->last[1] << 21 | s->last[0]);
    count(s->table, hash, GRAM);
    for (unsigned n = SHORTEST_GRAM; n < s->n_last; n++) {
        hash = mix(hash + s->last[n] + 1);
        count(s->table, hash, GRAM);
    }
}

static void end_word(scanner *s) {
    if (s->word == 0)
        return;
    add_to_grams(s, ' ');
    const uint64_t hash = mix(s->word);
    count(s->table, hash, WORD);
    if (s->previous != 0)
        count(s->table, mix(s->previous * 3 + hash), WORD_PAIR);
    s->previous = hash;
    s->word = 0;
    s->n_last = 0;
}

static void add_letter(scanner *s, uint32_t c) {
    if (s->word == 0) {
        s->word = 0x9e3779b97f4a7c15u;
        add_to_grams(s, ' ');
    }
    s->word = (s->word ^ c) * 0xff51afd7ed558ccdu;
    s->word ^= s->word >> 32;
    add_to_grams(s, c);
}

static void add_mark(scanner *s, uint32_t c) {
    const uint64_t hash = mix((uint64_t)c + 1);
    count(s->table, hash, MARKS);
    if (s->mark != 0)
        count(s->table, mix(hash + ((uint64_t)s->mark << 32)), MARKS);
}

static void scan(scanner *s, const unsigned char *at, const unsigned char *end) {
    while (at < end && !s->table->has_failed) {
        const uint32_t c = next_character(&at, end);
        const letter_kind kind = kind_of(c);
        if (kind == LETTER) {
            add_letter(s, lower(c));
        } else {
            end_word(s);
            if (kind == MARK)
                add_mark(s, c);
            if (kind == IDEOGRAPH) {
                add_letter(s, c);
                end_word(s);
            }
        }
        s->mark = kind == MARK ? c : 0;
    }
    end_word(s);
}

/* --- projecting --------------------------------------------------------------------------------------------------- */

/* ln(n) by the series of the area tangent; a library's differs between machines in the last digit. */
static double natural_log(uint64_t n) {
    const double ln2 = 0x1.62e42fefa39efp-1;
    int exponent = 0;
    double m = (double)n;
    for (; m >= 1.5; m /= 2)
        exponent++;
    const double t = (m - 1) / (m + 1), square = t * t; /* m from 0.75 to 1.5: |t| is at most 0.2 */
    double sum = 0;
    for (int k = 23; k > 0; k -= 2)
        sum = sum * square + 1.0 / k;
    return exponent * ln2 + 2 * t * sum;
}

/* Each feature adds its weight to one value, with a random sign. */
static void project(const feature_table *table, double *sums, size_t width) {
    for (size_t i = 0; i < table->n_slots; i++) {
        const feature *f = &table->slots[i];
        if (f->hash == 0)
            continue;
        const double weight = weights[f->hash & 3] * (f->count == 1 ? 1 : 1 + natural_log(f->count));
        const uint64_t place = mix(f->hash + 0x9e3779b97f4a7c15u);
        sums[(place >> 32) * width >> 32] += (place & 1) != 0 ? weight : -weight;
    }
}

static void normalise(const double *sums, float *out, size_t width) {
    double square = 0;
    for (size_t i = 0; i < width; i++)
        square += sums[i] * sums[i];
    const double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < width; i++)
        out[i] = (float)(sums[i] * scale);
}

mlsel_status mlsel_embed_text(const char *text, size_t size, float *out, size_t width, mlsel_error *err) {
    if ((text == NULL && size > 0) || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "text and out must not be NULL");
    if (width < 16 || width > 65536)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "width is %zu: the built-in embedder gives 16 to 65536 values", width);
    feature_table table = {.slots = mlsel_i_calloc(FIRST_SLOTS, sizeof(feature)), .n_slots = FIRST_SLOTS};
    double *sums = mlsel_i_calloc(width, sizeof *sums);
    table.has_failed = table.slots == NULL || sums == NULL;
    if (!table.has_failed) {
        scanner s = {.table = &table};
        const unsigned char *at = (const unsigned char *)text;
        scan(&s, at, size == 0 ? at : at + size);
    }
    if (!table.has_failed) {
        project(&table, sums, width);
        normalise(sums, out, width);
    }
    mlsel_i_free(table.slots);
    mlsel_i_free(sums);
    return table.has_failed ? mlsel_i_no_memory(err) : mlsel_i_ok(err);
}
