// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// examples is the folder with an artifact of each kind; queries of 1038 values.
const examples = "../../../examples"

func readModel(t *testing.T, folder, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name+"_model.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// readQueries reads rows of 1038 floats.
func readQueries(t *testing.T, path string) [][]float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const width = 1038
	var rows [][]float64
	for ; len(data) >= 4*width; data = data[4*width:] {
		row := make([]float64, width)
		for i := range row {
			row[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
		}
		rows = append(rows, row)
	}
	return rows
}

// trainedFolder is where the ecosystem's trained artifacts are, or the test is skipped.
func trainedFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("TEST_DATA_DIR")
	if folder == "" {
		t.Skip("the measuring data with trained artifacts is not here (TEST_DATA_DIR)")
	}
	return folder
}

func expectedLabels(t *testing.T, folder string) []map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		labels := map[string]string{}
		for _, k := range kinds {
			var answer struct{ Label string }
			if err := json.Unmarshal(line[k.name], &answer); err != nil {
				t.Fatal(err)
			}
			labels[k.name] = answer.Label
		}
		all = append(all, labels)
	}
	return all
}

func TestTrainedArtifacts(t *testing.T) {
	folder := trainedFolder(t)
	queries := readQueries(t, filepath.Join(folder, "queries_300x1038.f32"))
	expected := expectedLabels(t, folder)
	if len(queries) != 300 || len(expected) != 300 {
		t.Fatalf("%d queries, %d expectations, not 300", len(queries), len(expected))
	}
	for i := range kinds {
		k := &kinds[i]
		s, err := load(k, readModel(t, folder, k.name))
		if err != nil {
			t.Fatal(k.name, err)
		}
		for q, query := range queries {
			if got, err := s.Select(query); err != nil || got != expected[q][k.name] {
				t.Fatalf("%s: query %d: %q, %v; expected %q", k.name, q, got, err, expected[q][k.name])
			}
		}
		s.Close()
	}
}

func TestUntrained(t *testing.T) {
	all := newVariants()
	for i := range kinds {
		all = append(all, newSelector(&kinds[i]))
	}
	for _, s := range all {
		if s.handle == nil {
			t.Fatalf("%s: new gives nil", s.kind.name)
		}
		if _, err := s.Select([]float64{1, 2}); err != errNotTrained {
			t.Errorf("%s: untrained: %v", s.kind.name, err)
		}
		text, err := s.ToJSON()
		if err != nil || !json.Valid([]byte(text)) {
			t.Fatalf("%s: to_json: %q, %v", s.kind.name, text, err)
		}
		again, err := load(s.kind, text)
		if err != nil {
			t.Fatalf("%s: %s cannot be loaded", s.kind.name, text)
		}
		again.Close()
		s.Close()
		if _, err := s.Select([]float64{1, 2}); err != errNotInitialized {
			t.Errorf("%s: closed: %v", s.kind.name, err)
		}
	}
}

func TestBadInput(t *testing.T) {
	for i := range kinds {
		k := &kinds[i]
		for _, text := range []string{"", "{", "null", `{"algorithm":"` + k.name + `","x":NaN}`, "\xff\xfe"} {
			if _, err := load(k, text); err == nil {
				t.Errorf("%s: %q was loaded", k.name, text)
			}
		}
		s, err := load(k, readModel(t, examples+"/models", k.name))
		if err != nil {
			t.Fatal(err)
		}
		nan := make([]float64, 1038)
		nan[7] = math.NaN()
		for _, query := range [][]float64{nil, {}, {1}, make([]float64, 1037), make([]float64, 1039), nan} {
			if name, err := s.Select(query); err != errSelect {
				t.Errorf("%s: %d values: %q, %v", k.name, len(query), name, err)
			}
		}
		s.Close()
	}
}

func TestDevices(t *testing.T) {
	text := readModel(t, examples+"/models", "mlp")
	query := readQueries(t, examples+"/queries.f32")[0]
	for device := 0; device <= 2; device++ {
		for dtype := -1; dtype <= 2; dtype++ {
			s, err := loadMLP(text, device, dtype)
			if err != nil {
				t.Fatalf("device %d, dtype %d: %v", device, dtype, err)
			}
			if got, err := s.Select(query); got != "codellama-7b" {
				t.Errorf("device %d, dtype %d: %q, %v", device, dtype, got, err)
			}
			s.Close()
		}
	}
}

func TestScore(t *testing.T) {
	s, err := load(&kinds[1], readModel(t, examples+"/models", "kmeans"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, query := range readQueries(t, examples+"/queries.f32") {
		name, err := s.Select(query)
		if err != nil {
			t.Fatal(err)
		}
		cluster, scores, err := s.Score(query)
		if err != nil || cluster < 0 || scores[name] != 1 {
			t.Errorf("%q is chosen; cluster %d, scores %v, %v", name, cluster, scores, err)
		}
	}
}

// TestShared lets 64 goroutines ask shared selectors while others load, ask and close their own.
func TestShared(t *testing.T) {
	queries := readQueries(t, examples+"/queries.f32")
	var texts, expected [][]string
	var shared []*Selector
	for i := range kinds {
		text := readModel(t, examples+"/models", kinds[i].name)
		s, err := load(&kinds[i], text)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var names []string
		for _, query := range queries {
			name, err := s.Select(query)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		shared, texts, expected = append(shared, s), append(texts, []string{text}), append(expected, names)
	}
	ask := func(s *Selector, i int) {
		for q, query := range queries {
			if name, err := s.Select(query); err != nil || name != expected[i][q] {
				t.Errorf("%s: %q, %v; expected %q", s.kind.name, name, err, expected[i][q])
			}
		}
	}
	var all sync.WaitGroup
	run := func(n int, work func(n int)) {
		for g := 0; g < n; g++ {
			all.Add(1)
			go func(g int) {
				defer all.Done()
				work(g)
			}(g)
		}
	}
	run(64, func(g int) {
		for round := 0; round < 8; round++ {
			ask(shared[(g+round)%len(shared)], (g+round)%len(shared))
		}
	})
	run(8, func(g int) {
		for round := 0; round < 4; round++ {
			i := (g + round) % len(kinds)
			s, err := load(&kinds[i], texts[i][0])
			if err != nil {
				t.Error(err)
				return
			}
			ask(s, i)
			if text, err := s.ToJSON(); err != nil || text != texts[i][0] {
				t.Errorf("%s: to_json differs: %v", s.kind.name, err)
			}
			s.Close()
		}
	})
	all.Wait()
}
