// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"time"
)

// health knows which models have failed of late.
type health struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (h *health) failed(name string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[string]time.Time{}
	}
	h.until[name] = until
}

func (h *health) works(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, name)
}

// down lists the models to leave alone. One whose time is over is tried again.
func (h *health) down(now time.Time) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for name, until := range h.until {
		if now.Before(until) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// counts are the proxy's own metrics, beside those of the router.
type counts struct {
	mu              sync.Mutex
	requests        uint64
	inFlight        uint64
	embeddingErrors uint64
	answers         map[answer]uint64
}

type answer struct {
	model string
	code  int // 0: none came
}

func (c *counts) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.inFlight++
}

func (c *counts) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
}

func (c *counts) add(count *uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*count++
}

func (c *counts) upstream(model string, code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers = map[answer]uint64{}
	}
	c.answers[answer{model, code}]++
}

func (c *counts) write(w io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(w, "# HELP proxy_requests_total Chat requests taken.\n# TYPE proxy_requests_total counter\n"+
		"proxy_requests_total %d\n", c.requests)
	fmt.Fprintf(w, "# HELP proxy_requests_in_flight Chat requests being answered.\n"+
		"# TYPE proxy_requests_in_flight gauge\nproxy_requests_in_flight %d\n", c.inFlight)
	fmt.Fprintf(w, "# HELP proxy_embedding_errors_total Requests that got no usable embedding.\n"+
		"# TYPE proxy_embedding_errors_total counter\nproxy_embedding_errors_total %d\n", c.embeddingErrors)
	fmt.Fprint(w, "# HELP proxy_upstream_answers_total Answers of models by status, 0 for none.\n"+
		"# TYPE proxy_upstream_answers_total counter\n")
	all := make([]answer, 0, len(c.answers))
	for a := range c.answers {
		all = append(all, a)
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].model < all[j].model || all[i].model == all[j].model && all[i].code < all[j].code
	})
	for _, a := range all {
		fmt.Fprintf(w, "proxy_upstream_answers_total{model=%q,code=\"%d\"} %d\n", a.model, a.code, c.answers[a])
	}
}
