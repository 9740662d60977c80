// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mlsel"
)

// expected is what scikit-learn and PyTorch answer, see tests/fixtures.
type expected struct {
	Labels    []string `json:"labels"`
	Tolerance float64  `json:"tolerance"`
	Cases     []struct {
		Name          string    `json:"name"`
		QueryLine     int       `json:"query_line"`
		Eligible      []string  `json:"eligible"`
		Label         string    `json:"label"`
		RunnerUp      string    `json:"runner_up"`
		Flags         []string  `json:"flags"`
		Cluster       *int      `json:"cluster"`
		Scores        []float64 `json:"scores"`
		Probabilities []float64 `json:"probabilities"`
		Neighbours    []uint64  `json:"neighbours"`
		Distances     []float64 `json:"distances"`
		Votes         []float64 `json:"votes"`
		ClusterDists  []float64 `json:"cluster_distances"`
		Pairs         []float64 `json:"pair_decisions"`
		PairVotes     []int     `json:"pair_votes"`
	} `json:"cases"`
}

func readExpected(t *testing.T, algorithm string) expected {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "tests", "fixtures", "examples_"+algorithm+".expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want expected
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Cases) == 0 {
		t.Fatal("no cases")
	}
	return want
}

func TestAnswersEqualTheReferences(t *testing.T) {
	all := queries(t)
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			m := load(t, artifact(algorithm), nil)
			want := readExpected(t, algorithm)
			if got := m.Labels(); !reflect.DeepEqual(got, want.Labels) {
				t.Fatalf("labels %q, want %q", got, want.Labels)
			}
			for _, c := range want.Cases {
				x := features(t, m, all[c.QueryLine])
				var eligible *mlsel.Eligible
				if c.Eligible != nil {
					e := m.EligibleNames(c.Eligible...)
					eligible = &e
				}
				e, err := m.Explain(x, eligible)
				if err != nil {
					t.Fatal(err)
				}
				if e.Label != c.Label || m.Label(e.RunnerUp) != c.RunnerUp || m.Label(e.Index) != c.Label {
					t.Errorf("%s: %s before %s, want %s before %s", c.Name, e.Label, m.Label(e.RunnerUp), c.Label, c.RunnerUp)
				}
				if got, flags := e.Flags.String(), strings.ReplaceAll(strings.Join(c.Flags, ","), "_", "-"); got != flags {
					t.Errorf("%s: flags %q, want %q", c.Name, got, flags)
				}
				if c.Cluster != nil && e.Cluster != *c.Cluster {
					t.Errorf("%s: cluster %d, want %d", c.Name, e.Cluster, *c.Cluster)
				}
				near(t, c.Name+": scores", e.Scores, c.Scores, want.Tolerance)
				near(t, c.Name+": probabilities", e.Probabilities, c.Probabilities, want.Tolerance)
				near(t, c.Name+": score", []float64{e.Score}, []float64{e.Scores[e.Index]}, 0)
				near(t, c.Name+": cluster distances", e.ClusterDistances, c.ClusterDists, want.Tolerance)
				checkNeighbours(t, c.Name, m, e, c.Neighbours, c.Distances, c.Votes, want.Tolerance)
				checkPairs(t, c.Name, e, c.Pairs, c.PairVotes, want.Tolerance)
				checkOtherForms(t, c.Name, m, x, eligible, e)
			}
		})
	}
}

func checkNeighbours(t *testing.T, name string, m *mlsel.Model, e *mlsel.Evidence, rows []uint64,
	distances, votes []float64, tolerance float64) {
	t.Helper()
	if len(e.Neighbours) != len(rows) {
		t.Errorf("%s: %d neighbours, want %d", name, len(e.Neighbours), len(rows))
		return
	}
	for i, n := range e.Neighbours {
		if n.Row != rows[i] || n.Label == "" || m.Label(n.Index) != n.Label {
			t.Errorf("%s: neighbour %d is %+v, want row %d", name, i, n, rows[i])
		}
		near(t, name+": distance and vote", []float64{n.Distance, n.Vote}, []float64{distances[i], votes[i]}, tolerance)
	}
}

func checkPairs(t *testing.T, name string, e *mlsel.Evidence, values []float64, votes []int, tolerance float64) {
	t.Helper()
	var got []float64
	for _, p := range e.PairDecisions {
		got = append(got, p.Value)
	}
	near(t, name+": pair decisions", got, values, tolerance)
	if len(votes) > 0 && !reflect.DeepEqual(e.Votes, votes) {
		t.Errorf("%s: votes %v, want %v", name, e.Votes, votes)
	}
	if len(values) == 6 { // four classes
		want := [][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}
		for i, p := range e.PairDecisions {
			if [2]int{p.First, p.Second} != want[i] {
				t.Errorf("%s: pair %d is %d, %d, want %v", name, i, p.First, p.Second, want[i])
			}
		}
	}
}

// checkOtherForms holds all other calls against Explain.
func checkOtherForms(t *testing.T, name string, m *mlsel.Model, x []float32, eligible *mlsel.Eligible,
	e *mlsel.Evidence) {
	t.Helper()
	const tolerance = 1e-6
	one, err := m.Select(x, eligible)
	if err != nil || one != e.Selection {
		t.Errorf("%s: Select gives %+v, %v, want %+v", name, one, err, e.Selection)
	}
	wide, err := m.Select64(widen(x), eligible)
	if err != nil || wide.Label != e.Label || math.Abs(wide.Score-e.Score) > tolerance*(1+math.Abs(e.Score)) {
		t.Errorf("%s: Select64 gives %+v, %v, want %+v", name, wide, err, e.Selection)
	}
	wideEvidence, err := m.Explain64(widen(x), eligible)
	if err != nil || wideEvidence.Selection != wide {
		t.Errorf("%s: Explain64 gives %+v, %v, want %+v", name, wideEvidence, err, wide)
	}
	scores, err := m.Scores(nil, x, eligible)
	if err != nil {
		t.Fatal(err)
	}
	near(t, name+": Scores", scores, e.Scores, 0)
	scores, err = m.Scores64(scores[:0], widen(x), eligible)
	if err != nil {
		t.Fatal(err)
	}
	near(t, name+": Scores64", scores, e.Scores, tolerance)
	probabilities, err := m.Probabilities(scores, scores, eligible)
	if err != nil {
		t.Fatal(err)
	}
	near(t, name+": Probabilities", probabilities, e.Probabilities, tolerance)
}

func TestBatch(t *testing.T) {
	for _, algorithm := range algorithms {
		m := load(t, artifact(algorithm), nil)
		var x []float32
		var want []mlsel.Selection
		for _, q := range queries(t) {
			one := features(t, m, q)
			s, err := m.Select(one, nil)
			if err != nil {
				t.Fatal(err)
			}
			x, want = append(x, one...), append(want, s)
		}
		own := make([]mlsel.Selection, 1, len(want))
		got, err := m.SelectBatch(own, x, nil)
		if err != nil || len(got) != len(want) || &got[0] != &own[0] {
			t.Fatalf("%s: %d answers, %v; want %d in the slice given", algorithm, len(got), err, len(want))
		}
		got64, err := m.SelectBatch64(nil, widen(x), nil)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := m.ScoresBatch(nil, x, nil)
		if err != nil {
			t.Fatal(err)
		}
		scores64, err := m.ScoresBatch64(nil, widen(x), nil)
		if err != nil {
			t.Fatal(err)
		}
		near(t, algorithm+": ScoresBatch64", scores64, scores, 1e-6)
		for i := range want {
			if got[i].Label != want[i].Label || got64[i].Label != want[i].Label {
				t.Errorf("%s %d: %s and %s, want %s", algorithm, i, got[i].Label, got64[i].Label, want[i].Label)
			}
			near(t, algorithm+": batch score", []float64{got[i].Score, scores[i*m.NumLabels()+got[i].Index]},
				[]float64{want[i].Score, want[i].Score}, 1e-6)
		}
		if none, err := m.SelectBatch(nil, nil, nil); err != nil || len(none) != 0 {
			t.Errorf("%s: no queries give %v, %v", algorithm, none, err)
		}
	}
}

func TestEligible(t *testing.T) {
	m := load(t, artifact("knn"), nil)
	x := features(t, m, queries(t)[0])
	const want = "llama-3.2-1b" // of that and mistral-7b, as scikit-learn's neighbours vote
	mask := make([]bool, m.NumLabels())
	var list []int32
	for _, name := range []string{"mistral-7b", "llama-3.2-1b"} {
		i, ok := m.FindLabel(name)
		if !ok {
			t.Fatalf("no label %s", name)
		}
		mask[i] = true
		list = append(list, int32(i))
	}
	byMask, byList := mlsel.EligibleMask(mask), mlsel.EligibleIndices(list)
	byName := m.EligibleNames("mistral-7b", "of another world", "llama-3.2-1b")
	for _, e := range []*mlsel.Eligible{&byMask, &byList, &byName} {
		if s, err := m.Select(x, e); err != nil || s.Label != want {
			t.Errorf("%s, %v, want %s", s.Label, err, want)
		}
	}
	for _, e := range []*mlsel.Eligible{nil, {}} {
		if s, err := m.Select(x, e); err != nil || s.Label != "codellama-7b" {
			t.Errorf("%s, %v, want codellama-7b", s.Label, err)
		}
	}
	if i, ok := m.FindLabel("of another world"); ok || i != -1 {
		t.Errorf("FindLabel finds %d, %v", i, ok)
	}
	if m.Label(-1) != "" || m.Label(m.NumLabels()) != "" {
		t.Error("labels beyond the last")
	}
}

func TestInfo(t *testing.T) {
	m := load(t, artifact("knn"), &mlsel.Options{K: 3, KNNRule: mlsel.KNNRuleLegacy})
	i := m.Info()
	if i.Algorithm != mlsel.KNN || i.Algorithm.String() != "knn" || i.Features != 1038 || i.Labels != 4 ||
		i.Categories != 14 || i.CategoryWeight != 1 || i.K != 3 || i.KNNRule != mlsel.KNNRuleLegacy ||
		i.Samples == 0 || i.Device != "cpu" || len(i.ContentHash) != 32 || i.MemoryBytes == 0 || i.DeviceFallback {
		t.Errorf("%+v", i)
	}
	i = load(t, artifact("svm"), nil).Info()
	if i.SVMKernel != mlsel.SVMKernelRBF || i.SVMForm != mlsel.SVMFormOneVsOne || i.Pairs != 6 || i.Classes != 4 {
		t.Errorf("%+v", i)
	}
	i = load(t, artifact("mlp"), &mlsel.Options{Precision: mlsel.PrecisionInt8}).Info()
	if i.Precision != mlsel.PrecisionInt8 || i.Precision.String() != "int8" || i.Layers == 0 {
		t.Errorf("%+v", i)
	}
	if i = load(t, artifact("kmeans"), nil).Info(); i.Clusters != 8 {
		t.Errorf("%+v", i)
	}
	categories, err := m.Categories()
	if err != nil || len(categories) != 14 || categories[0] != "math" {
		t.Errorf("categories %q, %v", categories, err)
	}
	d, err := mlsel.QueryDevice("cpu")
	if err != nil || d.Name != "cpu" || d.ISA == "" || len(d.Precisions) == 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if mlsel.Version() == "" || !strings.Contains(mlsel.BuildInfo(), mlsel.Version()) {
		t.Errorf("version %q, built as %q", mlsel.Version(), mlsel.BuildInfo())
	}
}

func TestCompose(t *testing.T) {
	m := load(t, artifact("knn"), nil)
	embedding := queries(t)[0].Embedding
	categories, err := m.Categories()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"math", "physics", "law", "computer science"} {
		x, known, err := m.Compose(nil, embedding, name)
		if err != nil || !known || len(x) != 1038 {
			t.Fatalf("%d values, known %v, %v", len(x), known, err)
		}
		wide, _, err := m.Compose64(nil, widen(embedding), name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			want := float32(0)
			if i < 1024 {
				want = embedding[i]
			} else if categories[i-1024] == name {
				want = 1
			}
			if x[i] != want || wide[i] != float64(want) {
				t.Errorf("%s: value %d is %v and %v, want %v", name, i, x[i], wide[i], want)
			}
		}
	}
	if _, known, err := m.Compose(nil, embedding, strings.Repeat("never heard of ", 100)); known || err != nil {
		t.Errorf("an unknown category: known %v, %v", known, err)
	}
	other, _, err := m.Compose(nil, embedding, "other")
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]float32, 1038)
	copy(buffer, embedding)
	x, _, err := m.Compose(buffer, buffer[:1024], "") // in place
	if err != nil || &x[0] != &buffer[0] || !reflect.DeepEqual(x, other) {
		t.Errorf("composing in place: %v", err)
	}
	x, known, err := mlsel.ComposeFeatures(nil, []float32{2, 3}, "biology", mlsel.CategoriesVSRDoc, 0.5)
	if err != nil || !known || len(x) != 16 || x[0] != 2 || x[1] != 3 || x[2] != 0.5 {
		t.Errorf("%v, known %v, %v", x, known, err)
	}
}
