// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mlsel"
)

const small = `{"algorithm": "knn", "trained": true, "k": 1, "embeddings": [[1, 0], [0, 1]], "labels": ["a", "b"],
	"qualities": [1, 1], "latencies": [1, 1]}`

func TestErrorsOfLoading(t *testing.T) {
	for _, c := range []struct {
		name, artifact string
		options        mlsel.Options
		status         mlsel.Status
		place          string // of an ArtifactError
		offset         int64
	}{
		{"no JSON", `{"algorithm": "knn", xx`, mlsel.Options{}, mlsel.ErrParse, "$", 21},
		{"empty", ``, mlsel.Options{}, mlsel.ErrParse, "", 0},
		{"a short row", `{"algorithm": "knn", "trained": true, "k": 1, "embeddings": [[1, 0], [0]], "labels": ["a", "b"],
			"qualities": [1, 1], "latencies": [1, 1]}`, mlsel.Options{}, mlsel.ErrSchema, "$.embeddings[1]", -1},
		{"an algorithm of its own", `{"algorithm": "dice"}`, mlsel.Options{}, mlsel.ErrUnsupported, "$.algorithm", -1},
		{"not trained", `{"algorithm": "knn", "trained": false}`, mlsel.Options{}, mlsel.ErrNotTrained, "", -1},
		{"no rows", `{"algorithm": "knn", "trained": true, "k": 1, "embeddings": [], "labels": [], "qualities": [],
			"latencies": []}`, mlsel.Options{}, mlsel.ErrNotTrained, "$.embeddings", -1},
		{"of the future", `{"algorithm": "kmeans", "format_version": 9}`, mlsel.Options{}, mlsel.ErrVersion,
			"$.format_version", -1},
		{"too large", small, mlsel.Options{MaxBytes: 10}, mlsel.ErrLimit, "", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := mlsel.LoadBytes([]byte(c.artifact), &c.options)
			if !errors.Is(err, c.status) {
				t.Fatalf("%v, want %v", err, c.status)
			}
			var bad *mlsel.ArtifactError
			if !errors.As(err, &bad) {
				t.Fatalf("%T is no *ArtifactError", err)
			}
			if bad.Status != c.status || bad.Place != c.place || bad.Offset != c.offset || bad.File != "" ||
				bad.Message == "" {
				t.Errorf("%+v", bad)
			}
		})
	}
}

func TestErrorsOfFiles(t *testing.T) {
	folder := t.TempDir()
	_, err := mlsel.Load(filepath.Join(folder, "none.json"), nil)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, mlsel.ErrNotFound) {
		t.Errorf("%v", err)
	}
	contains(t, err, "pretrained model not found: "+folder)

	_, err = mlsel.Load(folder, nil)
	if !errors.Is(err, mlsel.ErrIO) || !errors.Is(err, syscall.EISDIR) {
		t.Errorf("a folder: %v", err)
	}

	path := filepath.Join(folder, "bad.json")
	if err := os.WriteFile(path, []byte(`{"algorithm": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var bad *mlsel.ArtifactError
	if _, err = mlsel.Load(path, nil); !errors.As(err, &bad) || bad.File != path || bad.Place != "$.algorithm" {
		t.Errorf("%#v", err)
	}
	contains(t, err, "bad.json: $.algorithm")
	if _, err = mlsel.Load("a\x00b", nil); !errors.Is(err, mlsel.ErrInvalidArgument) {
		t.Errorf("a zero byte: %v", err)
	}
}

func TestErrorsOfOptions(t *testing.T) {
	for name, options := range map[string]mlsel.Options{
		"K below 0":        {K: -1},
		"MaxBytes below 0": {MaxBytes: -1},
		"Threads below 0":  {Threads: -1},
		"Threads":          {Threads: 100000},
		"KNNRule":          {KNNRule: 7},
		"CategoryLayout":   {CategoryLayout: mlsel.CategoriesArtifact},
		"Device":           {Device: "a\x00b"},
	} {
		if _, err := mlsel.LoadBytes([]byte(small), &options); !errors.Is(err, mlsel.ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := mlsel.LoadBytes([]byte(small), &mlsel.Options{Device: "cuda:63"})
	if !errors.Is(err, mlsel.ErrDeviceUnavailable) {
		t.Errorf("%v", err)
	}
	m, err := mlsel.LoadBytes([]byte(small), &mlsel.Options{Device: "cuda:63", AllowDeviceFallback: true})
	if err != nil || !m.Info().DeviceFallback || m.Info().Device != "cpu" {
		t.Fatalf("%v", err)
	}
	m.Close()
	if _, err = mlsel.QueryDevice("cuda:63"); !errors.Is(err, mlsel.ErrDeviceUnavailable) {
		t.Errorf("%v", err)
	}
}

func TestErrorsOfQueries(t *testing.T) {
	m := load(t, artifact("mlp"), nil)
	x := features(t, m, queries(t)[0])
	for _, n := range []int{0, 1, 1024, 1039} {
		var wrong *mlsel.DimensionError
		_, err := m.Select(make([]float32, n), nil)
		if !errors.As(err, &wrong) || !errors.Is(err, mlsel.ErrDimensionMismatch) || wrong.Got != n || wrong.Want != 1038 {
			t.Errorf("%d values: %#v", n, err)
		}
		if _, err = m.Scores64(nil, make([]float64, n), nil); !errors.Is(err, mlsel.ErrDimensionMismatch) {
			t.Errorf("%d values: %v", n, err)
		}
		if n != 0 {
			if _, err = m.SelectBatch(nil, make([]float32, n), nil); !errors.Is(err, mlsel.ErrDimensionMismatch) {
				t.Errorf("a batch of %d values: %v", n, err)
			}
		}
	}
	var wrong *mlsel.DimensionError
	if _, _, err := m.Compose(nil, x[:1000], "math"); !errors.As(err, &wrong) || wrong.Got != 1000 || wrong.Want != 1024 {
		t.Errorf("an embedding of 1000 values: %#v", err)
	}

	for _, value := range []float64{math.NaN(), math.Inf(1), 1e39} {
		bad := widen(x)
		bad[17] = value
		var notFinite *mlsel.NotFiniteError
		_, err := m.Select64(bad, nil)
		if !errors.As(err, &notFinite) || !errors.Is(err, mlsel.ErrNotFinite) || notFinite.Index != 17 {
			t.Errorf("%v: %#v", value, err)
		}
	}

	none := mlsel.EligibleIndices(nil)
	unknown := m.EligibleNames("gpt-0")
	nothing := mlsel.EligibleMask(make([]bool, 4))
	for _, e := range []*mlsel.Eligible{&none, &unknown, &nothing} {
		if _, err := m.Select(x, e); !errors.Is(err, mlsel.ErrNoCandidate) {
			t.Errorf("nothing eligible: %v", err)
		}
	}
	short, empty, beyond := mlsel.EligibleMask(make([]bool, 3)), mlsel.EligibleMask(nil), mlsel.EligibleIndices([]int32{4})
	for _, e := range []*mlsel.Eligible{&short, &empty, &beyond} {
		if _, err := m.Select(x, e); !errors.Is(err, mlsel.ErrInvalidArgument) {
			t.Errorf("a bad Eligible: %v", err)
		}
	}
	if _, err := m.Probabilities(nil, make([]float64, 3), nil); !errors.Is(err, mlsel.ErrInvalidArgument) {
		t.Errorf("three scores: %v", err)
	}
	if _, _, err := m.Compose(nil, x[:1024], "ma\x00th"); !errors.Is(err, mlsel.ErrInvalidArgument) {
		t.Errorf("a zero byte: %v", err)
	}
	if _, _, err := mlsel.ComposeFeatures(nil, x, "math", 9, 0); !errors.Is(err, mlsel.ErrInvalidArgument) {
		t.Errorf("no layout: %v", err)
	}
}

func TestZeroModel(t *testing.T) {
	var m mlsel.Model
	for name, err := range everyCall(&m, make([]float32, 1038)) {
		if name != "Categories" && err == nil {
			t.Errorf("%s of a zero Model succeeds", name)
		}
	}
}

func TestStatusText(t *testing.T) {
	if got := mlsel.ErrNotTrained.Error(); got != "mlsel: model not trained" {
		t.Error(got)
	}
	for _, s := range []mlsel.Status{1, -99} {
		contains(t, s, "status")
	}
}
