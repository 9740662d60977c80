// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"mlsel"
)

// Four artifacts of the ecosystem's trainer and what scikit-learn and PyTorch answer for 300 queries. MLSEL_TEST_DATA names
// the folder that has them.
func TestTrainedArtifacts(t *testing.T) {
	folder := filepath.Join(os.Getenv("MLSEL_TEST_DATA"), "trained")
	lines, err := os.Open(filepath.Join(folder, "expected.jsonl"))
	if err != nil {
		t.Skip("skipped: no trained artifacts: MLSEL_TEST_DATA names no folder that has them")
	}
	defer lines.Close()
	raw, err := os.ReadFile(filepath.Join(folder, "queries_300x1038.f32"))
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(raw)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	const width = 1038
	models := map[string]*mlsel.Model{}
	batches := map[string][]mlsel.Selection{}
	for _, algorithm := range algorithms {
		models[algorithm] = load(t, unpack(t, filepath.Join(folder, algorithm+"_model.json.gz")), nil)
		if batches[algorithm], err = models[algorithm].SelectBatch(nil, x, nil); err != nil {
			t.Fatal(err)
		}
	}
	decoder := json.NewDecoder(bufio.NewReader(lines))
	count := 0
	for ; decoder.More(); count++ {
		var want struct {
			KNN    struct{ Votes map[string]float64 }
			KMeans struct{ Cluster int }
			SVM    struct {
				Ovr []float64 `json:"decision_function_ovr"`
			}
			MLP struct{ Logits []float64 }
		}
		var labels map[string]json.RawMessage
		var line json.RawMessage
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &labels); err != nil {
			t.Fatal(err)
		}
		query := x[count*width : (count+1)*width]
		for _, algorithm := range algorithms {
			var of struct{ Label string }
			if err := json.Unmarshal(labels[algorithm], &of); err != nil {
				t.Fatal(err)
			}
			m := models[algorithm]
			s, err := m.Select(query, nil)
			if err != nil || s.Label != of.Label || batches[algorithm][count].Label != of.Label {
				t.Errorf("%s, query %d: %q and in a batch %q, %v; want %q", algorithm, count, s.Label,
					batches[algorithm][count].Label, err, of.Label)
			}
			scores, err := m.Scores(nil, query, nil)
			if err != nil {
				t.Fatal(err)
			}
			switch algorithm {
			case "knn":
				for label, votes := range want.KNN.Votes {
					i, _ := m.FindLabel(label)
					near(t, "votes", scores[i:i+1], []float64{votes}, 1e-5)
				}
			case "kmeans":
				if s.Cluster != want.KMeans.Cluster {
					t.Errorf("query %d: cluster %d, want %d", count, s.Cluster, want.KMeans.Cluster)
				}
			case "mlp":
				near(t, "logits", scores, want.MLP.Logits, 1e-5)
			case "svm": // the classes' order need not be that of the labels
				near(t, "sum of the decision function", []float64{sum(scores)}, []float64{sum(want.SVM.Ovr)}, 1e-5)
			}
		}
	}
	if count != 300 {
		t.Errorf("%d queries, want 300", count)
	}
}

func sum(x []float64) (total float64) {
	for _, v := range x {
		total += v
	}
	return total
}

func unpack(t *testing.T, path string) string {
	t.Helper()
	packed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	reader, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.CreateTemp(t.TempDir(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := io.Copy(plain, reader); err != nil {
		t.Fatal(err)
	}
	return plain.Name()
}
