// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mlsel"
)

// 64 goroutines select with models that others load, exchange and close meanwhile. Each answer is right, or ErrClosed.
func TestSelectingWhileOthersLoadAndClose(t *testing.T) {
	const selecting, loading, rounds = 64, 4, 25
	all := queries(t)
	var current [4]atomic.Pointer[mlsel.Model]
	var want [4][]string
	var xs [][]float32 // the same for each model
	for i, algorithm := range algorithms {
		m, err := mlsel.Load(artifact(algorithm), nil)
		if err != nil {
			t.Fatal(err)
		}
		xs, want[i] = choices(t, m, all)
		current[i].Store(m)
	}
	var stop atomic.Bool
	var answered, refused atomic.Int64
	var selectors, loaders sync.WaitGroup
	for g := 0; g < selecting; g++ {
		selectors.Add(1)
		go func(g int) {
			defer selectors.Done()
			for n := g; !stop.Load(); n++ {
				i, q := n%4, n%len(xs)
				s, err := current[i].Load().Select(xs[q], nil)
				switch {
				case errors.Is(err, mlsel.ErrClosed):
					refused.Add(1)
				case err != nil || s.Label != want[i][q]:
					t.Errorf("%s: %q, %v, want %q", algorithms[i], s.Label, err, want[i][q])
					return
				default:
					answered.Add(1)
				}
			}
		}(g)
	}
	for g := 0; g < loading; g++ {
		loaders.Add(1)
		go func(g int) {
			defer loaders.Done()
			for n := 0; n < rounds; n++ {
				m, err := mlsel.Load(artifact(algorithms[g]), nil)
				if err != nil {
					t.Error(err)
					return
				}
				old := current[g].Swap(m)
				if n%5 == 4 {
					continue // left to the finalizer
				}
				old.Close()
				if _, err := old.Select(xs[0], nil); !errors.Is(err, mlsel.ErrClosed) {
					t.Errorf("selecting after Close: %v", err)
				}
			}
		}(g)
	}
	loaders.Wait()
	stop.Store(true)
	selectors.Wait()
	for i := range current {
		current[i].Load().Close()
	}
	if answered.Load() == 0 {
		t.Error("nothing was answered")
	}
	t.Logf("%d answered, %d refused because closed", answered.Load(), refused.Load())
}

func TestClosed(t *testing.T) {
	m, err := mlsel.Load(artifact("svm"), nil)
	if err != nil {
		t.Fatal(err)
	}
	x := features(t, m, queries(t)[0])
	for i := 0; i < 2; i++ {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, err := range everyCall(m, x) {
		if !errors.Is(err, mlsel.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if m.Info().Features != 1038 || m.NumLabels() != 4 || m.Labels()[0] != "codellama-7b" {
		t.Error("what a model is goes on being known")
	}
	var none *mlsel.Model
	if err := none.Close(); err != nil {
		t.Error(err)
	}
	if _, err := none.Select(x, nil); !errors.Is(err, mlsel.ErrClosed) {
		t.Errorf("selecting with a nil model: %v", err)
	}
}

// everyCall returns what each method that reaches C says.
func everyCall(m *mlsel.Model, x []float32) map[string]error {
	said := map[string]error{}
	note := func(name string, err error) { said[name] = err }
	_, err := m.Select(x, nil)
	note("Select", err)
	_, err = m.Select64(widen(x), nil)
	note("Select64", err)
	_, err = m.SelectBatch(nil, x, nil)
	note("SelectBatch", err)
	_, err = m.SelectBatch64(nil, widen(x), nil)
	note("SelectBatch64", err)
	_, err = m.Scores(nil, x, nil)
	note("Scores", err)
	_, err = m.Scores64(nil, widen(x), nil)
	note("Scores64", err)
	_, err = m.ScoresBatch(nil, x, nil)
	note("ScoresBatch", err)
	_, err = m.ScoresBatch64(nil, widen(x), nil)
	note("ScoresBatch64", err)
	_, err = m.Probabilities(nil, make([]float64, 4), nil)
	note("Probabilities", err)
	_, err = m.Explain(x, nil)
	note("Explain", err)
	_, err = m.Explain64(widen(x), nil)
	note("Explain64", err)
	_, _, err = m.Compose(nil, x[:1024], "math")
	note("Compose", err)
	_, _, err = m.Compose64(nil, widen(x[:1024]), "math")
	note("Compose64", err)
	_, err = m.Categories()
	note("Categories", err)
	return said
}

// A model that nobody refers to is freed: its threads, which end with it, are gone.
func TestFinalizer(t *testing.T) {
	const models, threads = 8, 8
	if _, err := os.ReadDir("/proc/self/task"); err != nil {
		t.Skip("skipped: no /proc to count threads in")
	}
	for i := 0; i < models; i++ {
		if _, err := mlsel.Load(artifact("knn"), &mlsel.Options{Threads: threads}); err != nil {
			t.Fatal(err)
		}
	}
	// The runtime may have started a few threads of its own, but hardly as many as the models have.
	const least = models * (threads - 1) / 2
	before := countThreads(t)
	if before < least {
		t.Fatalf("%d threads while there are models with %d", before, models*(threads-1))
	}
	for wait := time.Now().Add(20 * time.Second); countThreads(t) > before-least; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(wait) {
			t.Fatalf("%d threads of %d are left", countThreads(t), before)
		}
		runtime.GC()
	}
}

func countThreads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}
