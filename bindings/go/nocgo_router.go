// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package mlsel

type routerPtr = *struct{}

func (r *Router) prepareNames() {}

func cOpen(*string, []byte, *RouterOptions) (routerPtr, error)     { return nil, ErrNoCgo }
func cReload(routerPtr, string, []byte, bool) error                { return ErrNoCgo }
func cReleaseRouter(routerPtr)                                     {}
func cRoute(*Router, *Request) (Route, error)                      { return Route{}, ErrNoCgo }
func cRouteBatch(*Router, []Request) ([]RouteResult, error)        { return nil, ErrNoCgo }
func cExplainRoute(*Router, *Request) (*Explanation, error)        { return nil, ErrNoCgo }
func cRouterInfo(*Router) (RouterInfo, error)                      { return RouterInfo{}, ErrNoCgo }
func cDecision(*Router, int) (Decision, error)                     { return Decision{}, ErrNoCgo }
func cRouterModel(routerPtr, int) (modelPtr, bool, error)          { return nil, false, ErrNoCgo }
func cMetrics(routerPtr) (*Metrics, error)                         { return nil, ErrNoCgo }
func cLatencyBounds() []float64                                    { return nil }
func cValidate(string, *RouterOptions, bool) ([]Diagnostic, error) { return nil, ErrNoCgo }

func cRouteCandidates(*Router, []RouteCandidate, *Request) (Route, []RouteCandidate, error) {
	return Route{}, nil, ErrNoCgo
}

func cDecisionMetrics(*Router, int, []Candidate) (DecisionMetrics, error) {
	return DecisionMetrics{}, ErrNoCgo
}
