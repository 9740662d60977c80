// SPDX-License-Identifier: Apache-2.0

package mlsel

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
)

// Status is the kind of an error. The constants are errors themselves, to be compared with errors.Is.
type Status int32

// What can go wrong. The values are those of the C library and never change.
const (
	// ErrInvalidArgument: an option or a size that the call does not accept.
	ErrInvalidArgument Status = -1
	// ErrNoMemory: the C library could not allocate.
	ErrNoMemory Status = -2
	// ErrParse: the artifact is not JSON, or the configuration is not YAML.
	ErrParse Status = -3
	// ErrSchema: the artifact or configuration breaks a rule of its format.
	ErrSchema Status = -4
	// ErrVersion: a format version, structure or plugin that this version of the library does not know.
	ErrVersion Status = -5
	// ErrDimensionMismatch: the query is not as wide as the artifact expects. See DimensionError.
	ErrDimensionMismatch Status = -6
	// ErrNotFound: no such file, label or category.
	ErrNotFound Status = -7
	// ErrUnsupported: valid, but not supported here.
	ErrUnsupported Status = -8
	// ErrDeviceUnavailable: the device cannot be used; the message says why.
	ErrDeviceUnavailable Status = -9
	// ErrIO: reading a file failed.
	ErrIO Status = -10
	// ErrInternal: a defect of the library or of a device plugin.
	ErrInternal Status = -11
	// ErrLimit: larger or nested deeper than the limits allow.
	ErrLimit Status = -12
	// ErrNotTrained: the artifact holds nothing to select with.
	ErrNotTrained Status = -13
	// ErrNoCandidate: none of the eligible labels can be chosen.
	ErrNoCandidate Status = -14
	// ErrNotFinite: a value of the query is NaN, infinite or beyond the range of float32. See NotFiniteError.
	ErrNotFinite Status = -15
	// ErrNoDecision: no decision of the router's configuration matches the request, and it has no default.
	ErrNoDecision Status = -16
)

// ErrClosed is returned by the methods of a Model, Batcher or Router that has been closed.
var ErrClosed = errors.New("mlsel: already closed")

// ErrNoCgo is returned by everything that needs the C library in a program that was built without cgo.
var ErrNoCgo = errors.New("mlsel: built without cgo: build with CGO_ENABLED=1, a C compiler and libmlsel")

var statusTexts = [...]string{
	"success", "invalid argument", "out of memory", "not valid JSON or YAML", "breaks a rule of its format",
	"unknown version", "dimension mismatch", "not found", "not supported", "device not available", "cannot be read",
	"internal error", "limit exceeded", "model not trained", "no eligible candidate", "value is not finite",
	"no decision matches",
}

// Error describes the status in a few words.
func (s Status) Error() string {
	if s > 0 || int(-s) >= len(statusTexts) {
		return "mlsel: status " + strconv.Itoa(int(s))
	}
	return "mlsel: " + statusTexts[-s]
}

// Error is an error that needs no type of its own.
type Error struct {
	Status  Status
	Message string // one line that says what is wrong, where, and what to do

	errno syscall.Errno // of ErrIO
	file  bool          // it is about a file
}

func (e *Error) Error() string { return "mlsel: " + e.Message }

// Unwrap returns the Status.
func (e *Error) Unwrap() error { return e.Status }

// Is tells that a missing file is an fs.ErrNotExist, and what the system said of a file that cannot be read.
func (e *Error) Is(target error) bool {
	if e.Status == ErrNotFound && e.file {
		return target == fs.ErrNotExist
	}
	if e.Status == ErrIO && e.errno != 0 {
		return target == e.errno || e.errno.Is(target)
	}
	return false
}

// DimensionError says that a query or embedding has the wrong width. It matches ErrDimensionMismatch.
type DimensionError struct {
	Got, Want int
	Message   string
}

func (e *DimensionError) Error() string { return "mlsel: " + e.Message }

// Unwrap returns ErrDimensionMismatch.
func (e *DimensionError) Unwrap() error { return ErrDimensionMismatch }

// NotFiniteError says which value of a query is not a number within the range of float32. It matches ErrNotFinite.
type NotFiniteError struct {
	Index   int // of the value in its query, from 0
	Message string
}

func (e *NotFiniteError) Error() string { return "mlsel: " + e.Message }

// Unwrap returns ErrNotFinite.
func (e *NotFiniteError) Unwrap() error { return ErrNotFinite }

// ArtifactError says what is wrong with an artifact, and where. It matches its Status: ErrParse, ErrSchema, ErrVersion,
// ErrLimit, ErrNotTrained or ErrUnsupported.
type ArtifactError struct {
	Status  Status
	File    string // as it was given to Load; "" for LoadBytes
	Place   string // as in "$.embeddings[3]", or "" where there is none
	Offset  int64  // of ErrParse: the byte from 0; else -1
	Message string // one line with the file's name, the place and what is wrong there
}

func (e *ArtifactError) Error() string { return "mlsel: " + e.Message }

// Unwrap returns the Status.
func (e *ArtifactError) Unwrap() error { return e.Status }

// ConfigError says what is wrong with a router's configuration, and where. It matches its Status: ErrParse, ErrSchema,
// ErrLimit or whatever an artifact that it names is refused for.
type ConfigError struct {
	Status  Status
	File    string // as in the message
	Line    int    // from 1, or 0 where there is none
	Column  int    // likewise, in characters
	Message string // one line with the place and what is wrong there
}

func (e *ConfigError) Error() string { return "mlsel: " + e.Message }

// Unwrap returns the Status.
func (e *ConfigError) Unwrap() error { return e.Status }

// newError makes the error of a call on a query of `got` values.
func newError(status Status, detail uint64, message string, got int) error {
	if message == "" {
		message = strings.TrimPrefix(status.Error(), "mlsel: ")
	}
	switch status {
	case ErrDimensionMismatch:
		return &DimensionError{Got: got, Want: int(detail), Message: message}
	case ErrNotFinite:
		return &NotFiniteError{Index: int(detail), Message: message}
	}
	return &Error{Status: status, Message: message}
}

// newFileError makes the error of a call that reads a file.
func newFileError(status Status, detail uint64, message string) *Error {
	err := &Error{Status: status, Message: message, file: true}
	if status == ErrIO {
		err.errno = syscall.Errno(detail)
	}
	return err
}

// newLoadError makes the error of loading an artifact; path is "" for memory.
func newLoadError(status Status, detail uint64, message, path string) error {
	place := jsonPlace(message)
	switch status {
	case ErrNotFound, ErrIO:
		return newFileError(status, detail, message)
	case ErrUnsupported:
		if place == "" { // the option's fault, not the artifact's
			return newError(status, detail, message, 0)
		}
	case ErrParse, ErrSchema, ErrVersion, ErrLimit, ErrNotTrained:
	default:
		return newError(status, detail, message, 0)
	}
	err := &ArtifactError{Status: status, File: path, Place: place, Offset: -1, Message: message}
	if status == ErrParse {
		err.Offset = int64(detail)
	}
	return err
}

// jsonPlace finds the place in a message such as "knn_model.json: $.embeddings[3]: 1037 values, expected 1038".
func jsonPlace(message string) string {
	start := 0
	if !strings.HasPrefix(message, "$") {
		at := strings.Index(message, " $")
		if at < 0 {
			return ""
		}
		start = at + 1
	}
	end := start
	for end < len(message) && message[end] != ' ' && message[end] != ':' && message[end] != ',' {
		end++
	}
	return message[start:end]
}

// newConfigError makes the error of opening a router.
func newConfigError(status Status, detail uint64, message string) error {
	if status == ErrNotFound || status == ErrIO {
		return newFileError(status, detail, message)
	}
	file, line, column := textPlace(message)
	if line == 0 && status != ErrParse && status != ErrSchema {
		return newError(status, detail, message, 0)
	}
	return &ConfigError{Status: status, File: file, Line: line, Column: column, Message: message}
}

// textPlace reads file, line and column from a message such as "router.yaml:12:5: unknown key".
func textPlace(message string) (file string, line, column int) {
	head := message
	if at := strings.Index(message, ": "); at >= 0 {
		head = message[:at]
	}
	parts := strings.Split(head, ":")
	if len(parts) < 3 {
		return "", 0, 0
	}
	line, errLine := strconv.Atoi(parts[len(parts)-2])
	column, errColumn := strconv.Atoi(parts[len(parts)-1])
	if errLine != nil || errColumn != nil {
		return "", 0, 0
	}
	return strings.Join(parts[:len(parts)-2], ":"), line, column
}
