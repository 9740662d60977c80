/* SPDX-License-Identifier: Apache-2.0 */
/* What is noticed in data: all counted, the first of each kind kept. */
#ifndef MLSEL_TRAIN_FINDINGS_H
#define MLSEL_TRAIN_FINDINGS_H

#include "internal.h"
#include "mlsel_train.h"

enum { FINDINGS_KEPT = 20 }; /* of each code */

typedef struct dataset_findings {
    uint64_t counts[MLSEL_FINDING_CODES + 1];
    mlsel_finding *kept;
    size_t n, capacity;
} dataset_findings;

/* Where something was read, and what becomes of what is wrong. */
typedef struct finding_place {
    dataset_findings *findings; /* NULL: nothing is noted */
    const char *file;           /* last part of the path; NULL: none */
    uint64_t line;
    bool is_strict; /* what mlsel_i_complain is told is an error */
} finding_place;

/* Counts a finding, and keeps it if it is one of the first of its code. The message gets "FILE:LINE: " in front.
 * NO_MEMORY. `place` may be NULL: nothing is noted. */
mlsel_status mlsel_i_note(const finding_place *place, mlsel_finding_code code, mlsel_error *err, const char *format,
                          ...) MLSEL_PRINTF(4, 5);
/* The same for what is wrong: where the place is strict, the message also becomes that of err, and status is returned.
 */
mlsel_status mlsel_i_complain(const finding_place *place, mlsel_finding_code code, mlsel_status status,
                              mlsel_error *err, const char *format, ...) MLSEL_PRINTF(5, 6);
void mlsel_i_findings_free(dataset_findings *findings);

#endif
