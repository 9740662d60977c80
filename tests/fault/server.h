/* SPDX-License-Identifier: Apache-2.0 */
/* A server for the tool under fault: one thread of its own process, the same answer to the same question. */
#ifndef MLSEL_TEST_FAULT_SERVER_H
#define MLSEL_TEST_FAULT_SERVER_H

/* Starts the process, which ends with this one. Returns the port, or 0. It answers
 *     POST /v1/chat/completions   "The answer is A."
 *     POST /v1/embeddings         three numbers for each text
 *     GET /api/models/o/n/tree/main, /o/n/resolve/main/knn_model.json    a hub with one file */
int server_start(void);

#endif
