// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package mlsel_test

import (
	"errors"
	"testing"

	"mlsel"
)

func TestWithoutCgo(t *testing.T) {
	for name, call := range map[string]func() error{
		"Load":            func() error { _, err := mlsel.Load("x.json", nil); return err },
		"LoadBytes":       func() error { _, err := mlsel.LoadBytes([]byte("{}"), nil); return err },
		"OpenRouter":      func() error { _, err := mlsel.OpenRouter("x.yaml", nil); return err },
		"OpenRouterBytes": func() error { _, err := mlsel.OpenRouterBytes([]byte("{}"), nil); return err },
		"ValidateConfig":  func() error { _, err := mlsel.ValidateConfig("x.yaml", nil, false); return err },
		"QueryDevice":     func() error { _, err := mlsel.QueryDevice("cpu"); return err },
		"ComposeFeatures": func() error {
			_, _, err := mlsel.ComposeFeatures(nil, []float32{1}, "math", mlsel.CategoriesVSR, 0)
			return err
		},
	} {
		if err := call(); !errors.Is(err, mlsel.ErrNoCgo) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
