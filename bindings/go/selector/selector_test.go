// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package selector_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"mlsel"
	"mlsel/selector"
)

const examples = "../../../examples/"

func embedding(t *testing.T) []float32 {
	t.Helper()
	file, err := os.Open(examples + "queries.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var q struct{ Embedding []float32 }
	if err := json.NewDecoder(file).Decode(&q); err != nil {
		t.Fatal(err)
	}
	return q.Embedding
}

func open(t *testing.T) *selector.Selector {
	t.Helper()
	s, err := selector.Open(examples+"models/knn_model.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSelect(t *testing.T) {
	s := open(t)
	request := &selector.Context{
		QueryEmbedding: embedding(t),
		CategoryName:   "math",
		DecisionName:   "math_decision",
		CandidateModels: []selector.ModelRef{{Model: "gpt-0"}, {Model: "mistral-7b"},
			{Model: "llama-3.2-1b", LoRAName: "math-lora"}},
	}
	got, err := s.Select(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	// The votes and shares are those of scikit-learn's neighbours, see tests/fixtures/examples_knn.expected.json.
	if got.SelectedModel != "llama-3.2-1b" || got.LoRAName != "math-lora" || got.Method != "knn" ||
		math.Abs(got.Score-0.7074745) > 1e-6 || math.Abs(got.Confidence-0.5189200) > 1e-6 || len(got.AllScores) != 2 ||
		math.Abs(got.AllScores["math-lora"]-0.7074745) > 1e-6 || math.Abs(got.AllScores["mistral-7b"]-0.6558850) > 1e-6 {
		t.Errorf("%+v", got)
	}
	const why = "math_decision: knn chose math-lora of 2 known candidates with score 0.7075 (probability 0.52), " +
		"0.0516 before mistral-7b"
	if got.Reasoning != why {
		t.Errorf("reasoning %q", got.Reasoning)
	}

	request.Query, request.QueryEmbedding = "an integral", nil
	if _, err := s.Select(context.Background(), request); !errors.Is(err, selector.ErrNoEmbedding) {
		t.Errorf("%v", err)
	}
	s.EmbeddingFunc = func(_ context.Context, query string) ([]float32, error) {
		if query != "an integral" {
			return nil, errors.New("another query")
		}
		return embedding(t), nil
	}
	if again, err := s.Select(context.Background(), request); err != nil || again.Score != got.Score {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestChoose(t *testing.T) {
	type reference struct{ name string } // a host's own
	s := open(t)
	refs := []reference{{"mistral-7b"}, {"codellama-7b"}}
	ref, result, err := selector.Choose(s, embedding(t), "math", refs,
		func(r *reference) (string, string) { return r.name, "" })
	if err != nil || ref != &refs[1] || result.SelectedModel != "codellama-7b" {
		t.Errorf("%v, %+v, %v", ref, result, err)
	}
}

func TestErrors(t *testing.T) {
	s := open(t)
	if _, err := s.Select(context.Background(), nil); !errors.Is(err, selector.ErrNoContext) {
		t.Errorf("%v", err)
	}
	if _, err := s.Select(context.Background(), &selector.Context{}); !errors.Is(err, selector.ErrNoCandidates) {
		t.Errorf("%v", err)
	}
	unknown := &selector.Context{QueryEmbedding: embedding(t), CandidateModels: []selector.ModelRef{{Model: "gpt-0"}}}
	if _, err := s.Select(context.Background(), unknown); !errors.Is(err, mlsel.ErrNoCandidate) {
		t.Errorf("%v", err)
	}
	s.FallBack = true
	got, err := s.Select(context.Background(), unknown)
	if err != nil || got.SelectedModel != "gpt-0" || got.Confidence != 0 || !strings.Contains(got.Reasoning, "none") {
		t.Errorf("%+v, %v", got, err)
	}
	short := &selector.Context{QueryEmbedding: make([]float32, 3), CandidateModels: []selector.ModelRef{{Model: "mistral-7b"}}}
	if _, err := s.Select(context.Background(), short); !errors.Is(err, mlsel.ErrDimensionMismatch) {
		t.Errorf("%v", err)
	}
}
