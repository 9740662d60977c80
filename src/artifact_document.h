/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what an artifact's document holds besides the big arrays. */
#ifndef MLSEL_ARTIFACT_DOCUMENT_H
#define MLSEL_ARTIFACT_DOCUMENT_H

#include "artifact.h"
#include "json_write.h"

/* Writes the members of the kept document into the root object that the caller has opened, those of KNN's rows
 * included except for the rows; with_tensors: the arrays too. */
void mlsel_i_write_document(json_writer *w, const mlsel_artifact *artifact, bool with_tensors);

#endif
