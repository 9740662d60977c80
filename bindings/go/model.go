// SPDX-License-Identifier: Apache-2.0

package mlsel

import (
	"fmt"
	"runtime"
	"strings"
)

// Model is a loaded artifact, bound to a device. It is immutable and shared freely between goroutines.
type Model struct {
	handle
	ptr    modelPtr
	labels []string
	index  map[string]int32
	info   Info
	pairs  []PairDecision // SVM: the labels of each pair
}

// Load loads an artifact from a file; nil options stand for all defaults. The whole file is checked before anything is
// used. Two loads of the same content share one copy of the weights.
//
// The error is an *ArtifactError that names the place, or matches fs.ErrNotExist, ErrIO, ErrUnsupported,
// ErrDeviceUnavailable or ErrNoMemory.
func Load(path string, options *Options) (*Model, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("the path %q has a zero byte", path)}
	}
	return newModel(&path, nil, options)
}

// LoadBytes loads an artifact from memory, which is not needed after the call. Otherwise as Load.
func LoadBytes(artifact []byte, options *Options) (*Model, error) {
	return newModel(nil, artifact, options)
}

func newModel(path *string, artifact []byte, options *Options) (*Model, error) {
	if options == nil {
		options = &Options{}
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	ptr, err := cLoad(path, artifact, options)
	if err != nil {
		return nil, err
	}
	return wrapModel(ptr)
}

// wrapModel takes over the caller's reference.
func wrapModel(ptr modelPtr) (*Model, error) {
	info, err := cInfo(ptr)
	if err != nil {
		cRelease(ptr)
		return nil, err
	}
	m := &Model{ptr: ptr, info: info, labels: cLabels(ptr, info.Labels), index: make(map[string]int32, info.Labels)}
	for i, label := range m.labels {
		m.index[label] = int32(i)
	}
	if info.Pairs > 0 {
		m.pairs = pairsOf(cClasses(ptr, info.Classes))
	}
	runtime.SetFinalizer(m, (*Model).finalize)
	return m, nil
}

// pairsOf lists the pairs of classes in the order of an SVM's decisions: (0,1), (0,2), ... (1,2), ...
func pairsOf(classes []int) []PairDecision {
	var pairs []PairDecision
	for i, first := range classes {
		for _, second := range classes[i+1:] {
			pairs = append(pairs, PairDecision{First: first, Second: second})
		}
	}
	return pairs
}

func (o *Options) check() error {
	const max = 1<<31 - 1
	switch {
	case o.K < 0 || o.K > max:
		return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("Options.K is %d, expected 0 to %d", o.K, max)}
	case o.Threads < 0 || o.Threads > max:
		return &Error{Status: ErrInvalidArgument,
			Message: fmt.Sprintf("Options.Threads is %d, expected 0 to 256", o.Threads)}
	case o.MaxBytes < 0:
		return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("Options.MaxBytes is %d, below 0", o.MaxBytes)}
	case strings.IndexByte(o.Device, 0) >= 0:
		return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("Options.Device %q has a zero byte", o.Device)}
	}
	return nil
}

// Close frees the model once the calls in progress have returned. Later calls return ErrClosed; Labels, Info and the
// like go on working. Closing twice is no error, and the error is always nil.
func (m *Model) Close() error {
	if m == nil || !m.shut() {
		return nil
	}
	runtime.SetFinalizer(m, nil)
	cRelease(m.ptr)
	return nil
}

// finalize runs only when nothing refers to the model, so no call is in progress.
func (m *Model) finalize() { cRelease(m.ptr) }

// begin is where each call enters; nil if the model is closed.
func (m *Model) begin() *stripe {
	if m == nil {
		return nil
	}
	return m.enter()
}

// Info describes the model.
func (m *Model) Info() Info { return m.info }

// Labels returns the names of the labels in the order of the artifact, in a slice of the caller's own.
func (m *Model) Labels() []string { return append([]string(nil), m.labels...) }

// NumLabels returns the number of labels.
func (m *Model) NumLabels() int { return len(m.labels) }

// Label returns the name of a label, or "" if there is none of that index.
func (m *Model) Label(index int) string {
	if index < 0 || index >= len(m.labels) {
		return ""
	}
	return m.labels[index]
}

// FindLabel returns the index of the label with exactly this name.
func (m *Model) FindLabel(name string) (index int, ok bool) {
	found, ok := m.index[name]
	if !ok {
		return -1, false
	}
	return int(found), true
}

// Categories returns the names of the categories as the model lays them out at the end of a feature vector.
func (m *Model) Categories() ([]string, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	return cCategories(m.ptr, m.info.Categories), nil
}

// Select chooses the best eligible label for one query of Info().Features values; eligible may be nil.
//
// The error is a *DimensionError or *NotFiniteError, or matches ErrNoCandidate, ErrDeviceUnavailable or ErrClosed.
func (m *Model) Select(features []float32, eligible *Eligible) (Selection, error) {
	s := m.begin()
	if s == nil {
		return Selection{}, ErrClosed
	}
	selection, err := cSelect32(m.ptr, features, eligible)
	s.leave()
	if err == nil {
		selection.Label = m.labels[selection.Index]
	}
	return selection, err
}

// Select64 is Select for a query in float64, which is used as it is where the reference computes in double.
func (m *Model) Select64(features []float64, eligible *Eligible) (Selection, error) {
	s := m.begin()
	if s == nil {
		return Selection{}, ErrClosed
	}
	selection, err := cSelect64(m.ptr, features, eligible)
	s.leave()
	if err == nil {
		selection.Label = m.labels[selection.Index]
	}
	return selection, err
}

// SelectBatch chooses for several queries, one after the other in features, each of Info().Features values.
//
// The answers are in dst if it is large enough, else in a new slice. Each is that of Select: the same label, and for KNN
// and KMeans the same numbers; scores of an SVM or MLP may differ by rounding. One bad query fails the call, and the
// message names it.
func (m *Model) SelectBatch(dst []Selection, features []float32, eligible *Eligible) ([]Selection, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	count, err := m.count(len(features))
	if err != nil {
		return nil, err
	}
	dst = room(dst, count)
	if err := cSelectBatch32(m.ptr, features, count, m.info.Features, eligible, dst); err != nil {
		return nil, err
	}
	return m.named(dst), nil
}

// SelectBatch64 is SelectBatch for queries in float64.
func (m *Model) SelectBatch64(dst []Selection, features []float64, eligible *Eligible) ([]Selection, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	count, err := m.count(len(features))
	if err != nil {
		return nil, err
	}
	dst = room(dst, count)
	if err := cSelectBatch64(m.ptr, features, count, m.info.Features, eligible, dst); err != nil {
		return nil, err
	}
	return m.named(dst), nil
}

func (m *Model) named(selections []Selection) []Selection {
	for i := range selections {
		selections[i].Label = m.labels[selections[i].Index]
	}
	return selections
}

// count tells how many queries there are in so many values.
func (m *Model) count(values int) (int, error) {
	width := m.info.Features
	if width == 0 || values%width != 0 {
		return 0, &DimensionError{Got: values, Want: width,
			Message: fmt.Sprintf("embedding dimension mismatch: %d values are no whole number of queries of %d", values,
				width)}
	}
	return values / width, nil
}

// room returns n elements, those of dst if it has as many.
func room[T any](dst []T, n int) []T {
	if cap(dst) < n {
		return make([]T, n)
	}
	return dst[:n]
}

// Scores returns the score of every label for one query, in dst if it is large enough, else in a new slice. Higher is
// better; scores of different algorithms do not compare. A label that can never be chosen has -Inf.
//
//   - KNN: sum of the votes for the label.
//   - KMeans: v1 minus the squared distance to the label's nearest cluster; v2 the score row of the nearest cluster.
//   - SVM: scikit-learn's decision_function of shape "ovr"; in the per-model form each classifier's score.
//   - MLP: the logits.
func (m *Model) Scores(dst []float64, features []float32, eligible *Eligible) ([]float64, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	dst = room(dst, len(m.labels))
	if err := cScore32(m.ptr, features, eligible, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// Scores64 is Scores for a query in float64.
func (m *Model) Scores64(dst []float64, features []float64, eligible *Eligible) ([]float64, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	dst = room(dst, len(m.labels))
	if err := cScore64(m.ptr, features, eligible, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// ScoresBatch returns the scores for several queries (as for SelectBatch), NumLabels values for each.
func (m *Model) ScoresBatch(dst []float64, features []float32, eligible *Eligible) ([]float64, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	count, err := m.count(len(features))
	if err != nil {
		return nil, err
	}
	dst = room(dst, count*len(m.labels))
	if err := cScoreBatch32(m.ptr, features, count, m.info.Features, eligible, dst, len(m.labels)); err != nil {
		return nil, err
	}
	return dst, nil
}

// ScoresBatch64 is ScoresBatch for queries in float64.
func (m *Model) ScoresBatch64(dst []float64, features []float64, eligible *Eligible) ([]float64, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	count, err := m.count(len(features))
	if err != nil {
		return nil, err
	}
	dst = room(dst, count*len(m.labels))
	if err := cScoreBatch64(m.ptr, features, count, m.info.Features, eligible, dst, len(m.labels)); err != nil {
		return nil, err
	}
	return dst, nil
}

// Probabilities turns scores into probabilities that sum to 1 over the eligible labels and are 0 elsewhere. They are
// in dst if it is large enough, which may be scores itself, else in a new slice.
//
// KNN: the label's share of the votes. The others: softmax of the scores; for an MLP that is the network's own output, for
// KMeans and SVM a confidence for ranking, not calibrated.
func (m *Model) Probabilities(dst, scores []float64, eligible *Eligible) ([]float64, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	if len(scores) != len(m.labels) {
		return nil, &Error{Status: ErrInvalidArgument,
			Message: fmt.Sprintf("%d scores, expected one for each of %d labels", len(scores), len(m.labels))}
	}
	dst = room(dst, len(scores))
	if err := cProbabilities(m.ptr, scores, eligible, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// Confidences turns scores into confidences: for each label by itself, the probability that its answer is good, NaN for a
// label that the calibration does not know. They are in dst if it is large enough, which may be scores itself, else in a
// new slice. An artifact without a calibration (Info.Calibration) is ErrUnsupported.
func (m *Model) Confidences(dst, scores []float64) ([]float64, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	if len(scores) != len(m.labels) {
		return nil, &Error{Status: ErrInvalidArgument,
			Message: fmt.Sprintf("%d scores, expected one for each of %d labels", len(scores), len(m.labels))}
	}
	dst = room(dst, len(scores))
	if err := cConfidences(m.ptr, scores, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// Explain is Select with the evidence. It allocates the slices that it returns.
func (m *Model) Explain(features []float32, eligible *Eligible) (*Evidence, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	return cExplain32(m, features, eligible)
}

// Explain64 is Explain for a query in float64.
func (m *Model) Explain64(features []float64, eligible *Eligible) (*Evidence, error) {
	s := m.begin()
	if s == nil {
		return nil, ErrClosed
	}
	defer s.leave()
	return cExplain64(m, features, eligible)
}

// Compose builds a feature vector for this model: the embedding, followed by one value per category, the query's own set
// to the category weight. It is in dst if that is large enough, else in a new slice.
//
// An empty category means "other", and so does a name that the model does not know; known tells the two apart.
func (m *Model) Compose(dst, embedding []float32, category string) (features []float32, known bool, err error) {
	s := m.begin()
	if s == nil {
		return nil, false, ErrClosed
	}
	defer s.leave()
	if err := checkCategory(category); err != nil {
		return nil, false, err
	}
	dst = room(dst, len(embedding)+m.info.Categories)
	known, err = cCompose32(m.ptr, CategoriesVSR, 0, embedding, category, dst)
	if err != nil {
		return nil, false, err
	}
	return dst, known, nil
}

// Compose64 is Compose in float64.
func (m *Model) Compose64(dst, embedding []float64, category string) (features []float64, known bool, err error) {
	s := m.begin()
	if s == nil {
		return nil, false, ErrClosed
	}
	defer s.leave()
	if err := checkCategory(category); err != nil {
		return nil, false, err
	}
	dst = room(dst, len(embedding)+m.info.Categories)
	known, err = cCompose64(m.ptr, CategoriesVSR, 0, embedding, category, dst)
	if err != nil {
		return nil, false, err
	}
	return dst, known, nil
}

// ComposeFeatures builds a feature vector without a model: the embedding and the 14 categories of a layout, the category's
// own set to weight (0: 1). Otherwise as Model.Compose.
func ComposeFeatures(dst, embedding []float32, category string, layout CategoryLayout, weight float64) (
	features []float32, known bool, err error) {
	if err := checkCategory(category); err != nil {
		return nil, false, err
	}
	var none modelPtr
	dst = room(dst, len(embedding)+cCategoryCount(layout))
	known, err = cCompose32(none, layout, weight, embedding, category, dst)
	if err != nil {
		return nil, false, err
	}
	return dst, known, nil
}

func checkCategory(category string) error {
	if strings.IndexByte(category, 0) >= 0 {
		return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("the category %q has a zero byte", category)}
	}
	return nil
}

// Version returns the version of the C library in use, as in "0.1.0"; "" without cgo.
func Version() string { return cVersion() }

// BuildInfo returns one line on how the C library was built; "" without cgo.
func BuildInfo() string { return cBuildInfo() }

// QueryDevice says whether a device ("cpu", "cuda", "cuda:N", "metal" or "auto") can be used here, and what it is. If it
// cannot, the error matches ErrDeviceUnavailable or ErrVersion and says why.
func QueryDevice(device string) (DeviceInfo, error) {
	if strings.IndexByte(device, 0) >= 0 {
		return DeviceInfo{}, &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("the device %q has a zero byte", device)}
	}
	return cDevice(device)
}
