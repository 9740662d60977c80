// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !race

package mlsel_test

import (
	"testing"

	"mlsel"
)

// The race detector allocates and drops what is pooled, so these are not run with it.
func TestSelectingAllocatesNothing(t *testing.T) {
	for _, algorithm := range algorithms {
		m := load(t, artifact(algorithm), nil)
		b := newBatcher(t, m, nil)
		all := queries(t)
		x := features(t, m, all[0])
		wide := widen(x)
		embedding := all[0].Embedding
		buffer := make([]float32, len(x))
		scores := make([]float64, m.NumLabels())
		several := append(append([]float32(nil), x...), x...)
		answers := make([]mlsel.Selection, 2)
		indices := make([]int32, 0, 8)
		mask := []bool{true, true, false, true}
		names := []string{"mistral-7b", "llama-3.2-1b"}
		calls := map[string]func() error{
			"Select":   func() error { _, err := m.Select(x, nil); return err },
			"Select64": func() error { _, err := m.Select64(wide, nil); return err },
			"Select with names": func() error {
				e := mlsel.EligibleIndices(m.AppendIndices(indices[:0], names...))
				_, err := m.Select(x, &e)
				return err
			},
			"Select with a mask": func() error {
				e := mlsel.EligibleMask(mask)
				_, err := m.Select(x, &e)
				return err
			},
			"Compose": func() error { _, _, err := m.Compose(buffer, embedding, "computer science"); return err },
			"Scores and Probabilities": func() error {
				got, err := m.Scores(scores, x, nil)
				if err == nil {
					_, err = m.Probabilities(got, got, nil)
				}
				return err
			},
			"SelectBatch": func() error { _, err := m.SelectBatch(answers, several, nil); return err },
			"Batcher.Select": func() error {
				e := mlsel.EligibleIndices(m.AppendIndices(indices[:0], names...))
				_, err := b.Select(x, &e)
				return err
			},
			"Batcher.Select64": func() error { _, err := b.Select64(wide, nil); return err },
			"Batcher.Scores":   func() error { _, err := b.Scores(scores, x, nil); return err },
		}
		for name, call := range calls {
			var failed error
			allocs := testing.AllocsPerRun(200, func() {
				if err := call(); err != nil {
					failed = err
				}
			})
			if failed != nil {
				t.Errorf("%s: %s: %v", algorithm, name, failed)
			}
			if allocs != 0 {
				t.Errorf("%s: %s allocates %v times", algorithm, name, allocs)
			}
		}
	}
}

func TestRoutingAllocatesNothing(t *testing.T) {
	r := openRouter(t, &mlsel.RouterOptions{CollectMetrics: true})
	q := queries(t)[0]
	request := mlsel.Request{Embedding: q.Embedding, Category: q.Category,
		Signals: []mlsel.Signal{{Type: "keyword", Name: "casual"}}, Unavailable: []string{"llama-3.2-1b"}}
	var candidates []mlsel.RouteCandidate
	for name, call := range map[string]func() error{
		"Route": func() error { _, err := r.Route(&request); return err },
		"RouteCandidates": func() (err error) {
			_, candidates, err = r.RouteCandidates(candidates, &request)
			return err
		},
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
		if allocs := testing.AllocsPerRun(200, func() { _ = call() }); allocs != 0 {
			t.Errorf("%s allocates %v times", name, allocs)
		}
	}
}
