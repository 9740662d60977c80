// SPDX-License-Identifier: Apache-2.0

package mlsel

import (
	"fmt"
	"runtime"
	"time"
)

// Batcher lets goroutines that ask one model at about the same time share runs of its device. A GPU takes about as long
// for one query as for a hundred, so that many of them are answered in the time of one; on the CPU it groups only where
// that pays, and other queries pass through.
//
// A call blocks its thread until the answer is there, as every call into C does. It has as much company as there are
// goroutines inside at once.
type Batcher struct {
	handle
	ptr    batcherPtr
	labels []string
}

// NoWait stands for a BatcherOptions.MaxWait of none: callers gather only while runs are under way.
const NoWait time.Duration = -1

// BatcherOptions says how a Batcher groups. The zero value has all defaults.
type BatcherOptions struct {
	// MaxWait is the longest wait for company, at most a second, in whole microseconds; 0: 100 microseconds; or NoWait.
	// Who comes alone does not wait.
	MaxWait time.Duration
	// MaxBatch is how many queries a run has at most; 1: no groups; 0: what the device takes, at most 64 on the CPU and 256
	// on others.
	MaxBatch int
	// MaxRunning is how many runs there are at once, at most 64; 0: 2, on the CPU as many as the system has processors.
	MaxRunning int
	// AllowRounding groups the queries of an SVM or MLP on the CPU too. Their scores then differ by float32's rounding
	// with the company they are in.
	AllowRounding bool
	// AlwaysGroup groups on the CPU also where queries are so short that it does not pay.
	AlwaysGroup bool
}

// BatcherStats is what a Batcher has done since it was made, and does at the moment.
type BatcherStats struct {
	Grouping       bool          // false: all queries pass through, as this model has nothing to gain
	MaxWait        time.Duration // in use; 0: none
	MaxBatch       int           // in use
	MaxRunning     int           // in use
	MemoryBytes    uint64        // of the groups
	Inside         int           // callers inside at the moment
	Queued         int           // those of them whose group has not started
	Queries        uint64        // calls that came back, answered or not
	Failed         uint64        // those of them that were not answered
	Batches        uint64        // runs that started
	Batched        uint64        // queries of these runs together: Batched / Batches is the mean size
	LargestBatch   int           // queries of the largest run
	Timeouts       uint64        // groups that waited for MaxWait and did not get the company expected
	Wait           time.Duration // from call to start of the run, of all queries together
	LongestWait    time.Duration // the longest of them
	Latency        time.Duration // from call to return, of all Queries together
	LongestLatency time.Duration // the longest of them
	Sizes          []uint64      // runs by size: of 1, 2, to 4, to 8, ... to 4096
	Waits          []uint64      // queries by wait, see LatencyBounds
	Latencies      []uint64      // queries by latency, see LatencyBounds
}

// NewBatcher makes a Batcher for a model; nil options stand for all defaults. The Batcher has a reference of its own to
// the model, so that either may be closed first.
func (m *Model) NewBatcher(options *BatcherOptions) (*Batcher, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	if options == nil {
		options = &BatcherOptions{}
	}
	wait, err := options.check()
	if err != nil {
		return nil, err
	}
	ptr, err := cNewBatcher(m.ptr, wait, options)
	if err != nil {
		return nil, err
	}
	b := &Batcher{ptr: ptr, labels: m.labels}
	runtime.SetFinalizer(b, (*Batcher).finalize)
	return b, nil
}

// check returns the wait in microseconds, as C takes it.
func (o *BatcherOptions) check() (uint32, error) {
	const max = 1<<31 - 1
	refuse := func(format string, args ...any) (uint32, error) {
		return 0, &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case o.MaxBatch < 0 || o.MaxBatch > max:
		return refuse("BatcherOptions.MaxBatch is %d, expected 0 to 4096", o.MaxBatch)
	case o.MaxRunning < 0 || o.MaxRunning > max:
		return refuse("BatcherOptions.MaxRunning is %d, expected 0 to 64", o.MaxRunning)
	case o.MaxWait == NoWait:
		return cNoWait, nil
	case o.MaxWait < 0 || o.MaxWait > time.Second || o.MaxWait%time.Microsecond != 0:
		return refuse("BatcherOptions.MaxWait is %v, expected whole microseconds up to 1s, or NoWait", o.MaxWait)
	}
	return uint32(o.MaxWait / time.Microsecond), nil
}

// Close lets no more calls in, waits for those that are inside, and frees the Batcher. Closing twice is no error, and the
// error is always nil.
func (b *Batcher) Close() error {
	if b == nil || !b.mark() {
		return nil
	}
	runtime.SetFinalizer(b, nil)
	cCloseBatcher(b.ptr) // so that groups wait for company no longer
	b.drain()
	cReleaseBatcher(b.ptr)
	return nil
}

// finalize runs only when nothing refers to the Batcher, so no call is in progress.
func (b *Batcher) finalize() { cReleaseBatcher(b.ptr) }

func (b *Batcher) begin() *stripe {
	if b == nil {
		return nil
	}
	return b.enter()
}

// Select is Model.Select by way of a group: the same answer, the same errors. What a run fails with is told to all of its
// group.
func (b *Batcher) Select(features []float32, eligible *Eligible) (Selection, error) {
	s := b.begin()
	if s == nil {
		return Selection{}, ErrClosed
	}
	selection, err := cBatcherSelect32(b.ptr, features, eligible)
	s.leave()
	if err == nil {
		selection.Label = b.labels[selection.Index]
	}
	return selection, err
}

// Select64 is Select for a query in float64. The two do not share runs.
func (b *Batcher) Select64(features []float64, eligible *Eligible) (Selection, error) {
	s := b.begin()
	if s == nil {
		return Selection{}, ErrClosed
	}
	selection, err := cBatcherSelect64(b.ptr, features, eligible)
	s.leave()
	if err == nil {
		selection.Label = b.labels[selection.Index]
	}
	return selection, err
}

// Scores is Model.Scores by way of a group; the scores are in dst if it is large enough, else in a new slice.
func (b *Batcher) Scores(dst []float64, features []float32, eligible *Eligible) ([]float64, error) {
	s := b.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	dst = room(dst, len(b.labels))
	if err := cBatcherScore32(b.ptr, features, eligible, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// Scores64 is Scores for a query in float64.
func (b *Batcher) Scores64(dst []float64, features []float64, eligible *Eligible) ([]float64, error) {
	s := b.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	dst = room(dst, len(b.labels))
	if err := cBatcherScore64(b.ptr, features, eligible, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// Stats tells what the Batcher has done.
func (b *Batcher) Stats() (BatcherStats, error) {
	s := b.begin()
	if s == nil {
		return BatcherStats{}, ErrClosed
	}
	defer s.leave()
	return cBatcherStats(b.ptr)
}
