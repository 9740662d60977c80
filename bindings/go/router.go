// SPDX-License-Identifier: Apache-2.0

package mlsel

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Router is an open configuration with its models: from a request to the model to call. It is shared freely between
// goroutines; routing takes no lock, also while the configuration is reloaded.
type Router struct {
	handle
	ptr   routerPtr
	names nameCache
}

// RouterOptions says how to open a router. The zero value has all defaults.
type RouterOptions struct {
	// Strict: a selector that fails (device lost, no embedding given, ...) fails the request. Otherwise the first
	// candidate answers, under RouteSelectorFailed.
	Strict              bool
	ModelsDir           string // artifacts are <ModelsDir>/<algorithm>_model.json whatever the file says
	BaseDir             string // where relative paths start; "": the file's folder
	ModelsRoot          string // refuse artifacts outside of this folder, all links followed; "": they may be anywhere
	Device              string // takes the place of every device in the file
	AllowDeviceFallback bool   // use the CPU where a device is not available, under RouteDeviceFallback
	// AllowNextDecision: if no candidate of the decision is eligible, the next one that matches answers.
	AllowNextDecision bool
	CollectMetrics    bool // count and time what Metrics reports
	WarningsAreErrors bool // refuse a configuration that has warnings
	KNNRule           KNNRule
	CategoryLayout    CategoryLayout
	MinProbability    float64 // a choice of less confidence (without a calibration: probability) is replaced
	MaxConfigBytes    int64   // 0: 16 MiB
	MaxArtifactBytes  int64   // 0: 4 GiB
	MaxNameBytes      int64   // all names ever seen by this router; 0: 64 MiB
}

// Signal is something that is true of a request, as in {"keyword", "urgent"}.
type Signal struct{ Type, Name string }

// Request is what is known of a request; everything may be left out.
type Request struct {
	Embedding   []float32 // the query's, without category values
	Embedding64 []float64 // the same in float64; give at most one of the two
	Category    string    // the domain, as in "math"; "": "other"
	Signals     []Signal
	Unavailable []string // models that must not answer, by model or LoRA name
	Allowed     []string // if not nil, only these may answer; an empty list allows none
}

// RouteFlags tell how an answer came about.
type RouteFlags uint32

// How an answer came about.
const (
	RouteSingle           RouteFlags = 1    // one candidate was eligible, so nothing was scored
	RouteDefault          RouteFlags = 2    // no decision matched: the configured default answers
	RouteCategoryFellBack RouteFlags = 4    // the category is not one of the selector's and counted as "other"
	RouteSelectorFailed   RouteFlags = 8    // see Route.SelectorError: the first candidate answers
	RouteNoSelector       RouteFlags = 16   // the decision has no selector: the first candidate answers
	RouteUnknownModels    RouteFlags = 32   // the artifact knows none of the candidates: the first answers
	RouteLowConfidence    RouteFlags = 64   // the selector's choice was below MinProbability
	RouteNextDecision     RouteFlags = 128  // a decision of higher rank matched, but had no eligible candidate
	RouteDeviceFallback   RouteFlags = 256  // the selector runs on the CPU because its device is not available
	RouteRestricted       RouteFlags = 512  // the request excluded at least one candidate
	RouteHostAlgorithm    RouteFlags = 1024 // the host carries out the decision's algorithm: the first stands in
)

func (f RouteFlags) String() string {
	return flagNames(uint32(f), "single", "default", "category-fell-back", "selector-failed", "no-selector",
		"unknown-models", "low-confidence", "next-decision", "device-fallback", "restricted", "host-algorithm")
}

// Route is the answer to a request.
type Route struct {
	Served     string // the name to call: LoRA, or else Model
	Model      string
	LoRA       string // or ""
	Decision   string // "" if the default model answers for want of a decision
	Algorithm  Algorithm
	Generation uint64 // of the configuration that answered

	DecisionIndex  int // in the file's order, -1 without a decision
	CandidateIndex int // in the decision's models, -1: the default model
	RunnerUpIndex  int // candidate of the second best score, or -1

	Score       float64 // of the selector's choice; 0, as the next two, if nothing was scored
	Margin      float64
	Probability float64
	Confidence  float64 // of the selector's choice, see Selection.Confidence; 0 where it is not known
	Cluster     int     // KMeans: the cluster that decided; else -1

	Flags          RouteFlags
	SelectionFlags SelectionFlags
	SelectorStatus Status // why the selector could not be used; 0 otherwise
	CandidateCount int    // candidates of the decision
}

// CandidateFlags tell about a candidate.
type CandidateFlags uint32

// What a candidate is to a request.
const (
	CandidateEligible CandidateFlags = 1 // the request allows it
	CandidateKnown    CandidateFlags = 2 // the artifact has a label that can be chosen for it
	CandidateShadowed CandidateFlags = 4 // an earlier candidate has the same label
	CandidateChosen   CandidateFlags = 8 // it is the answer
)

func (f CandidateFlags) String() string {
	return flagNames(uint32(f), "eligible", "known", "shadowed", "chosen")
}

// RouteCandidate is what a candidate got in one request.
type RouteCandidate struct {
	Model       string
	Served      string
	Score       float64 // -Inf if it was not scored
	Probability float64 // among the eligible; 0 if it was not scored
	Label       int     // in the selector, -1: not known to it
	Flags       CandidateFlags
}

// RouteResult is the answer to one request of a batch, or why it has none.
type RouteResult struct {
	Route
	Err error
}

// OpenRouter opens a configuration (YAML or JSON, in any of the dialects in use) and loads every artifact that its
// decisions need; nil options stand for all defaults. The error is a *ConfigError that names line and column, or matches
// fs.ErrNotExist and the like.
func OpenRouter(path string, options *RouterOptions) (*Router, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("the path %q has a zero byte", path)}
	}
	return openRouter(&path, nil, options)
}

// OpenRouterBytes opens a configuration from memory. Otherwise as OpenRouter.
func OpenRouterBytes(config []byte, options *RouterOptions) (*Router, error) {
	return openRouter(nil, config, options)
}

func openRouter(path *string, config []byte, options *RouterOptions) (*Router, error) {
	if options == nil {
		options = &RouterOptions{}
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	ptr, err := cOpen(path, config, options)
	if err != nil {
		return nil, err
	}
	r := &Router{ptr: ptr}
	runtime.SetFinalizer(r, (*Router).finalize)
	r.prepareNames()
	return r, nil
}

func (o *RouterOptions) check() error {
	if o.MaxConfigBytes < 0 || o.MaxArtifactBytes < 0 || o.MaxNameBytes < 0 {
		return &Error{Status: ErrInvalidArgument, Message: "a limit of RouterOptions is below 0"}
	}
	for _, text := range []string{o.ModelsDir, o.BaseDir, o.ModelsRoot, o.Device} {
		if strings.IndexByte(text, 0) >= 0 {
			return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("%q in RouterOptions has a zero byte", text)}
		}
	}
	return nil
}

// Close closes the router once the requests in progress are answered. Later calls return ErrClosed. Closing twice is no
// error, and the error is always nil.
func (r *Router) Close() error {
	if r == nil || !r.shut() {
		return nil
	}
	runtime.SetFinalizer(r, nil)
	cReleaseRouter(r.ptr)
	return nil
}

func (r *Router) finalize() { cReleaseRouter(r.ptr) }

func (r *Router) begin() *stripe {
	if r == nil {
		return nil
	}
	return r.enter()
}

// Route answers one request. It allocates nothing once warm.
//
// The error is a *DimensionError or *NotFiniteError about the embedding, or matches ErrNoDecision, ErrNoCandidate or
// ErrClosed; with RouterOptions.Strict it may be any of Model.Select.
func (r *Router) Route(request *Request) (Route, error) {
	s := r.begin()
	if s == nil {
		return Route{}, ErrClosed
	}
	route, err := cRoute(r, request)
	s.leave()
	return route, err
}

// RouteCandidates is Route with what each candidate of the decision got, in the file's order: in dst if it is large enough,
// else in a new slice.
func (r *Router) RouteCandidates(dst []RouteCandidate, request *Request) (Route, []RouteCandidate, error) {
	s := r.begin()
	if s == nil {
		return Route{}, nil, ErrClosed
	}
	defer s.leave()
	return cRouteCandidates(r, dst, request)
}

// RouteBatch answers several requests, all by one generation of the configuration. A request that fails does not stop the
// others; its result has the error. The embeddings are copied.
func (r *Router) RouteBatch(requests []Request) ([]RouteResult, error) {
	s := r.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	if len(requests) == 0 {
		return nil, nil
	}
	return cRouteBatch(r, requests)
}

// Reload reads the configuration and its artifacts again, from another file if path is not "", and puts the new state in
// place of the old one. Requests in progress finish on the old state. If anything is wrong with the new one, the old one
// stays and the error says what.
func (r *Router) Reload(path string) error {
	s := r.begin()
	if s == nil {
		return ErrClosed
	}
	defer s.leave()
	if strings.IndexByte(path, 0) >= 0 {
		return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("the path %q has a zero byte", path)}
	}
	if err := cReload(r.ptr, path, nil, false); err != nil {
		return err
	}
	r.prepareNames()
	return nil
}

// ReloadBytes is Reload from memory.
func (r *Router) ReloadBytes(config []byte) error {
	s := r.begin()
	if s == nil {
		return ErrClosed
	}
	defer s.leave()
	if err := cReload(r.ptr, "", config, true); err != nil {
		return err
	}
	r.prepareNames()
	return nil
}

// DecisionResult is a decision as one request saw it.
type DecisionResult struct {
	Name     string
	Index    int
	Priority int
	Matched  bool
	Answered bool // its candidates were asked
	Rules    []RuleResult
}

// RuleResult is a part of a rule tree and what became of it. Parts follow their whole, one deeper.
type RuleResult struct {
	Kind       string // "AND", "OR", "NOT" or "condition"
	Depth      int
	Holds      bool
	Type, Name string // of a condition
}

// Explanation is the whole story of a request.
type Explanation struct {
	Route
	Err           error // why it has no answer: ErrNoDecision or ErrNoCandidate; else nil
	Candidates    []RouteCandidate
	Decisions     []DecisionResult // all, in the order in which they are asked
	UnusedSignals []string         // that no rule of the configuration mentions
	Evidence      *Evidence        // nil if no selector was asked
}

// Explain answers one request and tells how. It is not counted in the metrics. A request without an answer is explained
// too; the error is for what could not be explained.
func (r *Router) Explain(request *Request) (*Explanation, error) {
	s := r.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	return cExplainRoute(r, request)
}

// RouterInfo says what a router is at the moment.
type RouterInfo struct {
	Generation      uint64 // 1 after opening, one more with every successful reload
	Decisions       int
	Models          int // selectors in use
	Enabled         bool
	Dialect         string // "flat", "wrapped" or "v0.3"
	Path            string // or ""
	DefaultModel    string // or ""
	DefaultDecision int    // or -1
	Warnings        int    // of the configuration
	MemoryBytes     uint64
	NameBytes       uint64

	rules, maxCandidates int
}

// Info describes the router.
func (r *Router) Info() (RouterInfo, error) {
	s := r.begin()
	if s == nil {
		return RouterInfo{}, ErrClosed
	}
	defer s.leave()
	return cRouterInfo(r)
}

// Candidate is one of a decision's models.
type Candidate struct {
	Model, LoRA, Served string
	Label               int // in the decision's selector, -1: not known to it
	Flags               CandidateFlags
}

// Decision is a decision of the configuration.
type Decision struct {
	Name, Description string
	Priority          int
	AlgorithmName     string    // as in the file, or the method it falls back to; "" without one
	Algorithm         Algorithm // of its selector, 0 without one
	Artifact          string    // path, "" without a selector
	K                 int
	Device            string
	DeviceFallback    bool
	Candidates        []Candidate

	generation uint64
}

// Decisions describes all decisions in the file's order.
func (r *Router) Decisions() ([]Decision, error) {
	s := r.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	_, decisions, err := r.decisions()
	return decisions, err
}

// isReloaded tells whether a reload has come since, which explains an error about what is no longer there.
func (r *Router) isReloaded(since RouterInfo) bool {
	info, err := cRouterInfo(r)
	return err == nil && info.Generation != since.Generation
}

// decisions reads all decisions of one generation, and begins again if a reload comes between.
func (r *Router) decisions() (RouterInfo, []Decision, error) {
	for {
		info, err := cRouterInfo(r)
		if err != nil {
			return info, nil, err
		}
		decisions := make([]Decision, 0, info.Decisions)
		for i := 0; i < info.Decisions; i++ {
			d, err := cDecision(r, i)
			if err != nil && !r.isReloaded(info) {
				return info, nil, err
			}
			if err != nil || d.generation != info.Generation {
				break
			}
			decisions = append(decisions, d)
		}
		if len(decisions) == info.Decisions {
			return info, decisions, nil
		}
	}
}

// Model returns the selector of a decision, to be closed by the caller; nil if it has none.
func (r *Router) Model(decision int) (*Model, error) {
	s := r.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	return r.model(decision)
}

func (r *Router) model(decision int) (*Model, error) {
	ptr, ok, err := cRouterModel(r.ptr, decision)
	if err != nil || !ok {
		return nil, err
	}
	return wrapModel(ptr)
}

// DecisionMetrics are the counts of a decision.
type DecisionMetrics struct {
	Name             string
	Requests         uint64 // for which it was asked
	Errors           uint64 // that it could not answer
	Scored           uint64 // answered by the selector's choice
	SelectorFailed   uint64
	UnknownModels    uint64
	LowConfidence    uint64
	CategoryFellBack uint64
	Latency          time.Duration // of all its requests together
	Buckets          []uint64      // requests by latency, see LatencyBounds
	Selections       []ModelCount  // how often each model was the answer

	generation uint64
}

// ModelCount is how often a model was the answer.
type ModelCount struct {
	Served string
	Count  uint64
}

// Metrics are the counts of a router. They start at 0 when it is opened and never fall.
type Metrics struct {
	Enabled       bool // false: requests are not counted, see RouterOptions.CollectMetrics
	Generation    uint64
	Requests      uint64 // routed, answered or not
	Errors        uint64 // not answered, for any reason
	NoDecision    uint64 // not answered because no decision matched
	Defaults      uint64 // answered by the default
	Reloads       uint64 // that succeeded
	FailedReloads uint64
	Decisions     []DecisionMetrics
}

// Metrics reads the counts.
func (r *Router) Metrics() (*Metrics, error) {
	s := r.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	for {
		info, decisions, err := r.decisions()
		if err != nil {
			return nil, err
		}
		metrics, err := cMetrics(r.ptr)
		if err != nil {
			return nil, err
		}
		for i := range decisions {
			d, err := cDecisionMetrics(r, i, decisions[i].Candidates)
			if err != nil && !r.isReloaded(info) {
				return nil, err
			}
			if err != nil || d.generation != info.Generation {
				break
			}
			metrics.Decisions = append(metrics.Decisions, d)
		}
		if len(metrics.Decisions) == len(decisions) && metrics.Generation == info.Generation {
			return metrics, nil
		}
	}
}

// LatencyBounds returns the upper bounds of the latency buckets in seconds; the last is +Inf.
func LatencyBounds() []float64 { return cLatencyBounds() }

// Diagnostic is a finding about a configuration.
type Diagnostic struct {
	Severity   string // "note", "warning" or "error"
	Code       string // what kind of finding, as in "unknown-key"
	Message    string
	Suggestion string // what to do about it, or ""
	File       string
	Source     string // the line of the file, or ""
	Line       int    // from 1; 0: the file as a whole
	Column     int    // from 1, in characters
}

// String has the finding in one line, as compilers have it.
func (d Diagnostic) String() string {
	place := d.File
	if d.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
	}
	return fmt.Sprintf("%s: %s: %s [%s]", place, d.Severity, d.Message, d.Code)
}

// ValidateConfig checks a configuration as OpenRouter with the same options would see it, and returns all findings
// rather than the first. With textOnly no artifact is read. What the configuration says is no error of the call.
func ValidateConfig(path string, options *RouterOptions, textOnly bool) ([]Diagnostic, error) {
	if options == nil {
		options = &RouterOptions{}
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	if strings.IndexByte(path, 0) >= 0 {
		return nil, &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("the path %q has a zero byte", path)}
	}
	return cValidate(path, options, textOnly)
}

// nameCache keeps one Go string for each name that a router hands out. Names are told apart by their address, which stays
// the same as long as the router is open. Reading takes no lock; a new name makes a new map.
type nameCache struct {
	mu    sync.Mutex
	names atomic.Pointer[map[uintptr]string]
}

func (c *nameCache) add(names map[uintptr]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[uintptr]string, len(names))
	if old := c.names.Load(); old != nil {
		for at, name := range *old {
			all[at] = name
		}
	}
	for at, name := range names {
		all[at] = name
	}
	c.names.Store(&all)
}

func (c *nameCache) find(at uintptr) (string, bool) {
	names := c.names.Load()
	if names == nil {
		return "", false
	}
	name, ok := (*names)[at]
	return name, ok
}
