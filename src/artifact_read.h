/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the members of an artifact's JSON document: each function checks one member against what the rule expects
 * and names the place when it does not hold. Paths are those of the enclosing object, as in "$.svc".
 */
#ifndef MLSEL_ARTIFACT_READ_H
#define MLSEL_ARTIFACT_READ_H

#include "artifact.h"
#include "json.h"

typedef struct artifact_reader {
    json_document *doc;
    mlsel_artifact *artifact;
    mlsel_error *err;
} artifact_reader;

/* An object of the document and where it is. */
typedef struct json_place {
    const cJSON *object;
    const char *path;
} json_place;

/* --- the whole document ------------------------------------------------------------------------------------------ */

/* Which arrays are held as float32; all others stay in double. */
bool mlsel_i_is_float32(const char *key, size_t key_size);
/* Reads in->doc into in->artifact. */
mlsel_status mlsel_i_artifact_read(const artifact_reader *in);
/* Keeps what saving needs of the document besides the arrays: artifact->document. */
mlsel_status mlsel_i_keep_document(const artifact_reader *in);

/* --- members ----------------------------------------------------------------------------------------------------- */

/* The member, or NULL if it is missing or null. */
const cJSON *mlsel_i_member(json_place place, const char *key);

enum { READ_OPTIONAL = 0, READ_REQUIRED = 1 };

/* A whole number of at least min; without the member *out stays. Whole numbers may be written as 5.0. */
mlsel_status mlsel_i_read_count(const artifact_reader *in, json_place place, const char *key, int required,
                                uint32_t min, uint32_t *out);
/* Checks an optional count that the shapes already determine: `what` says where the expected value comes from. */
mlsel_status mlsel_i_check_count(const artifact_reader *in, json_place place, const char *key, size_t expected,
                                 const char *what);
mlsel_status mlsel_i_read_real(const artifact_reader *in, json_place place, const char *key, int required, double *out);
/* A string, borrowed from the document. */
mlsel_status mlsel_i_read_string(const artifact_reader *in, json_place place, const char *key, int required,
                                 const char **out);

/* Any number of rows or columns. */
#define ANY_COUNT SIZE_MAX

/* An array of `count` numbers (or ANY_COUNT). *out is NULL when the member is missing (or null) and not required. An
 * empty list gives an array of 0 rows without data. */
mlsel_status mlsel_i_read_vector(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t count, json_array *out);
/* An array of `rows` arrays of `cols` numbers each. */
mlsel_status mlsel_i_read_matrix(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t rows, size_t cols, json_array *out);
/* The same, with the data handed to the artifact, which keeps it. */
mlsel_status mlsel_i_take_vector(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t count, json_array *out);
mlsel_status mlsel_i_take_matrix(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t rows, size_t cols, json_array *out);
/* The same two, but values of a container are not looked at: see mlsel_artifact.unchecked. Other arrays are recorded
 * for saving, these are not. */
mlsel_status mlsel_i_take_rows(const artifact_reader *in, json_place place, const char *key, json_array *out);
/* An array of a container, checked for nothing but its shape; *out is NULL if the member is something else or missing.
 */
const json_array *mlsel_i_find_tensor(const artifact_reader *in, json_place place, const char *key);
/* Records an array for saving. */
mlsel_status mlsel_i_record_tensor(const artifact_reader *in, json_place place, const char *key,
                                   const json_array *array);
/* Looks at the values of an array of float: finite, and 0 beyond the columns. `name` is for the message. */
mlsel_status mlsel_i_check_float32(const json_array *array, const char *name, mlsel_error *err);
/* An array of `count` strings. *out is NULL if not required and missing or empty. */
mlsel_status mlsel_i_read_names(const artifact_reader *in, json_place place, const char *key, int required,
                                size_t count, const json_strings **out);

/* "PATH.KEY[INDEX]" for messages and for places inside; long paths are cut. */
void mlsel_i_path_index(char *out, size_t size, const char *path, const char *key, size_t index);

/* --- labels ------------------------------------------------------------------------------------------------------ */

/* The label set under construction: names borrowed from the document, in order. */
typedef struct label_set {
    const char **names;
    size_t count;
    size_t capacity;
    int32_t *slots; /* open addressing on the names' hash */
    size_t n_slots;
} label_set;

void mlsel_i_labels_free(label_set *set);
/* Index of a name, or -1. */
int32_t mlsel_i_labels_find(const label_set *set, const char *name);
mlsel_status mlsel_i_labels_add(label_set *set, const char *name, int32_t *index, mlsel_error *err);
/* Adds a list of distinct, non-empty names; a repeated one is an error at path.key[i]. */
mlsel_status mlsel_i_labels_add_list(const artifact_reader *in, label_set *set, const json_strings *list,
                                     const char *path, const char *key);
/* Sorts the names from position `from` on in byte order. */
void mlsel_i_labels_sort(label_set *set, size_t from);
/* Copies the set into the artifact: labels, n_labels. */
mlsel_status mlsel_i_labels_store(const artifact_reader *in, const label_set *set);

/* --- the four kinds ---------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_read_knn(const artifact_reader *in, json_place root);
/* The same from the tables of a container; k is read. */
mlsel_status mlsel_i_read_knn_container(const artifact_reader *in, json_place root);
/* What follows from the labels of n rows: the artifact's labels, what they are ranked by, how many rows they have. */
mlsel_status mlsel_i_knn_count_labels(const artifact_reader *in, label_set *labels, const int32_t *row_labels,
                                      size_t n);
void mlsel_i_knn_latency_range(mlsel_artifact *artifact);
/* Sets row_vectors from the tables of vectors. NO_MEMORY is the only failure. */
mlsel_status mlsel_i_knn_link_rows(const artifact_reader *in);
mlsel_status mlsel_i_read_kmeans(const artifact_reader *in, json_place root);
mlsel_status mlsel_i_read_svm(const artifact_reader *in, json_place root);
/* Whether an SVM artifact has the trained parameters, so that its lists of classifiers are not needed. */
bool mlsel_i_svm_is_one_vs_one(json_place root);
mlsel_status mlsel_i_read_mlp(const artifact_reader *in, json_place root);

/* The optional calibration of any kind, whose labels are known by now. */
mlsel_status mlsel_i_read_calibration(const artifact_reader *in, json_place root);

#endif
