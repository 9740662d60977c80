/* SPDX-License-Identifier: Apache-2.0 */
/* Each command of the tool, with small inputs. */
#include "tool_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* By default all kinds are trained. */
#ifdef FAULT_SVM
#define BUILT_KINDS ""
#else
#define BUILT_KINDS " --algorithm knn --algorithm kmeans --algorithm mlp"
#endif
#define SERVER "http://127.0.0.1:PORT"

const tool_case tool_cases[] = {
    {"version", 0},
    {"help train", 0},
    {"devices --json", TOOL_OUTPUT_VARIES},
    {"inspect in/two.json", 0},
    {"inspect --json in/mlp.json", 0},
    {"select --model in/two.json --scores in/q.jsonl", 0},
    {"select --model in/two.json --json -", TOOL_READS_INPUT},
    {"select --model in/two.json --device auto in/q.f32", 0},
    {"explain --model in/two.json --json in/q.jsonl", 0},
    {"explain --config in/router.yaml in/q.jsonl", 0},
    {"route in/router.yaml --metrics out/metrics.prom in/q.jsonl", TOOL_FILES_VARY},
    {"route in/router.yaml --models-root in in/q.jsonl", 0},
    {"route in/router.yaml --watch --json -", TOOL_READS_INPUT},
    {"convert in/mlp.json out/mlp.safetensors", TOOL_OUTPUT_VARIES},
    {"convert --force in/two.json out/old.json", TOOL_OUTPUT_VARIES},
    {"validate in/router.yaml", 0},
    {"validate --models-root in in/router.yaml", 0},
    {"validate --json in/wrong.yaml in/router.yaml", 0},
#ifdef MLSEL_TOOL_TRAIN
    {"train --data-file in/records.jsonl --mlp-hidden-dims 2 --mlp-epochs 2 --folds 2 --threads 2 --knn-k 3 "
     "--kmeans-clusters 2 --safetensors --output-dir out/models" BUILT_KINDS,
     TOOL_OUTPUT_VARIES},
    {"train --data-file in/records.jsonl --algorithm knn --holdout 0.5 --folds 2 --report out/report.html "
     "--embedding-model builtin --output-dir out",
     TOOL_OUTPUT_VARIES | TOOL_FILES_VARY},
    {"evaluate --data-file in/records.jsonl --model in/two.json --resamples 20 --threads 2 --report out/report.html",
     TOOL_FILES_VARY},
    {"validate-models --data-file in/records.jsonl --model in/two.json --resamples 20 --json", 0},
    {"calibrate --model in/two.json --data-file in/records.jsonl --method platt --share 0.5 --output out/new.json", 0},
#endif
#ifdef MLSEL_TOOL_COLLECT
    {"merge out/merged.jsonl in/part1.jsonl in/part2.jsonl", 0},
    {"score --force --output out/old.json in/results.jsonl", 0},
    {"score --allow-code-execution --output out/scored.jsonl in/code.jsonl", TOOL_IS_SLOW},
    {"embed --embedding-model builtin --no-cache --format npy --output out/e.npy in/texts.jsonl", 0},
    {"embed --embedding-model builtin in/texts.jsonl", 0},
    {"embed --embedding-model m --embedding-endpoint " SERVER "/v1 --embedding-retries 0 --no-cache in/texts.jsonl",
     TOOL_IS_SLOW},
    {"embed --embedding-model m --embedding-endpoint " SERVER "/v1 --embedding-retries 0 --cache-dir out/cache -",
     TOOL_IS_SLOW | TOOL_READS_TEXTS | TOOL_FILES_GROW},
    {"benchmark --queries in/ask.jsonl --model-config in/models.yaml --retries 0 --output out/results.jsonl",
     TOOL_IS_SLOW | TOOL_OUTPUT_VARIES | TOOL_FILES_GROW},
    {"download models --repo o/n --mirror " SERVER " --retries 0 --output-dir out/hub", TOOL_IS_SLOW | TOOL_FILES_GROW},
#endif
};
const size_t n_tool_cases = sizeof tool_cases / sizeof *tool_cases;

/* --- inputs ------------------------------------------------------------------------------------------------------- */

static void write_bytes(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        fprintf(stderr, "%s cannot be written\n", path);
        exit(1);
    }
}

static void write_text(const char *path, const char *text) { write_bytes(path, text, strlen(text)); }

static void write_records(void) {
    char text[8192];
    int used = 0;
    for (int q = 0; q < 12; q++)
        for (int m = 0; m < 2; m++)
            used += snprintf(text + used, sizeof text - (size_t)used,
                             "{\"query\":\"q%d\",\"category\":\"%s\",\"model_name\":\"%s\",\"performance\":%s,"
                             "\"response_time\":%d,\"embedding\":[%d,%d]}\n",
                             q, q % 3 == 0 ? "math" : "law", m == 0 ? "alpha" : "beta", q % 2 == m ? "1" : "0.25",
                             m + 1, q % 2 == 0 ? q + 1 : 0, q % 2 == 0 ? 0 : q + 1);
    write_text("in/records.jsonl", text);
}

static void write_models(int port) {
    char text[512];
    snprintf(text, sizeof text,
             "models:\n- {name: alpha, endpoint: \"http://127.0.0.1:%d/v1\"}\n"
             "- {name: beta, endpoint: \"http://127.0.0.1:%d/v1\"}\n",
             port, port);
    write_text("in/models.yaml", text);
}

void tool_cases_write_inputs(int port) {
    static const float row[] = {1, 2, 3, 4};
    if (mkdir("in", 0777) != 0 || mkdir("in/models", 0777) != 0)
        exit(1);
    static const char two[] =
        "{\"algorithm\": \"kmeans\", \"trained\": true, \"num_clusters\": 2, \"centroids\": [[1, 0], [0, 1]], "
        "\"cluster_models\": [\"alpha\", \"beta\"], \"feature_dim\": 2, \"categories\": []}\n";
    write_text("in/two.json", two);
    write_text("in/models/kmeans_model.json", two);
    write_text("in/mlp.json",
               "{\"algorithm\": \"mlp\", \"trained\": true, \"model_names\": [\"alpha\", \"beta\"], \"layers\": "
               "[{\"type\": \"linear\", \"in_features\": 2, \"out_features\": 2, \"weight\": [[1, 0], [0, 1]], "
               "\"bias\": [0, 0]}]}\n");
    write_text("in/q.jsonl", "{\"embedding\": [1, 0.5], \"category\": \"math\"}\n{\"embedding\": [0, 1]}\n");
    write_bytes("in/q.f32", row, sizeof row);
    write_text("in/router.yaml", "model_selection: {ml: {enabled: true, models_path: models}}\n"
                                 "default_model: beta\n"
                                 "decisions:\n"
                                 "- name: first\n"
                                 "  priority: 100\n"
                                 "  rules: {operator: AND, conditions: [{type: domain, name: math}]}\n"
                                 "  algorithm: {type: kmeans}\n"
                                 "  modelRefs: [{model: alpha}, {model: beta}]\n");
    write_text("in/wrong.yaml", "model_selection: {ml: {enabled: true, models_pth: models}}\n");
    write_text("in/texts.jsonl", "{\"query\": \"one\"}\n{\"query\": \"two\"}\n{\"query\": \"three\"}\n");
    write_text("in/ask.jsonl", "{\"query\": \"one\", \"ground_truth\": \"A\", \"metric\": \"em_mc\"}\n"
                               "{\"query\": \"two\", \"ground_truth\": \"B\", \"metric\": \"em_mc\"}\n");
    static const char results[] =
        "{\"query\": \"q1\", \"model_name\": \"alpha\", \"response\": \"The answer is (B)\", \"ground_truth\": \"B\", "
        "\"metric\": \"em_mc\", \"performance\": 0.0, \"response_time\": 1.25}\n"
        "{\"query\": \"q2\", \"model_name\": \"beta\", \"response\": \"It is 5.\", \"ground_truth\": \"2 + 3 = 5 #### "
        "5\", "
        "\"metric\": \"GSM8K\", \"performance\": 1.0}\n";
    write_text("in/results.jsonl", results);
    write_text("in/part1.jsonl", results);
    write_text("in/part2.jsonl",
               "{\"query\": \"q3\", \"model_name\": \"alpha\", \"response\": \"A\", \"performance\": 0.0}\n");
    write_text(
        "in/code.jsonl",
        "{\"query\": \"q5\", \"model_name\": \"beta\", \"response\": \"```python\\ndef f(x):\\n    return x\\n```\", "
        "\"ground_truth\": \"['assert f(1) == 1']\", \"metric\": \"code_eval\", \"performance\": 0.0}\n");
    write_records();
    write_models(port);
}
