// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel

// #include "bridge_router.h"
import "C"

import (
	"strings"
	"sync"
	"unsafe"
)

type routerPtr = C.go_router

// scratch is what one call needs, kept for the next one.
type scratch struct {
	text       []byte // strings with their zero bytes
	requests   []C.go_request
	f32        []float32
	f64        []float64
	candidates []C.mlsel_route_candidate
	routes     []C.mlsel_route
	errors     []C.mlsel_error
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) add(text string) (ok bool) {
	s.text = append(append(s.text, text...), 0)
	return strings.IndexByte(text, 0) < 0
}

// encode appends a request's strings and says where they are.
func (s *scratch) encode(r *Request) (C.go_request, error) {
	q := C.go_request{
		strings:       C.int64_t(len(s.text)),
		n_embedding:   C.int64_t(len(r.Embedding)),
		n_signals:     C.int64_t(len(r.Signals)),
		n_unavailable: C.int64_t(len(r.Unavailable)),
		n_allowed:     -1,
	}
	if len(r.Embedding64) > 0 {
		if len(r.Embedding) > 0 {
			return q, &Error{Status: ErrInvalidArgument, Message: "a request has Embedding and Embedding64, expected one"}
		}
		q.n_embedding, q.is_f64 = C.int64_t(len(r.Embedding64)), 1
	}
	ok := s.add(r.Category)
	for i := range r.Signals {
		ok = s.add(r.Signals[i].Type) && ok
		ok = s.add(r.Signals[i].Name) && ok
	}
	for _, name := range r.Unavailable {
		ok = s.add(name) && ok
	}
	if r.Allowed != nil {
		q.n_allowed = C.int64_t(len(r.Allowed))
		for _, name := range r.Allowed {
			ok = s.add(name) && ok
		}
	}
	if !ok {
		return q, &Error{Status: ErrInvalidArgument, Message: "a string of the request has a zero byte"}
	}
	return q, nil
}

// chars returns a text as C's, without a check that would look at all of it.
func chars(text []byte) *C.char {
	if len(text) == 0 {
		return (*C.char)(unsafe.Pointer(&noByte[0]))
	}
	return (*C.char)(unsafe.Pointer(&text[0]))
}

func (r *Router) name(p *C.char) string {
	if p == nil {
		return ""
	}
	at := uintptr(unsafe.Pointer(p))
	if name, ok := r.names.find(at); ok {
		return name
	}
	name := C.GoString(p)
	r.names.add(map[uintptr]string{at: name})
	return name
}

// prepareNames makes Go strings of all names of the configuration at once.
func (r *Router) prepareNames() {
	names := map[uintptr]string{}
	add := func(p *C.char) {
		if p == nil {
			return
		}
		if _, ok := r.names.find(uintptr(unsafe.Pointer(p))); !ok {
			names[uintptr(unsafe.Pointer(p))] = C.GoString(p)
		}
	}
	info := C.go_get_info(r.ptr)
	take(info.outcome)
	add(info.of.default_model)
	for i := C.uint32_t(0); i < info.of.n_decisions; i++ {
		d := C.go_get_decision(r.ptr, i)
		take(d.outcome)
		add(d.of.name)
		for j := C.uint32_t(0); j < d.of.n_candidates; j++ {
			c := C.go_get_candidate(r.ptr, i, j)
			take(c.outcome)
			add(c.of.model)
			add(c.of.lora)
			add(c.of.served)
		}
	}
	r.names.add(names)
}

// cOptions needs the strings freed after the call, by the function returned.
func cOptions(o *RouterOptions) (C.mlsel_router_options, func()) {
	var c C.mlsel_router_options
	C.mlsel_router_options_init(&c, C.sizeof_mlsel_router_options)
	var copies []unsafe.Pointer
	text := func(s string) *C.char {
		if s == "" {
			return nil
		}
		p := C.CString(s)
		copies = append(copies, unsafe.Pointer(p))
		return p
	}
	flag := func(b bool) C.int32_t {
		if b {
			return 1
		}
		return 0
	}
	c.strict = flag(o.Strict)
	c.models_dir = text(o.ModelsDir)
	c.base_dir = text(o.BaseDir)
	c.models_root = text(o.ModelsRoot)
	c.device = text(o.Device)
	c.allow_device_fallback = flag(o.AllowDeviceFallback)
	c.allow_next_decision = flag(o.AllowNextDecision)
	c.collect_metrics = flag(o.CollectMetrics)
	c.warnings_are_errors = flag(o.WarningsAreErrors)
	c.knn_rule = C.mlsel_knn_rule(o.KNNRule)
	c.category_layout = C.mlsel_category_layout(o.CategoryLayout)
	c.min_probability = C.double(o.MinProbability)
	c.max_config_bytes = C.uint64_t(o.MaxConfigBytes)
	c.max_artifact_bytes = C.uint64_t(o.MaxArtifactBytes)
	c.max_name_bytes = C.uint64_t(o.MaxNameBytes)
	return c, func() {
		for _, p := range copies {
			C.free(p)
		}
	}
}

func configError(outcome C.go_outcome) error {
	status, detail, message := take(outcome)
	return newConfigError(status, detail, message)
}

func cOpen(path *string, config []byte, o *RouterOptions) (routerPtr, error) {
	options, free := cOptions(o)
	defer free()
	var cPath *C.char
	if path != nil {
		cPath = C.CString(*path)
		defer C.free(unsafe.Pointer(cPath))
	}
	opened := C.go_open(cPath, chars(config), C.size_t(len(config)), &options)
	if opened.outcome.status != C.MLSEL_OK {
		return 0, configError(opened.outcome)
	}
	return opened.router, nil
}

func cReload(ptr routerPtr, path string, config []byte, memory bool) error {
	var cPath, cText *C.char
	if path != "" {
		cPath = C.CString(path)
		defer C.free(unsafe.Pointer(cPath))
	}
	if memory {
		cText = chars(config)
	}
	if outcome := C.go_reload(ptr, cPath, cText, C.size_t(len(config))); outcome.status != C.MLSEL_OK {
		return configError(outcome)
	}
	return nil
}

func cReleaseRouter(ptr routerPtr) { C.mlsel_router_release(C.go_router_of(ptr)) }

func (r *Router) routeOf(c *C.mlsel_route) Route {
	model := r.name(c.model)
	served := model
	if c.served != c.model {
		served = r.name(c.served)
	}
	return Route{
		Served:         served,
		Model:          model,
		LoRA:           r.name(c.lora),
		Decision:       r.name(c.decision),
		Algorithm:      Algorithm(c.algorithm),
		Generation:     uint64(c.generation),
		DecisionIndex:  int(c.decision_index),
		CandidateIndex: int(c.candidate_index),
		RunnerUpIndex:  int(c.runner_up_index),
		Score:          float64(c.score),
		Margin:         float64(c.margin),
		Probability:    float64(c.probability),
		Confidence:     float64(c.confidence),
		Cluster:        int(c.cluster),
		Flags:          RouteFlags(c.flags),
		SelectionFlags: SelectionFlags(c.selection_flags),
		SelectorStatus: Status(c.selector_status),
		CandidateCount: int(c.candidate_count),
	}
}

func (r *Router) candidateOf(c *C.mlsel_route_candidate) RouteCandidate {
	return RouteCandidate{
		Model:       r.name(c.model),
		Served:      r.name(c.served),
		Score:       float64(c.score),
		Probability: float64(c.probability),
		Label:       int(c.label),
		Flags:       CandidateFlags(c.flags),
	}
}

// route answers a request, with as many candidates as s.candidates has room for.
func (r *Router) route(s *scratch, request *Request) (C.go_routed, error) {
	s.text = s.text[:0]
	q, err := s.encode(request)
	if err != nil {
		return C.go_routed{}, err
	}
	var candidates *C.mlsel_route_candidate
	if len(s.candidates) > 0 {
		candidates = &s.candidates[0]
	}
	routed := C.go_route(r.ptr, q, chars(s.text), f32(request.Embedding), f64(request.Embedding64), candidates,
		C.size_t(len(s.candidates)))
	if routed.outcome.status != C.MLSEL_OK {
		return routed, outcomeError(routed.outcome, int(q.n_embedding))
	}
	return routed, nil
}

func cRoute(r *Router, request *Request) (Route, error) {
	s := scratchPool.Get().(*scratch)
	s.candidates = s.candidates[:0]
	routed, err := r.route(s, request)
	scratchPool.Put(s)
	if err != nil {
		return Route{}, err
	}
	return r.routeOf(&routed.route), nil
}

func cRouteCandidates(r *Router, dst []RouteCandidate, request *Request) (Route, []RouteCandidate, error) {
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	s.candidates = s.candidates[:cap(s.candidates)]
	for {
		routed, err := r.route(s, request)
		if err != nil {
			return Route{}, nil, err
		}
		count := int(routed.route.candidate_count)
		if count > len(s.candidates) { // another time with room for all
			s.candidates = make([]C.mlsel_route_candidate, count)
			continue
		}
		dst = room(dst, count)
		for i := range dst {
			dst[i] = r.candidateOf(&s.candidates[i])
		}
		return r.routeOf(&routed.route), dst, nil
	}
}

func cRouteBatch(r *Router, requests []Request) ([]RouteResult, error) {
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	s.text, s.f32, s.f64 = s.text[:0], s.f32[:0], s.f64[:0]
	s.requests = room(s.requests, len(requests))
	s.routes = room(s.routes, len(requests))
	s.errors = room(s.errors, len(requests))
	results := make([]RouteResult, len(requests))
	for i := range requests {
		q, err := s.encode(&requests[i])
		if err != nil {
			return nil, err
		}
		q.embedding = C.int64_t(len(s.f32))
		if q.is_f64 != 0 {
			q.embedding = C.int64_t(len(s.f64))
		}
		s.f32 = append(s.f32, requests[i].Embedding...)
		s.f64 = append(s.f64, requests[i].Embedding64...)
		s.requests[i] = q
		// What it stays if the call itself fails; the memory is used again, so nothing of an earlier call may be left.
		s.errors[i] = C.mlsel_error{code: C.MLSEL_ERROR_INTERNAL}
	}
	outcome := C.go_route_batch(r.ptr, &s.requests[0], C.size_t(len(requests)), chars(s.text), f32(s.f32), f64(s.f64),
		&s.routes[0], &s.errors[0])
	status, detail, message := take(outcome)
	for i := range results {
		e := &s.errors[i]
		if e.code == C.MLSEL_ERROR_INTERNAL && status != 0 && e.message[0] == 0 {
			return nil, newError(status, detail, message, 0)
		}
		if s.routes[i].status != C.MLSEL_OK {
			results[i].Err = newError(Status(s.routes[i].status), uint64(e.detail), C.GoString(&e.message[0]),
				int(s.requests[i].n_embedding))
			continue
		}
		results[i].Route = r.routeOf(&s.routes[i])
	}
	return results, nil
}

func cRouterInfo(r *Router) (RouterInfo, error) {
	i := C.go_get_info(r.ptr)
	if i.outcome.status != C.MLSEL_OK {
		return RouterInfo{}, outcomeError(i.outcome, 0)
	}
	return RouterInfo{
		Generation:      uint64(i.of.generation),
		Decisions:       int(i.of.n_decisions),
		Models:          int(i.of.n_models),
		Enabled:         i.of.enabled != 0,
		Dialect:         C.GoString(i.of.dialect),
		Path:            C.GoString(i.of.path),
		DefaultModel:    C.GoString(i.of.default_model),
		DefaultDecision: int(i.of.default_decision),
		Warnings:        int(i.of.n_warnings),
		MemoryBytes:     uint64(i.of.memory_bytes),
		NameBytes:       uint64(i.of.name_bytes),
		rules:           int(i.of.n_rules),
		maxCandidates:   int(i.of.max_candidates),
	}, nil
}

func cDecision(r *Router, index int) (Decision, error) {
	c := C.go_get_decision(r.ptr, C.uint32_t(index))
	if c.outcome.status != C.MLSEL_OK {
		return Decision{}, outcomeError(c.outcome, 0)
	}
	d := Decision{
		Name:           r.name(c.of.name),
		Description:    C.GoString(c.of.description),
		Priority:       int(c.of.priority),
		AlgorithmName:  C.GoString(c.of.algorithm_name),
		Algorithm:      Algorithm(c.of.algorithm),
		Artifact:       C.GoString(c.of.artifact),
		K:              int(c.of.k),
		Device:         C.GoString(&c.of.device[0]),
		DeviceFallback: c.of.device_fallback != 0,
		Candidates:     make([]Candidate, c.of.n_candidates),
		generation:     uint64(c.of.generation),
	}
	for i := range d.Candidates {
		candidate := C.go_get_candidate(r.ptr, C.uint32_t(index), C.uint32_t(i))
		if candidate.outcome.status != C.MLSEL_OK {
			return d, outcomeError(candidate.outcome, 0)
		}
		if uint64(candidate.of.generation) != d.generation {
			d.generation = 0 // parts of two generations: to be read again
		}
		d.Candidates[i] = Candidate{
			Model:  r.name(candidate.of.model),
			LoRA:   r.name(candidate.of.lora),
			Served: r.name(candidate.of.served),
			Label:  int(candidate.of.label),
			Flags:  CandidateFlags(candidate.of.flags),
		}
	}
	return d, nil
}

func cRouterModel(ptr routerPtr, decision int) (modelPtr, bool, error) {
	loaded := C.go_router_model(ptr, C.uint32_t(decision))
	if loaded.outcome.status != C.MLSEL_OK {
		return 0, false, outcomeError(loaded.outcome, 0)
	}
	return loaded.model, loaded.model != 0, nil
}

func cMetrics(ptr routerPtr) (*Metrics, error) {
	m := C.go_get_metrics(ptr)
	if m.outcome.status != C.MLSEL_OK {
		return nil, outcomeError(m.outcome, 0)
	}
	return &Metrics{
		Enabled:       m.of.enabled != 0,
		Generation:    uint64(m.of.generation),
		Requests:      uint64(m.of.requests),
		Errors:        uint64(m.of.errors),
		NoDecision:    uint64(m.of.no_decision),
		Defaults:      uint64(m.of.defaults),
		Reloads:       uint64(m.of.reloads),
		FailedReloads: uint64(m.of.failed_reloads),
	}, nil
}

func cDecisionMetrics(r *Router, index int, candidates []Candidate) (DecisionMetrics, error) {
	m := C.go_get_decision_metrics(r.ptr, C.uint32_t(index))
	if m.outcome.status != C.MLSEL_OK {
		return DecisionMetrics{}, outcomeError(m.outcome, 0)
	}
	d := DecisionMetrics{
		Name:             r.name(m.of.name),
		Requests:         uint64(m.of.requests),
		Errors:           uint64(m.of.errors),
		Scored:           uint64(m.of.scored),
		SelectorFailed:   uint64(m.of.selector_failed),
		UnknownModels:    uint64(m.of.unknown_models),
		LowConfidence:    uint64(m.of.low_confidence),
		CategoryFellBack: uint64(m.of.category_fell_back),
		Latency:          nanoseconds(uint64(m.of.latency_ns)),
		generation:       uint64(m.of.generation),
	}
	for _, n := range m.of.latency {
		d.Buckets = append(d.Buckets, uint64(n))
	}
	seen := map[string]bool{}
	for i, candidate := range candidates {
		if seen[candidate.Served] { // a name that is served twice has one count
			continue
		}
		seen[candidate.Served] = true
		n := C.go_get_selections(r.ptr, C.uint32_t(index), C.uint32_t(i))
		if n.outcome.status != C.MLSEL_OK {
			return d, outcomeError(n.outcome, 0)
		}
		d.Selections = append(d.Selections, ModelCount{Served: candidate.Served, Count: uint64(n.of)})
	}
	return d, nil
}

func cLatencyBounds() []float64 {
	bounds := make([]float64, C.MLSEL_LATENCY_BUCKETS)
	for i := range bounds {
		bounds[i] = float64(C.mlsel_latency_bound(C.uint32_t(i)))
	}
	return bounds
}

func cValidate(path string, o *RouterOptions, textOnly bool) ([]Diagnostic, error) {
	options, free := cOptions(o)
	defer free()
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	flags := C.uint32_t(0)
	if textOnly {
		flags = C.MLSEL_VALIDATE_TEXT_ONLY
	}
	var found *C.mlsel_diagnostics
	var e C.mlsel_error
	if status := C.mlsel_config_validate(cPath, &options, flags, &found, &e); status != C.MLSEL_OK {
		return nil, newConfigError(Status(status), uint64(e.detail), C.GoString(&e.message[0]))
	}
	defer C.mlsel_diagnostics_release(found)
	var all []Diagnostic
	for {
		d := C.go_get_diagnostic(found, C.size_t(len(all)))
		if d.outcome.status != C.MLSEL_OK {
			take(d.outcome)
			return all, nil
		}
		all = append(all, Diagnostic{
			Severity:   C.GoString(C.mlsel_severity_name(d.of.severity)),
			Code:       C.GoString(d.of.code),
			Message:    C.GoString(d.of.message),
			Suggestion: C.GoString(d.of.suggestion),
			File:       C.GoString(d.of.file),
			Source:     C.GoString(d.of.source),
			Line:       int(d.of.line),
			Column:     int(d.of.column),
		})
	}
}
