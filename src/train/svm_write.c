/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Artifacts of SVMs. The one-vs-one parameters have scikit-learn's signs, which are LIBSVM's but for two classes, where
 * they are the other way round. Beside them unversioned artifacts have a classifier per model for runtimes that know no
 * other form: only an approximation.
 */
#include <math.h>

#include "svm_train.h"

void mlsel_i_svm_machine_free(void *machine) {
    svm_machine *m = machine;
    if (m == NULL)
        return;
    mlsel_i_free(m->models);
    mlsel_i_free(m->classes);
    mlsel_i_free(m->x);
    mlsel_i_free(m->rows);
    mlsel_i_free(m->n_support);
    mlsel_i_free(m->dual_coef);
    mlsel_i_free(m->intercept);
    mlsel_i_free(m);
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static double signed_as_written(const svm_machine *m, double value) {
    return m->n_classes == 2 && value != 0 ? -value : value;
}

/* Values of float: as few digits as give them back or, as Python's trainer writes them, those that they have in double.
 */
static void write_row(const svm_machine *m, const float *x, json_writer *w) {
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < m->n_features; i++)
        if (m->is_compatible)
            mlsel_i_write_f64(w, (double)x[i]);
        else
            mlsel_i_write_f32(w, x[i]);
    mlsel_i_write_close(w, ']');
}

static const float *vector(const svm_machine *m, size_t v) {
    return m->x + (m->rows == NULL ? 0 : m->rows[v]) * m->n_features;
}

static void write_vectors(const svm_machine *m, size_t first, size_t n, json_writer *w) {
    mlsel_i_write_key(w, "support_vectors");
    mlsel_i_write_open(w, '[');
    for (size_t v = first; v < first + n; v++)
        write_row(m, vector(m, v), w);
    mlsel_i_write_close(w, ']');
}

/* --- one classifier per model ------------------------------------------------------------------------------------- */

static size_t pair_index(const svm_machine *m, size_t i, size_t j) {
    return i * m->n_classes - i * (i + 1) / 2 + (j - i - 1);
}

/*
 * The sum of a class's decisions against all others would be the sum over its own vectors, over theirs, and of the
 * intercepts. The first and the last go into the classifier; the vectors of the others would make it as long as all
 * classifiers together.
 */
static double own_weight(const svm_machine *m, size_t v) {
    double sum = 0;
    for (size_t row = 0; row + 1 < m->n_classes; row++)
        sum += fabs(m->dual_coef[row * m->n_vectors + v]);
    return sum;
}

static double own_intercept(const svm_machine *m, size_t c) {
    double sum = 0;
    for (size_t other = 0; other < m->n_classes; other++)
        if (other != c)
            sum += other > c ? m->intercept[pair_index(m, c, other)] : -m->intercept[pair_index(m, other, c)];
    return sum;
}

static void write_rbf_classifier(const svm_machine *m, size_t c, const char *name, size_t first, size_t n,
                                 json_writer *w) {
    const bool is_single = m->n_classes == 1;
    mlsel_i_write_open(w, '{');
    mlsel_i_write_string_member(w, "model_name", name);
    mlsel_i_write_key(w, "alpha");
    mlsel_i_write_open(w, '[');
    for (size_t v = first; v < first + n; v++)
        mlsel_i_write_f64(w, m->is_compatible || is_single ? 1 : own_weight(m, v));
    mlsel_i_write_close(w, ']');
    write_vectors(m, first, n, w);
    if (is_single)
        mlsel_i_write_f64_member(w, "rho", 0);
    else
        mlsel_i_write_f64_member(w, "rho",
                                 m->is_compatible ? signed_as_written(m, m->intercept[0]) : -own_intercept(m, c));
    mlsel_i_write_f64_member(w, "gamma", m->kernel.gamma);
    mlsel_i_write_close(w, '}');
}

/* Coefficient of a vector of class `of` in what is for class c. */
static double linear_weight(const svm_machine *m, size_t c, size_t of, size_t v) {
    if (c != of) /* the pair of the two: the vector's row is the other class's */
        return (c < of ? 1 : -1) * m->dual_coef[(c < of ? c : c - 1) * m->n_vectors + v];
    double sum = 0;
    for (size_t row = 0; row + 1 < m->n_classes; row++)
        sum += (row >= c ? 1 : -1) * m->dual_coef[row * m->n_vectors + v];
    return sum;
}

/* Linear decisions can be summed up. */
static void write_linear_classifier(const svm_machine *m, size_t c, const char *name, json_writer *w) {
    enum { BLOCK = 128 };
    mlsel_i_write_open(w, '{');
    mlsel_i_write_string_member(w, "model_name", name);
    mlsel_i_write_key(w, "weights");
    mlsel_i_write_open(w, '[');
    for (size_t first = 0; first < m->n_features; first += BLOCK) {
        const size_t n = m->n_features - first < BLOCK ? m->n_features - first : BLOCK;
        double sums[BLOCK] = {0};
        for (size_t of = 0, v = 0; of < m->n_classes && m->n_classes > 1; of++)
            for (size_t end = v + m->n_support[of]; v < end; v++) {
                const double weight = linear_weight(m, c, of, v);
                for (size_t i = 0; i < n; i++)
                    sums[i] += weight * (double)vector(m, v)[first + i];
            }
        for (size_t i = 0; i < n; i++)
            mlsel_i_write_f64(w, sums[i]);
    }
    mlsel_i_write_close(w, ']');
    mlsel_i_write_f64_member(w, "rho", m->n_classes > 1 ? -own_intercept(m, c) : 0);
    mlsel_i_write_close(w, '}');
}

static bool is_linear(const svm_machine *m) { return m->kernel.kind == MLSEL_SVM_KERNEL_LINEAR; }

/* The ecosystem's trainer says Rbf of linear kernels too. */
static bool has_linear_list(const svm_machine *m) { return is_linear(m) && (!m->is_compatible || m->n_classes == 1); }

static void write_classifiers(const svm_machine *m, const char *const *models, json_writer *w) {
    mlsel_i_write_key(w, "linear_classifiers");
    mlsel_i_write_open(w, '[');
    for (size_t c = 0; has_linear_list(m) && c < m->n_classes; c++)
        write_linear_classifier(m, c, models[m->models[m->classes[c]]], w);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "rbf_classifiers");
    mlsel_i_write_open(w, '[');
    for (size_t c = 0, first = 0; !has_linear_list(m) && c < m->n_classes; c++) {
        const size_t n = m->n_classes > 1 ? m->n_support[c] : 1;
        write_rbf_classifier(m, c, models[m->models[m->classes[c]]], first, n, w);
        first += n;
    }
    mlsel_i_write_close(w, ']');
}

/* --- one-vs-one --------------------------------------------------------------------------------------------------- */

static void write_one_vs_one(const svm_machine *m, json_writer *w) {
    write_vectors(m, 0, m->n_vectors, w);
    mlsel_i_write_key(w, "dual_coef");
    mlsel_i_write_open(w, '[');
    for (size_t row = 0; row + 1 < m->n_classes; row++) {
        mlsel_i_write_open(w, '[');
        for (size_t v = 0; v < m->n_vectors; v++)
            mlsel_i_write_f64(w, signed_as_written(m, m->dual_coef[row * m->n_vectors + v]));
        mlsel_i_write_close(w, ']');
    }
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "intercept");
    mlsel_i_write_open(w, '[');
    for (size_t pair = 0; pair < m->n_classes * (m->n_classes - 1) / 2; pair++)
        mlsel_i_write_f64(w, signed_as_written(m, m->intercept[pair]));
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "n_support");
    mlsel_i_write_open(w, '[');
    for (size_t c = 0; c < m->n_classes; c++)
        mlsel_i_write_count(w, m->n_support[c]);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "classes");
    mlsel_i_write_open(w, '[');
    for (size_t c = 0; c < m->n_classes; c++)
        mlsel_i_write_count(w, m->classes[c]);
    mlsel_i_write_close(w, ']');
}

static void write_head(const svm_machine *m, const char *const *models, json_writer *w) {
    const bool says_linear = m->is_versioned ? is_linear(m) : has_linear_list(m);
    mlsel_i_write_key(w, "model_names");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < m->n_models; i++)
        mlsel_i_write_string(w, models[m->models[i]]);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_string_member(w, "kernel_type", says_linear ? "Linear" : "Rbf");
    mlsel_i_write_f64_member(w, "gamma", m->kernel.gamma);
}

/* One class has no one-vs-one form: a classifier per model, of which there is one, always chooses it. */
void mlsel_i_svm_machine_write(const void *machine, const char *const *models, json_writer *w) {
    const svm_machine *m = machine;
    const bool has_svc = m->n_classes > 1;
    write_head(m, models, w);
    if (!m->is_versioned || !has_svc)
        write_classifiers(m, models, w);
    mlsel_i_write_string_member(w, "kernel", is_linear(m) ? "linear" : "rbf");
    mlsel_i_write_f64_member(w, "C", m->c);
    mlsel_i_write_count_member(w, "feature_dim", m->n_features);
    if (has_svc)
        mlsel_i_write_count_member(w, "n_classes", m->n_classes);
    if (m->is_versioned) {
        mlsel_i_write_string_member(w, "input_normalization", "none");
        if (!has_svc)
            return;
        mlsel_i_write_key(w, "svc");
        mlsel_i_write_open(w, '{');
    }
    if (has_svc)
        write_one_vs_one(m, w);
    if (m->is_versioned)
        mlsel_i_write_close(w, '}');
}
