// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !mlsel_static && !mlsel_nopkgconfig

package mlsel

// A file of its own: Go's build cache tells packages apart by their files, not by what pkg-config says.

// #cgo pkg-config: mlsel
import "C"
