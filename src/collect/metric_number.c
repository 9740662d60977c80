/* SPDX-License-Identifier: Apache-2.0 */
/* GSM8K: the last number of an answer, as a number: 3.5 is not 35, and 1,234.50 is 1234.5. */
#include <string.h>

#include "metric_internal.h"

/* What follows the last "####", or all. */
static const char *find_answer(const text_buffer *truth) {
    const char *answer = truth->bytes, *found = truth->bytes;
    while ((found = strstr(found, "####")) != NULL)
        answer = found += 4;
    return answer;
}

mlsel_status mlsel_i_metric_gsm8k(const metric_answer *answer, const char *truth, metric_verdict *out,
                                  mlsel_error *err) {
    text_buffer folded;
    text_number wanted, given;
    const mlsel_status status = mlsel_i_text_fold(truth, true, &folded, err);
    if (status != MLSEL_OK)
        return status;
    const char *result = find_answer(&folded);
    const size_t size = folded.size - (size_t)(result - folded.bytes);
    /* a worked solution without the mark ends in its result */
    const bool has_number = result > folded.bytes ? mlsel_i_number_first(result, size, &wanted)
                                                  : mlsel_i_number_last(result, size, &wanted);
    if (has_number && mlsel_i_number_last(answer->lower.bytes, answer->lower.size, &given))
        *out = (metric_verdict){mlsel_i_number_equal(&wanted, &given), MLSEL_METRIC_BY_NUMBER};
    mlsel_i_text_free(&folded);
    return MLSEL_OK;
}
