// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"math"
	"os"

	"mlsel"
)

// embedding reads the embedding of an example query; a service gets it from its embedding model.
func embedding(query int) []float32 {
	raw, err := os.ReadFile("../../examples/queries.f32")
	if err != nil {
		log.Fatal(err)
	}
	x := make([]float32, 1024)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*(query*len(x)+i):]))
	}
	return x
}

func Example() {
	model, err := mlsel.Load("../../examples/models/knn_model.json", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	features, _, err := model.Compose(nil, embedding(0), "math")
	if err != nil {
		log.Fatal(err)
	}
	best, err := model.Select(features, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, score %.4f, probability %.4f\n", best.Label, best.Score, best.Probability)
	// Output: codellama-7b, score 2.4907, probability 0.6462
}

func ExampleModel_Select_candidates() {
	model, err := mlsel.Load("../../examples/models/svm_model.json", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	features, _, err := model.Compose(nil, embedding(0), "math")
	if err != nil {
		log.Fatal(err)
	}
	// An Eligible is made once and used for many queries.
	candidates := model.EligibleNames("mistral-7b", "llama-3.2-1b")
	best, err := model.Select(features, &candidates)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(best.Label, "before", model.Label(best.RunnerUp))
	// Output: llama-3.2-1b before mistral-7b
}

func ExampleModel_Scores() {
	model, err := mlsel.Load("../../examples/models/mlp_model.json", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	features, _, err := model.Compose(nil, embedding(0), "math")
	if err != nil {
		log.Fatal(err)
	}
	scores, err := model.Scores(nil, features, nil)
	if err != nil {
		log.Fatal(err)
	}
	probabilities, err := model.Probabilities(nil, scores, nil)
	if err != nil {
		log.Fatal(err)
	}
	for i, label := range model.Labels() {
		fmt.Printf("%-12s %7.4f %.4f\n", label, scores[i], probabilities[i])
	}
	// Output:
	// codellama-7b  3.0490 0.9850
	// llama-3.2-1b -4.2223 0.0007
	// llama-3.2-3b -1.6926 0.0086
	// mistral-7b   -2.0969 0.0057
}

func ExampleModel_Explain() {
	model, err := mlsel.Load("../../examples/models/knn_model.json", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	features, _, err := model.Compose(nil, embedding(0), "math")
	if err != nil {
		log.Fatal(err)
	}
	evidence, err := model.Explain(features, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range evidence.Neighbours {
		fmt.Printf("row %2d  distance %.4f  %.4f for %s\n", n.Row, n.Distance, n.Vote, n.Label)
	}
	// Output:
	// row  3  distance 0.1423  0.8023 for codellama-7b
	// row  0  distance 0.1458  0.7926 for codellama-7b
	// row  2  distance 0.1478  0.8958 for codellama-7b
	// row  1  distance 0.1578  0.6559 for mistral-7b
	// row 13  distance 1.5837  0.7075 for llama-3.2-1b
}

func ExampleArtifactError() {
	_, err := mlsel.LoadBytes([]byte(`{"algorithm": "knn", "trained": true, "k": 1,
		"embeddings": [[1, 0], [0]], "labels": ["a", "b"], "qualities": [1, 1], "latencies": [1, 1]}`), nil)
	var bad *mlsel.ArtifactError
	if errors.As(err, &bad) {
		fmt.Println(bad.Place)
	}
	fmt.Println(errors.Is(err, mlsel.ErrSchema))

	_, err = mlsel.Load("nowhere.json", nil)
	fmt.Println(errors.Is(err, fs.ErrNotExist), err)
	// Output:
	// $.embeddings[1]
	// true
	// true mlsel: pretrained model not found: nowhere.json
}

func ExampleRouter() {
	router, err := mlsel.OpenRouter("../../examples/router.yaml", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()
	route, err := router.Route(&mlsel.Request{
		Embedding:   embedding(0),
		Category:    "math",
		Unavailable: []string{"codellama-7b"}, // it is down
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s (%v)\n", route.Decision, route.Served, route.Flags)
	// Output: math_decision: llama-3.2-1b (restricted)
}
