// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package mlsel

// Without cgo nothing can be loaded, so that of all these only what makes a Model or describes the library is reached.

type modelPtr = *struct{}

func cLoad(*string, []byte, *Options) (modelPtr, error)                          { return nil, ErrNoCgo }
func cRelease(modelPtr)                                                          {}
func cInfo(modelPtr) (Info, error)                                               { return Info{}, ErrNoCgo }
func cLabels(modelPtr, int) []string                                             { return nil }
func cClasses(modelPtr, int) []int                                               { return nil }
func cCategories(modelPtr, int) []string                                         { return nil }
func cCategoryCount(CategoryLayout) int                                          { return 0 }
func cSelect32(modelPtr, []float32, *Eligible) (Selection, error)                { return Selection{}, ErrNoCgo }
func cSelect64(modelPtr, []float64, *Eligible) (Selection, error)                { return Selection{}, ErrNoCgo }
func cScore32(modelPtr, []float32, *Eligible, []float64) error                   { return ErrNoCgo }
func cScore64(modelPtr, []float64, *Eligible, []float64) error                   { return ErrNoCgo }
func cProbabilities(modelPtr, []float64, *Eligible, []float64) error             { return ErrNoCgo }
func cConfidences(modelPtr, []float64, []float64) error                          { return ErrNoCgo }
func cExplain32(*Model, []float32, *Eligible) (*Evidence, error)                 { return nil, ErrNoCgo }
func cExplain64(*Model, []float64, *Eligible) (*Evidence, error)                 { return nil, ErrNoCgo }
func cVersion() string                                                           { return "" }
func cBuildInfo() string                                                         { return "" }
func cDevice(string) (DeviceInfo, error)                                         { return DeviceInfo{}, ErrNoCgo }
func cSelectBatch32(modelPtr, []float32, int, int, *Eligible, []Selection) error { return ErrNoCgo }
func cSelectBatch64(modelPtr, []float64, int, int, *Eligible, []Selection) error { return ErrNoCgo }

func cScoreBatch32(modelPtr, []float32, int, int, *Eligible, []float64, int) error { return ErrNoCgo }
func cScoreBatch64(modelPtr, []float64, int, int, *Eligible, []float64, int) error { return ErrNoCgo }

func cCompose32(modelPtr, CategoryLayout, float64, []float32, string, []float32) (bool, error) {
	return false, ErrNoCgo
}

func cCompose64(modelPtr, CategoryLayout, float64, []float64, string, []float64) (bool, error) {
	return false, ErrNoCgo
}
