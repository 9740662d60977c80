// SPDX-License-Identifier: Apache-2.0

// Package mlsel decides, per request, which language model should answer.
//
// A selector artifact (KNN, KMeans, SVM or MLP, in the JSON forms of the vLLM Semantic Router ecosystem) is loaded into a
// Model. A feature vector goes in, usually the embedding of the query followed by its category; the label to call comes
// out, with a score for every label and the evidence behind the choice:
//
//	model, err := mlsel.Load("knn_model.json", nil)
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	features, _, err := model.Compose(nil, embedding, "math")
//	if err != nil {
//		return err
//	}
//	best, err := model.Select(features, nil)
//	if err != nil {
//		return err
//	}
//	fmt.Println(best.Label, best.Score)
//
// # Goroutines
//
// All functions and methods may be called from any number of goroutines at once, on the same Model too. Calls take no
// lock and are not bound to a thread. Close waits for the calls that are in progress; calls made after it return
// ErrClosed. A value that is never closed is freed some time after it has become unreachable.
//
// # Memory
//
// Queries are slices of float32 or float64, which are handed to the library as they are, without a copy. Select, and
// Scores, Probabilities, Compose and the batch forms when they are given a slice to fill, allocate nothing once warm.
// Labels are made into Go strings once, when the model is loaded.
//
// # Errors
//
// Every error of the library matches one of the Status constants, as in errors.Is(err, mlsel.ErrDimensionMismatch). More
// is in the types DimensionError, NotFiniteError, ArtifactError, ConfigError and Error, for errors.As. A file that does
// not exist also matches fs.ErrNotExist, and one that cannot be read the system's error.
//
// # Building
//
// The package needs cgo, a C compiler and an installed mlsel, which pkg-config finds. Without a tag the shared library
// is linked. The tag mlsel_static links libmlsel.a, so that the program runs where mlsel is not installed. With the tag
// mlsel_nopkgconfig pkg-config is left out, and CGO_CFLAGS and CGO_LDFLAGS say where mlsel is. With CGO_ENABLED=0 the
// package compiles, and everything that would make a Model or Router returns ErrNoCgo.
package mlsel
