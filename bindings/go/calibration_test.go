// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"errors"
	"math"
	"testing"

	"mlsel"
)

// The scores of [1, 0.5] are 0.5, 0.25 and 0; the confidence of a rises from 0.2 to 0.8 between 0.4 and 0.6.
const calibrated = `{"algorithm":"mlp","trained":true,"model_names":["a","b","c"],"feature_dim":2,
"layers":[{"type":"linear","in_features":2,"out_features":3,"weight":[[0.5,0],[0,0.5],[0,0]],"bias":[0,0,0]}],
"calibration":{"method":"isotonic","models":["b","a"],"scores":[[0,1,1],[0.4,0.6,1]],
"probabilities":[[0,1,1],[0.2,0.8,0.9]],"records":12}}`

func TestConfidences(t *testing.T) {
	m := loadBytes(t, calibrated)
	info := m.Info()
	if info.Calibration != mlsel.CalibrationIsotonic || info.CalibrationRecords != 12 || info.Calibration.String() != "isotonic" {
		t.Errorf("info: %v, %d records", info.Calibration, info.CalibrationRecords)
	}
	best, err := m.Select([]float32{1, 0.5}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if best.Label != "a" || math.Abs(best.Confidence-0.5) > 1e-12 || best.Flags&mlsel.SelectionCalibrated == 0 {
		t.Errorf("select: %+v", best)
	}
	batch, err := m.SelectBatch(nil, []float32{1, 0.5, 0, 0.5}, nil)
	if err != nil || math.Abs(batch[0].Confidence-0.5) > 1e-12 || math.Abs(batch[1].Confidence-0.25) > 1e-12 {
		t.Errorf("batch: %+v, %v", batch, err)
	}
	e, err := m.Explain([]float32{1, 0.5}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Confidences(nil, e.Scores)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]float64{got, e.Confidences} {
		if len(c) != 3 || math.Abs(c[0]-0.5) > 1e-12 || math.Abs(c[1]-0.25) > 1e-12 || !math.IsNaN(c[2]) {
			t.Errorf("confidences: %v", c)
		}
	}
	if best.Flags.String() != "calibrated" {
		t.Errorf("flags: %v", best.Flags)
	}
	if _, err := m.Confidences(nil, []float64{1}); !errors.Is(err, mlsel.ErrInvalidArgument) {
		t.Errorf("too few scores: %v", err)
	}
	if _, err := m.Confidences(nil, []float64{1, math.NaN(), 0}); !errors.Is(err, mlsel.ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
}

func TestNoConfidences(t *testing.T) {
	for _, algorithm := range algorithms {
		m := load(t, artifact(algorithm), nil)
		x := features(t, m, queries(t)[0])
		e, err := m.Explain(x, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.Info().Calibration != mlsel.CalibrationNone || e.Confidences != nil || e.Confidence != 0 ||
			e.Flags&mlsel.SelectionCalibrated != 0 {
			t.Errorf("%s: %+v", algorithm, e)
		}
		if _, err := m.Confidences(nil, e.Scores); !errors.Is(err, mlsel.ErrUnsupported) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}
