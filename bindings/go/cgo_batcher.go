// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel

// #include "bridge_batcher.h"
import "C"

type batcherPtr = C.go_batcher

const cNoWait = uint32(C.MLSEL_BATCHER_NO_WAIT)

func cNewBatcher(model modelPtr, maxWaitMicroseconds uint32, o *BatcherOptions) (batcherPtr, error) {
	rounding, always := C.int(0), C.int(0)
	if o.AllowRounding {
		rounding = 1
	}
	if o.AlwaysGroup {
		always = 1
	}
	made := C.go_batcher_create(model, C.uint32_t(maxWaitMicroseconds), C.uint32_t(o.MaxBatch), C.uint32_t(o.MaxRunning),
		rounding, always)
	if made.outcome.status != C.MLSEL_OK {
		return 0, outcomeError(made.outcome, 0)
	}
	return made.batcher, nil
}

func cCloseBatcher(ptr batcherPtr) { C.mlsel_batcher_close(C.go_batcher_of(ptr)) }

func cReleaseBatcher(ptr batcherPtr) { C.mlsel_batcher_release(C.go_batcher_of(ptr)) }

func cBatcherSelect32(ptr batcherPtr, x []float32, e *Eligible) (Selection, error) {
	mask, list, n := e.args()
	answer := C.go_batcher_select_f32(ptr, f32(x), C.size_t(len(x)), mask, list, n)
	if answer.outcome.status != C.MLSEL_OK {
		return Selection{}, outcomeError(answer.outcome, len(x))
	}
	return selectionOf(&answer.selection), nil
}

func cBatcherSelect64(ptr batcherPtr, x []float64, e *Eligible) (Selection, error) {
	mask, list, n := e.args()
	answer := C.go_batcher_select_f64(ptr, f64(x), C.size_t(len(x)), mask, list, n)
	if answer.outcome.status != C.MLSEL_OK {
		return Selection{}, outcomeError(answer.outcome, len(x))
	}
	return selectionOf(&answer.selection), nil
}

func cBatcherScore32(ptr batcherPtr, x []float32, e *Eligible, dst []float64) error {
	mask, list, n := e.args()
	outcome := C.go_batcher_score_f32(ptr, f32(x), C.size_t(len(x)), mask, list, n, f64(dst), C.size_t(len(dst)))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, len(x))
	}
	return nil
}

func cBatcherScore64(ptr batcherPtr, x []float64, e *Eligible, dst []float64) error {
	mask, list, n := e.args()
	outcome := C.go_batcher_score_f64(ptr, f64(x), C.size_t(len(x)), mask, list, n, f64(dst), C.size_t(len(dst)))
	if outcome.status != C.MLSEL_OK {
		return outcomeError(outcome, len(x))
	}
	return nil
}

func cBatcherStats(ptr batcherPtr) (BatcherStats, error) {
	s := C.go_batcher_get_stats(ptr)
	if s.outcome.status != C.MLSEL_OK {
		return BatcherStats{}, outcomeError(s.outcome, 0)
	}
	return BatcherStats{
		Grouping:       s.of.is_grouping != 0,
		MaxWait:        nanoseconds(1000 * uint64(s.of.max_wait_us)),
		MaxBatch:       int(s.of.max_batch),
		MaxRunning:     int(s.of.max_running),
		MemoryBytes:    uint64(s.of.memory_bytes),
		Inside:         int(s.of.inside),
		Queued:         int(s.of.queued),
		Queries:        uint64(s.of.queries),
		Failed:         uint64(s.of.failed),
		Batches:        uint64(s.of.batches),
		Batched:        uint64(s.of.batched),
		LargestBatch:   int(s.of.largest_batch),
		Timeouts:       uint64(s.of.timeouts),
		Wait:           nanoseconds(uint64(s.of.wait_ns)),
		LongestWait:    nanoseconds(uint64(s.of.longest_wait_ns)),
		Latency:        nanoseconds(uint64(s.of.latency_ns)),
		LongestLatency: nanoseconds(uint64(s.of.longest_latency_ns)),
		Sizes:          counts(s.of.sizes[:]),
		Waits:          counts(s.of.waits[:]),
		Latencies:      counts(s.of.latencies[:]),
	}, nil
}

func counts(from []C.uint64_t) []uint64 {
	to := make([]uint64, len(from))
	for i, n := range from {
		to[i] = uint64(n)
	}
	return to
}
