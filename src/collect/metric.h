/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good a language model's answer is, from 0 to 1, by comparing it with a known one.
 *
 *     const char *truths[] = {"#### 42"};
 *     const mlsel_metric_task task = {.metric = "GSM8K", .truths = truths, .n_truths = 1};
 *     mlsel_metric_result result;
 *     if (mlsel_metric_score(&task, "6 times 7 is 42.", NULL, &result, &err) == MLSEL_OK && result.is_known)
 *         printf("%.2f by %s: %s\n", result.performance, mlsel_metric_name(result.metric),
 *                mlsel_metric_basis_name(result.basis));
 *
 * Texts are UTF-8 and end at the first zero byte. Bytes that are not UTF-8 are no error: they equal themselves and
 * nothing else. Nothing here depends on the locale, keeps state, prints, or (without a `run_code`) touches anything
 * outside; any number of threads may score at once. The time is linear in the size of the texts, and so is memory.
 *
 * All metrics compare without regard to white space around a text and to case (ASCII, Latin, Greek, Cyrillic). White
 * space of any script counts as such, full-width forms of ASCII are ASCII, the minus sign U+2212 is a hyphen, and what
 * has no width (byte order marks, soft hyphens) is not there. docs/metrics.md has the rules with examples.
 */
#ifndef MLSEL_METRIC_H
#define MLSEL_METRIC_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

/** How answers are compared. */
typedef int32_t mlsel_metric;
enum {
    MLSEL_METRIC_CHOICE = 1,   /**< "em_mc": the letter chosen, A to J */
    MLSEL_METRIC_GSM8K = 2,    /**< "GSM8K": the last number */
    MLSEL_METRIC_MATH = 3,     /**< "MATH": what is in the last \boxed{} */
    MLSEL_METRIC_F1 = 4,       /**< "f1_score": words in common */
    MLSEL_METRIC_CODE = 5,     /**< "code_eval": share of assertions that hold */
    MLSEL_METRIC_COVERAGE = 6, /**< "commongen_coverage": share of the words asked for that occur */
    MLSEL_METRIC_CEM = 7       /**< "CEM": equal or contained */
};

/** The name in records, as above; "unknown" for anything else. Static. */
const char *mlsel_metric_name(mlsel_metric metric);

/** The metric of a name, in any case; 0 if there is none. NULL and "" have none. */
mlsel_metric mlsel_metric_find(const char *name);

/** What an answer is compared with. Texts and arrays are borrowed. */
typedef struct mlsel_metric_task {
    const char *metric; /**< a name. NULL, "" or one that is not known: multiple choice if there are choices, else
                             CEM */
    const char *const *truths; /**< [n_truths] several: each is right, and the best counts; of code_eval the assertions,
                                    of commongen_coverage words (or lists of words) that are all wanted. NULL and blank
                                    ones do not count */
    size_t n_truths;           /**< none that counts: the performance is not known */
    const char *const *choices; /**< [n_choices] texts of the choices in the order of their letters, which a truth or an
                                     answer may give instead of a letter; one text: they are not told apart */
    size_t n_choices;
} mlsel_metric_task;

/**
 * Runs code_eval's assertions against the code of an answer: see mlsel_code_run.
 *
 * @param code        the program, not a whole answer
 * @param assertions  [n] each to be run after the program, in a process of its own
 * @param passed      receives how many held
 */
typedef mlsel_status (*mlsel_metric_run_code)(void *user, const char *code, const char *const *assertions, size_t n,
                                              size_t *passed, mlsel_error *err);

/** What a caller allows. NULL or all zero: no code is run. */
typedef struct mlsel_metric_options {
    mlsel_metric_run_code run_code; /**< NULL: code_eval is not known */
    void *user;                     /**< for run_code */
} mlsel_metric_options;

/** Why an answer got its performance. */
typedef int32_t mlsel_metric_basis;
enum {
    MLSEL_METRIC_BY_NOTHING = 0,      /**< nothing in the answer agrees: 0 */
    MLSEL_METRIC_BY_NO_TRUTH = 1,     /**< there is no ground truth: not known, 0.5 */
    MLSEL_METRIC_BY_NOT_RUN = 2,      /**< code that was not to be run: not known, 0.5 */
    MLSEL_METRIC_BY_EQUALITY = 3,     /**< the texts are equal but for case and white space around them: 1 */
    MLSEL_METRIC_BY_PARENTHESIS = 4,  /**< letter: the last in parentheses, or in a \boxed{}: 1 or 0 */
    MLSEL_METRIC_BY_PHRASE = 5,       /**< letter: in one of the usual phrasings: 1 or 0 */
    MLSEL_METRIC_BY_CHOICE_TEXT = 6,  /**< letter: the answer is a choice's text: 1 or 0 */
    MLSEL_METRIC_BY_WORD = 7,         /**< letter: only found as a separate word: 0.8 */
    MLSEL_METRIC_BY_NUMBER = 8,       /**< the last number: 1 or 0 */
    MLSEL_METRIC_BY_BOX = 9,          /**< what is in the last \boxed{}: 1 */
    MLSEL_METRIC_BY_CONTENT = 10,     /**< the truth is contained in the answer: 1, or 0.8 of MATH */
    MLSEL_METRIC_BY_SOME_NUMBER = 11, /**< MATH: the truth's last number is among the answer's: 0.7 */
    MLSEL_METRIC_BY_SHARE = 12        /**< words in common, words that occur, or assertions that hold: 0 to 1 */
};

/** A few words, as in "last number"; "unknown" for anything else. Static. */
const char *mlsel_metric_basis_name(mlsel_metric_basis basis);

/** What came out. */
typedef struct mlsel_metric_result {
    double performance; /**< from 0 to 1; 0.5 where it is not known */
    bool is_known;      /**< false: this says nothing about the model */
    bool is_name_known; /**< false: the task names a metric that there is not, and another took its place */
    mlsel_metric metric;
    mlsel_metric_basis basis;
} mlsel_metric_result;

/**
 * Scores an answer.
 *
 * @param response  NULL counts as ""
 * @param options   may be NULL
 * @return MLSEL_OK; MLSEL_ERROR_NO_MEMORY, _LIMIT (a text of 2^31 bytes or more), _INVALID_ARGUMENT; what run_code
 *         returns. On failure *out is untouched.
 */
mlsel_status mlsel_metric_score(const mlsel_metric_task *task, const char *response,
                                const mlsel_metric_options *options, mlsel_metric_result *out, mlsel_error *err);

/** A task with the texts it refers to. */
typedef struct mlsel_metric_task_texts {
    mlsel_metric_task task;
    void *memory; /* of texts that are in no JSON string */
} mlsel_metric_task_texts;

/**
 * The task that a record's members `metric`, `ground_truth` and `choices` describe. A truth may be a text, a number,
 * true or false, or a list of such; null, "", [] and {} are none. Choices may be a text, a list of texts, or an object
 * with a list of them as its member `text`.
 *
 * @param record  a JSON object as cJSON reads it; must live as long as *out
 * @param out     to be freed with mlsel_metric_task_free
 * @return MLSEL_OK or MLSEL_ERROR_NO_MEMORY.
 */
mlsel_status mlsel_metric_task_read(const cJSON *record, mlsel_metric_task_texts *out, mlsel_error *err);
void mlsel_metric_task_free(mlsel_metric_task_texts *texts);

/**
 * The program in an answer to code_eval: the first fenced block that is marked as Python, else the first fenced block,
 * else all of it. A block that is not closed goes to the end.
 *
 * @param size  receives the number of bytes
 * @return where it begins in response
 */
const char *mlsel_metric_find_code(const char *response, size_t *size);

#endif
