// SPDX-License-Identifier: Apache-2.0

package mlsel

// Eligible restricts a query to some labels. A nil *Eligible, or the zero value, makes all labels eligible.
//
// It keeps the slice it was made of, so a host that reuses the slice from request to request allocates nothing. An
// Eligible may be used by many goroutines at once as long as none of them changes the slice.
type Eligible struct {
	mask []bool
	list []int32
	kind eligibleKind
}

type eligibleKind uint8

const (
	eligibleAll eligibleKind = iota
	eligibleMask
	eligibleList
)

// EligibleMask makes the labels eligible whose element is true. The mask has one element per label.
func EligibleMask(mask []bool) Eligible { return Eligible{mask: mask, kind: eligibleMask} }

// EligibleIndices makes the labels with these indices eligible. An index may be repeated. An empty list allows nothing:
// the call returns ErrNoCandidate.
func EligibleIndices(indices []int32) Eligible { return Eligible{list: indices, kind: eligibleList} }

// EligibleNames makes the labels of these names eligible. Names that the artifact does not know are left out, as they
// can never be chosen; if it knows none of them, the call returns ErrNoCandidate. See Model.FindLabel for a stricter
// host, and Model.AppendIndices to reuse memory.
func (m *Model) EligibleNames(names ...string) Eligible {
	return EligibleIndices(m.AppendIndices(make([]int32, 0, len(names)), names...))
}

// AppendIndices appends the indices of the labels of these names to dst, and leaves out names that the artifact does not
// know.
func (m *Model) AppendIndices(dst []int32, names ...string) []int32 {
	for _, name := range names {
		if index, ok := m.index[name]; ok {
			dst = append(dst, index)
		}
	}
	return dst
}
