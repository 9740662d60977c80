/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a configuration: read, validated without files, and every finding looked at. */
#include <string.h>

#include "fuzz.h"
#include "input.h"
#include "mlsel.h"

static void look_at(const mlsel_diagnostics *found) {
    mlsel_diagnostics_info info;
    mlsel_error err;
    FUZZ_CHECK(mlsel_diagnostics_get_info(found, &info, sizeof info, &err) == MLSEL_OK);
    for (size_t i = 0; i < info.n_diagnostics; i++) {
        mlsel_diagnostic d;
        FUZZ_CHECK(mlsel_diagnostics_get(found, i, &d, sizeof d, &err) == MLSEL_OK);
        FUZZ_CHECK(d.code != NULL && d.message != NULL && d.message[strcspn(d.message, "\n\r")] == '\0');
    }
    mlsel_diagnostic none;
    FUZZ_CHECK(mlsel_diagnostics_get(found, info.n_diagnostics, &none, sizeof none, &err) == MLSEL_ERROR_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mlsel_error err;
    mlsel_diagnostics *found = NULL;
    if (mlsel_config_validate_memory(size > 0 ? data : (const uint8_t *)"", size, "router.yaml", NULL,
                                     MLSEL_VALIDATE_TEXT_ONLY, &found, &err) == MLSEL_OK)
        look_at(found);
    mlsel_diagnostics_release(found);
    return 0;
}
