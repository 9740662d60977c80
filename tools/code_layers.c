/* SPDX-License-Identifier: Apache-2.0 */
#include "code_layers.h"

#include "tool.h"

void code_layers_warn(const mlsel_code_runner *runner) {
    const uint32_t layers = mlsel_code_runner_layers(runner);
    if ((layers & (MLSEL_CODE_NETWORK | MLSEL_CODE_CALLS)) == 0)
        tool_warning("this system does not let mlsel keep code from the network");
    if ((layers & MLSEL_CODE_CALLS) == 0)
        tool_warning("this system does not let mlsel keep code from starting and ending processes");
    if ((layers & MLSEL_CODE_FILES) == 0)
        tool_warning("this system does not let mlsel keep code from files outside of its folder");
}
