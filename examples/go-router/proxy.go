// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	"mlsel"
)

// Proxy answers HTTP requests. All of it may be used by many goroutines at once.
type Proxy struct {
	config *Config
	router *mlsel.Router
	client *http.Client
	mux    *http.ServeMux
	health health
	counts counts
}

// NewProxy opens the router and makes a proxy that is to be closed.
func NewProxy(config *Config) (*Proxy, error) {
	router, err := mlsel.OpenRouter(config.Router, &mlsel.RouterOptions{CollectMetrics: true, AllowDeviceFallback: true})
	if err != nil {
		return nil, err
	}
	p := &Proxy{config: config, router: router, mux: http.NewServeMux()}
	if err := p.checkModels(); err != nil {
		router.Close()
		return nil, err
	}
	p.client = &http.Client{Transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ResponseHeaderTimeout: time.Duration(config.FirstByteTimeout),
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       time.Minute,
	}}
	p.mux.HandleFunc("/v1/chat/completions", p.chat)
	p.mux.HandleFunc("/v1/models", p.models)
	p.mux.HandleFunc("/healthz", p.healthz)
	p.mux.HandleFunc("/metrics", p.metrics)
	return p, nil
}

// checkModels sees to it that there is an endpoint for whatever the router may answer.
func (p *Proxy) checkModels() error {
	info, err := p.router.Info()
	if err != nil {
		return err
	}
	decisions, err := p.router.Decisions()
	if err != nil {
		return err
	}
	served := map[string]string{}
	if info.DefaultModel != "" {
		served[info.DefaultModel] = "the default"
	}
	for _, d := range decisions {
		for _, c := range d.Candidates {
			served[c.Served] = "decision " + d.Name
		}
	}
	for name, by := range served {
		if _, ok := p.config.Models[name]; !ok {
			return fmt.Errorf("%s may answer with %s, for which \"models\" has no endpoint", by, name)
		}
	}
	return nil
}

// Close closes the router once it is not in use.
func (p *Proxy) Close() error {
	p.client.CloseIdleConnections()
	return p.router.Close()
}

// Reload reads the router's configuration again.
func (p *Proxy) Reload() error { return p.router.Reload("") }

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// fail answers with an error in OpenAI's form.
func fail(w http.ResponseWriter, status int, kind, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"message": fmt.Sprintf(format, args...), "type": kind, "code": status}})
}

func (p *Proxy) chat(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		fail(w, http.StatusMethodNotAllowed, "invalid_request_error", "%s is not allowed, use POST", r.Method)
		return
	}
	p.counts.begin()
	defer p.counts.end()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, p.config.MaxBodyBytes))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, "invalid_request_error", "reading the request: %v", err)
		return
	}
	request, err := parseChat(body)
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request_error", "%v", err)
		return
	}
	if request.model == "auto" {
		p.auto(w, r, request)
		return
	}
	if _, ok := p.config.Models[request.model]; !ok {
		fail(w, http.StatusNotFound, "invalid_request_error", "no model %q: use \"auto\" or one of %s", request.model,
			strings.Join(p.names(), ", "))
		return
	}
	if err := p.forward(w, r, request, request.model); err != nil {
		p.unanswered(w, r, err)
	}
}

// auto finds the model. One that cannot be reached is left out and the next best one asked.
func (p *Proxy) auto(w http.ResponseWriter, r *http.Request, request *chatRequest) {
	query := mlsel.Request{Category: r.Header.Get("X-Mlsel-Category")}
	for _, signal := range r.Header.Values("X-Mlsel-Signal") {
		kind, name, ok := strings.Cut(signal, "=")
		if !ok {
			fail(w, http.StatusBadRequest, "invalid_request_error", "X-Mlsel-Signal is %q, expected TYPE=NAME", signal)
			return
		}
		query.Signals = append(query.Signals, mlsel.Signal{Type: kind, Name: name})
	}
	embedding, err := p.embed(r.Context(), request.text)
	if err != nil { // the router then takes the first candidate of the decision
		p.counts.add(&p.counts.embeddingErrors)
		log.Printf("embedding: %v", err)
	}
	query.Embedding = embedding
	query.Unavailable = p.health.down(time.Now())
	for {
		route, err := p.router.Route(&query)
		if errors.Is(err, mlsel.ErrDimensionMismatch) || errors.Is(err, mlsel.ErrNotFinite) {
			p.counts.add(&p.counts.embeddingErrors)
			fail(w, http.StatusBadGateway, "embedding_error", "%v", err)
			return
		}
		if errors.Is(err, mlsel.ErrNoCandidate) {
			fail(w, http.StatusServiceUnavailable, "upstream_error", "no model for this request can be reached; down: %s",
				strings.Join(query.Unavailable, ", "))
			return
		}
		if err != nil {
			fail(w, http.StatusServiceUnavailable, "routing_error", "%v", err)
			return
		}
		w.Header().Set("X-Mlsel-Model", route.Served)
		w.Header().Set("X-Mlsel-Decision", route.Decision)
		w.Header().Set("X-Mlsel-Probability", fmt.Sprintf("%.4f", route.Probability))
		w.Header().Set("X-Mlsel-Flags", route.Flags.String())
		err = p.forward(w, r, request, route.Served)
		var unreachable *unreachableError
		if !errors.As(err, &unreachable) || r.Context().Err() != nil {
			if err != nil {
				p.unanswered(w, r, err)
			}
			return
		}
		log.Print(err)
		for _, header := range []string{"Model", "Decision", "Probability", "Flags"} {
			w.Header().Del("X-Mlsel-" + header)
		}
		query.Unavailable = append(query.Unavailable, route.Served)
	}
}

func (p *Proxy) unanswered(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil { // else nobody is listening
		log.Print(err)
		fail(w, http.StatusBadGateway, "upstream_error", "%v", err)
	}
}

// unreachableError says that a model did not begin to answer, so that another one may.
type unreachableError struct {
	name string
	err  error
}

func (e *unreachableError) Error() string { return e.name + ": " + e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// forward sends the request to a model and its answer to the client. Once the answer has begun there is no error.
func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, request *chatRequest, name string) error {
	endpoint, ok := p.config.Models[name]
	if !ok { // a reload brought it in
		return &unreachableError{name, errors.New("has no endpoint")}
	}
	body, err := request.as(endpoint.modelName(name))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	upstream, err := endpoint.post(ctx, "/chat/completions", body)
	if err != nil {
		return err
	}
	if accept := r.Header.Get("Accept"); accept != "" {
		upstream.Header.Set("Accept", accept)
	}
	response, err := p.client.Do(upstream)
	if err != nil {
		if r.Context().Err() == nil {
			p.health.failed(name, time.Now().Add(time.Duration(p.config.RetryAfter)))
			p.counts.upstream(name, 0)
		}
		return &unreachableError{name, err}
	}
	defer response.Body.Close()
	p.counts.upstream(name, response.StatusCode)
	if response.StatusCode >= 500 {
		p.health.failed(name, time.Now().Add(time.Duration(p.config.RetryAfter)))
		return &unreachableError{name, errors.New(response.Status)}
	}
	p.health.works(name)
	for _, header := range []string{"Content-Type", "Content-Length", "Cache-Control", "Retry-After", "X-Request-Id"} {
		if value := response.Header.Get(header); value != "" {
			w.Header().Set(header, value)
		}
	}
	w.WriteHeader(response.StatusCode)
	if err := stream(w, response.Body, time.Duration(p.config.IdleTimeout), cancel); err != nil && r.Context().Err() == nil {
		log.Printf("%s: the answer broke off: %v", name, err)
		panic(http.ErrAbortHandler) // so that the client does not take it for the whole
	}
	return nil
}

// stream copies parts as they come, and gives up after a time without any.
func stream(w http.ResponseWriter, from io.Reader, idle time.Duration, giveUp func()) error {
	flusher, _ := w.(http.Flusher)
	timer := time.AfterFunc(idle, giveUp)
	defer timer.Stop()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			timer.Reset(idle)
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			if flusher != nil {
				flusher.Flush()
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (e *Endpoint) modelName(served string) string {
	if e.Model != "" {
		return e.Model
	}
	return served
}

func (e *Endpoint) post(ctx context.Context, path string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.path(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if e.APIKeyEnv != "" {
		request.Header.Set("Authorization", "Bearer "+os.Getenv(e.APIKeyEnv))
	}
	return request, nil
}

// embed asks the embedding endpoint.
func (p *Proxy) embed(ctx context.Context, text string) ([]float32, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.config.Embedding.Timeout))
	defer cancel()
	body, err := json.Marshal(map[string]any{"model": p.config.Embedding.Model, "input": text})
	if err != nil {
		return nil, err
	}
	request, err := p.config.Embedding.post(ctx, "/embeddings", body)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", request.URL, response.Status)
	}
	var answer struct {
		Data []struct {
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 4<<20)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", request.URL, err)
	}
	if len(answer.Data) != 1 || len(answer.Data[0].Embedding) == 0 {
		return nil, fmt.Errorf("%s: answered without an embedding", request.URL)
	}
	return answer.Data[0].Embedding, nil
}

func (p *Proxy) names() []string {
	names := make([]string, 0, len(p.config.Models))
	for name := range p.config.Models {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (p *Proxy) models(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		OwnedBy string `json:"owned_by"`
	}
	all := []model{{"auto", "model", "mlsel"}}
	for _, name := range p.names() {
		all = append(all, model{name, "model", "upstream"})
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": all})
}

func (p *Proxy) healthz(w http.ResponseWriter, _ *http.Request) {
	info, err := p.router.Info()
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "routing_error", "%v", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"status": "ok", "generation": info.Generation,
		"decisions": info.Decisions, "down": append([]string{}, p.health.down(time.Now())...)})
}

func (p *Proxy) metrics(w http.ResponseWriter, _ *http.Request) {
	m, err := p.router.Metrics()
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "routing_error", "%v", err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	if m.WritePrometheus(w) == nil {
		p.counts.write(w)
	}
}
