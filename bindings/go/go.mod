// SPDX-License-Identifier: Apache-2.0
module mlsel

go 1.19
