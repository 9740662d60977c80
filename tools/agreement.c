/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "agreement.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "input.h"
#include "model_file.h"
#include "table.h"
#include "text.h"

enum { MADE_UP = 1024, CHUNK = 256 };

/* Answers of one model to one query. */
typedef struct scored {
    mlsel_selection chosen;
    double *scores; /* [n_labels] */
} scored;

/* Everything that one measurement needs. */
typedef struct measurement {
    agreement *result;
    mlsel_model *f32;
    mlsel_model_info info;
    double *features;
    scored exact, low;
    double *margins; /* of all queries */
    failure *problem;
} measurement;

/* --- models ----------------------------------------------------------------------------------------------------- */

static mlsel_model *load_as(const char *path, mlsel_precision precision, failure *problem) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.precision = precision;
    return model_file_load(path, &options, problem);
}

/* The artifact is loaded once per precision, which a pipe does not allow. */
static bool check_path(const char *path, failure *problem) {
    struct stat about;
    if (strcmp(path, "-") != 0 && (stat(path, &about) != 0 || S_ISREG(about.st_mode)))
        return true;
    failure_set(problem, EXIT_USAGE, "%s: comparing precisions loads the artifact more than once, which a pipe cannot",
                strcmp(path, "-") == 0 ? "standard input" : path);
    failure_hint(problem, "write it to a file first");
    return false;
}

static bool load_models(const char *path, const agreement_request *request, agreement *out, failure *problem) {
    mlsel_device_info device = {0};
    mlsel_device_query("cpu", &device, sizeof device, NULL);
    for (mlsel_precision p = MLSEL_PRECISION_F32 + 1; p <= MLSEL_PRECISION_INT8; ++p) {
        if (request->precision != MLSEL_PRECISION_DEFAULT ? p != request->precision : (device.precisions >> p & 1) == 0)
            continue;
        failure found = {0};
        mlsel_model *model = load_as(path, p, &found);
        if (model != NULL)
            out->rows[out->row_count++] = (agreement_row){.precision = p, .model = model};
        else if (request->precision != MLSEL_PRECISION_DEFAULT) {
            *problem = found;
            return false;
        }
    }
    return true;
}

/* --- measuring -------------------------------------------------------------------------------------------------- */

static bool ask(const measurement *m, const mlsel_model *model, scored *out, mlsel_error *err) {
    mlsel_evidence evidence;
    mlsel_evidence_init(&evidence, sizeof evidence);
    evidence.scores = out->scores;
    evidence.scores_capacity = m->info.n_labels;
    if (mlsel_explain_f64(model, m->features, m->info.n_features, NULL, &evidence, err) != MLSEL_OK)
        return false;
    out->chosen = evidence.selection;
    return true;
}

static void add_margin(double **margins, size_t *count, double margin) {
    if ((*count & (*count - 1)) == 0) /* the capacity is a power of two */
        *margins = tool_resize(*margins, *count == 0 ? 1 : 2 * *count, sizeof **margins);
    (*margins)[(*count)++] = margin;
}

/* Compares all models on the query in m->features. */
static bool compare(measurement *m, mlsel_error *err) {
    agreement *a = m->result;
    if (!ask(m, m->f32, &m->exact, err))
        return false;
    const double margin = m->exact.chosen.margin;
    for (size_t i = 0; i < a->row_count; ++i) {
        agreement_row *row = &a->rows[i];
        if (!ask(m, row->model, &m->low, err))
            return false;
        for (size_t l = 0; l < m->info.n_labels; ++l)
            row->largest_difference = fmax(row->largest_difference, fabs(m->low.scores[l] - m->exact.scores[l]));
        if (m->low.chosen.index == m->exact.chosen.index)
            row->same++;
        else
            add_margin(&row->margins, &row->margin_count, margin);
    }
    size_t count = (size_t)a->count;
    add_margin(&m->margins, &count, margin);
    a->count = count;
    return true;
}

/* --- queries ---------------------------------------------------------------------------------------------------- */

/* Marsaglia's xorshift, uniform in (0, 1]. */
static double uniform(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return ((double)(*state >> 11) + 1) / 9007199254740992.0;
}

/* A direction at random, of length 1, and a category at random. The same ones every time. */
static bool make_up(measurement *m, uint64_t *state, mlsel_error *err) {
    const size_t n = m->info.n_features - m->info.n_categories;
    double sum = 0;
    for (size_t i = 0; i < n; ++i) { /* Box and Muller */
        m->features[i] = sqrt(-2 * log(uniform(state))) * cos(6.283185307179586 * uniform(state));
        sum += m->features[i] * m->features[i];
    }
    for (size_t i = 0; i < n; ++i)
        m->features[i] /= sum > 0 ? sqrt(sum) : 1;
    if (m->info.n_categories == 0)
        return true;
    const uint32_t category = (uint32_t)(uniform(state) * m->info.n_categories) % m->info.n_categories;
    return mlsel_features_compose_f64(m->f32, NULL, m->features, n, mlsel_model_category(m->f32, (int32_t)category),
                                      m->features, m->info.n_features, NULL, err) == MLSEL_OK;
}

static bool compare_made_up(measurement *m) {
    mlsel_error err;
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < MADE_UP; ++i)
        if (!make_up(m, &state, &err) || !compare(m, &err)) {
            failure_set(m->problem, tool_exit_code(err.code), "made-up queries: %s", err.message);
            return false;
        }
    return true;
}

static bool compare_one(measurement *m, const input *in, const chunk *c, const query *q) {
    mlsel_error err;
    char place[512];
    const double *values = c->values + q->offset;
    mlsel_status status = MLSEL_OK;
    if (q->is_embedding)
        status = mlsel_features_compose_f64(m->f32, NULL, values, q->count, q->category, m->features,
                                            m->info.n_features, NULL, &err);
    else if (q->count == m->info.n_features)
        memcpy(m->features, values, q->count * sizeof *values);
    else /* the library words this best */
        status = mlsel_select_f64(m->f32, values, q->count, NULL, &m->exact.chosen, &err);
    if (status == MLSEL_OK && compare(m, &err))
        return true;
    failure_set(m->problem, tool_exit_code(err.code), "%s: %s", input_place(in, q, place, sizeof place), err.message);
    return false;
}

static bool compare_file(measurement *m, const char *path) {
    input in;
    chunk c = {0};
    bool fine = input_open(&in, path, INPUT_AUTO, m->info.n_features);
    in.chunk_queries = CHUNK;
    for (bool more = fine; more && fine;) {
        more = input_read(&in, &c);
        for (size_t q = 0; q < c.count && fine; ++q)
            fine = compare_one(m, &in, &c, &c.queries[q]);
    }
    if (in.problem.exit_code != 0) {
        *m->problem = in.problem;
        fine = false;
    } else if (fine && m->result->count == 0) {
        failure_set(m->problem, EXIT_BAD_INPUT, "%s holds no queries", in.name);
        fine = false;
    }
    input_close(&in);
    chunk_free(&c);
    return fine;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, compare_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

bool agreement_measure(const char *path, const agreement_request *request, agreement *out, failure *problem) {
    *out = (agreement){.queries = request->queries};
    measurement m = {.result = out, .problem = problem};
    if (!check_path(path, problem) || (m.f32 = load_as(path, MLSEL_PRECISION_F32, problem)) == NULL)
        return false;
    bool fine = load_models(path, request, out, problem);
    model_file_info(m.f32, &m.info);
    m.features = tool_alloc(m.info.n_features, sizeof *m.features);
    m.exact.scores = tool_alloc(m.info.n_labels, sizeof *m.exact.scores);
    m.low.scores = tool_alloc(m.info.n_labels, sizeof *m.low.scores);
    if (fine && out->row_count > 0)
        fine = request->queries == NULL ? compare_made_up(&m) : compare_file(&m, request->queries);
    out->median_margin = median(m.margins, (size_t)out->count);
    free(m.margins);
    free(m.features);
    free(m.exact.scores);
    free(m.low.scores);
    mlsel_model_release(m.f32);
    return fine;
}

void agreement_free(agreement *a) {
    for (size_t i = 0; i < a->row_count; ++i) {
        free(a->rows[i].margins);
        mlsel_model_release(a->rows[i].model);
    }
}

/* --- output ----------------------------------------------------------------------------------------------------- */

static double share_of(const agreement *a, const agreement_row *row) { return (double)row->same / (double)a->count; }

static void print_row(const table *t, const agreement *a, const agreement_row *row) {
    char same[TEXT_NUMBER], share[TEXT_NUMBER], other[TEXT_NUMBER], margin[TEXT_NUMBER] = "-", change[TEXT_NUMBER];
    text_count(same, row->same);
    text_count(other, row->margin_count);
    /* rounded down: 100 % is all of them */
    snprintf(share, sizeof share, "%.2f %%", floor(share_of(a, row) * 1e4) / 100);
    if (row->margin_count > 0)
        text_number(margin, median(row->margins, row->margin_count));
    text_number(change, row->largest_difference);
    const char *cells[] = {mlsel_precision_name(row->precision), same, share, other, margin, change};
    table_row(t, cells, false);
}

void agreement_print(const agreement *a, bool colour, void (*print_value)(const char *key, const char *format, ...)) {
    table_column columns[] = {{"PRECISION", 9, false}, {"SAME CHOICE", 11, true},  {"SHARE", 8, true},
                              {"DIFFERENT", 9, true},  {"MARGIN THERE", 12, true}, {"LARGEST CHANGE", 14, true}};
    table t = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns), .indent = 4, .colour = colour};
    char count[TEXT_NUMBER], margin[TEXT_NUMBER];
    if (a->row_count == 0) {
        print_value("agreement", "this artifact is scored in f32 only");
        return;
    }
    text_count(count, a->count);
    if (a->queries == NULL)
        print_value("agreement", "with f32, on %s made-up queries (--queries FILE takes real ones)", count);
    else
        print_value("agreement", "with f32, on %s queries of %s", count, text_base_name(a->queries));
    print_value("margin in f32", "%s, best to second best score, median", text_number(margin, a->median_margin));
    table_header(&t);
    for (size_t i = 0; i < a->row_count; ++i)
        print_row(&t, a, &a->rows[i]);
}

void agreement_json(json_out *j, const agreement *a) {
    json_open(j, '{');
    json_key(j, "with");
    json_string(j, "f32");
    json_key(j, "queries");
    json_unsigned(j, a->count);
    json_key(j, "file");
    json_string(j, a->queries);
    json_key(j, "median_margin");
    if (a->count > 0)
        json_number(j, a->median_margin);
    else
        json_null(j);
    json_key(j, "precisions");
    json_open(j, '[');
    for (size_t i = 0; i < a->row_count; ++i) {
        const agreement_row *row = &a->rows[i];
        json_open(j, '{');
        json_key(j, "precision");
        json_string(j, mlsel_precision_name(row->precision));
        json_key(j, "same");
        json_unsigned(j, row->same);
        json_key(j, "share");
        json_number(j, share_of(a, row));
        json_key(j, "median_margin_where_different");
        if (row->margin_count > 0)
            json_number(j, median(row->margins, row->margin_count));
        else
            json_null(j);
        json_key(j, "largest_difference");
        json_number(j, row->largest_difference);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}
