// SPDX-License-Identifier: Apache-2.0

package mlsel

import "strconv"

// Algorithm is the kind of a selector.
type Algorithm int32

// The kinds of selectors.
const (
	KNN    Algorithm = 1
	KMeans Algorithm = 2
	SVM    Algorithm = 3
	MLP    Algorithm = 4
)

func (a Algorithm) String() string {
	return nameOf(int32(a), "", "knn", "kmeans", "svm", "mlp")
}

// KNNRule is how a KNN artifact votes.
type KNNRule int32

const (
	// KNNRuleCosine is KNNRuleOutcomes where the artifact has outcomes, else today's rule of the ecosystem:
	// normalised vectors, votes by quality and latency.
	KNNRuleCosine KNNRule = 0
	// KNNRuleLegacy is the rule of the Rust bindings until August 2026.
	KNNRuleLegacy KNNRule = 1
	// KNNRuleOutcomes is by what became of each row with every label, which the artifact must record.
	KNNRuleOutcomes KNNRule = 2
	// KNNRuleVote is the vote of KNNRuleCosine, whatever else the artifact records.
	KNNRuleVote KNNRule = 3
)

func (r KNNRule) String() string { return nameOf(int32(r), "cosine", "legacy", "outcomes", "vote") }

// SVMKernel is the kernel of an SVM.
type SVMKernel int32

// Kernels of SVMs; SVMKernelNone for other algorithms.
const (
	SVMKernelNone   SVMKernel = 0
	SVMKernelLinear SVMKernel = 1
	SVMKernelRBF    SVMKernel = 2
)

func (k SVMKernel) String() string { return nameOf(int32(k), "none", "linear", "rbf") }

// SVMForm says which parameters of an SVM artifact decide.
type SVMForm int32

const (
	// SVMFormNone: no SVM.
	SVMFormNone SVMForm = 0
	// SVMFormOneVsOne is LIBSVM's rule; it equals scikit-learn's SVC.
	SVMFormOneVsOne SVMForm = 1
	// SVMFormPerModel is one classifier per label.
	SVMFormPerModel SVMForm = 2
)

func (f SVMForm) String() string { return nameOf(int32(f), "none", "one-vs-one", "per-model") }

// Precision is the number format of the weights as scored on the device. Fewer bits are faster and change scores.
type Precision int32

// Precisions; below F32 they are for MLPs on the CPU.
const (
	PrecisionDefault Precision = 0
	PrecisionF32     Precision = 1
	PrecisionF16     Precision = 2
	PrecisionBF16    Precision = 3
	PrecisionInt8    Precision = 4
)

func (p Precision) String() string { return nameOf(int32(p), "default", "f32", "f16", "bf16", "int8") }

// CategoryLayout is the order of the category values at the end of a feature vector.
type CategoryLayout int32

const (
	// CategoriesVSR is the order that routers and trainers use: math, physics, chemistry, biology, ...
	CategoriesVSR CategoryLayout = 0
	// CategoriesVSRDoc is the documented, alphabetical list: biology, business, chemistry, ...
	CategoriesVSRDoc CategoryLayout = 1
	// CategoriesArtifact is the artifact's own list. It is reported by Info and is no option.
	CategoriesArtifact CategoryLayout = 2
)

func (l CategoryLayout) String() string { return nameOf(int32(l), "vsr", "vsr-doc", "artifact") }

func nameOf(value int32, names ...string) string {
	if value < 0 || int(value) >= len(names) || names[value] == "" {
		return "unknown(" + strconv.Itoa(int(value)) + ")"
	}
	return names[value]
}

// Options says how to load a model. The zero value has all defaults.
type Options struct {
	KNNRule             KNNRule        // KNN only
	K                   int            // KNN only: neighbours that vote; 0: the artifact's own
	Precision           Precision      // an unsupported one is ErrUnsupported
	Device              string         // "cpu", "cuda", "cuda:N", "metal" or "auto"; "": "cpu"
	AllowDeviceFallback bool           // use the CPU where Device is not available
	CategoryLayout      CategoryLayout // used where the artifact has no categories of its own
	MaxBytes            int64          // refuse a larger artifact; 0: 4 GiB
	CheckValues         bool           // look at all values of a container too, not only at its structure
	// Threads of the model's own for large calls, the caller's included; 0 and 1: the caller's alone. A batch of more
	// than 32 queries, or a query to a KNN artifact of tens of megabytes, is divided among them.
	Threads int
}

// Info says what a model is. Fields that do not apply to its algorithm are 0.
type Info struct {
	Algorithm      Algorithm
	FormatVersion  int
	Features       int // width of a query
	Labels         int
	Categories     int // category values at the end of a feature vector
	CategoryLayout CategoryLayout
	CategoryWeight float64
	Precision      Precision
	Device         string
	DeviceFallback bool   // another device was asked for
	DeviceReason   string // why the CPU took the place of a device asked for, or is the best that "auto" found
	MemoryBytes    uint64 // weights, shared ones included, and what the device holds beside them
	Parameters     uint64 // numbers in the weights
	ContentHash    string // XXH3 128 of the artifact's bytes, 32 hexadecimal digits

	KNNRule        KNNRule
	K              int    // neighbours that vote
	Samples        uint64 // KNN: rows
	Clusters       int    // KMeans
	SVMForm        SVMForm
	SVMKernel      SVMKernel
	Classes        int // SVM
	Pairs          int // SVM, one-vs-one
	SupportVectors uint64
	Gamma          float64 // SVM: of the RBF kernel, where all classifiers have the same
	Layers         int     // MLP

	Container   bool   // loaded from a safetensors container rather than JSON
	Mapped      bool   // the file is mapped
	ValuesKnown bool   // false if values of a container have not been looked at
	FileBytes   uint64 // size of the artifact's file or memory

	Calibration        Calibration // how its scores become confidences
	CalibrationRecords uint64      // records that was fitted to; 0: not known
}

// Calibration is how an artifact's scores become probabilities that answers are good.
type Calibration int32

// Calibrations.
const (
	CalibrationNone     Calibration = 0
	CalibrationIsotonic Calibration = 1
	CalibrationPlatt    Calibration = 2
)

func (c Calibration) String() string { return nameOf(int32(c), "none", "isotonic", "platt") }

// SelectionFlags tell how an answer came about.
type SelectionFlags uint32

const (
	// SelectionSingle: only one label could be chosen, so nothing was compared.
	SelectionSingle SelectionFlags = 1
	// SelectionTie: the label won by the tie rule.
	SelectionTie SelectionFlags = 2
	// SelectionWidened (KNN): none of the k nearest rows belongs to an eligible label, so the nearest eligible ones voted.
	SelectionWidened SelectionFlags = 4
	// SelectionNextCluster (KMeans): the nearest cluster's model is not eligible, so a farther cluster decided.
	SelectionNextCluster SelectionFlags = 8
	// SelectionTradeoff (KNN): chosen by expected outcomes.
	SelectionTradeoff SelectionFlags = 16
	// SelectionCalibrated: the artifact is calibrated for the label, so that Confidence is set.
	SelectionCalibrated SelectionFlags = 32
)

func (f SelectionFlags) String() string {
	return flagNames(uint32(f), "single", "tie", "widened", "next-cluster", "tradeoff", "calibrated")
}

func flagNames(flags uint32, names ...string) string {
	text := ""
	for i, name := range names {
		if flags&(1<<uint(i)) != 0 {
			if text != "" {
				text += ","
			}
			text += name
		}
	}
	return text
}

// Selection is the answer to one query.
type Selection struct {
	Label    string // the label chosen, usually a model's name
	Index    int    // its index
	RunnerUp int    // index of the best of the other eligible labels, or -1
	Score    float64
	// Margin is the score minus the runner-up's; +Inf without a runner-up.
	Margin float64
	// Probability of the label among the eligible, see Model.Probabilities.
	Probability float64
	// Confidence is the calibrated probability that the label's answer is good, see Model.Confidences; 0 where it is not
	// known (without SelectionCalibrated).
	Confidence float64
	Cluster    int // KMeans: the cluster that decided; else -1
	Flags      SelectionFlags
}

// Neighbour is a row of a KNN artifact that voted.
type Neighbour struct {
	Row       uint64 // index in the artifact, from 0
	Label     string
	Index     int     // of the label
	Distance  float64 // squared L2, of the normalised vectors except under KNNRuleLegacy
	Vote      float64 // what it added to its label
	Quality   float64
	LatencyNS float64 // 0 where the artifact has none
}

// PairDecision is the decision of an SVM between two labels.
type PairDecision struct {
	First, Second int     // indices of the labels
	Value         float64 // as LIBSVM and scikit-learn report it
}

// Evidence is the answer to one query with everything behind it. What does not apply to the algorithm is nil.
type Evidence struct {
	Selection
	Scores           []float64      // by label, see Model.Scores
	Probabilities    []float64      // by label, see Model.Probabilities
	Neighbours       []Neighbour    // KNN: the rows that voted, nearest first
	ClusterDistances []float64      // KMeans: squared L2 by cluster
	PairDecisions    []PairDecision // SVM, one-vs-one
	Votes            []int          // SVM, one-vs-one: pairs won, by label
	Confidences      []float64      // calibrated artifacts: by label, see Model.Confidences
}

// DeviceInfo says what a device is.
type DeviceInfo struct {
	Name        string // as Options.Device accepts it, as in "cuda:1"
	Index       int    // of the device within its backend
	Description string // for people
	ISA         string // instruction set of the kernels in use, "" where that means nothing
	MemoryBytes uint64 // 0 if unknown or shared with the host
	Precisions  []Precision
}
