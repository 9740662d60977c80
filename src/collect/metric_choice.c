/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiple choice: which of the letters A to J an answer chooses. English prose is full of letters that are no choices,
 * the article "a" and the pronoun "I" above all; what tells them apart is what stands next to them.
 */
#include <string.h>

#include "metric_internal.h"
#include "train/letters.h"

enum { NO_LETTER = -1, N_LETTERS = 10, LETTER_A = 0, LETTER_I = 8 };

typedef struct prose {
    const char *begin, *end;
    bool has_numerals; /* "II" occurs: an "I" may count, too */
} prose;

/* --- words and letters -------------------------------------------------------------------------------------------- */

static bool is_small(char c) { return c >= 'a' && c <= 'z'; }

static bool begins_word(const prose *p, const char *at) {
    return !mlsel_i_continues_word(mlsel_i_text_before(p->begin, at));
}

static bool is_apostrophe(const prose *p, const char *at) {
    return at < p->end && (*at == '\'' || mlsel_i_text_at(at, p->end) == 0x2019);
}

/* Whether the word, in lower case, is at `at` and ends there. */
static bool is_word(const prose *p, const char *at, const char *word) {
    const size_t size = strlen(word);
    if ((size_t)(p->end - at) < size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (mlsel_i_ascii_lower(at[i]) != word[i])
            return false;
    return !mlsel_i_continues_word(mlsel_i_text_at(at + size, p->end));
}

/* Length of the word of a list (which ends in NULL) that is at `at`; 0: none of them. */
static size_t any_word(const prose *p, const char *at, const char *const *words) {
    for (; *words != NULL; words++)
        if (is_word(p, at, *words))
            return strlen(*words);
    return 0;
}

static bool is_abbreviated(const prose *p, const char *at) {
    const bool goes_on = p->end - at > 2 && at[1] == '.' && mlsel_i_continues_word((unsigned char)at[2]) &&
                         !mlsel_i_continues_word(mlsel_i_text_at(at + 3, p->end));
    return goes_on || (at - p->begin > 1 && at[-1] == '.' && mlsel_i_continues_word((unsigned char)at[-2]) &&
                       begins_word(p, at - 2));
}

/* The letter that is a word of its own at `at`, from 0; else NO_LETTER. e.g. and U.S.A. have none. */
static int letter_at(const prose *p, const char *at) {
    if (at >= p->end || mlsel_i_ascii_lower(*at) < 'a' || mlsel_i_ascii_lower(*at) > 'j' || !begins_word(p, at) ||
        mlsel_i_continues_word(mlsel_i_text_at(at + 1, p->end)) || is_abbreviated(p, at))
        return NO_LETTER;
    if (is_apostrophe(p, at + 1)) { /* I'm, A's */
        const char *next = at + 1 + (at[1] == '\'' ? 1 : 3);
        if (mlsel_i_continues_word(mlsel_i_text_at(next, p->end)))
            return NO_LETTER;
    }
    return mlsel_i_ascii_lower(*at) - 'a';
}

static const char *skip_spaces(const prose *p, const char *at) {
    while (at < p->end && (*at == ' ' || *at == '\n'))
        at++;
    return at;
}

/* Behind the letters and digits at `at`. */
static const char *skip_word(const prose *p, const char *at) {
    const unsigned char *next = (const unsigned char *)at, *const end = (const unsigned char *)p->end;
    while (mlsel_i_continues_word(mlsel_i_text_at((const char *)next, p->end)))
        (void)mlsel_i_next_character(&next, end);
    return (const char *)next;
}

/* Behind what may stand between a phrase and its letter: white space, quotes, Markdown, LaTeX, opening brackets. */
static const char *skip_decoration(const prose *p, const char *at) {
    while (at < p->end) {
        const uint32_t c = mlsel_i_text_at(at, p->end);
        if (c < 0x80 && strchr(" \n*_`$\"'([{:=-\\", (int)c) != NULL)
            at++;
        else if (c == 0x2018 || c == 0x201c || c == 0x2013 || c == 0x2014)
            at += 3;
        else if (at > p->begin && at[-1] == '\\' && mlsel_i_continues_word(c))
            at = skip_word(p, at);
        else
            break;
    }
    return at;
}

/* Whether a letter that ends before `at` stands at the end of what is said, or before what cannot follow an article or
 * a pronoun. */
static bool ends_clause(const prose *p, const char *at) {
    static const char *const followers[] = {"because", "since", "as",    "is",    "and", "or",   "for",
                                            "with",    "due",   "which", "given", "but", "from", NULL};
    while (at < p->end && strchr("*_`$\"'}", *at) != NULL)
        at++;
    if (at == p->end || *at == '\n')
        return true;
    if (*at != ' ')
        return !mlsel_i_continues_word(mlsel_i_text_at(at, p->end));
    while (at < p->end && *at == ' ')
        at++;
    return at == p->end || !mlsel_i_continues_word(mlsel_i_text_at(at, p->end)) || any_word(p, at, followers) > 0;
}

/* How sure a phrase makes it that the letter is a choice. */
typedef enum certainty {
    LIKELY,      /* no article, and never "I" */
    VERY_LIKELY, /* no article, and no "I" that goes on as a pronoun does */
    CERTAIN
} certainty;

static bool is_chosen(const prose *p, const char *at, certainty how) {
    const int letter = letter_at(p, at);
    if (letter == NO_LETTER || how == CERTAIN)
        return letter != NO_LETTER;
    const char *next = skip_spaces(p, at + 1);
    if (letter == LETTER_I)
        return how == VERY_LIKELY && (next == p->end || !mlsel_i_continues_word(mlsel_i_text_at(next, p->end)) ||
                                      memchr(at, '\n', (size_t)(next - at)) != NULL || is_word(p, next, "because"));
    if (ends_clause(p, at + 1))
        return true;
    return !is_small(*at) && (letter != LETTER_A || !is_small(*next));
}

/* --- letters in brackets ------------------------------------------------------------------------------------------ */

/* f(a) and P(A) are functions. */
static bool is_function(const prose *p, const char *bracket) {
    const uint32_t name = mlsel_i_text_before(p->begin, bracket);
    return name < 0x80 && mlsel_i_continues_word(name) && begins_word(p, bracket - 1);
}

static int last_in_parentheses(const prose *p) {
    int found = NO_LETTER;
    const bool has_numerals = strstr(p->begin, "(ii)") != NULL;
    for (const char *at = p->begin; at < p->end; at++) {
        if (*at != '(')
            continue;
        const char *letter = at + 1, *close;
        while (letter < p->end && *letter == ' ')
            letter++;
        if (letter == p->end || mlsel_i_ascii_lower(*letter) < 'a' || mlsel_i_ascii_lower(*letter) > 'j')
            continue;
        for (close = letter + 1; close < p->end && *close == ' ';)
            close++;
        if (close < p->end && *close == ')' && !is_function(p, at) && !(*letter == 'i' && has_numerals))
            found = mlsel_i_ascii_lower(*letter) - 'a';
        at = letter - 1; /* blanks are looked at once */
    }
    return found;
}

static int in_last_box(const prose *p) {
    prose box = {0};
    size_t size;
    if (!mlsel_i_latex_last_box(p->begin, (size_t)(p->end - p->begin), &box.begin, &size))
        return NO_LETTER;
    box.end = box.begin + size;
    const char *at = skip_decoration(&box, box.begin);
    const int letter = letter_at(&box, at);
    if (letter == NO_LETTER)
        return NO_LETTER;
    for (at++; at < box.end && strchr(" \n)]}*$", *at) != NULL;)
        at++;
    return at == box.end || *at == '.' || *at == ':' ? letter : NO_LETTER;
}

/* --- phrases ------------------------------------------------------------------------------------------------------ */

/* A phrase looks whether it is at the beginning of a word, and returns where its letter is, or NULL. */
typedef const char *(*phrase)(const prose *p, const char *word);

static const char *const nouns[] = {"option", "choice", "letter", "answer", NULL};

/* "answer is X", "answer: X", "the answer would be option X" */
static const char *answer_is(const prose *p, const char *word) {
    static const char *const fillers[] = {"is",     "was",     "be",       "would",      "should",    "must",
                                          "will",   "the",     "correct",  "option",     "choice",    "letter",
                                          "likely", "most",    "probably", "definitely", "therefore", "thus",
                                          "hence",  "clearly", "simply",   "then",       "indeed",    NULL};
    enum { MOST = 8 };
    if (!is_word(p, word, "answer"))
        return NULL;
    const char *at = skip_decoration(p, word + 6);
    for (int i = 0; i < MOST; i++) {
        const size_t filler = at < p->end ? any_word(p, at, fillers) : 0;
        if (filler == 0)
            break;
        at = skip_decoration(p, at + filler);
    }
    return at;
}

/* "is X", "it's X", "that's option X" */
static const char *is_letter(const prose *p, const char *word) {
    const bool is_s =
        is_word(p, word, "s") && word > p->begin && (word[-1] == '\'' || mlsel_i_text_before(p->begin, word) == 0x2019);
    if (!is_s && !is_word(p, word, "is"))
        return NULL;
    const char *at = skip_decoration(p, word + (is_s ? 1 : 2));
    const size_t noun = at < p->end ? any_word(p, at, nouns) : 0;
    return noun > 0 ? skip_decoration(p, at + noun) : at;
}

static const char *skip_closing(const prose *p, const char *at) {
    while (at < p->end && strchr("*_`$\"')]} ", *at) != NULL)
        at++;
    return at;
}

/* "X because", "X since", "X as" */
static const char *because(const prose *p, const char *word) {
    static const char *const reasons[] = {"because", "since", "as", NULL};
    if (letter_at(p, word) == NO_LETTER)
        return NULL;
    const char *next = skip_closing(p, word + 1);
    return next > word + 1 && any_word(p, next, reasons) > 0 ? word : NULL;
}

/* "think X", "choose X", "go with X" */
static const char *choose(const prose *p, const char *word) {
    static const char *const verbs[] = {"think", "believe", "choose", "chose", "pick", "select", "guess", NULL};
    size_t size = any_word(p, word, verbs);
    if (size == 0 && is_word(p, word, "go") && word + 3 < p->end && is_word(p, word + 3, "with"))
        size = 7;
    if (size == 0)
        return NULL;
    const char *at = skip_decoration(p, word + size);
    const size_t noun = at < p->end ? any_word(p, at, nouns) : 0;
    return noun > 0 ? skip_decoration(p, at + noun) : at;
}

/* "X is correct", "X is the right answer" */
static const char *is_correct(const prose *p, const char *word) {
    static const char *const praises[] = {"correct", "right", "best", NULL};
    if (letter_at(p, word) == NO_LETTER)
        return NULL;
    const char *at = skip_closing(p, word + 1);
    if (at == word + 1 || !is_word(p, at, "is"))
        return NULL;
    at = skip_spaces(p, at + 2);
    if (at < p->end && is_word(p, at, "the"))
        at = skip_spaces(p, at + 3);
    return at < p->end && any_word(p, at, praises) > 0 ? word : NULL;
}

static bool begins_line(const prose *p, const char *at) {
    while (at > p->begin && strchr(" *_`$\"([#-", at[-1]) != NULL)
        at--;
    return at == p->begin || at[-1] == '\n';
}

/* "X.", "X)", "X]", "X:" */
static const char *punctuated(const prose *p, const char *word) {
    const int letter = letter_at(p, word);
    const char *at = word + 1;
    if (letter == NO_LETTER)
        return NULL;
    while (at < p->end && strchr("*_` ", *at) != NULL)
        at++;
    const uint32_t mark = mlsel_i_text_at(at, p->end);
    if (!(mark == '.' || mark == ')' || mark == ']' || mark == ':' || mark == 0x3002))
        return NULL;
    if (word > p->begin && strchr("./-&+", word[-1]) != NULL) /* part of a formula or a name */
        return NULL;
    const bool is_at_beginning = begins_line(p, word);
    if (is_small(*word) && !is_at_beginning)
        return NULL;
    if (letter == LETTER_I && (!is_at_beginning || p->has_numerals))
        return NULL;
    return word;
}

/* "option X" */
static const char *option(const prose *p, const char *word) {
    const size_t size = any_word(p, word, nouns);
    return size > 0 ? skip_decoration(p, word + size) : NULL;
}

/* A line that is a letter and marks. */
static int letter_alone(const prose *p, const char *begin, const char *end) {
    const prose line = {begin, end, false};
    const char *at = skip_decoration(&line, begin);
    const int letter = letter_at(&line, at);
    if (letter == NO_LETTER)
        return NO_LETTER;
    for (at++; at < end && strchr(" .,:;!)]}*_`$\"'", *at) != NULL;)
        at++;
    const bool is_all = begin == p->begin && end == p->end;
    return at == end && (is_all || !is_small(*skip_decoration(&line, begin))) ? letter : NO_LETTER;
}

static int on_a_line_alone(const prose *p) {
    int letter = letter_alone(p, p->begin, p->end);
    const char *first_end = memchr(p->begin, '\n', (size_t)(p->end - p->begin)), *last = p->end;
    if (letter != NO_LETTER || first_end == NULL)
        return letter;
    letter = letter_alone(p, p->begin, first_end);
    while (last[-1] != '\n')
        last--;
    return letter != NO_LETTER ? letter : letter_alone(p, last, p->end);
}

/* A capital as the last word. */
static int last_word(const prose *p) {
    const char *at = p->end;
    while (at > p->begin && strchr(" .!)]}*_`$\"'", at[-1]) != NULL)
        at--;
    if (at == p->begin || is_small(at[-1]))
        return NO_LETTER;
    const int letter = letter_at(p, at - 1);
    return letter == LETTER_I ? NO_LETTER : letter;
}

/* The first letter that follows or precedes a phrase. */
static int first_phrase(const prose *p, phrase find, certainty how) {
    bool was_in_word = false;
    const unsigned char *at = (const unsigned char *)p->begin;
    for (const char *word = p->begin; word < p->end; word = (const char *)at) {
        const bool is_in_word = mlsel_i_continues_word(mlsel_i_text_at(word, p->end));
        const size_t length = mlsel_i_utf8_length(at, (const unsigned char *)p->end);
        at += length == 0 ? 1 : length;
        const bool begins = is_in_word && !was_in_word;
        was_in_word = is_in_word;
        const char *letter = begins ? find(p, word) : NULL;
        if (letter != NULL && is_chosen(p, letter, how))
            return letter_at(p, letter);
    }
    return NO_LETTER;
}

static int in_phrase(const prose *p) {
    static const struct {
        phrase find;
        certainty how;
    } phrases[] = {{answer_is, VERY_LIKELY}, {is_letter, LIKELY},   {because, LIKELY},
                   {choose, LIKELY},         {is_correct, CERTAIN}, {punctuated, CERTAIN}};
    int letter = on_a_line_alone(p);
    for (size_t i = 0; letter == NO_LETTER && i < MLSEL_ARRAY_LENGTH(phrases); i++)
        letter = first_phrase(p, phrases[i].find, phrases[i].how);
    if (letter == NO_LETTER)
        letter = last_word(p);
    return letter != NO_LETTER ? letter : first_phrase(p, option, VERY_LIKELY);
}

/* Whether a letter occurs as a word that is no article or pronoun. */
static bool occurs(const prose *p, int letter) {
    for (const char *at = p->begin; at < p->end; at++) {
        if (letter_at(p, at) != letter || letter == LETTER_I || (letter == LETTER_A && is_small(*at)))
            continue;
        if (letter != LETTER_A || is_chosen(p, at, LIKELY))
            return true;
    }
    return false;
}

/* --- choices by their texts --------------------------------------------------------------------------------------- */

/* The choice whose text a text is, but for marks and articles. */
static mlsel_status find_choice(const mlsel_metric_task *task, const text_buffer *text, int *letter, mlsel_error *err) {
    text_buffer given = {0};
    *letter = NO_LETTER;
    if (task->n_choices < 2 || text->size == 0)
        return MLSEL_OK;
    mlsel_status status = mlsel_i_text_words(text, TEXT_DROPS_ARTICLES, &given, err);
    for (size_t i = 0; status == MLSEL_OK && *letter == NO_LETTER && i < task->n_choices && i < N_LETTERS; i++) {
        const char *choice = task->choices[i] == NULL ? "" : task->choices[i];
        text_buffer folded = {0}, words = {0};
        choice += *choice == '(';
        if (mlsel_i_ascii_lower(*choice) == 'a' + (char)i && choice[1] != '\0' && strchr(".):", choice[1]) != NULL)
            choice += 2; /* "B. text" */
        status = mlsel_i_text_fold(choice, true, &folded, err);
        if (status == MLSEL_OK)
            status = mlsel_i_text_words(&folded, TEXT_DROPS_ARTICLES, &words, err);
        if (status == MLSEL_OK && words.size > 0 && mlsel_i_text_equal(&given, &words))
            *letter = (int)i;
        mlsel_i_text_free(&folded);
        mlsel_i_text_free(&words);
    }
    mlsel_i_text_free(&given);
    return status;
}

/* "B", "b)", "(B)", "B. text", or the text of a choice. */
static mlsel_status truth_letter(const mlsel_metric_task *task, const char *truth, int *letter, mlsel_error *err) {
    text_buffer folded;
    mlsel_status status = mlsel_i_text_fold(truth, true, &folded, err);
    if (status != MLSEL_OK)
        return status;
    const char *at = folded.bytes;
    at += *at == '(' || *at == '[';
    *letter = NO_LETTER;
    if (*at >= 'a' && *at <= 'j' && (at[1] == '\0' || strchr(")].:", at[1]) != NULL))
        *letter = *at - 'a';
    else
        status = find_choice(task, &folded, letter, err);
    mlsel_i_text_free(&folded);
    return status;
}

/* --- the metric --------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_metric_choice(const metric_answer *answer, const char *truth, metric_verdict *out,
                                   mlsel_error *err) {
    const char *text = answer->cased.bytes;
    const prose p = {text, text + answer->cased.size, strstr(text, "II") != NULL};
    int wanted, letter;
    mlsel_status status = truth_letter(answer->task, truth, &wanted, err);
    if (status != MLSEL_OK || wanted == NO_LETTER || answer->cased.size == 0)
        return status;
    out->basis = MLSEL_METRIC_BY_PARENTHESIS;
    letter = in_last_box(&p);
    if (letter == NO_LETTER)
        letter = last_in_parentheses(&p);
    if (letter == NO_LETTER) {
        out->basis = MLSEL_METRIC_BY_CHOICE_TEXT;
        status = find_choice(answer->task, &answer->lower, &letter, err);
    }
    if (status == MLSEL_OK && letter == NO_LETTER) {
        out->basis = MLSEL_METRIC_BY_PHRASE;
        letter = in_phrase(&p);
    }
    if (letter != NO_LETTER)
        out->performance = letter == wanted;
    else if (status == MLSEL_OK && occurs(&p, wanted))
        *out = (metric_verdict){0.8, MLSEL_METRIC_BY_WORD};
    else
        out->basis = MLSEL_METRIC_BY_NOTHING;
    return status;
}
