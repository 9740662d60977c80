/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: the features and outcomes of a dataset, laid out for training. */
#include <math.h>
#include <string.h>

#include "dataset.h"
#include "train.h"

enum { FLOATS_PER_LINE = 16 };

static size_t padded(size_t n) { return (n + FLOATS_PER_LINE - 1) / FLOATS_PER_LINE * FLOATS_PER_LINE; }

void mlsel_i_table_free(train_table *table) {
    if (table == NULL)
        return;
    mlsel_i_free(table->x);
    mlsel_i_free(table->quality);
    mlsel_i_free(table->latency_s);
    mlsel_i_free(table->utility);
    mlsel_i_free((void *)table->models);
    mlsel_i_free(table->records);
    mlsel_i_free(table->tasks);
    mlsel_i_free(table);
}

uint64_t mlsel_i_table_bytes(const train_table *table, size_t n_queries) {
    const uint64_t cell = sizeof *table->quality + sizeof *table->latency_s + sizeof *table->utility;
    const uint64_t query = table->stride * sizeof *table->x + table->n_models * cell;
    const double share = table->n_queries > 0 ? (double)n_queries / (double)table->n_queries : 0;
    return n_queries * query + (uint64_t)(share * (double)table->n_records) * sizeof *table->records;
}

static train_table *alloc_table(size_t n_queries, size_t n_models, size_t n_features, size_t n_records) {
    train_table *table = mlsel_i_calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->n_queries = n_queries;
    table->n_models = n_models;
    table->n_features = n_features;
    table->n_records = n_records;
    table->stride = padded(n_features);
    const size_t cells = n_models > 0 && n_queries > SIZE_MAX / n_models ? SIZE_MAX : n_queries * n_models;
    table->x = mlsel_i_calloc(n_queries, table->stride * sizeof *table->x);
    table->quality = mlsel_i_alloc(cells, sizeof *table->quality);
    table->latency_s = mlsel_i_alloc(cells, sizeof *table->latency_s);
    table->utility = mlsel_i_alloc(cells, sizeof *table->utility);
    table->models = mlsel_i_alloc(n_models, sizeof *table->models);
    table->records = mlsel_i_alloc(n_records, sizeof *table->records);
    table->tasks = mlsel_i_calloc(n_queries, sizeof *table->tasks);
    if (table->x == NULL || table->quality == NULL || table->latency_s == NULL || table->utility == NULL ||
        table->models == NULL || table->records == NULL || table->tasks == NULL) {
        mlsel_i_table_free(table);
        return NULL;
    }
    return table;
}

/* --- features ----------------------------------------------------------------------------------------------------- */

static mlsel_status fill_features(const mlsel_dataset *dataset, const mlsel_train_options *options, train_table *table,
                                  mlsel_error *err) {
    const size_t width = dataset->embedding_width;
    for (size_t q = 0; q < table->n_queries; q++) {
        float *row = table->x + q * table->stride;
        const dataset_query *query = &dataset->queries[q];
        if (table->n_categories == 0) {
            memcpy(row, query->embedding, width * sizeof *row);
            continue;
        }
        mlsel_features_options how;
        mlsel_features_options_init(&how, sizeof how);
        how.layout = options->category_layout;
        how.category_weight = options->category_weight; /* 0 stands for 1: it is set later */
        const mlsel_status status = mlsel_features_compose(NULL, &how, query->embedding, width, query->category, row,
                                                           table->n_features, NULL, err);
        if (status != MLSEL_OK)
            return status;
    }
    return MLSEL_OK;
}

void mlsel_i_table_weigh(train_table *table, double category_weight) {
    for (size_t q = 0; q < table->n_queries; q++) {
        float *categories = table->x + q * table->stride + table->n_features - table->n_categories;
        for (size_t i = 0; i < table->n_categories; i++)
            if (categories[i] != 0)
                categories[i] = (float)category_weight;
    }
}

/* Numbers the names of tasks by first occurrence. */
static mlsel_status number_tasks(const mlsel_dataset *dataset, train_table *table, mlsel_error *err) {
    text_set names = {0};
    mlsel_status status = MLSEL_OK;
    for (size_t q = 0; q < table->n_queries && status == MLSEL_OK; q++) {
        const char *name = dataset->queries[q].task;
        const int64_t task = mlsel_i_texts_add(&names, name, strlen(name));
        if (task < 0)
            status = mlsel_i_no_memory(err);
        else
            table->tasks[q] = (uint32_t)task;
    }
    table->n_tasks = names.n;
    mlsel_i_texts_free(&names);
    return status;
}

/* --- outcomes ----------------------------------------------------------------------------------------------------- */

static void fill_outcomes(const mlsel_dataset *dataset, train_table *table) {
    for (size_t i = 0; i < table->n_queries * table->n_models; i++)
        table->quality[i] = table->latency_s[i] = (double)NAN;
    for (size_t i = 0; i < dataset->n_pairs; i++) {
        const dataset_pair *pair = &dataset->pairs[i];
        const size_t cell = pair->query * table->n_models + dataset->model_rank[pair->model];
        table->quality[cell] = pair->quality;
        table->latency_s[cell] = pair->latency_s;
    }
    for (size_t i = 0; i < dataset->n_rows; i++) {
        const dataset_row *row = &dataset->rows[i];
        table->records[i] = (table_record){.query = row->query,
                                           .model = dataset->model_rank[row->model],
                                           .quality = row->quality,
                                           .latency_ms = isnan(row->latency_s) ? 0 : row->latency_s * 1000};
    }
}

static double speed_factor(double latency_s) { return 1 / (1 + latency_s / SPEED_SCALE_S); }

/*
 * A speed that was not measured for a query is that model's mean speed; of a model that was never timed, the mean over
 * all models. Where no latency is known at all, every model would get the same, so quality alone counts.
 */
static void fill_utilities(const mlsel_train_options *options, train_table *table, double *mean_speed) {
    const double wq = options->quality_weight;
    double all = 0;
    size_t n_all = 0;
    for (size_t m = 0; m < table->n_models; m++) {
        double sum = 0;
        size_t n = 0;
        for (size_t q = 0; q < table->n_queries; q++) {
            const double latency = table->latency_s[q * table->n_models + m];
            if (isnan(latency))
                continue;
            sum += speed_factor(latency);
            n++;
        }
        mean_speed[m] = n > 0 ? sum / (double)n : (double)NAN;
        all += sum;
        n_all += n;
    }
    for (size_t i = 0; i < table->n_queries * table->n_models; i++) {
        const double mean =
            isnan(mean_speed[i % table->n_models]) && n_all > 0 ? all / (double)n_all : mean_speed[i % table->n_models];
        const double speed = isnan(table->latency_s[i]) ? mean : speed_factor(table->latency_s[i]);
        table->utility[i] = n_all == 0 ? table->quality[i] : wq * table->quality[i] + (1 - wq) * speed;
    }
}

mlsel_status mlsel_i_table_create(const mlsel_dataset *dataset, const mlsel_train_options *options, train_table **out,
                                  mlsel_error *err) {
    if (dataset->n_queries == 0 || dataset->n_models == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED, "the dataset has no %s",
                            dataset->n_queries == 0 ? "queries" : "models");
    mlsel_status status = mlsel_i_dataset_check_embedded(dataset, err);
    if (status != MLSEL_OK)
        return status;
    const size_t n_categories = options->without_categories != 0 ? 0 : mlsel_category_count(options->category_layout);
    train_table *table =
        alloc_table(dataset->n_queries, dataset->n_models, dataset->embedding_width + n_categories, dataset->n_rows);
    double *mean_speed = mlsel_i_alloc(dataset->n_models, sizeof *mean_speed);
    if (table == NULL || mean_speed == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    table->n_categories = n_categories;
    for (size_t m = 0; m < dataset->n_models; m++)
        ((const char **)table->models)[m] = dataset->models[dataset->model_order[m]];
    if ((status = fill_features(dataset, options, table, err)) != MLSEL_OK ||
        (status = number_tasks(dataset, table, err)) != MLSEL_OK)
        goto out;
    fill_outcomes(dataset, table);
    fill_utilities(options, table, mean_speed);
    *out = table;
    table = NULL;
out:
    mlsel_i_free(mean_speed);
    mlsel_i_table_free(table);
    return status;
}

double mlsel_i_record_value(const table_record *record) {
    static const double speed_weight = 0.1; /* 1 - COMPATIBLE_QUALITY_WEIGHT is another number, by its last bits */
    const double quality = isnan(record->quality) ? 0 : record->quality;
    return COMPATIBLE_QUALITY_WEIGHT * quality + speed_weight / (1 + record->latency_ms / SPEED_SCALE_MS);
}

/* --- parts and sums ----------------------------------------------------------------------------------------------- */

static void copy_cells(const train_table *from, const uint32_t *queries, size_t n, train_table *to) {
    const size_t m = from->n_models;
    for (size_t i = 0; i < n; i++) {
        const size_t q = queries[i];
        memcpy(to->x + i * to->stride, from->x + q * from->stride, from->stride * sizeof *to->x);
        to->tasks[i] = from->n_tasks > 1 ? from->tasks[q] : 0;
        memcpy(to->quality + i * m, from->quality + q * m, m * sizeof *to->quality);
        memcpy(to->latency_s + i * m, from->latency_s + q * m, m * sizeof *to->latency_s);
        memcpy(to->utility + i * m, from->utility + q * m, m * sizeof *to->utility);
    }
}

/* The records of the queries chosen, in the order of the data; place[query] is where a query went, or UINT32_MAX. */
static size_t copy_records(const train_table *from, const uint32_t *place, table_record *to) {
    size_t n = 0;
    for (size_t i = 0; i < from->n_records; i++) {
        const table_record *record = &from->records[i];
        if (place[record->query] == UINT32_MAX)
            continue;
        if (to != NULL) {
            to[n] = *record;
            to[n].query = place[record->query];
        }
        n++;
    }
    return n;
}

mlsel_status mlsel_i_table_subset(const train_table *table, const uint32_t *queries, size_t n, train_table **out,
                                  mlsel_error *err) {
    uint32_t *place = mlsel_i_alloc(table->n_queries, sizeof *place);
    if (place == NULL)
        return mlsel_i_no_memory(err);
    for (size_t q = 0; q < table->n_queries; q++)
        place[q] = UINT32_MAX;
    for (size_t i = 0; i < n; i++)
        place[queries[i]] = (uint32_t)i;
    train_table *part = alloc_table(n, table->n_models, table->n_features, copy_records(table, place, NULL));
    if (part != NULL) {
        part->n_categories = table->n_categories;
        part->n_tasks = table->n_tasks;
        memcpy((void *)part->models, table->models, table->n_models * sizeof *table->models);
        copy_cells(table, queries, n, part);
        copy_records(table, place, part->records);
        *out = part;
    }
    mlsel_i_free(place);
    return part == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
}

void mlsel_i_table_mean_utility(const train_table *table, double *means) {
    for (size_t m = 0; m < table->n_models; m++) {
        double sum = 0;
        size_t n = 0;
        for (size_t q = 0; q < table->n_queries; q++) {
            const double utility = table->utility[q * table->n_models + m];
            if (isnan(utility))
                continue;
            sum += utility;
            n++;
        }
        means[m] = n > 0 ? sum / (double)n : (double)NAN;
    }
}

int32_t mlsel_i_argmax(const double *values, size_t n) {
    int32_t best = -1;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]) && (best < 0 || values[i] > values[best]))
            best = (int32_t)i;
    return best;
}
