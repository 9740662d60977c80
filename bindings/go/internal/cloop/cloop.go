// SPDX-License-Identifier: Apache-2.0

//go:build cgo

// Package cloop is what the benchmarks compare with: the same calls in a loop of C.
package cloop

// #include <stdlib.h>
// #include <mlsel.h>
//
// static int64_t select_loop(const mlsel_model *model, const float *x, size_t n, int64_t rounds) {
//     int64_t sum = 0;
//     for (int64_t i = 0; i < rounds; i++) {
//         mlsel_error err;
//         mlsel_selection best;
//         if (mlsel_select(model, x, n, NULL, &best, &err) != MLSEL_OK)
//             return -1;
//         sum += best.index;
//     }
//     return sum;
// }
//
// static int64_t route_loop(const mlsel_router *router, const float *x, size_t n, const char *category, int64_t rounds) {
//     const mlsel_signal signals[] = {{"language", "en"}, {"keyword", "casual"}};
//     int64_t sum = 0;
//     for (int64_t i = 0; i < rounds; i++) {
//         mlsel_error err;
//         mlsel_request request;
//         mlsel_route route;
//         mlsel_request_init(&request, sizeof request);
//         request.embedding = x;
//         request.n_embedding = n;
//         request.category = category;
//         request.signals = signals;
//         request.n_signals = 2;
//         mlsel_route_init(&route, sizeof route);
//         if (mlsel_router_route(router, &request, &route, &err) != MLSEL_OK)
//             return -1;
//         sum += route.candidate_index;
//     }
//     return sum;
// }
//
// static void nothing(void) {}
import "C"

import (
	"errors"
	"unsafe"
)

// Model is a model for the loop alone.
type Model struct{ ptr *C.mlsel_model }

// Load loads an artifact.
func Load(path string) (Model, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var m Model
	if C.mlsel_model_load(name, nil, &m.ptr, nil) != C.MLSEL_OK {
		return m, errors.New("cloop: cannot load " + path)
	}
	return m, nil
}

// Select selects as often as told, in C.
func (m Model) Select(features []float32, rounds int) error {
	if C.select_loop(m.ptr, (*C.float)(&features[0]), C.size_t(len(features)), C.int64_t(rounds)) < 0 {
		return errors.New("cloop: select failed")
	}
	return nil
}

// Release frees the model.
func (m Model) Release() { C.mlsel_model_release(m.ptr) }

// Router is a router for the loop alone.
type Router struct{ ptr *C.mlsel_router }

// Open opens a configuration.
func Open(path string) (Router, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var r Router
	if C.mlsel_router_open(name, nil, &r.ptr, nil) != C.MLSEL_OK {
		return r, errors.New("cloop: cannot open " + path)
	}
	return r, nil
}

// Route routes as often as told, in C, a request with two signals.
func (r Router) Route(embedding []float32, category string, rounds int) error {
	name := C.CString(category)
	defer C.free(unsafe.Pointer(name))
	if C.route_loop(r.ptr, (*C.float)(&embedding[0]), C.size_t(len(embedding)), name, C.int64_t(rounds)) < 0 {
		return errors.New("cloop: route failed")
	}
	return nil
}

// Release closes the router.
func (r Router) Release() { C.mlsel_router_release(r.ptr) }

// Nothing is a call of C that does nothing: what any call costs.
func Nothing() { C.nothing() }
