/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in embedder: feature hashing (K. Weinberger et al., 2009) of words, pairs of words, the marks between
 * words, n-grams of characters within words, and of what the text is made of. Everything is integers and IEEE sums in
 * one order, so that machines agree to the last bit.
 *
 * Marks and make-up are there because they tell kinds of questions apart (formulas, code, choices, riddles), and common
 * words weigh as much as rare ones because style does too: each of these measured better than its opposite. See
 * docs/training.md.
 */
#include <math.h>
#include <string.h>

#include "internal.h"
#include "letters.h"
#include "mix.h"
#include "mlsel_train.h"

/* --- counting features -------------------------------------------------------------------------------------------- */

/* Kinds of features, and what they weigh: what measured best on the training parts of two benchmarks. */
enum { WORD = 1, WORD_PAIR, MARKS, GRAM, SHAPE, N_KINDS, KIND_BITS = 3, KIND_MASK = (1 << KIND_BITS) - 1 };
static const double weights[N_KINDS] = {[WORD] = 1, [WORD_PAIR] = 0.25, [MARKS] = 1, [GRAM] = 0.3, [SHAPE] = 1.5};

enum { SHORTEST_GRAM = 3, LONGEST_GRAM = 5, PLACES_PER_FEATURE = 2 };
enum { FIRST_CAPACITY = 2048, SLOTS_PER_FEATURE = 2 };

typedef struct feature {
    uint64_t hash; /* the kind in the lowest bits */
    uint64_t count;
} feature;

/* Distinct features in the order of their first occurrence, and open addressing to find them. */
typedef struct feature_table {
    feature *features;
    size_t n, capacity; /* a power of 2 */
    uint64_t *slots;    /* the upper half of a feature's hash, and below it its index + 1; 0: empty */
    bool has_failed;
} feature_table;

#define TAG_MASK 0xffffffff00000000u

static bool allocate(feature_table *table, size_t capacity) {
    feature *features = mlsel_i_resize(table->features, table->n, capacity, sizeof *features);
    if (features != NULL)
        table->features = features;
    uint64_t *slots = features == NULL ? NULL : mlsel_i_calloc(capacity, SLOTS_PER_FEATURE * sizeof *slots);
    if (slots == NULL)
        return false;
    mlsel_i_free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    const size_t mask = capacity * SLOTS_PER_FEATURE - 1;
    for (size_t i = 0; i < table->n; i++) {
        const uint64_t hash = table->features[i].hash;
        size_t slot = (size_t)(hash >> KIND_BITS) & mask;
        while (slots[slot] != 0)
            slot = (slot + 1) & mask;
        slots[slot] = (hash & TAG_MASK) | (i + 1);
    }
    return true;
}

static inline void count(feature_table *table, uint64_t hash, unsigned kind) {
    hash = (hash & ~(uint64_t)KIND_MASK) | kind;
    const size_t mask = table->capacity * SLOTS_PER_FEATURE - 1;
    size_t slot = (size_t)(hash >> KIND_BITS) & mask;
    for (; table->slots[slot] != 0; slot = (slot + 1) & mask) {
        if (((table->slots[slot] ^ hash) & TAG_MASK) != 0)
            continue;
        feature *f = &table->features[(uint32_t)table->slots[slot] - 1];
        if (f->hash == hash) {
            f->count++;
            return;
        }
    }
    if (table->has_failed)
        return;
    table->features[table->n] = (feature){hash, 1};
    table->slots[slot] = (hash & TAG_MASK) | ++table->n;
    if (table->n == table->capacity)
        table->has_failed = table->n >= UINT32_MAX / 2 || !allocate(table, table->capacity * 2);
}

/* The same without a call for what is most frequent. */
static inline uint32_t lower(uint32_t c) {
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return mlsel_i_lower(c);
}

/* --- finding features --------------------------------------------------------------------------------------------- */

/* What a text is made of, in numbers of characters. */
enum { ALL, DIGITS, LINE_ENDS, CAPITALS, N_SHAPES };

/* Where in a text, and what was before. */
typedef struct scanner {
    feature_table *table;
    uint64_t shape[N_SHAPES];
    uint64_t word;               /* hash of the word so far; 0: in none */
    uint64_t previous;           /* of the last word; 0: none */
    uint32_t mark;               /* the character before, if it is a mark; else 0 */
    uint32_t last[LONGEST_GRAM]; /* characters of the word so far, the latest first; its beginning is a space */
    unsigned n_last;
} scanner;

/* Half of mlsel_i_mix, for what comes by every character; project() does the rest. */
static inline uint64_t step(uint64_t z) {
    z *= 0xff51afd7ed558ccdu;
    return z ^ z >> 32;
}

/* Grams that end with this character of a word; a space is its beginning and its end. */
static void add_to_grams(scanner *s, uint32_t c) {
    for (unsigned i = LONGEST_GRAM - 1; i > 0; i--)
        s->last[i] = s->last[i - 1];
    s->last[0] = c;
    if (s->n_last < LONGEST_GRAM)
        s->n_last++;
    if (s->n_last < SHORTEST_GRAM)
        return;
    uint64_t hash = step((uint64_t)s->last[2] << 42 | (uint64_t)s->last[1] << 21 | s->last[0]);
    count(s->table, hash, GRAM);
    for (unsigned n = SHORTEST_GRAM; n < s->n_last; n++) {
        hash = step(hash + s->last[n] + 1);
        count(s->table, hash, GRAM);
    }
}

static void end_word(scanner *s) {
    if (s->word == 0)
        return;
    add_to_grams(s, ' ');
    const uint64_t hash = mlsel_i_mix(s->word);
    count(s->table, hash, WORD);
    if (s->previous != 0)
        count(s->table, mlsel_i_mix(s->previous * 3 + hash), WORD_PAIR);
    s->previous = hash;
    s->word = 0;
    s->n_last = 0;
}

static void add_letter(scanner *s, uint32_t c) {
    if (s->word == 0) {
        s->word = 0x9e3779b97f4a7c15u;
        add_to_grams(s, ' ');
    }
    s->word = step(s->word ^ c);
    add_to_grams(s, c);
}

static void add_mark(scanner *s, uint32_t c) {
    const uint64_t hash = mlsel_i_mix((uint64_t)c + 1);
    count(s->table, hash, MARKS);
    if (s->mark != 0)
        count(s->table, mlsel_i_mix(hash + ((uint64_t)s->mark << 32)), MARKS);
}

static unsigned bit_length(uint64_t n) {
    unsigned bits = 0;
    for (; n > 0; n >>= 1)
        bits++;
    return bits;
}

/* Each number falls into one of two rows of octaves that are shifted by half of one, so that those which are near share
 * one or both. */
static void add_shape(scanner *s) {
    const uint64_t root_of_2 = 46341; /* times 2^15 */
    for (unsigned i = 0; i < N_SHAPES; i++) {
        const uint64_t n = s->shape[i] + 1;
        count(s->table, mlsel_i_mix((uint64_t)(2 * i + 1) << 32 | bit_length(n)), SHAPE);
        count(s->table, mlsel_i_mix((uint64_t)(2 * i + 2) << 32 | bit_length(n * root_of_2 >> 15)), SHAPE);
    }
}

static void scan(scanner *s, const unsigned char *at, const unsigned char *end) {
    while (at < end && !s->table->has_failed) {
        const uint32_t c = mlsel_i_next_character(&at, end);
        const letter_kind kind = mlsel_i_letter_kind(c);
        s->shape[ALL]++;
        s->shape[LINE_ENDS] += c == '\n';
        if (kind == LETTERS_LETTER) {
            const uint32_t small = lower(c);
            s->shape[DIGITS] += c >= '0' && c <= '9';
            s->shape[CAPITALS] += small != c;
            add_letter(s, small);
        } else {
            end_word(s);
            if (kind == LETTERS_MARK)
                add_mark(s, c);
            if (kind == LETTERS_IDEOGRAPH) {
                add_letter(s, c);
                end_word(s);
            }
        }
        s->mark = kind == LETTERS_MARK ? c : 0;
    }
    end_word(s);
}

/* --- projecting --------------------------------------------------------------------------------------------------- */

/* ln(n) by the series of the area tangent; a library's differs between machines in the last digit. */
static double natural_log(uint64_t n) {
    const double ln2 = 0x1.62e42fefa39efp-1;
    int exponent = 0;
    double m = (double)n;
    while (m >= 1.5) {
        m /= 2;
        exponent++;
    }
    const double t = (m - 1) / (m + 1), square = t * t; /* m from 0.75 to 1.5: |t| is at most 0.2 */
    double sum = 0;
    for (int k = 23; k > 0; k -= 2)
        sum = sum * square + 1.0 / k;
    return exponent * ln2 + 2 * t * sum;
}

/* Each feature adds its weight to a few values, with random signs. */
static void project(const feature_table *table, double *sums, size_t width) {
    enum { KEPT = 64 };
    double tf[KEPT] = {0, 1}; /* of counts seen so far */
    for (size_t i = 0; i < table->n; i++) {
        const feature *f = &table->features[i];
        const size_t kept = f->count < KEPT ? (size_t)f->count : 0;
        if (tf[kept] == 0 || kept == 0)
            tf[kept] = 1 + natural_log(f->count);
        const double weight = weights[f->hash & KIND_MASK] * tf[kept];
        uint64_t place = f->hash;
        for (int k = 0; k < PLACES_PER_FEATURE; k++) {
            place = mlsel_i_mix(place + 0x9e3779b97f4a7c15u);
            sums[(place >> 32) * width >> 32] += (place & 1) != 0 ? weight : -weight;
        }
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
    feature_table table = {0};
    double *sums = mlsel_i_calloc(width, sizeof *sums);
    table.has_failed = sums == NULL || !allocate(&table, FIRST_CAPACITY);
    if (!table.has_failed) {
        scanner s = {.table = &table};
        const unsigned char *at = (const unsigned char *)text;
        scan(&s, at, size == 0 ? at : at + size);
        if (table.n > 0) /* else there is nothing to say */
            add_shape(&s);
    }
    if (!table.has_failed) {
        project(&table, sums, width);
        normalise(sums, out, width);
    }
    mlsel_i_free(table.features);
    mlsel_i_free(table.slots);
    mlsel_i_free(sums);
    return table.has_failed ? mlsel_i_no_memory(err) : mlsel_i_ok(err);
}
