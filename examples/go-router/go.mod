// SPDX-License-Identifier: Apache-2.0
module example.com/go-router

go 1.19

require mlsel v0.0.0

replace mlsel => ../../bindings/go
