// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mlsel"
)

const config = root + "/examples/router.yaml"

func openRouter(t testing.TB, options *mlsel.RouterOptions) *mlsel.Router {
	t.Helper()
	r, err := mlsel.OpenRouter(config, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// What scikit-learn answers with the artifact that each query's decision uses (tests/fixtures).
var routed = []struct{ decision, served, algorithm string }{
	{"math_decision", "codellama-7b", "knn"},
	{"cs_decision", "codellama-7b", "svm"},
	{"general_decision", "mistral-7b", "kmeans"},
	{"general_decision", "llama-3.2-3b", "kmeans"},
	{"general_decision", "mistral-7b", "kmeans"},
	{"general_decision", "llama-3.2-1b", "kmeans"},
}

func TestRoute(t *testing.T) {
	r := openRouter(t, nil)
	var requests []mlsel.Request
	for i, q := range queries(t) {
		request := mlsel.Request{Embedding: q.Embedding, Category: q.Category}
		if i%2 == 1 {
			request = mlsel.Request{Embedding64: widen(q.Embedding), Category: q.Category}
		}
		requests = append(requests, request)
		route, candidates, err := r.RouteCandidates(nil, &request)
		if err != nil {
			t.Fatal(err)
		}
		if route.Decision != routed[i].decision || route.Served != routed[i].served ||
			route.Algorithm.String() != routed[i].algorithm || route.Generation != 1 || route.Flags != 0 {
			t.Errorf("query %d: %+v, want %+v", i, route, routed[i])
		}
		if len(candidates) != route.CandidateCount || candidates[route.CandidateIndex].Served != route.Served ||
			candidates[route.CandidateIndex].Score != route.Score ||
			candidates[route.CandidateIndex].Flags.String() != "eligible,known,chosen" {
			t.Errorf("query %d: %+v", i, candidates)
		}
		if plain, err := r.Route(&request); err != nil || plain != route {
			t.Errorf("query %d: Route gives %+v, %v, want %+v", i, plain, err, route)
		}
	}
	requests = append(requests, mlsel.Request{Embedding: make([]float32, 3), Category: "math"})
	results, err := r.RouteBatch(requests)
	if err != nil || len(results) != len(requests) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, want := range routed {
		if results[i].Err != nil || results[i].Served != want.served || results[i].Decision != want.decision {
			t.Errorf("query %d of the batch: %+v", i, results[i])
		}
	}
	var wrong *mlsel.DimensionError
	if err := results[len(routed)].Err; !errors.As(err, &wrong) || wrong.Got != 3 || wrong.Want != 1024 {
		t.Errorf("a short embedding: %#v", err)
	}
}

func TestRouteSignalsAndLists(t *testing.T) {
	r := openRouter(t, nil)
	q := queries(t)[0]
	for name, c := range map[string]struct {
		request mlsel.Request
		served  string
		flags   mlsel.RouteFlags
	}{
		"a signal": {mlsel.Request{Signals: []mlsel.Signal{{"language", "de"}, {"keyword", "urgent"}}}, "llama-3.2-1b",
			mlsel.RouteSingle},
		"none available but one": {mlsel.Request{Embedding: q.Embedding, Category: "math",
			Unavailable: []string{"codellama-7b", "llama-3.2-1b", "llama-3.2-3b"}}, "math-lora",
			mlsel.RouteSingle | mlsel.RouteRestricted},
		"two allowed": {mlsel.Request{Embedding: q.Embedding, Category: "math",
			Allowed: []string{"mistral-7b", "llama-3.2-1b", "gpt-0"}}, "llama-3.2-1b", mlsel.RouteRestricted},
		"no embedding": {mlsel.Request{Category: "math"}, "llama-3.2-1b", mlsel.RouteSelectorFailed},
	} {
		route, err := r.Route(&c.request)
		if err != nil || route.Served != c.served || route.Flags != c.flags {
			t.Errorf("%s: %+v, %v, want %s under %v", name, route, err, c.served, c.flags)
		}
	}
	route, err := r.Route(&mlsel.Request{Category: "math", Unavailable: []string{"codellama-7b", "llama-3.2-1b", "llama-3.2-3b"}})
	if err != nil || route.Model != "mistral-7b" || route.LoRA != "math-lora" {
		t.Errorf("%+v, %v", route, err)
	}
	many := make([]string, 1000) // more than have room on C's stack
	for i := range many {
		many[i] = "model of another world"
	}
	many[999] = "codellama-7b"
	route, err = r.Route(&mlsel.Request{Embedding: q.Embedding, Category: "math", Unavailable: many})
	if err != nil || route.Served != "llama-3.2-1b" {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestModelsRoot(t *testing.T) {
	openRouter(t, &mlsel.RouterOptions{ModelsRoot: root + "/examples"})
	_, err := mlsel.OpenRouter(config, &mlsel.RouterOptions{ModelsRoot: root + "/tests"})
	if !errors.Is(err, mlsel.ErrSchema) || !strings.Contains(err.Error(), "models_root") {
		t.Errorf("artifacts outside of the root: %v", err)
	}
}

func TestRouteErrors(t *testing.T) {
	strict := openRouter(t, &mlsel.RouterOptions{Strict: true})
	r := openRouter(t, nil)
	q := queries(t)[0]
	bad := append([]float32(nil), q.Embedding...)
	bad[3] = float32(nan())
	for name, c := range map[string]struct {
		router  *mlsel.Router
		request mlsel.Request
		want    error
	}{
		"allowed nothing": {r, mlsel.Request{Category: "math", Allowed: []string{}}, mlsel.ErrNoCandidate},
		"width":           {r, mlsel.Request{Category: "math", Embedding: make([]float32, 1038)}, mlsel.ErrDimensionMismatch},
		"NaN":             {r, mlsel.Request{Category: "math", Embedding: bad}, mlsel.ErrNotFinite},
		"zero byte":       {r, mlsel.Request{Category: "ma\x00th"}, mlsel.ErrInvalidArgument},
		"two embeddings": {r, mlsel.Request{Embedding: q.Embedding, Embedding64: widen(q.Embedding)},
			mlsel.ErrInvalidArgument},
		"strict": {strict, mlsel.Request{Category: "math"}, mlsel.ErrInvalidArgument},
	} {
		if route, err := c.router.Route(&c.request); !errors.Is(err, c.want) || route != (mlsel.Route{}) {
			t.Errorf("%s: %+v, %v, want %v", name, route, err, c.want)
		}
	}

	folder := t.TempDir()
	if _, err := mlsel.OpenRouter(filepath.Join(folder, "none.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	var wrong *mlsel.ConfigError
	_, err := mlsel.OpenRouterBytes([]byte("decisions:\n  - name: a\n    prioritty: 1\n    modelRefs: [{model: x}]\n"), nil)
	if !errors.As(err, &wrong) || !errors.Is(err, mlsel.ErrSchema) || wrong.Line != 3 || wrong.Column != 5 {
		t.Errorf("a wrong key: %#v", err)
	}
	if _, err = mlsel.OpenRouterBytes([]byte("a: [1"), nil); !errors.Is(err, mlsel.ErrParse) || !errors.As(err, &wrong) {
		t.Errorf("no YAML: %#v", err)
	}
	path := filepath.Join(folder, "r.yaml")
	text := "model_selection: {ml: {models_path: .}}\ndecisions:\n  - name: a\n    algorithm: {type: knn}\n" +
		"    modelRefs: [{model: x}, {model: y}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = mlsel.OpenRouter(path, nil)
	if !errors.Is(err, mlsel.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an artifact that is not there: %v", err)
	}
	found, err := mlsel.ValidateConfig(path, nil, false)
	if err != nil || len(found) == 0 || found[0].Severity != "error" || !strings.Contains(found[0].String(), "knn_model.json") {
		t.Errorf("%v, %v", found, err)
	}
	if found, err = mlsel.ValidateConfig(path, nil, true); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	none, err := mlsel.OpenRouterBytes([]byte("decisions:\n  - name: a\n    rules: {type: domain, name: law}\n    modelRefs: [{model: x}]\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if _, err = none.Route(&mlsel.Request{Category: "math"}); !errors.Is(err, mlsel.ErrNoDecision) {
		t.Errorf("nothing matches: %v", err)
	}
	e, err := none.Explain(&mlsel.Request{Category: "math"})
	if err != nil || !errors.Is(e.Err, mlsel.ErrNoDecision) || len(e.Decisions) != 1 || e.Decisions[0].Matched {
		t.Errorf("%+v, %v", e, err)
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestExplainRoute(t *testing.T) {
	r := openRouter(t, nil)
	for i, q := range queries(t) {
		e, err := r.Explain(&mlsel.Request{Embedding: q.Embedding, Category: q.Category,
			Signals: []mlsel.Signal{{"language", "de"}}})
		if err != nil {
			t.Fatal(err)
		}
		if e.Err != nil || e.Served != routed[i].served || len(e.Decisions) != 5 || e.Evidence == nil ||
			len(e.Candidates) != e.CandidateCount {
			t.Fatalf("%+v", e)
		}
		m := load(t, artifact(routed[i].algorithm), nil)
		want, err := m.Explain(features(t, m, q), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := e.Evidence
		if got.Label != want.Label || len(got.Neighbours) != len(want.Neighbours) || len(got.Votes) != len(want.Votes) {
			t.Errorf("query %d: %+v, want %+v", i, got, want)
		}
		near(t, "scores", got.Scores, want.Scores, 1e-9)
		near(t, "probabilities", got.Probabilities, want.Probabilities, 1e-9)
		near(t, "distances", got.ClusterDistances, want.ClusterDistances, 1e-9)
		for n := range got.Neighbours {
			if got.Neighbours[n] != want.Neighbours[n] {
				t.Errorf("neighbour %d: %+v, want %+v", n, got.Neighbours[n], want.Neighbours[n])
			}
		}
		if len(e.UnusedSignals) != 1 || e.UnusedSignals[0] != "de" {
			t.Errorf("unused signals %q", e.UnusedSignals)
		}
		for _, d := range e.Decisions {
			if d.Answered != (d.Name == routed[i].decision) {
				t.Errorf("query %d: %+v", i, d)
			}
		}
		first := e.Decisions[0]
		if first.Name != "urgent_decision" || first.Priority != 200 || first.Matched || len(first.Rules) != 4 ||
			first.Rules[1] != (mlsel.RuleResult{Kind: "condition", Depth: 1, Type: "keyword", Name: "urgent"}) {
			t.Errorf("%+v", first)
		}
	}
}

func TestRouterDescription(t *testing.T) {
	r := openRouter(t, nil)
	info, err := r.Info()
	if err != nil || info.Decisions != 5 || info.Models != 4 || !info.Enabled || info.Dialect != "flat" ||
		info.Path != config || info.Generation != 1 || info.DefaultDecision != -1 {
		t.Errorf("%+v, %v", info, err)
	}
	decisions, err := r.Decisions()
	if err != nil || len(decisions) != 5 {
		t.Fatalf("%v, %v", decisions, err)
	}
	d := decisions[1]
	if d.Name != "math_decision" || d.Priority != 100 || d.Algorithm != mlsel.KNN || d.AlgorithmName != "knn" || d.K != 5 ||
		d.Device != "cpu" || filepath.Base(d.Artifact) != "knn_model.json" || len(d.Candidates) != 4 ||
		d.Candidates[3].Served != "math-lora" || d.Candidates[3].LoRA != "math-lora" || d.Candidates[3].Model != "mistral-7b" {
		t.Errorf("%+v", d)
	}
	m, err := r.Model(1)
	if err != nil || m.Info().Algorithm != mlsel.KNN || m.NumLabels() != 4 {
		t.Fatalf("%v", err)
	}
	m.Close()
	if m, err := r.Model(0); m != nil || err != nil {
		t.Errorf("a decision without a selector has %v, %v", m, err)
	}
	if _, err := r.Model(99); !errors.Is(err, mlsel.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestMetrics(t *testing.T) {
	r := openRouter(t, &mlsel.RouterOptions{CollectMetrics: true})
	for _, q := range queries(t) {
		if _, err := r.Route(&mlsel.Request{Embedding: q.Embedding, Category: q.Category}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Route(&mlsel.Request{Category: "math", Allowed: []string{}}); err == nil {
		t.Fatal("answered")
	}
	m, err := r.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	if !m.Enabled || m.Requests != 7 || m.Errors != 1 || m.Generation != 1 || len(m.Decisions) != 5 {
		t.Errorf("%+v", m)
	}
	general := m.Decisions[4]
	if general.Requests != 4 || general.Scored != 4 || general.Latency <= 0 {
		t.Errorf("%+v", general)
	}
	total := uint64(0)
	for _, n := range general.Buckets {
		total += n
	}
	if total != 4 || len(general.Buckets) != len(mlsel.LatencyBounds()) {
		t.Errorf("buckets %v", general.Buckets)
	}
	var text bytes.Buffer
	if err := m.WritePrometheus(&text); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"mlsel_requests_total 7",
		"mlsel_request_errors_total 1",
		`mlsel_decision_selections_total{decision="general_decision",model="mistral-7b"} 2`,
		`mlsel_decision_duration_seconds_bucket{decision="general_decision",le="+Inf"} 4`,
		`mlsel_decision_duration_seconds_count{decision="math_decision"} 2`,
		`mlsel_decision_fallbacks_total{decision="math_decision",reason="unknown_models"} 0`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, text.String())
		}
	}
	if m, err := openRouter(t, nil).Metrics(); err != nil || m.Enabled || m.Requests != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// 64 goroutines route while others reload; each answer is that of one of the two configurations, whole.
func TestRoutingWhileReloading(t *testing.T) {
	template := "model_selection: {ml: {models_path: MODELS}}\ndecisions:\n  - name: GEN\n    algorithm: {type: kmeans}\n" +
		"    modelRefs: [{model: mistral-7b, lora_name: GEN-lora}, {model: codellama-7b}]\n"
	models, err := filepath.Abs(filepath.Join(root, "examples", "models"))
	if err != nil {
		t.Fatal(err)
	}
	text := func(name string) []byte {
		return []byte(strings.NewReplacer("MODELS", models, "GEN", name).Replace(template))
	}
	r, err := mlsel.OpenRouterBytes(text("one"), &mlsel.RouterOptions{CollectMetrics: true})
	if err != nil {
		t.Fatal(err)
	}
	law := queries(t)[2]
	var stop atomic.Bool
	var answered atomic.Int64
	var group, reloaders sync.WaitGroup
	for g := 0; g < 64; g++ {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			request := mlsel.Request{Embedding: law.Embedding, Category: law.Category}
			for n := g; !stop.Load(); n++ {
				var route mlsel.Route
				var err error
				if n%50 == 49 {
					var e *mlsel.Explanation
					if e, err = r.Explain(&request); err == nil {
						route = e.Route
					}
				} else {
					route, err = r.Route(&request)
				}
				if err != nil || route.Served != route.Decision+"-lora" || route.Model != "mistral-7b" {
					t.Errorf("%+v, %v", route, err)
					return
				}
				answered.Add(1)
			}
		}(g)
	}
	for g := 0; g < 2; g++ {
		reloaders.Add(1)
		go func() {
			defer reloaders.Done()
			for n := 0; n < 20; n++ {
				if err := r.ReloadBytes(text([]string{"one", "two"}[n%2])); err != nil {
					t.Error(err)
				}
				if err := r.ReloadBytes([]byte("decisions: 7")); !errors.Is(err, mlsel.ErrSchema) {
					t.Errorf("a bad configuration: %v", err)
				}
				if _, err := r.Metrics(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	reloaders.Wait()
	stop.Store(true)
	group.Wait()
	info, err := r.Info()
	if err != nil || info.Generation != 41 || answered.Load() == 0 {
		t.Errorf("%+v, %v, %d answered", info, err, answered.Load())
	}
	r.Close()
	r.Close()
	if _, err := r.Route(&mlsel.Request{}); !errors.Is(err, mlsel.ErrClosed) {
		t.Errorf("%v", err)
	}
	for name, call := range map[string]func() error{
		"RouteBatch":      func() error { _, err := r.RouteBatch(make([]mlsel.Request, 1)); return err },
		"RouteCandidates": func() error { _, _, err := r.RouteCandidates(nil, &mlsel.Request{}); return err },
		"Explain":         func() error { _, err := r.Explain(&mlsel.Request{}); return err },
		"Reload":          func() error { return r.Reload("") },
		"ReloadBytes":     func() error { return r.ReloadBytes(nil) },
		"Info":            func() error { _, err := r.Info(); return err },
		"Decisions":       func() error { _, err := r.Decisions(); return err },
		"Model":           func() error { _, err := r.Model(0); return err },
		"Metrics":         func() error { _, err := r.Metrics(); return err },
	} {
		if err := call(); !errors.Is(err, mlsel.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}
