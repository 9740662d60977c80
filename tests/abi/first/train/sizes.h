/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel_train.h beside this is a copy of the first one whose layout tests/abi pinned, mlsel.h is of the same day: later
 * than that in core, with the router.
 */
#include "mlsel_train.h"

_Static_assert(sizeof(mlsel_model_info) == 232, "");
_Static_assert(sizeof(mlsel_save_options) == 16, "");
_Static_assert(sizeof(mlsel_router_options) == 88, "");
_Static_assert(sizeof(mlsel_request) == 120, "");
_Static_assert(sizeof(mlsel_route) == 136, "");
_Static_assert(sizeof(mlsel_read_options) == 24, "");
_Static_assert(sizeof(mlsel_dataset_info) == 112, "");
_Static_assert(sizeof(mlsel_train_progress) == 56, "");
_Static_assert(sizeof(mlsel_train_options) == 224, "");
_Static_assert(sizeof(mlsel_training_info) == 200, "");
_Static_assert(sizeof(mlsel_evaluate_options) == 64, "");
_Static_assert(sizeof(mlsel_policy) == 184, "");
