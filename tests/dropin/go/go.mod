// SPDX-License-Identifier: Apache-2.0
module example.org/mlsel/dropin

go 1.19
