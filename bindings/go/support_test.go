// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlsel"
)

const root = "../.."

var algorithms = []string{"knn", "kmeans", "svm", "mlp"}

func artifact(algorithm string) string {
	return filepath.Join(root, "examples", "models", algorithm+"_model.json")
}

func load(t testing.TB, path string, options *mlsel.Options) *mlsel.Model {
	t.Helper()
	m, err := mlsel.Load(path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func loadBytes(t testing.TB, text string) *mlsel.Model {
	t.Helper()
	m, err := mlsel.LoadBytes([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

type query struct {
	Text      string    `json:"text"`
	Embedding []float32 `json:"embedding"`
	Category  string    `json:"category"`
}

// queries reads the example queries.
func queries(t testing.TB) []query {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "examples", "queries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []query
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q query
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			t.Fatal(err)
		}
		all = append(all, q)
	}
	if len(all) == 0 {
		t.Fatal("no example queries")
	}
	return all
}

// features composes an example query for a model.
func features(t testing.TB, m *mlsel.Model, q query) []float32 {
	t.Helper()
	x, known, err := m.Compose(nil, q.Embedding, q.Category)
	if err != nil || !known {
		t.Fatalf("Compose(%q): known %v, error %v", q.Category, known, err)
	}
	return x
}

// choices is what a model answers to each of the queries, and their features.
func choices(t testing.TB, m *mlsel.Model, all []query) (xs [][]float32, labels []string) {
	t.Helper()
	for _, q := range all {
		x := features(t, m, q)
		s, err := m.Select(x, nil)
		if err != nil {
			t.Fatal(err)
		}
		xs = append(xs, x)
		labels = append(labels, s.Label)
	}
	return xs, labels
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// near compares numbers with those of the reference.
func near(t testing.TB, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if d := math.Abs(got[i] - want[i]); !(d <= tolerance*(1+math.Abs(want[i]))) {
			t.Errorf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

// contains checks an error's text.
func contains(t testing.TB, err error, part string) {
	t.Helper()
	if !strings.Contains(err.Error(), part) {
		t.Errorf("error %q does not say %q", err, part)
	}
}
