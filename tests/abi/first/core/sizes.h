/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel.h and mlsel_backend.h beside this are copies of the first headers whose layouts tests/abi pinned: structs have
 * only grown at their ends since, enumerators have kept their values. Programs compiled with that mlsel.h run with
 * every later library of this major version. (Of mlsel_backend.h it is the second version: the first had other views.)
 */
#include "mlsel_backend.h"

_Static_assert(sizeof(mlsel_device_info) == 184, "");
_Static_assert(sizeof(mlsel_model_options) == 40, "");
_Static_assert(sizeof(mlsel_model_info) == 192, "");
_Static_assert(sizeof(mlsel_layer_info) == 32, "");
_Static_assert(sizeof(mlsel_query_options) == 40, "");
_Static_assert(sizeof(mlsel_selection) == 64, "");
_Static_assert(sizeof(mlsel_neighbour) == 48, "");
_Static_assert(sizeof(mlsel_evidence) == 200, "");
_Static_assert(sizeof(mlsel_features_options) == 16, "");
_Static_assert(sizeof(mlsel_knn_view) == 64, "");
_Static_assert(sizeof(mlsel_svm_view) == 80, "");
_Static_assert(sizeof(mlsel_mlp_view) == 16, "");
_Static_assert(sizeof(mlsel_model_view) == 48, "");
_Static_assert(sizeof(mlsel_prepared) == 32, "");
_Static_assert(sizeof(mlsel_backend_run) == 80, "");
_Static_assert(sizeof(mlsel_backend) == 72, "");
