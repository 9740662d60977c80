// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mlsel"
)

func newBatcher(t testing.TB, m *mlsel.Model, options *mlsel.BatcherOptions) *mlsel.Batcher {
	t.Helper()
	b, err := m.NewBatcher(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// Goroutines that share runs are told what Model.Select tells, each on its own terms.
func TestBatcherAnswersAsTheModel(t *testing.T) {
	const goroutines, rounds = 16, 40
	for _, algorithm := range algorithms {
		m := load(t, artifact(algorithm), nil)
		b := newBatcher(t, m, &mlsel.BatcherOptions{MaxRunning: 1, AlwaysGroup: true})
		var xs [][]float32
		for _, q := range queries(t) {
			xs = append(xs, features(t, m, q))
		}
		restricted := m.EligibleNames("mistral-7b", "llama-3.2-1b")
		bad := append([]float32(nil), xs[0]...)
		bad[7] = float32(math.NaN())
		_, wantBad := m.Select(bad, nil)
		ask := func(g, round int) {
			x := xs[(g+round)%len(xs)]
			var eligible *mlsel.Eligible
			if round%2 == 1 {
				eligible = &restricted
			}
			want, err := m.Select(x, eligible)
			got, errBatcher := b.Select(x, eligible)
			if err != nil || errBatcher != nil || got != want {
				t.Errorf("%s: Select: %+v, %v, want %+v, %v", algorithm, got, errBatcher, want, err)
			}
			want, _ = m.Select64(widen(x), eligible)
			if got, err = b.Select64(widen(x), eligible); err != nil || got != want {
				t.Errorf("%s: Select64: %+v, %v, want %+v", algorithm, got, err, want)
			}
			scores, _ := m.Scores(nil, x, eligible)
			gotScores, err := b.Scores(nil, x, eligible)
			if err != nil {
				t.Error(err)
			}
			near(t, "Scores", gotScores, scores, 0)
			scores, _ = m.Scores64(nil, widen(x), eligible)
			if gotScores, err = b.Scores64(gotScores, widen(x), eligible); err != nil {
				t.Error(err)
			}
			near(t, "Scores64", gotScores, scores, 0)
			if _, err := b.Select(bad, nil); err == nil || err.Error() != wantBad.Error() {
				t.Errorf("%s: a bad value: %v, want %v", algorithm, err, wantBad)
			}
		}
		var all sync.WaitGroup
		for g := 0; g < goroutines; g++ {
			all.Add(1)
			go func(g int) {
				defer all.Done()
				for round := 0; round < rounds && !t.Failed(); round++ {
					ask(g, round)
				}
			}(g)
		}
		all.Wait()
		s, err := b.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if !t.Failed() && (s.Queries != 5*goroutines*rounds || s.Failed != goroutines*rounds) {
			t.Errorf("%s: %d queries, %d failed", algorithm, s.Queries, s.Failed)
		}
		if s.Grouping != (algorithm == "knn") || s.Inside != 0 || s.Queued != 0 || s.MaxRunning != 1 ||
			s.MaxWait != 100*time.Microsecond || s.MaxBatch != 64 {
			t.Errorf("%s: %+v", algorithm, s)
		}
		for what, histogram := range map[string][2]uint64{"sizes": {total(s.Sizes), s.Batches},
			"waits": {total(s.Waits), s.Batched}, "latencies": {total(s.Latencies), s.Queries}} {
			if histogram[0] != histogram[1] {
				t.Errorf("%s: %d %s, want %d", algorithm, histogram[0], what, histogram[1])
			}
		}
		if len(s.Latencies) != len(mlsel.LatencyBounds()) || s.Latency <= 0 || s.LongestLatency > s.Latency {
			t.Errorf("%s: latencies %v, longest %v of %v", algorithm, s.Latencies, s.LongestLatency, s.Latency)
		}
		t.Logf("%s: %d queries in %d runs, the largest of %d", algorithm, s.Batched, s.Batches, s.LargestBatch)
	}
}

func total(counts []uint64) (all uint64) {
	for _, n := range counts {
		all += n
	}
	return all
}

// A batcher that is closed under load answers or says ErrClosed, and nothing else; the model may have gone before.
func TestBatcherCloses(t *testing.T) {
	m, err := mlsel.Load(artifact("knn"), nil)
	if err != nil {
		t.Fatal(err)
	}
	x := features(t, m, queries(t)[0])
	want, err := m.Select(x, nil)
	if err != nil {
		t.Fatal(err)
	}
	for turn := 0; turn < 10; turn++ {
		b := newBatcher(t, m, &mlsel.BatcherOptions{MaxRunning: 1, AlwaysGroup: true, MaxWait: time.Millisecond})
		if turn == 9 {
			m.Close()
		}
		var answered atomic.Int64
		var all sync.WaitGroup
		for g := 0; g < 8; g++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					got, err := b.Select(x, nil)
					if errors.Is(err, mlsel.ErrClosed) {
						return
					}
					if err != nil || got != want {
						t.Errorf("%+v, %v", got, err)
						return
					}
					answered.Add(1)
				}
			}()
		}
		for answered.Load() == 0 && !t.Failed() {
			runtime.Gosched()
		}
		for i := 0; i < 2; i++ {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		if _, err := b.Stats(); !errors.Is(err, mlsel.ErrClosed) {
			t.Errorf("Stats after Close: %v", err)
		}
		if _, err := b.Select64(widen(x), nil); !errors.Is(err, mlsel.ErrClosed) {
			t.Errorf("Select64 after Close: %v", err)
		}
		if _, err := b.Scores(nil, x, nil); !errors.Is(err, mlsel.ErrClosed) {
			t.Errorf("Scores after Close: %v", err)
		}
		if _, err := b.Scores64(nil, widen(x), nil); !errors.Is(err, mlsel.ErrClosed) {
			t.Errorf("Scores64 after Close: %v", err)
		}
	}
	if _, err := m.NewBatcher(nil); !errors.Is(err, mlsel.ErrClosed) {
		t.Errorf("a batcher of a closed model: %v", err)
	}
	var none *mlsel.Batcher
	if err := none.Close(); err != nil {
		t.Error(err)
	}
	if _, err := none.Select(x, nil); !errors.Is(err, mlsel.ErrClosed) {
		t.Errorf("selecting with a nil batcher: %v", err)
	}
}

func TestBatcherOptions(t *testing.T) {
	m := load(t, artifact("mlp"), nil)
	for part, options := range map[string]mlsel.BatcherOptions{
		"MaxBatch is -1":    {MaxBatch: -1},
		"max_batch is 4097": {MaxBatch: 4097},
		"MaxRunning is -1":  {MaxRunning: -1},
		"max_running is 65": {MaxRunning: 65},
		"MaxWait is -2ns":   {MaxWait: -2},
		"MaxWait is 1.5µs":  {MaxWait: 1500},
		"MaxWait is 2s":     {MaxWait: 2 * time.Second},
	} {
		options := options
		b, err := m.NewBatcher(&options)
		if b != nil || !errors.Is(err, mlsel.ErrInvalidArgument) {
			t.Errorf("%s: %v, %v", part, b, err)
			continue
		}
		contains(t, err, part)
	}
	s, err := newBatcher(t, m, &mlsel.BatcherOptions{MaxWait: mlsel.NoWait, MaxBatch: 9, AllowRounding: true}).Stats()
	if err != nil || !s.Grouping || s.MaxWait != 0 || s.MaxBatch != 9 || s.MemoryBytes == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
