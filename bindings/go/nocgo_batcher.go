// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package mlsel

type batcherPtr = *struct{}

const cNoWait = ^uint32(0)

func cNewBatcher(modelPtr, uint32, *BatcherOptions) (batcherPtr, error) { return nil, ErrNoCgo }
func cCloseBatcher(batcherPtr)                                          {}
func cReleaseBatcher(batcherPtr)                                        {}
func cBatcherSelect32(batcherPtr, []float32, *Eligible) (Selection, error) {
	return Selection{}, ErrNoCgo
}
func cBatcherSelect64(batcherPtr, []float64, *Eligible) (Selection, error) {
	return Selection{}, ErrNoCgo
}
func cBatcherScore32(batcherPtr, []float32, *Eligible, []float64) error { return ErrNoCgo }
func cBatcherScore64(batcherPtr, []float64, *Eligible, []float64) error { return ErrNoCgo }
func cBatcherStats(batcherPtr) (BatcherStats, error)                    { return BatcherStats{}, ErrNoCgo }
