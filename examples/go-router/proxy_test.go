// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type query struct {
	Text      string    `json:"text"`
	Embedding []float32 `json:"embedding"`
	Category  string    `json:"category"`
}

func queries(t *testing.T) []query {
	t.Helper()
	text, err := os.ReadFile("../queries.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all []query
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		var q query
		if err := decoder.Decode(&q); err != nil {
			t.Fatal(err)
		}
		all = append(all, q)
	}
	return all
}

// world is a proxy with fake servers around it.
type world struct {
	proxy     *Proxy
	server    *httptest.Server
	queries   []query
	broken    sync.Map     // models that answer 500
	embedding atomic.Value // "", "down" or "wrong": how the embedding server behaves
	seen      chan map[string]any
	step      chan struct{} // lets a streamed answer go on
	left      chan string   // models whose client went away
}

var names = []string{"llama-3.2-1b", "llama-3.2-3b", "codellama-7b", "mistral-7b", "math-lora"}

func newWorld(t *testing.T) *world {
	t.Helper()
	log.SetOutput(io.Discard)
	w := &world{queries: queries(t), seen: make(chan map[string]any, 1000), step: make(chan struct{}, 100),
		left: make(chan string, 10)}
	w.embedding.Store("")
	embedder := httptest.NewServer(http.HandlerFunc(w.embed))
	t.Cleanup(embedder.Close)
	config := &Config{
		Router:           "../router.yaml",
		Embedding:        Endpoint{URL: embedder.URL + "/v1", Model: "embedder", Timeout: Duration(10 * time.Second)},
		Models:           map[string]Endpoint{},
		FirstByteTimeout: Duration(20 * time.Second),
		IdleTimeout:      Duration(time.Minute),
		RetryAfter:       Duration(time.Minute),
		MaxBodyBytes:     1 << 20,
	}
	for _, name := range names {
		name := name
		llm := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.llm(rw, r, name) }))
		t.Cleanup(llm.Close)
		config.Models[name] = Endpoint{URL: llm.URL + "/v1", Model: "served-" + name}
	}
	proxy, err := NewProxy(config)
	if err != nil {
		t.Fatal(err)
	}
	w.proxy = proxy
	w.server = httptest.NewServer(proxy)
	t.Cleanup(func() {
		w.server.Close()
		proxy.Close()
	})
	return w
}

func (w *world) embed(rw http.ResponseWriter, r *http.Request) {
	var request struct{ Model, Input string }
	if json.NewDecoder(r.Body).Decode(&request) != nil || r.URL.Path != "/v1/embeddings" || request.Model != "embedder" {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	vector := w.queries[0].Embedding
	for _, q := range w.queries {
		if q.Text == request.Input {
			vector = q.Embedding
		}
	}
	switch w.embedding.Load() {
	case "down":
		http.Error(rw, "down", http.StatusServiceUnavailable)
		return
	case "wrong":
		vector = vector[:7]
	}
	json.NewEncoder(rw).Encode(map[string]any{"data": []any{map[string]any{"embedding": vector}}})
}

func (w *world) llm(rw http.ResponseWriter, r *http.Request, name string) {
	var request map[string]any
	if json.NewDecoder(r.Body).Decode(&request) != nil || r.URL.Path != "/v1/chat/completions" {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	w.seen <- request
	if _, broken := w.broken.Load(name); broken {
		http.Error(rw, "broken", http.StatusInternalServerError)
		return
	}
	if request["stream"] != true {
		rw.Header().Set("Content-Type", "application/json")
		json.NewEncoder(rw).Encode(map[string]any{"model": request["model"], "choices": []any{}})
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	for part := 0; part < 3; part++ {
		fmt.Fprintf(rw, "data: {\"part\": %d}\n\n", part)
		rw.(http.Flusher).Flush()
		select {
		case <-w.step:
		case <-r.Context().Done():
			w.left <- name
			return
		}
	}
	fmt.Fprint(rw, "data: [DONE]\n\n")
}

// ask sends a chat request.
func (w *world) ask(t *testing.T, ctx context.Context, body string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.server.URL+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func auto(q query, more string) string {
	text, _ := json.Marshal(q.Text)
	return fmt.Sprintf(`{"model": "auto", "messages": [{"role": "system", "content": "Be brief."},
		{"role": "user", "content": %s}], "temperature": 0.5%s}`, text, more)
}

func (w *world) get(t *testing.T, path string) string {
	t.Helper()
	response, err := http.Get(w.server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, response.Status, err)
	}
	return string(text)
}

// What each query's decision chooses, by scikit-learn (tests/fixtures of the repository).
var want = []string{"codellama-7b", "codellama-7b", "mistral-7b", "llama-3.2-3b", "mistral-7b", "llama-3.2-1b"}

func TestRouting(t *testing.T) {
	w := newWorld(t)
	for i, q := range w.queries {
		response := w.ask(t, context.Background(), auto(q, `, "user": "me"`), "X-Mlsel-Category", q.Category)
		var answer struct{ Model string }
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		got := <-w.seen
		if response.StatusCode != http.StatusOK || answer.Model != "served-"+want[i] ||
			response.Header.Get("X-Mlsel-Model") != want[i] {
			t.Errorf("query %d: %s, %q, %v", i, response.Status, answer.Model, response.Header)
		}
		if got["model"] != "served-"+want[i] || got["temperature"] != 0.5 || got["user"] != "me" ||
			len(got["messages"].([]any)) != 2 {
			t.Errorf("query %d: the model got %v", i, got)
		}
	}
	response := w.ask(t, context.Background(), auto(w.queries[0], ""), "X-Mlsel-Signal", "keyword=urgent")
	if response.Header.Get("X-Mlsel-Model") != "llama-3.2-1b" || response.Header.Get("X-Mlsel-Decision") != "urgent_decision" {
		t.Errorf("with a signal: %v", response.Header)
	}
	<-w.seen
	response = w.ask(t, context.Background(), `{"model": "mistral-7b", "messages": [{"role": "user", "content": "Hi"}]}`)
	if got := <-w.seen; response.StatusCode != http.StatusOK || got["model"] != "served-mistral-7b" {
		t.Errorf("a model by name: %s, %v", response.Status, got)
	}
	parts := `{"model": "auto", "messages": [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "x"}]}]}`
	if response = w.ask(t, context.Background(), parts); response.StatusCode != http.StatusOK {
		t.Errorf("a content of parts: %s", response.Status)
	}
}

func TestStreaming(t *testing.T) {
	w := newWorld(t)
	response := w.ask(t, context.Background(), auto(w.queries[0], `, "stream": true`), "X-Mlsel-Category", "math")
	if response.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	for part := 0; part < 3; part++ { // each part arrives before the model writes the next one
		if !lines.Scan() || lines.Text() != fmt.Sprintf("data: {\"part\": %d}", part) || !lines.Scan() {
			t.Fatalf("part %d: %q, %v", part, lines.Text(), lines.Err())
		}
		w.step <- struct{}{}
	}
	if !lines.Scan() || lines.Text() != "data: [DONE]" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
}

func TestClientGoesAway(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	response := w.ask(t, ctx, auto(w.queries[0], `, "stream": true`), "X-Mlsel-Category", "math")
	if _, err := response.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case name := <-w.left:
		if name != "codellama-7b" {
			t.Errorf("%s was left", name)
		}
	case <-time.After(5 * time.Second):
		t.Error("the model goes on writing")
	}
}

func TestAnswerThatStalls(t *testing.T) {
	w := newWorld(t)
	w.proxy.config.IdleTimeout = Duration(300 * time.Millisecond)
	response := w.ask(t, context.Background(), auto(w.queries[0], `, "stream": true`), "X-Mlsel-Category", "math")
	text, err := io.ReadAll(response.Body)
	if err == nil {
		t.Errorf("%q is taken for the whole answer", text)
	}
	if !strings.Contains(string(text), "part") {
		t.Errorf("%q", text)
	}
}

func TestModelThatIsDown(t *testing.T) {
	w := newWorld(t)
	w.broken.Store("codellama-7b", true)
	for round := 0; round < 2; round++ {
		response := w.ask(t, context.Background(), auto(w.queries[0], ""), "X-Mlsel-Category", "math")
		// of the others llama-3.2-1b has the most votes (tests/fixtures/examples_knn.expected.json)
		if response.StatusCode != http.StatusOK || response.Header.Get("X-Mlsel-Model") != "llama-3.2-1b" ||
			response.Header.Get("X-Mlsel-Flags") != "restricted" {
			t.Errorf("%s, %v", response.Status, response.Header)
		}
	}
	if asked := len(w.seen); asked != 3 { // the broken one only once
		t.Errorf("%d models were asked", asked)
	}
	if text := w.get(t, "/healthz"); !strings.Contains(text, `"down":["codellama-7b"]`) {
		t.Error(text)
	}
	for _, name := range names {
		w.broken.Store(name, true)
	}
	response := w.ask(t, context.Background(), auto(w.queries[0], ""), "X-Mlsel-Category", "math")
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "down: codellama-7b, ") {
		t.Errorf("all are down: %s, %s", response.Status, text)
	}
	if header := response.Header.Get("X-Mlsel-Model"); header != "" {
		t.Errorf("all are down, but %s is said to answer", header)
	}
	w.broken = sync.Map{}
	w.proxy.health.until["codellama-7b"] = time.Now() // its time is over
	response = w.ask(t, context.Background(), auto(w.queries[0], ""), "X-Mlsel-Category", "math")
	if response.Header.Get("X-Mlsel-Model") != "codellama-7b" {
		t.Errorf("works again: %v", response.Header)
	}
}

func TestEmbeddingServer(t *testing.T) {
	w := newWorld(t)
	w.embedding.Store("down")
	response := w.ask(t, context.Background(), auto(w.queries[0], ""), "X-Mlsel-Category", "math")
	if response.StatusCode != http.StatusOK || response.Header.Get("X-Mlsel-Flags") != "selector-failed" ||
		response.Header.Get("X-Mlsel-Model") != "llama-3.2-1b" {
		t.Errorf("down: %s, %v", response.Status, response.Header)
	}
	w.embedding.Store("wrong")
	response = w.ask(t, context.Background(), auto(w.queries[0], ""), "X-Mlsel-Category", "math")
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusBadGateway || !strings.Contains(string(text), "dimension") {
		t.Errorf("of the wrong width: %s, %s", response.Status, text)
	}
	if text := w.get(t, "/metrics"); !strings.Contains(text, "\nproxy_embedding_errors_total 2\n") {
		t.Error(text)
	}
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	for body, status := range map[string]int{
		`{`:                  http.StatusBadRequest,
		`[]`:                 http.StatusBadRequest,
		`{"model": "auto"}`:  http.StatusBadRequest,
		`{"messages": [{}]}`: http.StatusBadRequest,
		`{"model": "auto", "messages": [{"role": "system", "content": "x"}]}`:                                http.StatusBadRequest,
		`{"model": "gpt-0", "messages": [{"role": "user", "content": "x"}]}`:                                 http.StatusNotFound,
		`{"model": "auto", "messages": [{"role": "user", "content": "` + strings.Repeat("x", 2<<20) + `"}]}`: http.StatusRequestEntityTooLarge,
	} {
		response := w.ask(t, context.Background(), body)
		var answer struct {
			Error struct{ Message, Type string }
		}
		if json.NewDecoder(response.Body).Decode(&answer) != nil || answer.Error.Message == "" || response.StatusCode != status {
			t.Errorf("%.60s: %s, %+v, want %d", body, response.Status, answer, status)
		}
	}
	if response := w.ask(t, context.Background(), auto(w.queries[0], ""), "X-Mlsel-Signal", "urgent"); response.StatusCode != 400 {
		t.Errorf("a signal without a type: %s", response.Status)
	}
	response, err := http.Get(w.server.URL + "/v1/chat/completions")
	if err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v, %v", response, err)
	}
}

func TestManyAtOnceWithReloads(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	for g := 0; g < 16; g++ {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			for n := 0; n < 10; n++ {
				i := (g + n) % len(w.queries)
				response := w.ask(t, context.Background(), auto(w.queries[i], ""), "X-Mlsel-Category", w.queries[i].Category)
				if got := response.Header.Get("X-Mlsel-Model"); got != want[i] {
					t.Errorf("query %d: %s, want %s", i, got, want[i])
				}
			}
		}(g)
	}
	for n := 0; n < 5; n++ {
		if err := w.proxy.Reload(); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
	text := w.get(t, "/metrics")
	for i := 0; i < 500 && !strings.Contains(text, "in_flight 0"); i++ { // a client may be faster than the end of its request
		time.Sleep(10 * time.Millisecond)
		text = w.get(t, "/metrics")
	}
	for _, line := range []string{"mlsel_requests_total 160", "mlsel_config_generation 6", "proxy_requests_total 160",
		"proxy_requests_in_flight 0"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	if text := w.get(t, "/v1/models"); !strings.Contains(text, `"id":"auto"`) || !strings.Contains(text, `"id":"math-lora"`) {
		t.Error(text)
	}
}

func TestConfig(t *testing.T) {
	t.Setenv("MISTRAL_API_KEY", "secret")
	config, err := ReadConfig("config.json")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := NewProxy(config) // every model of the router has an endpoint
	if err != nil {
		t.Fatal(err)
	}
	proxy.Close()
	delete(config.Models, "math-lora")
	if _, err := NewProxy(config); err == nil || !strings.Contains(err.Error(), "math-lora") {
		t.Errorf("a model without an endpoint: %v", err)
	}
	for text, part := range map[string]string{
		`{`:               "unexpected EOF",
		`{"rooter": "x"}`: "rooter",
		`{}`:              "router",
		`{"router": "x", "embedding": {"url": "localhost"}}`:                                    "http://",
		`{"router": "x", "embedding": {"url": "http://h/v1"}}`:                                  "models",
		`{"router": "x", "idle_timeout": 3}`:                                                    "30s",
		`{"router": "x", "idle_timeout": "-1s"}`:                                                "above 0",
		`{"router": "x", "embedding": {"url": "http://h/v1", "api_key_env": "GO_ROUTER_NONE"}}`: "GO_ROUTER_NONE",
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q", text, err, part)
		}
	}
}
