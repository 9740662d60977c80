// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel

// #include "bridge.h"
import "C"

import (
	"sync"
	"unsafe"
)

// The rest of the package calls C through the functions of this file only. None of them lets a Go variable of its own
// escape to C, so that none allocates where it is not said.

type modelPtr = C.go_model

var (
	noFloat  [1]C.float // what an empty slice points at: NULL is another error
	noDouble [1]C.double
	noByte   [1]C.uint8_t
	noIndex  [1]C.int32_t
)

func f32(x []float32) *C.float {
	if len(x) == 0 {
		return &noFloat[0]
	}
	return (*C.float)(&x[0])
}

func f64(x []float64) *C.double {
	if len(x) == 0 {
		return &noDouble[0]
	}
	return (*C.double)(&x[0])
}

// text returns the bytes of a string, which do not end in a zero.
func text(s string) *C.char {
	if len(s) == 0 {
		return (*C.char)(unsafe.Pointer(&noByte[0]))
	}
	return *(**C.char)(unsafe.Pointer(&s)) // a string starts with the address of its bytes
}

func (e *Eligible) args() (mask *C.uint8_t, list *C.int32_t, n C.size_t) {
	if e == nil {
		return nil, nil, 0
	}
	switch e.kind {
	case eligibleMask:
		if len(e.mask) == 0 {
			return &noByte[0], nil, 0
		}
		return (*C.uint8_t)(unsafe.Pointer(&e.mask[0])), nil, C.size_t(len(e.mask))
	case eligibleList:
		if len(e.list) == 0 {
			return nil, &noIndex[0], 0
		}
		return nil, (*C.int32_t)(&e.list[0]), C.size_t(len(e.list))
	}
	return nil, nil, 0
}

// take copies what a failed call said, and frees it.
func take(outcome C.go_outcome) (status Status, detail uint64, message string) {
	status = Status(outcome.status)
	if outcome.error != nil {
		detail = uint64(outcome.error.detail)
		message = C.GoString(&outcome.error.message[0])
		C.free(unsafe.Pointer(outcome.error))
	}
	return status, detail, message
}

func outcomeError(outcome C.go_outcome, got int) error {
	status, detail, message := take(outcome)
	if outcome.status == C.MLSEL_ERROR_CLOSED { // by a Close that came while the call was on its way
		return ErrClosed
	}
	return newError(status, detail, message, got)
}

func cLoad(path *string, data []byte, o *Options) (modelPtr, error) {
	var cPath, cDevice *C.char
	bytes := &noByte[0]
	file := ""
	if path != nil {
		file = *path
		cPath = C.CString(file)
		defer C.free(unsafe.Pointer(cPath))
	} else if len(data) > 0 {
		bytes = (*C.uint8_t)(&data[0])
	}
	if o.Device != "" {
		cDevice = C.CString(o.Device)
		defer C.free(unsafe.Pointer(cDevice))
	}
	fallback, check := C.int(0), C.int(0)
	if o.AllowDeviceFallback {
		fallback = 1
	}
	if o.CheckValues {
		check = 1
	}
	loaded := C.go_load(cPath, bytes, C.size_t(len(data)), C.mlsel_knn_rule(o.KNNRule), C.uint32_t(o.K),
		C.mlsel_precision(o.Precision), cDevice, fallback, C.mlsel_category_layout(o.CategoryLayout),
		C.uint64_t(o.MaxBytes), C.uint32_t(o.Threads), check)
	if loaded.outcome.status != C.MLSEL_OK {
		status, detail, message := take(loaded.outcome)
		return 0, newLoadError(status, detail, message, file)
	}
	return loaded.model, nil
}

func cRelease(ptr modelPtr) { C.mlsel_model_release(C.go_model_of(ptr)) }

func cInfo(ptr modelPtr) (Info, error) {
	var i C.mlsel_model_info
	var e C.mlsel_error
	if status := C.mlsel_model_get_info(C.go_model_of(ptr), &i, C.sizeof_mlsel_model_info, &e); status != C.MLSEL_OK {
		return Info{}, newError(Status(status), uint64(e.detail), C.GoString(&e.message[0]), 0)
	}
	return Info{
		Algorithm:      Algorithm(i.algorithm),
		FormatVersion:  int(i.format_version),
		Features:       int(i.n_features),
		Labels:         int(i.n_labels),
		Categories:     int(i.n_categories),
		CategoryLayout: CategoryLayout(i.category_layout),
		CategoryWeight: float64(i.category_weight),
		Precision:      Precision(i.precision),
		Device:         C.GoString(&i.device[0]),
		DeviceFallback: i.device_fallback != 0,
		DeviceReason:   C.GoString(&i.device_reason[0]),
		MemoryBytes:    uint64(i.memory_bytes),
		Parameters:     uint64(i.n_parameters),
		ContentHash:    C.GoString(&i.content_hash[0]),
		KNNRule:        KNNRule(i.knn_rule),
		K:              int(i.k),
		Samples:        uint64(i.n_samples),
		Clusters:       int(i.n_clusters),
		SVMForm:        SVMForm(i.svm_form),
		SVMKernel:      SVMKernel(i.svm_kernel),
		Classes:        int(i.n_classes),
		Pairs:          int(i.n_pairs),
		SupportVectors: uint64(i.n_support_vectors),
		Gamma:          float64(i.gamma),
		Layers:         int(i.n_layers),
		Container:      i.format == C.MLSEL_FORMAT_SAFETENSORS,
		Mapped:         i.is_mapped != 0,
		ValuesKnown:    i.values_known != 0,
		FileBytes:      uint64(i.file_bytes),

		Calibration:        Calibration(i.is_calibrated),
		CalibrationRecords: uint64(i.calibration_records),
	}, nil
}

func cLabels(ptr modelPtr, n int) []string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = C.GoString(C.mlsel_model_label(C.go_model_of(ptr), C.int32_t(i)))
	}
	return labels
}

func cClasses(ptr modelPtr, n int) []int {
	classes := make([]int, n)
	for i := range classes {
		classes[i] = int(C.mlsel_model_class_label(C.go_model_of(ptr), C.uint32_t(i)))
	}
	return classes
}

func cCategories(ptr modelPtr, n int) []string {
	categories := make([]string, n)
	for i := range categories {
		categories[i] = C.GoString(C.mlsel_model_category(C.go_model_of(ptr), C.int32_t(i)))
	}
	return categories
}

func cCategoryCount(layout CategoryLayout) int {
	return int(C.mlsel_category_count(C.mlsel_category_layout(layout)))
}

func selectionOf(s *C.mlsel_selection) Selection {
	return Selection{
		Index:       int(s.index),
		RunnerUp:    int(s.runner_up),
		Score:       float64(s.score),
		Margin:      float64(s.margin),
		Probability: float64(s.probability),
		Confidence:  float64(s.confidence),
		Cluster:     int(s.cluster),
		Flags:       SelectionFlags(s.flags),
	}
}

func cSelect32(ptr modelPtr, x []float32, e *Eligible) (Selection, error) {
	mask, list, n := e.args()
	answer := C.go_select_f32(ptr, f32(x), C.size_t(len(x)), mask, list, n)
	if answer.outcome.status != C.MLSEL_OK {
		return Selection{}, outcomeError(answer.outcome, len(x))
	}
	return selectionOf(&answer.selection), nil
}

func cSelect64(ptr modelPtr, x []float64, e *Eligible) (Selection, error) {
	mask, list, n := e.args()
	answer := C.go_select_f64(ptr, f64(x), C.size_t(len(x)), mask, list, n)
	if answer.outcome.status != C.MLSEL_OK {
		return Selection{}, outcomeError(answer.outcome, len(x))
	}
	return selectionOf(&answer.selection), nil
}

// C cannot write into a slice of Selection, which holds strings.
var selectionPool = sync.Pool{New: func() any { return new([]C.mlsel_selection) }}

func cSelectBatch32(ptr modelPtr, x []float32, count, width int, e *Eligible, dst []Selection) error {
	if count == 0 {
		return nil
	}
	mask, list, n := e.args()
	buffer := selectionPool.Get().(*[]C.mlsel_selection)
	defer selectionPool.Put(buffer)
	*buffer = room(*buffer, count)
	outcome := C.go_select_batch_f32(ptr, f32(x), C.size_t(count), C.size_t(width), mask, list, n, &(*buffer)[0])
	return fill(dst, *buffer, outcome, width)
}

func cSelectBatch64(ptr modelPtr, x []float64, count, width int, e *Eligible, dst []Selection) error {
	if count == 0 {
		return nil
	}
	mask, list, n := e.args()
	buffer := selectionPool.Get().(*[]C.mlsel_selection)
	defer selectionPool.Put(buffer)
	*buffer = room(*buffer, count)
	outcome := C.go_select_batch_f64(ptr, f64(x), C.size_t(count), C.size_t(width), mask, list, n, &(*buffer)[0])
	return fill(dst, *buffer, outcome, width)
}

func fill(dst []Selection, answers []C.mlsel_selection, outcome C.go_outcome, width int) error {
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, width)
	}
	for i := range answers {
		dst[i] = selectionOf(&answers[i])
	}
	return nil
}

func cScore32(ptr modelPtr, x []float32, e *Eligible, dst []float64) error {
	mask, list, n := e.args()
	outcome := C.go_score_f32(ptr, f32(x), C.size_t(len(x)), mask, list, n, f64(dst), C.size_t(len(dst)))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, len(x))
	}
	return nil
}

func cScore64(ptr modelPtr, x []float64, e *Eligible, dst []float64) error {
	mask, list, n := e.args()
	outcome := C.go_score_f64(ptr, f64(x), C.size_t(len(x)), mask, list, n, f64(dst), C.size_t(len(dst)))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, len(x))
	}
	return nil
}

func cScoreBatch32(ptr modelPtr, x []float32, count, width int, e *Eligible, dst []float64, labels int) error {
	mask, list, n := e.args()
	outcome := C.go_score_batch_f32(ptr, f32(x), C.size_t(count), C.size_t(width), mask, list, n, f64(dst),
		C.size_t(labels))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, width)
	}
	return nil
}

func cScoreBatch64(ptr modelPtr, x []float64, count, width int, e *Eligible, dst []float64, labels int) error {
	mask, list, n := e.args()
	outcome := C.go_score_batch_f64(ptr, f64(x), C.size_t(count), C.size_t(width), mask, list, n, f64(dst),
		C.size_t(labels))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, width)
	}
	return nil
}

func cProbabilities(ptr modelPtr, scores []float64, e *Eligible, dst []float64) error {
	mask, list, n := e.args()
	outcome := C.go_probabilities(ptr, f64(scores), C.size_t(len(scores)), mask, list, n, f64(dst))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, len(scores))
	}
	return nil
}

func cConfidences(ptr modelPtr, scores, dst []float64) error {
	outcome := C.go_confidences(ptr, f64(scores), C.size_t(len(scores)), f64(dst))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, len(scores))
	}
	return nil
}

// arrays is what mlsel_explain fills for one model; those that do not apply to its algorithm are empty.
type arrays struct {
	scores, probabilities, distances, pairs []float64
	neighbours                              []C.mlsel_neighbour
	votes                                   []C.int32_t
	confidences                             []float64
}

func newArrays(i *Info) *arrays {
	a := &arrays{
		scores:        make([]float64, i.Labels),
		probabilities: make([]float64, i.Labels),
		distances:     make([]float64, i.Clusters),
		pairs:         make([]float64, i.Pairs),
	}
	if i.Algorithm == KNN {
		a.neighbours = make([]C.mlsel_neighbour, i.K)
	}
	if i.Pairs > 0 {
		a.votes = make([]C.int32_t, i.Labels)
	}
	if i.Calibration != CalibrationNone {
		a.confidences = make([]float64, i.Labels)
	}
	return a
}

// first returns the address of the first element, or nil.
func first[T any](slice []T) *T {
	if len(slice) == 0 {
		return nil
	}
	return &slice[0]
}

func cExplain32(m *Model, x []float32, e *Eligible) (*Evidence, error) {
	mask, list, n := e.args()
	a := newArrays(&m.info)
	answer := C.go_explain_f32(m.ptr, f32(x), C.size_t(len(x)), mask, list, n, f64(a.scores), f64(a.probabilities),
		C.size_t(m.info.Labels), first(a.neighbours), C.size_t(len(a.neighbours)), (*C.double)(first(a.distances)),
		C.size_t(len(a.distances)), (*C.double)(first(a.pairs)), C.size_t(len(a.pairs)), first(a.votes),
		(*C.double)(first(a.confidences)))
	if answer.outcome.status != C.MLSEL_OK {
		return nil, outcomeError(answer.outcome, len(x))
	}
	return a.evidence(m, &answer), nil
}

func cExplain64(m *Model, x []float64, e *Eligible) (*Evidence, error) {
	mask, list, n := e.args()
	a := newArrays(&m.info)
	answer := C.go_explain_f64(m.ptr, f64(x), C.size_t(len(x)), mask, list, n, f64(a.scores), f64(a.probabilities),
		C.size_t(m.info.Labels), first(a.neighbours), C.size_t(len(a.neighbours)), (*C.double)(first(a.distances)),
		C.size_t(len(a.distances)), (*C.double)(first(a.pairs)), C.size_t(len(a.pairs)), first(a.votes),
		(*C.double)(first(a.confidences)))
	if answer.outcome.status != C.MLSEL_OK {
		return nil, outcomeError(answer.outcome, len(x))
	}
	return a.evidence(m, &answer), nil
}

func (a *arrays) evidence(m *Model, answer *C.go_explained) *Evidence {
	e := &Evidence{Selection: selectionOf(&answer.selection), Scores: a.scores, Probabilities: a.probabilities}
	e.Label = m.labels[e.Index]
	for _, n := range a.neighbours[:answer.neighbour_count] {
		e.Neighbours = append(e.Neighbours, Neighbour{
			Row:       uint64(n.row),
			Label:     m.Label(int(n.label)),
			Index:     int(n.label),
			Distance:  float64(n.distance),
			Vote:      float64(n.vote),
			Quality:   float64(n.quality),
			LatencyNS: float64(n.latency_ns),
		})
	}
	if answer.confidence_count > 0 {
		e.Confidences = a.confidences[:answer.confidence_count]
	}
	if answer.cluster_count > 0 {
		e.ClusterDistances = a.distances[:answer.cluster_count]
	}
	for i, value := range a.pairs[:answer.pair_count] {
		e.PairDecisions = append(e.PairDecisions,
			PairDecision{First: m.pairs[i].First, Second: m.pairs[i].Second, Value: value})
	}
	for _, votes := range a.votes[:answer.vote_count] {
		e.Votes = append(e.Votes, int(votes))
	}
	return e
}

func cCompose32(ptr modelPtr, layout CategoryLayout, weight float64, embedding []float32, category string,
	dst []float32) (known bool, err error) {
	composed := C.go_compose_f32(ptr, C.mlsel_category_layout(layout), C.double(weight), f32(embedding),
		C.size_t(len(embedding)), text(category), C.size_t(len(category)), f32(dst), C.size_t(len(dst)))
	if composed.outcome.status != C.MLSEL_OK {
		return false, outcomeError(composed.outcome, len(embedding))
	}
	return composed.flags&C.MLSEL_CATEGORY_FELL_BACK == 0, nil
}

func cCompose64(ptr modelPtr, layout CategoryLayout, weight float64, embedding []float64, category string,
	dst []float64) (known bool, err error) {
	composed := C.go_compose_f64(ptr, C.mlsel_category_layout(layout), C.double(weight), f64(embedding),
		C.size_t(len(embedding)), text(category), C.size_t(len(category)), f64(dst), C.size_t(len(dst)))
	if composed.outcome.status != C.MLSEL_OK {
		return false, outcomeError(composed.outcome, len(embedding))
	}
	return composed.flags&C.MLSEL_CATEGORY_FELL_BACK == 0, nil
}

func cVersion() string   { return C.GoString(C.mlsel_version_string()) }
func cBuildInfo() string { return C.GoString(C.mlsel_build_info()) }

func cDevice(device string) (DeviceInfo, error) {
	name := C.CString(device)
	defer C.free(unsafe.Pointer(name))
	var d C.mlsel_device_info
	var e C.mlsel_error
	if status := C.mlsel_device_query(name, &d, C.sizeof_mlsel_device_info, &e); status != C.MLSEL_OK {
		return DeviceInfo{}, newError(Status(status), uint64(e.detail), C.GoString(&e.message[0]), 0)
	}
	info := DeviceInfo{
		Name:        C.GoString(&d.name[0]),
		Index:       int(d.index),
		Description: C.GoString(&d.description[0]),
		ISA:         C.GoString(&d.isa[0]),
		MemoryBytes: uint64(d.memory_bytes),
	}
	for p := PrecisionF32; p <= PrecisionInt8; p++ {
		if d.precisions&(1<<uint(p)) != 0 {
			info.Precisions = append(info.Precisions, p)
		}
	}
	return info, nil
}
