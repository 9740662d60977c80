// SPDX-License-Identifier: Apache-2.0

// Package selector has mlsel in the shape in which semantic routers choose a model: a context with the query's embedding,
// its category and the candidate references goes in; the model to call comes out, with score, confidence, all scores and a
// sentence on why.
//
// A host whose interface has these very fields takes a Selector as it is. A host with reference and context types of its
// own passes them through Choose, which returns one of the host's references:
//
//	ref, result, err := selector.Choose(s, ctx.QueryEmbedding, ctx.CategoryName, ctx.CandidateModels,
//		func(r *config.ModelRef) (model, lora string) { return r.Model, r.LoRAName })
package selector

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"mlsel"
)

// ModelRef is a candidate: a model, perhaps with a LoRA.
type ModelRef struct {
	Model    string
	LoRAName string
}

// Context is what is known of a request.
type Context struct {
	Query           string // the text; only used if EmbeddingFunc has to embed it
	QueryEmbedding  []float32
	DecisionName    string // for the reasoning
	CategoryName    string
	CandidateModels []ModelRef
}

// Result is the choice.
type Result struct {
	SelectedModel string             // Model of the reference chosen
	LoRAName      string             // its LoRAName
	Score         float64            // comparable within one algorithm
	Confidence    float64            // that the choice is good, of a calibrated artifact; else its probability among the candidates
	Method        string             // "knn", "kmeans", "svm" or "mlp"
	Reasoning     string             // for people
	AllScores     map[string]float64 // by model, or LoRA where there is one; candidates the artifact knows
}

// Errors about the context.
var (
	ErrNoContext    = errors.New("selector: no context given")
	ErrNoCandidates = errors.New("selector: no candidate models given")
	ErrNoEmbedding  = errors.New("selector: neither an embedding nor a function that makes one")
)

// Selector chooses with one model. It may be used by many goroutines at once, as long as the fields are set before.
type Selector struct {
	// EmbeddingFunc makes the embedding of a query that comes without one; may be nil.
	EmbeddingFunc func(ctx context.Context, query string) ([]float32, error)
	// FallBack: where the artifact knows none of the candidates, the first one is chosen, with confidence 0. Otherwise
	// that is mlsel.ErrNoCandidate.
	FallBack bool

	model *mlsel.Model
	pool  sync.Pool
}

// New makes a selector of a model, which stays the caller's to close.
func New(model *mlsel.Model) *Selector { return &Selector{model: model} }

// Open loads an artifact and makes a selector of it, to be closed by the caller.
func Open(path string, options *mlsel.Options) (*Selector, error) {
	model, err := mlsel.Load(path, options)
	if err != nil {
		return nil, err
	}
	return New(model), nil
}

// Close closes the model.
func (s *Selector) Close() error { return s.model.Close() }

// Model returns the model that chooses.
func (s *Selector) Model() *mlsel.Model { return s.model }

// Method names the algorithm: "knn", "kmeans", "svm" or "mlp".
func (s *Selector) Method() string { return s.model.Info().Algorithm.String() }

// Select chooses among the candidates of a context. A candidate is looked up in the artifact by its LoRA name, and by its
// model if that is not there; one that the artifact does not know is never chosen by score.
func (s *Selector) Select(ctx context.Context, request *Context) (*Result, error) {
	if request == nil {
		return nil, ErrNoContext
	}
	embedding := request.QueryEmbedding
	if len(embedding) == 0 && len(request.CandidateModels) > 0 {
		if s.EmbeddingFunc == nil || request.Query == "" {
			return nil, ErrNoEmbedding
		}
		var err error
		if embedding, err = s.EmbeddingFunc(ctx, request.Query); err != nil {
			return nil, fmt.Errorf("selector: embedding the query: %w", err)
		}
	}
	_, result, err := Choose(s, embedding, request.CategoryName, request.CandidateModels,
		func(r *ModelRef) (string, string) { return r.Model, r.LoRAName })
	if err == nil && request.DecisionName != "" {
		result.Reasoning = request.DecisionName + ": " + result.Reasoning
	}
	return result, err
}

// work is the memory of one choice.
type work struct {
	features []float32
	labels   []int32 // by candidate, -1: not known
	eligible []int32
	scores   []float64
}

// Choose chooses among references of the host's own type; names tells a reference's model and LoRA ("" without one). It
// returns a pointer into refs.
func Choose[Ref any](s *Selector, embedding []float32, category string, refs []Ref,
	names func(*Ref) (model, lora string)) (*Ref, *Result, error) {
	if len(refs) == 0 {
		return nil, nil, ErrNoCandidates
	}
	w, _ := s.pool.Get().(*work)
	if w == nil {
		w = new(work)
	}
	defer s.pool.Put(w)
	w.labels, w.eligible = w.labels[:0], w.eligible[:0]
	for i := range refs {
		model, lora := names(&refs[i])
		label, known := -1, false
		if lora != "" {
			label, known = s.model.FindLabel(lora)
		}
		if !known {
			label, known = s.model.FindLabel(model)
		}
		if known {
			w.eligible = append(w.eligible, int32(label))
		}
		w.labels = append(w.labels, int32(label))
	}
	selection, err := s.choose(w, embedding, category)
	if errors.Is(err, mlsel.ErrNoCandidate) && s.FallBack {
		model, lora := names(&refs[0])
		return &refs[0], &Result{SelectedModel: model, LoRAName: lora, Method: s.Method(),
			Reasoning: s.Method() + " knows none of the candidates: the first one"}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	result := &Result{Score: selection.Score, Confidence: selection.Probability, Method: s.Method(),
		AllScores: make(map[string]float64, len(refs))}
	if selection.Flags&mlsel.SelectionCalibrated != 0 {
		result.Confidence = selection.Confidence
	}
	chosen := -1
	for i := range refs {
		label := w.labels[i]
		if label < 0 {
			continue
		}
		model, lora := names(&refs[i])
		if served := serve(model, lora); !math.IsInf(w.scores[label], 0) {
			result.AllScores[served] = w.scores[label]
		}
		if chosen < 0 && int(label) == selection.Index { // of candidates with one label the first wins
			chosen = i
			result.SelectedModel, result.LoRAName = model, lora
		}
	}
	result.Reasoning = s.reasoning(&selection, result, len(w.eligible))
	return &refs[chosen], result, nil
}

func serve(model, lora string) string {
	if lora != "" {
		return lora
	}
	return model
}

func (s *Selector) choose(w *work, embedding []float32, category string) (selection mlsel.Selection, err error) {
	if w.features, _, err = s.model.Compose(w.features, embedding, category); err != nil {
		return selection, err
	}
	eligible := mlsel.EligibleIndices(w.eligible)
	if selection, err = s.model.Select(w.features, &eligible); err != nil {
		return selection, err
	}
	w.scores, err = s.model.Scores(w.scores, w.features, &eligible)
	return selection, err
}

func (s *Selector) reasoning(selection *mlsel.Selection, result *Result, known int) string {
	text := fmt.Sprintf("%s chose %s of %d known candidates with score %.4f (probability %.2f)", result.Method,
		serve(result.SelectedModel, result.LoRAName), known, selection.Score, selection.Probability)
	if selection.RunnerUp >= 0 {
		text += fmt.Sprintf(", %.4f before %s", selection.Margin, s.model.Label(selection.RunnerUp))
	}
	if selection.Flags&mlsel.SelectionTie != 0 {
		text += ", by the tie rule"
	}
	return text
}
