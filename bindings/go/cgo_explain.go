// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel

// #include "bridge_router.h"
import "C"

import (
	"errors"
	"unsafe"
)

// cMemory is zeroed memory of C's, freed together. What mlsel_router_explain finds points from one array to another,
// which memory of Go's may not do while C writes it.
type cMemory struct{ parts []unsafe.Pointer }

func (m *cMemory) free() {
	for _, p := range m.parts {
		C.free(p)
	}
}

// newC returns n zeroed elements; they are C's, so T must have no Go pointers.
func newC[T any](m *cMemory, n int) []T {
	var element T
	if n == 0 {
		return nil
	}
	p := C.calloc(C.size_t(n), C.size_t(unsafe.Sizeof(element)))
	if p == nil {
		panic("mlsel: out of memory")
	}
	m.parts = append(m.parts, p)
	return unsafe.Slice((*T)(p), n)
}

func copyC[T any](m *cMemory, values []T) *T {
	c := newC[T](m, len(values))
	copy(c, values)
	return first(c)
}

// widest describes a model as large in every respect as the largest of the router's.
func (r *Router) widest(decisions int) (Info, error) {
	var widest Info
	for i := 0; i < decisions; i++ {
		ptr, ok, err := cRouterModel(r.ptr, i)
		if err != nil {
			return widest, err
		}
		if !ok {
			continue
		}
		info, err := cInfo(ptr)
		cRelease(ptr)
		if err != nil {
			return widest, err
		}
		widest.Labels = larger(widest.Labels, info.Labels)
		widest.Clusters = larger(widest.Clusters, info.Clusters)
		widest.Pairs = larger(widest.Pairs, info.Pairs)
		widest.K = larger(widest.K, info.K)
	}
	return widest, nil
}

func larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func cExplainRoute(r *Router, request *Request) (*Explanation, error) {
	for {
		info, err := cRouterInfo(r)
		if err != nil {
			return nil, err
		}
		widest, err := r.widest(info.Decisions)
		if err == nil {
			var e *Explanation
			if e, err = r.explain(request, &info, &widest); err == nil {
				return e, nil
			}
		}
		// Sizes that no longer fit are those of a generation that has gone.
		if now, err := cRouterInfo(r); err == nil && now.Generation != info.Generation {
			continue
		}
		return nil, err
	}
}

var errReloaded = errors.New("mlsel: the configuration was reloaded meanwhile")

func (r *Router) explain(request *Request, info *RouterInfo, widest *Info) (*Explanation, error) {
	var memory cMemory
	defer memory.free()
	var s scratch
	q, err := s.encode(request)
	if err != nil {
		return nil, err
	}
	out := &newC[C.go_router_explained](&memory, 1)[0]
	evidence := &newC[C.mlsel_evidence](&memory, 1)[0]
	C.mlsel_evidence_init(evidence, C.sizeof_mlsel_evidence)
	a := &arrays{
		scores:        newC[float64](&memory, widest.Labels),
		probabilities: newC[float64](&memory, widest.Labels),
		distances:     newC[float64](&memory, widest.Clusters),
		pairs:         newC[float64](&memory, widest.Pairs),
		neighbours:    newC[C.mlsel_neighbour](&memory, widest.K),
		votes:         newC[C.int32_t](&memory, widest.Labels),
		confidences:   newC[float64](&memory, widest.Labels),
	}
	evidence.scores, evidence.scores_capacity = (*C.double)(first(a.scores)), C.size_t(len(a.scores))
	evidence.probabilities = (*C.double)(first(a.probabilities))
	evidence.probabilities_capacity = C.size_t(len(a.probabilities))
	evidence.cluster_distances = (*C.double)(first(a.distances))
	evidence.cluster_distances_capacity = C.size_t(len(a.distances))
	evidence.pair_decisions, evidence.pair_decisions_capacity = (*C.double)(first(a.pairs)), C.size_t(len(a.pairs))
	evidence.neighbours, evidence.neighbours_capacity = first(a.neighbours), C.size_t(len(a.neighbours))
	evidence.votes, evidence.votes_capacity = first(a.votes), C.size_t(len(a.votes))
	evidence.confidences = (*C.double)(first(a.confidences))
	evidence.confidences_capacity = C.size_t(len(a.confidences))

	x := &out.explanation
	C.mlsel_route_explanation_init(x, C.sizeof_mlsel_route_explanation)
	decisions := newC[C.mlsel_decision_result](&memory, info.Decisions)
	rules := newC[C.mlsel_rule_result](&memory, info.rules)
	unused := newC[*C.char](&memory, len(request.Signals))
	candidates := newC[C.mlsel_route_candidate](&memory, info.maxCandidates)
	x.decisions, x.decisions_capacity = first(decisions), C.size_t(len(decisions))
	x.rules, x.rules_capacity = first(rules), C.size_t(len(rules))
	x.unused_signals, x.unused_signals_capacity = first(unused), C.size_t(len(unused))

	C.go_router_explain(r.ptr, &q, (*C.char)(unsafe.Pointer(copyC(&memory, s.text))), f32(request.Embedding),
		f64(request.Embedding64), evidence, first(candidates), C.size_t(len(candidates)), out)
	if out.outcome.status == C.MLSEL_OK && uint64(out.route.generation) != info.Generation ||
		int(x.decision_count) != len(decisions) && out.outcome.status == C.MLSEL_OK || int(x.rule_count) > len(rules) {
		take(out.outcome)
		return nil, errReloaded
	}
	e := &Explanation{}
	if out.outcome.status != C.MLSEL_OK {
		e.Err = outcomeError(out.outcome, int(q.n_embedding))
		if !errors.Is(e.Err, ErrNoDecision) && !errors.Is(e.Err, ErrNoCandidate) {
			return nil, e.Err
		}
		e.Route = Route{DecisionIndex: -1, CandidateIndex: -1, RunnerUpIndex: -1, Cluster: -1}
	} else {
		e.Route = r.routeOf(&out.route)
		for i := range candidates[:out.route.candidate_count] {
			e.Candidates = append(e.Candidates, r.candidateOf(&candidates[i]))
		}
	}
	r.addDecisions(e, decisions[:x.decision_count], rules[:x.rule_count])
	for _, p := range unused[:x.unused_signal_count] {
		e.UnusedSignals = append(e.UnusedSignals, C.GoString(p))
	}
	if e.Err == nil && e.Algorithm != 0 && e.DecisionIndex >= 0 {
		return e, r.addEvidence(e, a, evidence)
	}
	return e, nil
}

func (r *Router) addDecisions(e *Explanation, decisions []C.mlsel_decision_result, rules []C.mlsel_rule_result) {
	for _, c := range decisions {
		d := DecisionResult{
			Name:     r.name(c.name),
			Index:    int(c.index),
			Priority: int(c.priority),
			Matched:  c.matched != 0,
			Answered: c.answered != 0,
		}
		for n := 0; n < int(c.n_rules) && len(rules) > 0; n++ {
			d.Rules = append(d.Rules, RuleResult{
				Kind:  C.GoString(C.mlsel_rule_kind_name(rules[0].kind)),
				Depth: int(rules[0].depth),
				Holds: rules[0].holds != 0,
				Type:  C.GoString(rules[0]._type),
				Name:  C.GoString(rules[0].name),
			})
			rules = rules[1:]
		}
		e.Decisions = append(e.Decisions, d)
	}
}

// addEvidence copies the evidence out of C's memory, with the names of the selector's labels.
func (r *Router) addEvidence(e *Explanation, a *arrays, c *C.mlsel_evidence) error {
	m, err := r.model(e.DecisionIndex)
	if err != nil {
		return err
	}
	if m == nil {
		return errReloaded
	}
	defer m.Close()
	if info, err := cRouterInfo(r); err != nil || info.Generation != e.Generation || m.info.Labels > len(a.scores) {
		return errReloaded
	}
	answer := C.go_explained{
		selection:        c.selection,
		neighbour_count:  c.neighbour_count,
		cluster_count:    c.cluster_count,
		pair_count:       c.pair_count,
		vote_count:       c.vote_count,
		confidence_count: c.confidence_count,
	}
	a.scores = append([]float64(nil), a.scores[:m.info.Labels]...)
	a.probabilities = append([]float64(nil), a.probabilities[:m.info.Labels]...)
	a.confidences = append([]float64(nil), a.confidences[:m.info.Labels]...)
	a.distances = append([]float64(nil), a.distances...)
	e.Evidence = a.evidence(m, &answer)
	return nil
}
