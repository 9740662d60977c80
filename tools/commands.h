/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands. Each takes its arguments without its own name, ending in NULL, and returns an exit code.
 */
#ifndef MLSEL_TOOL_COMMANDS_H
#define MLSEL_TOOL_COMMANDS_H

int cmd_inspect(char **arguments);
int cmd_select(char **arguments);
int cmd_explain(char **arguments);
int cmd_route(char **arguments);
/* `explain` with --config */
int router_explain(char **arguments);
int cmd_devices(char **arguments);
int cmd_convert(char **arguments);
int cmd_calibrate(char **arguments); /* where MLSEL_TOOL_TRAIN is defined */
int cmd_validate(char **arguments);
int cmd_score(char **arguments);
int cmd_train(char **arguments);
int cmd_evaluate(char **arguments);
int cmd_embed(char **arguments); /* this and the following where MLSEL_TOOL_COLLECT is defined */
int cmd_download(char **arguments);
int cmd_benchmark(char **arguments);
int cmd_merge(char **arguments);

extern const char cmd_inspect_help[];
extern const char cmd_select_help[];
extern const char cmd_explain_help[];
extern const char cmd_route_help[];
extern const char cmd_devices_help[];
extern const char cmd_convert_help[];
extern const char cmd_calibrate_help[];
extern const char cmd_validate_help[];
extern const char cmd_score_help[];
extern const char cmd_train_help[];
extern const char cmd_evaluate_help[];
extern const char cmd_embed_help[];
extern const char cmd_download_help[];
extern const char cmd_benchmark_help[];
extern const char cmd_merge_help[];

#endif
