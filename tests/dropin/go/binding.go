// SPDX-License-Identifier: Apache-2.0

// Package dropin calls the drop-in libraries as a router in Go does: the declarations below are those of the
// ecosystem's bindings, and so is the order of the libraries. Only the folder they are in comes from outside
// (CGO_LDFLAGS).
package dropin

/*
#cgo LDFLAGS: -lml_semantic_router -lcandle_semantic_router_mlp -lm -ldl -lpthread
#include <stdlib.h>
#include <stdint.h>

void* ml_knn_new(int k);
void ml_knn_free(void* handle);
char* ml_knn_select(void* handle, double* query, size_t query_len);
int ml_knn_is_trained(void* handle);
char* ml_knn_to_json(void* handle);
void* ml_knn_from_json(char* json);

void* ml_kmeans_new(int num_clusters);
void ml_kmeans_free(void* handle);
char* ml_kmeans_select(void* handle, double* query, size_t query_len);
int ml_kmeans_score(void* handle, double* query, size_t query_len, double* scores, size_t scores_len);
char* ml_kmeans_candidates(void* handle);
int ml_kmeans_is_trained(void* handle);
char* ml_kmeans_to_json(void* handle);
void* ml_kmeans_from_json(char* json);

void* ml_svm_new();
void* ml_svm_new_with_kernel(int kernel_type, double gamma);
void ml_svm_free(void* handle);
char* ml_svm_select(void* handle, double* query, size_t query_len);
int ml_svm_is_trained(void* handle);
char* ml_svm_to_json(void* handle);
void* ml_svm_from_json(char* json);

void ml_free_string(char* ptr);

extern void* candle_mlp_new();
extern void* candle_mlp_new_with_device(int device_type);
extern void* candle_mlp_new_with_device_and_dtype(int device_type, int dtype);
extern void candle_mlp_free(void* handle);
extern char* candle_mlp_select(void* handle, double* query, size_t query_len);
extern int candle_mlp_is_trained(void* handle);
extern char* candle_mlp_to_json(void* handle);
extern void* candle_mlp_from_json(char* json);
extern void* candle_mlp_from_json_with_device(char* json, int device_type);
extern void* candle_mlp_from_json_with_device_and_dtype(char* json, int device_type, int dtype);
extern void candle_mlp_free_string(char* ptr);
*/
import "C"

import (
	"encoding/json"
	"errors"
	"sync"
	"unsafe"
)

var (
	errNotInitialized = errors.New("selector not initialized")
	errNotTrained     = errors.New("model not trained")
	errSelect         = errors.New("selection failed")
	errLoad           = errors.New("failed to load from JSON")
)

// kind is one selector's functions.
type kind struct {
	name      string
	untrained func() unsafe.Pointer
	free      func(unsafe.Pointer)
	choose    func(unsafe.Pointer, *C.double, C.size_t) *C.char
	trained   func(unsafe.Pointer) C.int
	toJSON    func(unsafe.Pointer) *C.char
	fromJSON  func(*C.char) unsafe.Pointer
	freeText  func(*C.char)
}

func freeText(text *C.char)    { C.ml_free_string(text) }
func freeMLPText(text *C.char) { C.candle_mlp_free_string(text) }

var kinds = []kind{
	{
		name:      "knn",
		untrained: func() unsafe.Pointer { return C.ml_knn_new(5) },
		free:      func(h unsafe.Pointer) { C.ml_knn_free(h) },
		choose: func(h unsafe.Pointer, q *C.double, n C.size_t) *C.char {
			return C.ml_knn_select(h, q, n)
		},
		trained:  func(h unsafe.Pointer) C.int { return C.ml_knn_is_trained(h) },
		toJSON:   func(h unsafe.Pointer) *C.char { return C.ml_knn_to_json(h) },
		fromJSON: func(text *C.char) unsafe.Pointer { return C.ml_knn_from_json(text) },
		freeText: freeText,
	},
	{
		name:      "kmeans",
		untrained: func() unsafe.Pointer { return C.ml_kmeans_new(8) },
		free:      func(h unsafe.Pointer) { C.ml_kmeans_free(h) },
		choose: func(h unsafe.Pointer, q *C.double, n C.size_t) *C.char {
			return C.ml_kmeans_select(h, q, n)
		},
		trained:  func(h unsafe.Pointer) C.int { return C.ml_kmeans_is_trained(h) },
		toJSON:   func(h unsafe.Pointer) *C.char { return C.ml_kmeans_to_json(h) },
		fromJSON: func(text *C.char) unsafe.Pointer { return C.ml_kmeans_from_json(text) },
		freeText: freeText,
	},
	{
		name:      "svm",
		untrained: func() unsafe.Pointer { return C.ml_svm_new() },
		free:      func(h unsafe.Pointer) { C.ml_svm_free(h) },
		choose: func(h unsafe.Pointer, q *C.double, n C.size_t) *C.char {
			return C.ml_svm_select(h, q, n)
		},
		trained:  func(h unsafe.Pointer) C.int { return C.ml_svm_is_trained(h) },
		toJSON:   func(h unsafe.Pointer) *C.char { return C.ml_svm_to_json(h) },
		fromJSON: func(text *C.char) unsafe.Pointer { return C.ml_svm_from_json(text) },
		freeText: freeText,
	},
	{
		name:      "mlp",
		untrained: func() unsafe.Pointer { return C.candle_mlp_new() },
		free:      func(h unsafe.Pointer) { C.candle_mlp_free(h) },
		choose: func(h unsafe.Pointer, q *C.double, n C.size_t) *C.char {
			return C.candle_mlp_select(h, q, n)
		},
		trained:  func(h unsafe.Pointer) C.int { return C.candle_mlp_is_trained(h) },
		toJSON:   func(h unsafe.Pointer) *C.char { return C.candle_mlp_to_json(h) },
		fromJSON: func(text *C.char) unsafe.Pointer { return C.candle_mlp_from_json(text) },
		freeText: freeMLPText,
	},
}

// Selector is one handle, shared by goroutines; only Close excludes the others.
type Selector struct {
	kind   *kind
	mu     sync.RWMutex
	handle unsafe.Pointer
}

func newSelector(k *kind) *Selector { return &Selector{kind: k, handle: k.untrained()} }

// newVariants gives a handle of every other way to make an untrained one.
func newVariants() []*Selector {
	svm, mlp := &kinds[2], &kinds[3]
	return []*Selector{
		{kind: svm, handle: C.ml_svm_new_with_kernel(0, 0)},
		{kind: svm, handle: C.ml_svm_new_with_kernel(1, 0.5)},
		{kind: mlp, handle: C.candle_mlp_new_with_device(1)},
		{kind: mlp, handle: C.candle_mlp_new_with_device_and_dtype(2, 1)},
	}
}

func load(k *kind, document string) (*Selector, error) {
	return loadWith(k, document, k.fromJSON)
}

// loadMLP loads for a device in a number format.
func loadMLP(document string, device, dtype int) (*Selector, error) {
	return loadWith(&kinds[3], document, func(text *C.char) unsafe.Pointer {
		if dtype < 0 {
			return C.candle_mlp_from_json_with_device(text, C.int(device))
		}
		return C.candle_mlp_from_json_with_device_and_dtype(text, C.int(device), C.int(dtype))
	})
}

func loadWith(k *kind, document string, from func(*C.char) unsafe.Pointer) (*Selector, error) {
	text := C.CString(document)
	defer C.free(unsafe.Pointer(text))
	handle := from(text)
	if handle == nil {
		return nil, errLoad
	}
	return &Selector{kind: k, handle: handle}, nil
}

// Close frees the handle.
func (s *Selector) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind.free(s.handle)
	s.handle = nil
}

// Select returns the name of the chosen model.
func (s *Selector) Select(query []float64) (string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.handle == nil {
		return "", errNotInitialized
	}
	if s.kind.trained(s.handle) == 0 {
		return "", errNotTrained
	}
	var first *C.double
	if len(query) > 0 {
		first = (*C.double)(unsafe.Pointer(&query[0]))
	}
	name := s.kind.choose(s.handle, first, C.size_t(len(query)))
	if name == nil {
		return "", errSelect
	}
	defer s.kind.freeText(name)
	return C.GoString(name), nil
}

// ToJSON returns the artifact.
func (s *Selector) ToJSON() (string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	text := s.kind.toJSON(s.handle)
	if text == nil {
		return "", errNotInitialized
	}
	defer s.kind.freeText(text)
	return C.GoString(text), nil
}

// Score returns the nearest cluster and the candidates' scores by name (KMeans only).
func (s *Selector) Score(query []float64) (int, map[string]float64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	text := C.ml_kmeans_candidates(s.handle)
	if text == nil {
		return -1, nil, errNotInitialized
	}
	defer C.ml_free_string(text)
	var names []string
	if err := json.Unmarshal([]byte(C.GoString(text)), &names); err != nil {
		return -1, nil, err
	}
	if len(names) == 0 || len(query) == 0 {
		return -1, nil, errNotTrained
	}
	scores := make([]float64, len(names))
	cluster := C.ml_kmeans_score(s.handle, (*C.double)(unsafe.Pointer(&query[0])), C.size_t(len(query)),
		(*C.double)(unsafe.Pointer(&scores[0])), C.size_t(len(scores)))
	if cluster < 0 {
		return -1, nil, errSelect
	}
	byName := map[string]float64{}
	for i, name := range names {
		byName[name] = scores[i]
	}
	return int(cluster), byName, nil
}
